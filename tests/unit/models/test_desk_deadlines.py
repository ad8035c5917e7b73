"""By when the desk wants a contact, and who leads the order that is pressed for it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.alerts_made import an_action
from support.breaches_made import DAY, HOUR, NINE, a_breach, an_answer
from support.desk_rig import DeskBench

from models.contract.alerts import Alert
from models.contract.breaches import Breach, Forgotten, Governed, Left, Mark, Moved
from models.contract.policy import Policy, UnitPolicy
from models.contract.work_orders import WorkOrder
from models.detection.contact_rules import contact_by, opens
from models.detection.outbox import Output

POLICY = Policy(
    version="p-1",
    units=(UnitPolicy(name="tianhe-03", head="head-3", team={"assault_team": ("li",), "counter": ("mei",)}),),
)
"""Without a limit of capacity, so that all is decided as it comes."""
TEN = NINE + HOUR
TUESDAY = TEN + DAY
MINUTE = HOUR // 60


def given(name: str, at: int, kind: Any = "leave_intent", before_ts: int | None = None, **fields: Any) -> Breach:
    """A breach with the times that a lane gives it."""
    begins, by = opens(at, POLICY.contact), contact_by(kind, 1, at, before_ts, POLICY)
    action = an_action(unit="tianhe-03", channel="outbound_call", contact_from=begins, contact_by=by)
    whose = {"customer": "c-1"} | fields
    return a_breach(name, at, kind=kind, before_ts=before_ts, action=action, **whose)


def a_code(name: str, at: int, **fields: Any) -> Breach:
    """A port-out code: from now on they are only answered, at the store, until the alert's life ends."""
    action = an_action(unit="tianhe-03", channel="store", contact_from=at, contact_by=at + 30 * DAY)
    whose = {"customer": "c-1", "channels": ("store",), "answers_only": True} | fields
    return a_breach(name, at, kind="port_out", action=action, **whose)


def over(name: str, at: int, kind: Any = "leave_intent", **fields: Any) -> Breach:
    return a_breach(name, at, "closed", kind=kind, **({"customer": "c-1"} | fields))


def mark(at: int) -> Mark:
    return Mark(lane=0, tick=at)


def orders(outputs: list[Output]) -> list[WorkOrder]:
    return [output.body for output in outputs if isinstance(output.body, WorkOrder)]


def steps(outputs: list[Output]) -> list[tuple[str, str]]:
    return [(order.step, order.reason) for order in orders(outputs)]


def raised(outputs: list[Output]) -> Alert:
    (alert,) = (output.body for output in outputs if isinstance(output.body, Alert))
    return alert


@pytest.mark.parametrize("priority", [10.0, 90.0])
@pytest.mark.parametrize("pressed", ["dispatched", "escalated", "returned"])
def test_what_joins_an_order_past_its_deadline_has_a_deadline_of_its_own_and_is_pressed(
    pressed: str, priority: float
) -> None:
    """It may lead the order or not, and the order may be with the head of the unit or in the pool."""
    desk = DeskBench(POLICY)
    until = {"dispatched": TEN + 6 * HOUR, "escalated": TUESDAY - HOUR, "returned": TUESDAY + 10 * HOUR}[pressed]
    desk.hear(given("a", TEN), mark(until - 15 * MINUTE))
    said = desk.hear(given("b", until + 5 * MINUTE, subscriber="s-2", priority=priority))
    alert, (order,) = raised(said), orders(said)
    assert alert.action is not None
    assert alert.action.contact_by == order.contact_by == contact_by("leave_intent", 1, alert.ts, None, POLICY)
    assert alert.action.contact_by > alert.ts
    desk.restart()
    again = steps(desk.hear(mark(until + 5 * DAY)))
    assert [step for step, _ in again] == ["reminded", "escalated", "returned"]


def test_what_joins_an_order_relaxes_no_deadline_that_is_still_ahead() -> None:
    desk = DeskBench(POLICY)
    (first,) = orders(desk.hear(given("a", TEN)))
    (joined,) = orders(desk.hear(given("b", TEN + HOUR, "complaint_overdue", subscriber="s-2", priority=90.0)))
    assert joined.contact_by == first.contact_by


@pytest.mark.parametrize("ahead_h", [10.5, 11.5, 12.5, 13.0])
def test_nobody_is_reminded_or_overdue_before_anybody_may_call(ahead_h: float) -> None:
    """Booked at 20:31, of an appointment at 07:00, 08:00, 09:00 or 09:30, and of a complaint."""
    night = NINE + 11 * HOUR + 31 * MINUTE
    for kind in ("disconnect_appointment", "complaint_overdue"):
        if kind == "disconnect_appointment" and night + round(ahead_h * HOUR) - MINUTE <= NINE + DAY:
            continue  # no window is open before it: contact is due before it in any case
        desk = DeskBench(POLICY)
        told = desk.hear(given("a", night, kind, before_ts=night + round(ahead_h * HOUR) - MINUTE))
        action = raised(told).action
        assert action is not None
        assert action.contact_from == NINE + DAY < action.contact_by
        assert steps(desk.hear(mark(NINE + DAY))) == []
        if kind == "complaint_overdue":
            pressed = steps(desk.hear(mark(NINE + DAY + 2 * HOUR)))
            assert [step for step, _ in pressed] == ["reminded", "escalated"]


