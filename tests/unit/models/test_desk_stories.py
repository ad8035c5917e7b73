"""Faults that a critical reader found in the desk, each as the story that showed it."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from support.alerts_made import RAISED_MS, an_action, an_alert
from support.desk_rig import DeskBench

from models.contract.alerts import Alert, Trigger
from models.contract.breaches import (
    Answer,
    Breach,
    Forgotten,
    Governed,
    Heard,
    Idle,
    Joined,
    Mark,
    Moved,
    OtherContact,
    Person,
)
from models.contract.events import Channel
from models.contract.policy import ContactPolicy, Policy, UnitPolicy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.work_orders import WorkOrder
from models.desk.desk import Desk

TEN = RAISED_MS // DAY_MS * DAY_MS + 2 * HOUR_MS
"""10:00 in Shanghai."""
TICK_MS = HOUR_MS // 4
replace = msgspec.structs.replace
COUNTED = Policy(units=(UnitPolicy(name="u", capacity=dict.fromkeys(get_args(Channel), 10_000)),))
"""Hands are counted, so that what is not urgent waits for a mark; there are enough of them."""


def breach(alert: str, kind: str = "leave_intent", event: str = "raised", **changed: Any) -> Breach:
    said = {"sub": "s-1", "cust": None, "at": TEN, "lane": 0, "by": TEN + 9 * HOUR_MS, "priority": 1.0} | changed
    channels = said.get("channels", ("outbound_call", "store"))
    ended = event in ("eased", "closed")
    body = an_alert(
        alert_id=alert,
        kind=kind,
        event=event,
        close_reason=said.get("why", "recovered") if event == "closed" else None,
        subscriber_id=said["sub"],
        customer_id=said["cust"],
        priority=said["priority"],
        ts=said["at"],
        trigger=Trigger(topic="t", partition=said["lane"], offset=said["at"], tick=None),
        **({"action": None, "reasons": None} if ended else {}),
        **({} if ended else {"action": an_action(channel=channels[0], unit="u", contact_by=said["by"])}),
    )
    return Breach(
        lane=said["lane"],
        clock=said["at"],
        subscriber_id=said["sub"],
        customer_id=said["cust"],
        alert=body,
        repeated=said.get("repeated", False),
        level=said.get("level", 1),
        channels=channels,
        answers_only=said.get("answers_only", False),
    )


def answer(status: Any, alert: str | None, hours: float, **changed: Any) -> Answer:
    at = round(TEN + hours * HOUR_MS)
    trigger = Trigger(topic="churn.alert-feedback.v1", partition=0, offset=at, tick=None)
    return Answer(
        lane=0, clock=at, subscriber_id="s-1", ts=at, status=status, alert_id=alert, trigger=trigger, **changed
    )


def sms(days_ago: float) -> OtherContact:
    return OtherContact(lane=0, clock=TEN, subscriber_id="s-1", ts=round(TEN - days_ago * DAY_MS), channel="sms")


def opened(policy: Policy | None = None, lanes: int = 1) -> Desk:
    desk = Desk(lanes)
    run(desk, Governed(policy=policy or COUNTED), *(Joined(lane=lane) for lane in range(lanes)))
    run(desk, *(Mark(lane=lane, tick=TEN) for lane in range(lanes)))
    return desk


def run(desk: Desk, *records: Heard) -> list[Any]:
    bodies: list[Any] = []
    for record in (*records, None):
        while not desk.settle():
            bodies += [placed.output.body for placed in desk.take().outputs]
        if record is not None:
            desk.hear(record)
    return bodies + [placed.output.body for placed in desk.take().outputs]


def alerts(bodies: list[Any]) -> list[tuple[str, str]]:
    return [(body.alert_id, body.event) for body in bodies if type(body) is Alert]


def orders(bodies: list[Any]) -> list[WorkOrder]:
    return [body for body in bodies if isinstance(body, WorkOrder)]


@pytest.mark.parametrize("kind", ["silence", "competitor_browsing"])
def test_the_first_record_of_an_alert_is_raised(kind: str) -> None:
    """`silence` waits for a mark; browsing is withheld by the cap until the stronger trigger finds it over."""
    desk = opened()
    said = run(desk, sms(6), breach("a", kind), breach("a", kind, "escalated", at=TEN + 2 * DAY_MS))
    assert alerts(said + run(desk, Mark(lane=0, tick=TEN + 2 * DAY_MS)))[0] == ("a", "raised")


def test_the_best_of_all_lanes_gets_the_hand() -> None:
    unit = UnitPolicy(name="u", capacity={"outbound_call": 1, "store": 0})
    desk = opened(replace(Policy(), units=(unit,)), lanes=2)
    said = run(
        desk, breach("worse", "silence", sub="s-1", priority=1.0, at=TEN + TICK_MS), Mark(lane=0, tick=TEN + TICK_MS)
    )
    said += run(
        desk,
        breach("better", "silence", sub="s-2", priority=9.0, lane=1, at=TEN + TICK_MS),
        Mark(lane=1, tick=TEN + TICK_MS),
    )
    assert alerts(said) == [("better", "raised")]


def test_a_lesser_alert_that_joins_does_not_put_off_an_urgent_deadline() -> None:
    desk, due = opened(), TEN + 4 * HOUR_MS
    run(desk, breach("a", priority=9.0, by=due), Mark(lane=0, tick=TEN + 13 * TICK_MS))
    said = run(desk, breach("b", "complaint_overdue", at=TEN + 13 * TICK_MS, by=TEN + 50 * HOUR_MS))
    assert orders(said)[-1].contact_by == due


def test_an_alert_that_comes_to_lead_does_not_put_off_the_deadline_of_another() -> None:
    desk, due = opened(), TEN + HOUR_MS
    run(desk, breach("a", "complaint_overdue", priority=1.0, by=due))
    said = run(desk, breach("b", at=TEN + TICK_MS, priority=9.0, by=TEN + 9 * HOUR_MS))
    assert (orders(said)[-1].alert_ids, orders(said)[-1].contact_by) == (["b", "a"], due)


def test_alerts_join_the_order_of_the_person_whose_number_it_turns_out_to_be() -> None:
    desk = opened()
    run(desk, breach("a", cust="c"), breach("b", sub="s-2", cust="d"))
    said = orders(run(desk, breach("b", event="escalated", sub="s-2", cust="c")))
    assert [(order.step, order.reason) for order in said][:2] == [
        ("withdrawn", "other_person"),
        ("dispatched", "leave_intent"),
    ]
    assert set(said[-1].alert_ids) == {"a", "b"}


def test_an_alert_that_had_joined_gets_an_order_of_its_own_when_its_number_goes() -> None:
    desk = opened()
    (first,) = {order.order_id for order in orders(run(desk, breach("a", cust="c"), breach("b", sub="s-2", cust="c")))}
    moved = Moved(lane=0, clock=TEN, subscriber_id="s-2", customer_id="d", unit="u", allowed=("outbound_call", "store"))
    said = [order for order in orders(run(desk, moved)) if order.order_id != first]
    assert [(order.step, order.alert_ids, order.customer_id) for order in said[:1]] == [("dispatched", ["b"], "d")]


def test_the_next_channel_keeps_the_caps_of_sms() -> None:
    desk = opened(replace(Policy(), contact=replace(ContactPolicy(), caps=())))
    first = breach("a", channels=("outbound_call", "sms"), kind="competitor_browsing")
    said = run(desk, sms(20), sms(10), first, *(answer("unreachable", "a", hours) for hours in (1, 2, 3)))
    assert orders(said)
    assert "sms" not in {order.channel for order in orders(said)}


def test_the_next_channel_has_its_own_role() -> None:
    desk = opened()
    said = run(
        desk,
        breach("a", kind="competitor_browsing"),
        *(answer("unreachable", "a", hours) for hours in (1, 2, 3)),
    )
    assert [(order.channel, order.role) for order in orders(said)][-1] == ("store", "counter")


def test_who_may_only_be_answered_is_not_called_instead() -> None:
    desk = opened()
    run(desk, breach("a", "port_out", channels=("store",), answers_only=True))
    said = run(desk, Moved(lane=0, clock=TEN, subscriber_id="s-1", unit="u", allowed=("outbound_call",)))
    assert "outbound_call" not in {order.channel for order in orders(said)}


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("status", ["refused", "lost"])
def test_who_speaks_up_after_a_refusal_on_another_number_is_heard(status: Any, repeated: bool) -> None:
    """The lane of that number goes on with the breach; the desk makes another alert of it, each time anew."""
    desk, of_b = opened(), {"sub": "b", "cust": "p"}
    refusal = msgspec.structs.replace(answer(status, None, 1), customer_id="p")
    run(desk, breach("a", priority=9.0, cust="p"), breach("b", **of_b))
    said = run(desk, refusal)
    assert sorted(alerts(said)) == [("a", "closed"), ("b", "closed")]

    later = TEN + 5 * HOUR_MS
    said = run(desk, breach("b", event="escalated", at=later, repeated=repeated, **of_b))
    ((new, event),) = alerts(said)
    assert (new != "b", event) == (True, "raised")
    assert [order.step for order in orders(said)] == ["dispatched"]
    assert run(desk, breach("b", event="escalated", at=later + 1, repeated=True, **of_b)) == [], "it is open already"

    by_id = msgspec.structs.replace(answer("retained", new, 6), subscriber_id="b", customer_id="p")
    said = run(desk, by_id)
    assert alerts(said) == [(new, "closed")]
    assert [order.step for order in orders(said)] == ["contacted", "fed_back", "archived"]
    ((third, event),) = alerts(run(desk, breach("b", event="escalated", at=later + DAY_MS, repeated=repeated, **of_b)))
    assert (third not in ("b", new), event) == (True, "raised")
    assert alerts(run(desk, breach("b", event="closed", at=later + 2 * DAY_MS, **of_b))) == [(third, "closed")]


def test_a_repeated_trigger_of_an_open_alert_says_nothing() -> None:
    desk = opened()
    run(desk, breach("a"))
    assert run(desk, breach("a", event="escalated", at=TEN + HOUR_MS, repeated=True)) == []


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("code_first", [False, True])
def test_nobody_with_a_code_to_port_out_is_pressed_whatever_else_is_open(code_first: bool, accepted: bool) -> None:
    desk = opened()
    code = breach("code", "port_out", channels=("store",), answers_only=True, priority=1.0)
    stronger = breach("a", priority=9.0)
    first, second = (code, stronger) if code_first else (stronger, code)
    run(desk, first, *([answer("accepted", first.alert.alert_id, 0.1, by="li")] if accepted else []))
    said = run(desk, second, Mark(lane=0, tick=TEN + 9 * DAY_MS))
    (raised,) = (body for body in said if type(body) is Alert)
    assert raised.action is not None
    assert raised.action.channel == "store"
    assert [(order.step, order.channel) for order in orders(said)] == [("dispatched", "store")]


def test_nobody_with_a_code_to_port_out_is_pressed_after_a_contact_until_that_matter_is_over() -> None:
    desk = opened()
    run(desk, breach("code", "port_out", channels=("store",), answers_only=True), answer("contacted", "code", 1))
    later = TEN + 2 * HOUR_MS
    said = run(desk, breach("a", at=later, priority=9.0), Mark(lane=0, tick=TEN + 9 * DAY_MS))
    assert {(order.step, order.channel) for order in orders(said)} == {("dispatched", "store")}
    run(desk, breach("code", "port_out", "closed", at=TEN + 9 * DAY_MS))
    said = run(desk, breach("a", event="escalated", at=TEN + 9 * DAY_MS, priority=9.0))
    assert {order.channel for order in orders(said)} == {"outbound_call"}


@pytest.mark.parametrize("status", ["dismissed", "snoozed", "withdrawn"])
def test_a_joined_alert_that_was_wrong_leaves_the_order_to_the_others(status: Any) -> None:
    desk = opened()
    run(desk, breach("a", priority=9.0), breach("b", "complaint_overdue"))
    said = run(desk, answer(status, "b", 1), breach("b", "complaint_overdue", "closed"))
    assert [(order.step, order.reason) for order in orders(said)] == [("fed_back", status)]


@pytest.mark.parametrize("alert", ["a", "b"])
def test_who_is_retained_about_one_alert_has_an_order_for_the_other(alert: str) -> None:
    desk, kinds = opened(), {"a": "leave_intent", "b": "complaint_overdue"}
    run(desk, breach("a", priority=9.0), breach("b", kinds["b"]))
    said = run(desk, answer("retained", alert, 1), breach(alert, kinds.pop(alert), "closed"))
    assert [order.step for order in orders(said)] == ["contacted", "fed_back"]
    ((other, kind),) = kinds.items()
    assert [order.step for order in orders(run(desk, answer("retained", other, 2)))] == ["fed_back", "archived"]
    assert alerts(run(desk, breach(other, kind, "closed"))) == [(other, "closed")]


def test_an_order_ends_though_one_of_its_alerts_is_another_persons_now() -> None:
    desk = opened()
    run(desk, breach("a", cust="c", priority=9.0), breach("b", "complaint_overdue", sub="s-2", cust="c"))
    run(desk, breach("x", sub="s-2", cust="d"), breach("b", "complaint_overdue", "closed", sub="s-2", cust="d"))
    said = run(desk, breach("a", event="closed", cust="c"))
    assert [order.step for order in orders(said)] == ["withdrawn"]


def test_no_planned_contact_is_left_of_an_order_that_ended_by_a_move() -> None:
    desk = opened()
    run(desk, breach("a", cust="c"), breach("b", sub="s-2", cust="d"), breach("z", "complaint_overdue", cust="d"))
    (order,) = [file.order for file in desk._registry.files.values() if file.order is not None]
    planned = [made.order for made in desk._registry.files[Person("c:d")].contacts if made.status == "planned"]
    assert planned == [order.order_id]


def test_an_order_goes_on_under_another_number_when_the_one_it_began_with_is_forgotten() -> None:
    desk = opened()
    first = run(desk, breach("a", cust="c"), breach("b", "complaint_overdue", sub="s-2", cust="c"))
    gone = Forgotten(lane=0, clock=TEN, subscriber_id="s-1", customer_id="c")
    said = orders(run(desk, breach("a", event="closed", cust="c", why="erased"), gone))
    assert [(order.step, order.reason) for order in said] == [
        ("withdrawn", "erased"),
        ("dispatched", "complaint_overdue"),
    ]
    assert (said[-1].subscriber_id, said[-1].alert_ids, said[-1].seq) == ("s-2", ["b"], 1)
    assert said[-1].order_id != orders(first)[0].order_id
    assert b"s-1" not in msgspec.json.encode(desk._registry.files[Person("c:c")])
    assert [
        order.step for order in orders(run(desk, breach("b", "complaint_overdue", "closed", sub="s-2", cust="c")))
    ] == ["withdrawn"]


def test_who_was_reached_is_not_sent_another_order_when_one_of_their_numbers_is_forgotten() -> None:
    desk = opened()
    run(
        desk,
        breach("a", cust="c"),
        breach("b", "complaint_overdue", sub="s-2", cust="c"),
        answer("contacted", "a", 0, customer_id="c"),
    )
    gone = Forgotten(lane=0, clock=TEN, subscriber_id="s-1", customer_id="c")
    said = orders(run(desk, breach("a", event="closed", cust="c", why="erased"), gone))
    assert [order.step for order in said] == ["archived"]


@pytest.mark.parametrize("gone", ["moved", "forgotten"])
def test_nobody_waits_for_the_lane_of_a_number_that_is_theirs_no_more(gone: str) -> None:
    desk, at = opened(lanes=2), TEN + 2 * DAY_MS
    run(desk, sms(6), breach("a", "competitor_browsing", cust="c"), breach("b", sub="s-2", cust="c", lane=1))
    run(desk, breach("b", event="closed", sub="s-2", cust="c", lane=1))
    assert run(desk, Mark(lane=0, tick=at)) == [], "their other lane has yet to come to the end of the cap"
    told = {"lane": 1, "clock": TEN, "subscriber_id": "s-2"}
    if gone == "moved":
        said = run(desk, Moved(**told, customer_id="d", unit="u", allowed=("store",)))
    else:
        said = run(desk, Forgotten(**told, customer_id="c"))
    assert alerts(said) == [("a", "raised")]


def test_an_order_that_moves_is_counted_where_it_goes() -> None:
    desk = opened(replace(Policy(), units=(UnitPolicy(name="u"), UnitPolicy(name="v"))))
    run(desk, breach("a"), Moved(lane=0, clock=TEN, subscriber_id="s-1", unit="v", allowed=("outbound_call",)))
    used = {unit: day.used.get("outbound_call", 0) for (unit, _), day in desk._units.days.items()}
    assert used.get("v") == 1


def test_a_hand_that_an_order_took_on_a_later_day_is_free_again_when_it_is_not_needed() -> None:
    unit = UnitPolicy(name="u", capacity={"outbound_call": 9})
    desk, later = opened(replace(Policy(), units=(unit, replace(unit, name="v")))), TEN + DAY_MS
    moved = Moved(lane=0, clock=later, subscriber_id="s-1", unit="v", allowed=("outbound_call",))
    run(desk, breach("a"), Mark(lane=0, tick=later), moved)
    assert [day.used["outbound_call"] for day in desk._units.days.values()] == [1, 1]
    run(desk, breach("a", event="closed", at=later))
    assert [day.used["outbound_call"] for day in desk._units.days.values()] == [1, 0]


def test_a_contact_that_was_made_counts_where_it_was_made_though_they_move() -> None:
    unit = UnitPolicy(name="u", capacity={"outbound_call": 9})
    desk = opened(replace(Policy(), units=(unit, replace(unit, name="v"))))
    moved = Moved(lane=0, clock=TEN + HOUR_MS, subscriber_id="s-1", unit="v", allowed=("outbound_call",))
    said = orders(run(desk, breach("a"), answer("contacted", "a", 1), moved))
    assert [(order.step, order.unit) for order in said][-1] == ("reassigned", "v")
    used = {unit: day.used.get("outbound_call", 0) for (unit, _), day in desk._units.days.items()}
    assert (used["u"], used.get("v", 0)) == (1, 0)


def test_a_hand_of_yesterday_frees_none_of_today() -> None:
    desk, later = opened(), TEN + DAY_MS
    run(desk, breach("a"), Mark(lane=0, tick=later), breach("other", sub="s-2", at=later))
    run(desk, breach("a", event="escalated", at=later), breach("a", event="closed", at=later))
    assert [day.used["outbound_call"] for day in desk._units.days.values()] == [1, 1]


def test_a_cap_of_more_than_is_kept_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"caps": [[40, 365.0]]}, ContactPolicy)


def test_no_cut_into_batches_shows_what_is_due_at_once() -> None:
    """An alert that joins an order back in the pool makes its reminder due: before the next record, in any cut."""
    kinds = replace(Policy().kinds, silence=replace(Policy().kinds.silence, contact_hours=1.0))
    policy, later = replace(Policy(), kinds=kinds), TEN + 3 * DAY_MS
    records = [
        breach("a", by=TEN + HOUR_MS),
        Mark(lane=0, tick=later),
        breach("b", "silence", at=later),
        Mark(lane=0, tick=later + TICK_MS),
        breach("c", sub="s-2", at=later + TICK_MS),
    ]
    whole, desk = run(opened(policy), *records), opened(policy)
    assert [body for record in records for body in run(desk, record)] == whole


def test_no_cut_into_batches_shows_in_whom_a_number_belongs_to() -> None:
    """An unanswered call keeps nothing: whether its number is remembered must not hang on where a commit falls."""
    records = [answer("unreachable", None, 0, customer_id="c"), breach("a", sub="s-2", cust="c")]
    whole, cut = opened(), opened()
    run(whole, *records)
    for record in records:
        run(cut, record)
    assert cut._registry.files[Person("c:c")].numbers == whole._registry.files[Person("c:c")].numbers


def test_an_eased_breach_is_not_raised_when_a_new_profile_allows_contact_again() -> None:
    desk, at = opened(), TEN + HOUR_MS
    never = Moved(lane=0, clock=TEN, subscriber_id="s-1", unit="u", allowed=("store",), do_not_contact=True)
    run(desk, breach("a", "silence"), never, breach("a", "silence", "eased", at=at))
    assert run(desk, replace(never, do_not_contact=False, clock=at), Mark(lane=0, tick=at)) == []
    stronger = run(desk, breach("a", "silence", "escalated", at=at), Mark(lane=0, tick=at))
    assert alerts(stronger) == [("a", "raised")]


def test_a_restart_takes_nothing_back_of_one_who_was_passed_over() -> None:
    """Their other lane rests while a pass finds no hand for them, and lives again with an earlier time."""
    no_hand = replace(Policy(), units=(UnitPolicy(name="u", capacity={"outbound_call": 0, "store": 0}),))
    later = TEN + 10 * HOUR_MS

    def ends(*, restarted: bool) -> list[int]:
        bench = DeskBench(no_hand, lanes=2)
        bench.hear(breach("a", "silence", cust="c"), breach("b", "silence", sub="s-2", cust="c", lane=1))
        bench.hear(Mark(lane=0, tick=TEN), Mark(lane=1, tick=TEN))
        bench.hear(Idle(lane=1), Mark(lane=0, tick=later))
        if restarted:
            bench.restart()
        bench.hear(Mark(lane=1, tick=TEN + HOUR_MS))
        return [output.ts for output in bench.hear(breach("a", "silence", "closed", cust="c", at=TEN + HOUR_MS))]

    assert ends(restarted=True) == ends(restarted=False) != []


def test_no_cut_into_batches_shows_in_the_size_of_an_account() -> None:
    """Its last breach is over and another begins, of which no profile tells the size."""

    def of_account(alert: str, event: str = "raised", size: int | None = None) -> Breach:
        told = breach(alert, "silence", event)
        return replace(told, alert=replace(told.alert, account_id="acme"), account_size=size)

    records = [of_account("a", size=5), of_account("a", "closed"), of_account("b")]
    whole, cut = DeskBench(Policy()), DeskBench(Policy())
    whole.hear(*records)
    for record in records:
        cut.hear(record)
    assert cut.state == whole.state