@pytest.mark.parametrize("code_first", [False, True])
def test_after_a_port_out_code_there_is_no_deadline_and_no_assault_team(code_first: bool) -> None:
    desk = DeskBench(POLICY)
    code, threat = a_code("code", TEN + code_first), given("a", TEN + 1 - code_first, priority=90.0)
    first = desk.hear(*sorted((code, threat), key=lambda each: each.clock))
    last = [output.body for output in first if isinstance(output.body, Alert)][-1]
    assert last.action is not None
    (order,) = orders(first)[-1:]
    assert order.contact_by == last.action.contact_by == code.clock + 30 * DAY
    assert (order.alert_ids, order.channel, order.role, order.assignee) == (["code", "a"], "store", "counter", "mei")
    assert steps(desk.hear(mark(TEN + 29 * DAY))) == []
    later = raised(
        desk.hear(given("c", TEN + 31 * DAY, "complaint_overdue"))
    ).action  # its life goes on, by another call
    assert later is not None
    assert later.contact_by > TEN + 60 * DAY


def test_an_order_that_is_given_anew_after_a_port_out_code_has_no_deadline_either() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_code("code", TEN), an_answer("blocked", TEN + HOUR, customer_id="c-1"))
    (order,) = orders(desk.hear(an_answer("released", TEN + DAY, customer_id="c-1")))
    assert (order.step, order.contact_by, order.role) == ("dispatched", TEN + 30 * DAY, "counter")


def two_numbers() -> DeskBench:
    """A browser's order, joined by the threat to leave of the person's other number, which leads it."""
    desk = DeskBench(POLICY)
    desk.hear(given("b", TEN, "competitor_browsing", subscriber="s-2"))
    (joined,) = orders(desk.hear(given("a", TEN + MINUTE, subscriber="s-1", priority=90.0)))
    assert (joined.alert_ids, joined.contact_by) == (["a", "b"], TEN + 6 * HOUR + MINUTE)
    return desk


def test_an_order_whose_leading_alert_is_over_is_led_and_pressed_by_the_best_of_the_others() -> None:
    desk = two_numbers()
    desk.hear(given("c", TEN + 2 * MINUTE, "disconnect_appointment", subscriber="s-2", priority=20.0))
    left = Left(lane=0, clock=TEN + HOUR, subscriber_id="s-1", customer_id="c-1", ts=TEN + HOUR, outcome="ported_out")
    said = desk.hear(left, over("a", TEN + HOUR))
    (order,) = orders(said)
    assert (order.step, order.reason, order.by) == ("reassigned", "other_matter", "desk")
    assert order.alert_ids == ["c", "a", "b"]
    assert order.contact_by == contact_by("competitor_browsing", 1, TEN, None, POLICY), "the earliest of those left"
    desk.restart()
    assert steps(desk.hear(mark(TEN + 7 * HOUR))) == []
    assert [step for step, _ in steps(desk.hear(mark(order.contact_by + HOUR)))] == ["reminded", "escalated"]


def test_an_order_that_an_alert_has_left_is_pressed_by_the_leader_that_stays() -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN, priority=90.0))
    (joined,) = orders(desk.hear(given("q", TEN, "port_out", subscriber="s-2")))
    assert (joined.alert_ids, joined.contact_by) == (["a", "q"], TEN + 2 * HOUR)
    (order,) = orders(desk.hear(over("q", TEN + HOUR, "port_out", subscriber="s-2")))
    assert (order.reason, order.alert_ids, order.contact_by) == ("other_matter", ["a", "q"], TEN + 6 * HOUR)


def test_feedback_that_ends_the_leading_alert_alone_leaves_the_order_to_the_best_of_the_others() -> None:
    desk = two_numbers()
    said = desk.hear(an_answer("dismissed", TEN + HOUR, "a", customer_id="c-1"), over("a", TEN + HOUR))
    assert steps(said) == [("fed_back", "dismissed"), ("reassigned", "other_matter")]
    assert orders(said)[-1].alert_ids == ["b", "a"]


def test_a_code_that_is_over_leaves_an_order_with_a_deadline_for_those_who_call() -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN, subscriber="s-2"), a_code("code", TEN))
    (order,) = orders(desk.hear(over("code", TEN + 3 * DAY, "port_out")))
    assert (order.reason, order.alert_ids) == ("other_matter", ["a", "code"])
    assert (order.channel, order.role, order.assignee) == ("outbound_call", "assault_team", "li")
    assert order.contact_by == contact_by("leave_intent", 1, TEN + 3 * DAY, None, POLICY)
    assert "escalated" in [step for step, _ in steps(desk.hear(mark(TEN + 4 * DAY)))]


def test_whoever_was_reached_is_not_given_to_somebody_else_when_the_leading_alert_is_over() -> None:
    desk = two_numbers()
    desk.hear(an_answer("contacted", TEN + HOUR, "a", customer_id="c-1"))
    assert steps(desk.hear(over("a", TEN + 2 * HOUR), mark(TEN + 9 * DAY))) == []
    ended = desk.hear(an_answer("retained", TEN + 9 * DAY, "b", subscriber="s-2", customer_id="c-1"))
    assert steps(ended) == [("fed_back", "retained"), ("archived", "retained")]
    assert orders(ended)[-1].alert_ids == ["b", "a"]


def test_the_number_that_leads_an_order_takes_its_alert_along_to_another_person() -> None:
    desk = two_numbers()
    moved = Moved(lane=0, clock=TEN + HOUR, subscriber_id="s-1", customer_id="c-9", unit="tianhe-03")
    said = orders(desk.hear(replace(moved, allowed=("outbound_call", "store"))))
    stays, new = said[0], said[-1]
    assert (stays.step, stays.reason, stays.alert_ids, stays.customer_id) == (
        "reassigned",
        "other_matter",
        ["b"],
        "c-1",
    )
    assert stays.contact_by == contact_by("competitor_browsing", 1, TEN, None, POLICY)
    assert (new.step, new.alert_ids, new.customer_id) == ("dispatched", ["a"], "c-9")
    assert new.order_id != stays.order_id
    ended = orders(desk.hear(over("b", TEN + 2 * HOUR, "competitor_browsing", subscriber="s-2")))
    assert [(order.step, order.order_id) for order in ended] == [("withdrawn", stays.order_id)]


def test_erasing_the_number_that_leads_an_order_leaves_it_to_the_other_number() -> None:
    desk = two_numbers()
    erased = over("a", TEN + HOUR, close_reason="erased")
    (order,) = orders(desk.hear(erased, Forgotten(lane=0, clock=TEN + HOUR, subscriber_id="s-1", customer_id="c-1")))
    assert (order.step, order.reason, order.alert_ids) == ("reassigned", "other_matter", ["b", "a"])


def test_a_contact_about_the_alert_that_leads_now_is_settled_for_its_number() -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN, priority=90.0), given("b", TEN, "competitor_browsing", subscriber="s-2"))
    left = Left(lane=0, clock=TEN + HOUR, subscriber_id="s-1", customer_id="c-1", ts=TEN + HOUR, outcome="ported_out")
    desk.hear(left, over("a", TEN + HOUR))
    desk.hear(an_answer("contacted", TEN + 2 * HOUR, "b", subscriber="s-2", customer_id="c-1"))
    desk.hear(replace(left, clock=TEN + DAY, ts=TEN + DAY, subscriber_id="s-2"), mark(TEN + 40 * DAY))
    assert desk.desk.success() == {"tianhe-03": 0.0}


def test_who_may_be_contacted_again_and_has_said_more_meanwhile_is_dispatched_once() -> None:
    """The lane tells of the profile, then of what it held back, both at one time."""
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN))
    profile = Moved(lane=0, clock=TEN + HOUR, subscriber_id="s-1", customer_id="c-1", unit="tianhe-03")
    profile = replace(profile, allowed=("outbound_call", "store"))
    assert steps(desk.hear(replace(profile, do_not_contact=True))) == [("withdrawn", "do_not_contact")]
    later = TEN + 2 * HOUR
    stronger = replace(given("a", later), alert=replace(given("a", later).alert, event="escalated"))
    said = desk.hear(replace(profile, clock=later), stronger)
    assert steps(said) == [("dispatched", "leave_intent")]
    assert raised(said).event == "escalated"
    again = replace(given("a", later + HOUR), alert=replace(given("a", later + HOUR).alert, event="escalated"))
    assert steps(desk.hear(again)) == [("dispatched", "leave_intent")], "a stronger trigger of its own"


def test_an_incident_takes_all_its_lines_out_of_an_order_at_once() -> None:
    """Of a company that is one person, the order does not go from line to line before it ends."""
    desk = DeskBench(POLICY)
    lines = [
        a_breach(f"a-{n}", TEN, kind="risk_tier", subscriber=f"l-{n}", customer="c-1", account_id="acme", priority=n)
        for n in (3, 2, 1)
    ]
    lines = [replace(line, account_size=4) for line in lines]
    again = Policy(contact=replace(POLICY.contact, cooldown_days=0.0))
    desk.hear(Governed(policy=again))
    said = orders(desk.hear(*lines))
    assert [order.step for order in said if order.account_id is None][-1] == "withdrawn"
    steps_of = [order.step for order in said]
    assert "reassigned" not in steps_of, "all three have left it together"
