"""The desk: who is contacted now, by whom, and what becomes of the work order."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace
from support.breaches_made import DAY, HOUR, NINE, a_breach, an_answer
from support.desk_rig import DeskBench

from models.contract.alerts import Alert, Suppression
from models.contract.breaches import Breach, Forgotten, Governed, Idle, Joined, Left, Mark, Moved, OtherContact
from models.contract.events import Channel
from models.contract.policy import CapacityException, ContactPolicy, DeskPolicy, Policy, UnitPolicy
from models.contract.vocabulary import KINDS
from models.contract.work_orders import WorkOrder
from models.detection.outbox import Output

AMPLE = dict.fromkeys(get_args(Channel), 10_000)
POLICY = Policy(
    version="p-1", units=tuple(UnitPolicy(name=name, capacity=AMPLE) for name in ("tianhe-03", "corporate-1"))
)
"""Hands are counted, so that what is not urgent waits for a mark; there are enough of them."""
TIANHE = UnitPolicy(
    name="tianhe-03",
    head="head-3",
    capacity={"outbound_call": 2, "store": 1},
    team={"caller": ("li", "wang"), "assault_team": ("li",), "disconnect_specialist": ("chen",)},
)


def governed(*units: UnitPolicy, **contact: Any) -> Policy:
    return Policy(version="p-2", units=units, contact=ContactPolicy(**contact))


def mark(at: int, lane: int = 0) -> Mark:
    return Mark(lane=lane, tick=at)


def said(outputs: list[Output]) -> list[str]:
    """The outputs in short: ``silence raised``, ``silence suppressed person_cap``, ``order dispatched``."""
    found = []
    for body in (output.body for output in outputs):
        if isinstance(body, Alert):
            found.append(f"{body.kind} {body.event}")
        elif isinstance(body, Suppression):
            found.append(f"{body.kind} suppressed {body.reason}")
        elif isinstance(body, WorkOrder):
            found.append(f"order {body.step}")
    return found


def orders(outputs: list[Output]) -> list[WorkOrder]:
    return [output.body for output in outputs if isinstance(output.body, WorkOrder)]


def alerts(outputs: list[Output]) -> list[Alert]:
    return [output.body for output in outputs if isinstance(output.body, Alert)]


def test_urgent_breach_goes_at_once_and_the_others_at_the_next_mark() -> None:
    desk = DeskBench(POLICY)
    assert said(desk.hear(a_breach("a", kind="leave_intent"))) == ["leave_intent raised", "order dispatched"]
    assert said(desk.hear(a_breach("b", subscriber="s-2"))) == []
    assert desk.desk.waiting()["tianhe-03"] == 1
    outputs = desk.hear(mark(NINE))
    assert said(outputs) == ["silence raised", "order dispatched"]
    assert (alerts(outputs)[0].ts, alerts(outputs)[0].seq, desk.desk.waiting().total()) == (NINE, 1, 0)


def test_nothing_is_decided_before_every_lane_has_joined() -> None:
    desk = DeskBench.unopened(2)
    breach = a_breach("a", kind="leave_intent")
    assert said(desk.hear(Governed(policy=POLICY), Joined(lane=0), breach, mark(NINE))) == []
    assert (desk.desk.now, desk.fold.held_up_by) == (0, {1})
    assert said(desk.hear(Joined(lane=1))) == ["leave_intent raised", "order dispatched"]
    assert (desk.desk.now, desk.fold.held_up_by) == (0, {1})


def test_a_lane_that_has_joined_is_waited_for_until_it_marks_or_is_idle() -> None:
    desk = DeskBench(POLICY, lanes=2)
    assert said(desk.hear(a_breach("a"), mark(NINE))) == []
    assert said(desk.hear(Idle(lane=1))) == ["silence raised", "order dispatched"]


def test_person_with_two_numbers_has_one_open_order_which_the_stronger_cause_leads() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", customer="c-1", subscriber="main"), mark(NINE))
    joined = desk.hear(a_breach("b", NINE + HOUR, customer="c-1", subscriber="sub", kind="leave_intent"))
    assert said(joined) == ["leave_intent raised", "order dispatched"]
    (order,) = orders(joined)
    assert (order.alert_ids, order.seq, order.subscriber_id, order.reason) == (["b", "a"], 2, "main", "leave_intent")
    weaker = desk.hear(
        a_breach("c", NINE + 2 * HOUR, customer="c-1", subscriber="sub", kind="value_decline"), mark(NINE + 2 * HOUR)
    )
    assert orders(weaker)[0].alert_ids == ["b", "a", "c"]


def test_caps_count_every_number_and_whatever_others_did() -> None:
    desk = DeskBench(POLICY)
    desk.hear(OtherContact(lane=1, clock=NINE, subscriber_id="sub", customer_id="c-1", ts=NINE, channel="sms"))
    assert said(desk.hear(a_breach("a", NINE + DAY, customer="c-1", subscriber="main"), mark(NINE + DAY))) == [
        "silence suppressed person_cap"
    ]
    assert said(desk.hear(mark(NINE + 7 * DAY - HOUR))) == []
    late = desk.hear(mark(NINE + 7 * DAY))
    assert said(late) == ["silence raised", "order dispatched"]
    assert alerts(late)[0].ts == NINE + 7 * DAY


def test_what_the_customer_started_passes_caps_cooldown_and_peace() -> None:
    desk = DeskBench(POLICY)
    desk.hear(
        a_breach("a", kind="leave_intent"),
        an_answer("refused", NINE + HOUR, "a"),
        a_breach("a", NINE + HOUR, "closed", kind="leave_intent"),
    )
    at = NINE + DAY
    assert said(desk.hear(a_breach("b", at), mark(at))) == ["silence suppressed cooldown"]
    assert said(desk.hear(a_breach("c", at, kind="leave_intent"))) == ["leave_intent raised", "order dispatched"]
    notice = a_breach("d", at, kind="contract_expiry")
    assert said(desk.hear(notice, mark(at + HOUR))) == ["contract_expiry raised", "order dispatched"]


def test_two_sms_in_thirty_days_and_then_another_channel_or_none() -> None:
    desk = DeskBench(governed(caps=()))
    for day in (0, 1):
        desk.hear(OtherContact(lane=0, clock=NINE, subscriber_id="s-1", ts=NINE + day * DAY, channel="sms"))
    at = NINE + 2 * DAY
    other = desk.hear(a_breach("a", at, kind="competitor_browsing", channels=("sms", "store")))
    assert orders(other)[0].channel == "store"
    assert alerts(other)[0].action.channel == "store"  # type: ignore[union-attr]
    capped = desk.hear(a_breach("b", at, subscriber="s-1", channels=("sms",)), mark(at))
    assert said(capped) == ["silence suppressed channel_cap"]


def test_capacity_takes_the_best_serves_over_another_channel_and_lets_the_rest_expire() -> None:
    desk = DeskBench(governed(TIANHE))
    for n, priority in enumerate((5.0, 9.0, 7.0, 8.0)):
        desk.hear(a_breach(f"a-{n}", subscriber=f"s-{n}", priority=priority))
    first = desk.hear(mark(NINE))
    assert [(a.alert_id, a.action.channel) for a in alerts(first) if a.action] == [
        ("a-1", "outbound_call"),
        ("a-3", "outbound_call"),
        ("a-2", "store"),
    ]
    assert [o.assignee for o in orders(first)] == ["li", "wang", None], "counters have no team"
    assert desk.desk.waiting()["tianhe-03"] == 1
    urgent = desk.hear(a_breach("u", kind="leave_intent", subscriber="s-9"))
    assert said(urgent) == ["leave_intent raised", "order dispatched"], "past the capacity, and counted"
    assert said(desk.hear(mark(NINE + 2 * HOUR))) == []
    tomorrow = desk.hear(mark(NINE + DAY))
    assert [alert.alert_id for alert in alerts(tomorrow)] == ["a-0"]
    assert alerts(tomorrow)[0].action.contact_by > NINE + DAY  # type: ignore[union-attr]


def test_who_waits_for_days_is_suppressed_for_capacity() -> None:
    none = replace(TIANHE, capacity={"outbound_call": 0, "store": 0})
    desk = DeskBench(governed(none))
    desk.hear(a_breach("a"), mark(NINE))
    assert said(desk.hear(mark(NINE + 3 * DAY - HOUR))) == []
    assert said(desk.hear(mark(NINE + 3 * DAY))) == ["silence suppressed capacity"]
    assert said(desk.hear(a_breach("a", NINE + 4 * DAY, "closed"))) == []
    assert desk.desk.waiting().total() == 0


def test_a_holiday_takes_the_hands_of_its_day() -> None:
    holiday = CapacityException(first="2026-05-29", last="2026-05-30")
    desk = DeskBench(governed(replace(TIANHE, exceptions=(holiday,))))
    assert said(desk.hear(a_breach("a"), mark(NINE), mark(NINE + DAY))) == []
    assert said(desk.hear(mark(NINE + 2 * DAY))) == ["silence raised", "order dispatched"]


def test_order_is_pressed_for_and_goes_to_the_head_and_back_to_the_pool() -> None:
    desk = DeskBench(governed(TIANHE))
    (order,) = orders(desk.hear(a_breach("a", kind="leave_intent"), mark(NINE)))
    assert (order.assignee, order.contact_by) == ("li", NINE + 9 * HOUR)
    assert said(desk.hear(mark(NINE + 7 * HOUR))) == []
    (reminded,) = orders(desk.hear(mark(NINE + 7 * HOUR + HOUR // 4)))
    (escalated,) = orders(desk.hear(mark(NINE + 9 * HOUR)))
    (returned,) = orders(desk.hear(mark(NINE + 3 * DAY)))
    assert [(o.step, o.assignee) for o in (reminded, escalated, returned)] == [
        ("reminded", "li"),
        ("escalated", "head-3"),
        ("returned", None),
    ]
    assert said(desk.hear(mark(NINE + 9 * DAY))) == []
    taken = desk.hear(an_answer("accepted", NINE + 9 * DAY, "a", by="zhao"))
    assert [(o.step, o.assignee, o.by) for o in orders(taken)] == [("accepted", "zhao", "zhao")]


def test_three_tries_at_different_hours_and_then_the_next_channel() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"))
    tries = [an_answer("unreachable", NINE + h * HOUR, "a") for h in (0, 0, 2)]
    assert [(o.step, o.reason, o.by) for o in orders(desk.hear(*tries))] == [("fed_back", "unreachable", "li")] * 3
    (said_so, order) = orders(desk.hear(an_answer("unreachable", NINE + 5 * HOUR, "a")))
    assert (said_so.step, said_so.channel) == ("fed_back", "outbound_call")
    assert (order.step, order.channel, order.by) == ("reassigned", "store", "desk")


def test_life_of_an_order_that_saves_the_customer() -> None:
    desk = DeskBench(POLICY)
    steps = desk.hear(a_breach("a", kind="leave_intent"))
    steps += desk.hear(an_answer("accepted", NINE + HOUR, "a"), an_answer("contacted", NINE + 2 * HOUR, "a"))
    steps += desk.hear(an_answer("retained", NINE + 3 * HOUR, "a"))
    assert [o.step for o in orders(steps)] == ["dispatched", "accepted", "contacted", "fed_back", "archived"]
    assert [o.seq for o in orders(steps)] == [1, 2, 3, 4, 5]
    closed = desk.hear(a_breach("a", NINE + 3 * HOUR, "closed", kind="leave_intent"))
    assert said(closed) == ["leave_intent closed"]
    assert desk.desk.success() == {}
    desk.hear(mark(NINE + 2 * HOUR + 30 * DAY))
    assert desk.desk.success() == {"tianhe-03": 1.0}


def test_who_leaves_after_a_contact_was_not_retained() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("contacted", NINE, "a"))
    desk.hear(Left(lane=0, clock=NINE + DAY, subscriber_id="s-1", ts=NINE + DAY, outcome="ported_out"))
    desk.hear(mark(NINE + 31 * DAY))
    assert desk.desk.success() == {"tianhe-03": 0.0}


def test_order_of_a_matter_that_is_over_is_withdrawn_and_its_contact_not_counted() -> None:
    desk = DeskBench(POLICY)
    over = desk.hear(a_breach("a"), mark(NINE), a_breach("a", NINE + HOUR, "closed"))
    assert said(over)[2:] == ["silence closed", "order withdrawn"]
    again = desk.hear(a_breach("b", NINE + DAY, kind="value_decline"), mark(NINE + DAY))
    assert said(again) == ["value_decline raised", "order dispatched"]


def test_refusal_closes_what_is_open_of_all_numbers_and_what_waits() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", customer="c-1", subscriber="main", kind="leave_intent"))
    desk.hear(a_breach("b", customer="c-1", subscriber="sub", kind="port_out", lane=3))
    desk.hear(a_breach("c", customer="c-1", subscriber="sub"))
    outputs = desk.hear(an_answer("refused", NINE + HOUR, "a", subscriber="main", customer_id="c-1"))
    assert said(outputs) == [
        "order contacted",
        "order fed_back",
        "order archived",
        "leave_intent closed",
        "port_out closed",
        "silence suppressed cooldown",
    ]
    assert [a.close_reason for a in alerts(outputs)] == ["feedback", "feedback"]
    assert (
        said(desk.hear(a_breach("a", NINE + HOUR, "closed", kind="leave_intent", customer="c-1", subscriber="main")))
        == []
    )


def test_an_order_moves_with_its_person_to_another_unit_and_ends_with_their_consent() -> None:
    desk = DeskBench(governed(TIANHE, UnitPolicy(name="yuexiu-01", team={"assault_team": ("zhou",)})))
    desk.hear(a_breach("a", kind="leave_intent"))
    moved = Moved(lane=0, clock=NINE, subscriber_id="s-1", unit="yuexiu-01", allowed=("outbound_call", "store"))
    (order,) = orders(desk.hear(moved))
    assert (order.step, order.unit, order.assignee) == ("reassigned", "yuexiu-01", "zhou")
    (order,) = orders(desk.hear(replace(moved, allowed=("store",))))
    assert (order.step, order.channel) == ("reassigned", "store")
    (order,) = orders(desk.hear(replace(moved, do_not_contact=True)))
    assert (order.step, order.reason) == ("withdrawn", "do_not_contact")


def test_who_is_not_to_be_contacted_is_not_raised_when_the_cooldown_ends_but_when_they_may_be_again() -> None:
    desk = DeskBench(POLICY)
    desk.hear(OtherContact(lane=0, clock=NINE, subscriber_id="s-1", ts=NINE, channel="sms"), a_breach("a"), mark(NINE))
    never = Moved(lane=0, clock=NINE, subscriber_id="s-1", unit="tianhe-03", allowed=("store",), do_not_contact=True)
    assert said(desk.hear(never)) == ["silence suppressed do_not_contact"]
    assert said(desk.hear(mark(NINE + 8 * DAY))) == []
    again = replace(never, do_not_contact=False, clock=NINE + 8 * DAY)
    assert said(desk.hear(again, mark(NINE + 8 * DAY))) == ["silence raised", "order dispatched"]


def barred_and_free(at: int, **fields: Any) -> tuple[Moved, Moved]:
    """Profiles of a customer who asks not to be contacted, and who takes that back at a time."""
    never = Moved(lane=0, clock=NINE, subscriber_id="s-1", unit="tianhe-03", allowed=("store",), do_not_contact=True)
    never = replace(never, **fields)
    return never, replace(never, do_not_contact=False, allowed=("store",), clock=at)


@pytest.mark.parametrize("law", [{"do_not_contact": True}, {"do_not_contact": False, "allowed": ()}])
def test_what_was_raised_gets_an_order_when_the_customer_may_be_contacted_again(law: dict[str, Any]) -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), a_breach("b"), mark(NINE))
    never, again = barred_and_free(NINE + DAY, **law)
    assert said(desk.hear(never, never)) == ["order withdrawn"]
    desk.restart()
    assert said(desk.hear(an_answer("released", NINE + HOUR), mark(NINE + DAY))) == []  # no law is released
    found = orders(desk.hear(again))
    assert [(order.step, order.channel) for order in found] == [("dispatched", "store")] * 2
    assert found[-1].alert_ids == ["a", "b"]
    assert said(desk.hear(again)) == []


def test_nobody_who_was_reached_before_they_forbade_contact_is_sent_another_order() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("contacted", NINE + HOUR, "a"))
    never, again = barred_and_free(NINE + DAY)
    assert said(desk.hear(never)) == ["order archived"]
    assert said(desk.hear(again)) == []


def test_a_block_outlasts_a_do_not_contact_that_is_taken_back() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("blocked", NINE, until_ts=NINE + 2 * DAY))
    never, again = barred_and_free(NINE + DAY)
    assert said(desk.hear(never, again)) == ["leave_intent suppressed blocked"]
    assert said(desk.hear(mark(NINE + 2 * DAY))) == ["order dispatched"]


PATIENT = replace(POLICY, desk=DeskPolicy(urgent=()))


def unused_and_free(*kinds: Any, **fields: Any) -> tuple[Moved, Moved]:
    """Profiles of a customer who withdraws the use of what these kinds rest on, and who gives it back a day later."""
    moved = Moved(lane=0, clock=NINE, subscriber_id="s-1", unit="tianhe-03", allowed=("outbound_call", "store"))
    moved = replace(moved, **fields)
    return replace(moved, unused=kinds), replace(moved, clock=NINE + DAY)


@pytest.mark.parametrize("kind", ["competitor_browsing", "risk_tier"])
def test_what_rests_on_withdrawn_consent_loses_its_order_and_gets_one_when_it_is_given_again(kind: Any) -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind=kind), mark(NINE))
    withdrawn, again = unused_and_free(kind)
    (order,) = orders(desk.hear(withdrawn, withdrawn))
    assert (order.step, order.reason) == ("withdrawn", "no_consent")
    desk.restart()
    elsewhere = replace(withdrawn, unit="corporate-1", clock=NINE + HOUR)
    assert said(desk.hear(elsewhere, an_answer("released", NINE + HOUR), mark(NINE + DAY))) == []
    assert said(desk.hear(again)) == ["order dispatched"]


def test_withdrawn_consent_outlasts_a_do_not_contact_that_is_taken_back() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="competitor_browsing"), mark(NINE))
    withdrawn, again = unused_and_free("competitor_browsing")
    never = replace(again, clock=NINE, do_not_contact=True)
    assert said(desk.hear(never, replace(withdrawn, clock=NINE + HOUR))) == ["order withdrawn"]
    assert said(desk.hear(again)) == ["order dispatched"]


def test_what_waits_is_suppressed_when_the_consent_that_it_rests_on_is_withdrawn() -> None:
    desk = DeskBench(PATIENT)
    desk.hear(a_breach("a", kind="competitor_browsing"))
    withdrawn, again = unused_and_free("competitor_browsing")
    outputs = desk.hear(withdrawn, mark(NINE))
    assert said(outputs) == ["competitor_browsing suppressed no_consent"]
    assert [body.reasons for body in (o.body for o in outputs) if isinstance(body, Suppression)] == [None]
    assert said(desk.hear(again, mark(NINE + DAY))) == ["competitor_browsing raised", "order dispatched"]


def test_an_order_that_began_with_what_may_not_be_used_ends_and_the_others_get_another() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="competitor_browsing", priority=90.0), a_breach("b"), mark(NINE))
    withdrawn, _ = unused_and_free("competitor_browsing")
    first, second = orders(desk.hear(withdrawn))
    assert (first.step, first.reason, first.alert_ids) == ("withdrawn", "no_consent", ["a", "b"])
    assert (second.step, second.reason, second.alert_ids) == ("dispatched", "silence", ["b"])
    assert second.order_id != first.order_id


def test_an_order_goes_on_without_what_may_not_be_used_if_that_does_not_lead_it() -> None:
    desk = DeskBench(PATIENT)
    desk.hear(a_breach("a", kind="competitor_browsing"), a_breach("b", priority=90.0), mark(NINE))
    withdrawn, again = unused_and_free("competitor_browsing", clock=NINE + HOUR)
    (order,) = orders(desk.hear(withdrawn, withdrawn))
    assert (order.step, order.reason, order.alert_ids) == ("reassigned", "consent_changed", ["b"])
    (order,) = orders(desk.hear(replace(again, clock=NINE + HOUR)))
    assert (order.step, order.alert_ids) == ("dispatched", ["b", "a"])
    desk.hear(withdrawn)
    assert said(desk.hear(a_breach("b", NINE + HOUR, "closed"))) == ["silence closed", "order withdrawn"]


def test_an_order_about_another_number_is_not_what_this_one_does_not_consent_to() -> None:
    desk = DeskBench(replace(POLICY, contact=ContactPolicy(cooldown_days=0.0)))
    ours: Any = {"kind": "competitor_browsing", "customer": "c-1"}
    desk.hear(a_breach("a", **ours), a_breach("b", subscriber="s-2", priority=90.0, **ours), mark(NINE))
    withdrawn, _ = unused_and_free("competitor_browsing", customer_id="c-1")
    (order,) = orders(desk.hear(withdrawn))
    assert (order.step, order.alert_ids) == ("reassigned", ["b"])
    (order,) = orders(desk.hear(a_breach("b", NINE + HOUR, "closed", subscriber="s-2", **ours)))
    assert (order.step, order.reason) == ("withdrawn", "recovered")


def test_who_was_reached_about_what_may_no_longer_be_used_is_still_answered_about_the_rest() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="competitor_browsing", priority=90.0), a_breach("b"), mark(NINE))
    desk.hear(an_answer("contacted", NINE + HOUR, "a"))
    withdrawn, again = unused_and_free("competitor_browsing", clock=NINE + HOUR)
    assert said(desk.hear(withdrawn, again)) == []
    assert said(desk.hear(an_answer("retained", NINE + DAY, "b"))) == ["order fed_back", "order archived"]


def test_consent_goes_before_do_not_contact_as_at_the_breach() -> None:
    exempt = ContactPolicy(do_not_contact_exempt=("contract_expiry",))
    desk = DeskBench(replace(POLICY, contact=exempt))
    desk.hear(a_breach("a", kind="contract_expiry"), mark(NINE))
    never, _ = barred_and_free(NINE + DAY)
    assert said(desk.hear(never)) == ["order reassigned"]
    (order,) = orders(desk.hear(replace(never, allowed=())))
    assert (order.step, order.reason) == ("withdrawn", "no_consent")


def test_a_new_profile_of_a_former_release_says_nothing_of_what_may_be_used() -> None:
    old = b'{"what":"moved","lane":0,"clock":1,"subscriber_id":"s-1","unit":"u","allowed":["store"]}'
    moved = Moved(lane=0, clock=1, subscriber_id="s-1", unit="u", allowed=("store",))
    assert msgspec.json.decode(old, type=Moved) == moved
    assert msgspec.json.encode(moved) == old


def test_an_order_goes_on_for_the_other_number_of_a_person_who_may_not_be_contacted_about_one() -> None:
    desk = DeskBench(POLICY)
    ours = {"customer": "c-1"}
    desk.hear(a_breach("a", kind="leave_intent", **ours), a_breach("b", subscriber="s-2", **ours), mark(NINE))
    never, again = barred_and_free(NINE + DAY, customer_id="c-1")
    first, second = orders(desk.hear(never))
    assert (first.step, second.step) == ("withdrawn", "dispatched")
    assert (second.subscriber_id, second.alert_ids) == ("s-2", ["b"])
    (joined,) = orders(desk.hear(again))
    assert (joined.order_id, joined.step, joined.alert_ids) == (second.order_id, "dispatched", ["a", "b"])


def test_number_that_turns_out_to_be_of_a_person_brings_its_contacts_along() -> None:
    desk = DeskBench(POLICY)
    desk.hear(OtherContact(lane=0, clock=NINE, subscriber_id="sub", ts=NINE, channel="outbound_call"))
    desk.hear(a_breach("a", subscriber="main", customer="c-1", at=NINE + HOUR, kind="value_decline"))
    at = NINE + 2 * HOUR
    capped = desk.hear(a_breach("b", at, subscriber="sub", customer="c-1"), mark(at))
    assert said(capped) == ["silence suppressed person_cap", "value_decline suppressed person_cap"]
    assert desk.desk.waiting().total() == 0


def test_nothing_is_kept_of_the_erased() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("contacted", NINE, "a"), a_breach("b"))
    closings = [
        a_breach(name, NINE + HOUR, "closed", kind=kind) for name, kind in (("a", "leave_intent"), ("b", "silence"))
    ]
    desk.hear(*closings, Forgotten(lane=0, clock=NINE + HOUR, subscriber_id="s-1"))
    assert not any(b"s-1" in key + value for key, value in desk.state.items())


def test_slow_lane_holds_the_desk_up_until_it_rests() -> None:
    desk = DeskBench(POLICY, lanes=2)
    desk.hear(mark(NINE - HOUR, lane=1), mark(NINE))
    assert desk.desk.held_up_by == {1}
    desk.hear(a_breach("a", NINE + 8 * DAY), mark(NINE + 8 * DAY))
    assert desk.desk.now == NINE - HOUR
    desk.hear(Idle(lane=1))
    assert (desk.desk.now, desk.desk.held_up_by) == (NINE + 8 * DAY, {0})


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0)])
def test_lanes_that_were_idle_before_a_restart_are_waited_for_until_they_have_read_their_backlog(order: Any) -> None:
    """Whichever opens first, and though it has read everything before the others open."""
    desk = DeskBench(governed(UnitPolicy(name="tianhe-03", capacity={"outbound_call": 1})), lanes=3)
    desk.hear(*(record for lane in range(3) for record in (mark(NINE - HOUR, lane), Idle(lane=lane))))
    for lane in order:
        assert said(desk.hear(Mark(lane=lane, tick=NINE - HOUR, generation=8))) == []
        found = a_breach(f"{lane}", NINE, subscriber=f"s-{lane}", lane=lane, priority=lane, channels=("outbound_call",))
        outputs = desk.hear(found, mark(NINE, lane))
        desk.restart()
        outputs += desk.hear(Idle(lane=lane))
        assert [alert.priority for alert in alerts(outputs)] == ([2] if lane == order[-1] else [])


def test_a_lane_that_opens_late_in_a_generation_does_not_end_the_rest_of_the_others() -> None:
    desk = DeskBench(POLICY, lanes=2)
    desk.hear(Mark(lane=0, tick=NINE, generation=8), Idle(lane=0))
    desk.hear(Mark(lane=1, tick=NINE - HOUR, generation=8), mark(NINE + HOUR, lane=1))
    assert (desk.desk.now, desk.desk.held_up_by) == (NINE + HOUR, {1})
    desk.hear(Mark(lane=1, tick=NINE + HOUR, generation=9))
    assert desk.desk.held_up_by == {0}, "its worker has changed, too"


def test_an_opening_of_an_older_generation_that_is_late_ends_its_own_rest_only() -> None:
    """Lanes that stay idle do not say so again: the desk would wait for them until they are excluded."""
    desk = DeskBench(POLICY, lanes=2)
    desk.hear(*(record for lane in (0, 1) for record in (Mark(lane=lane, tick=NINE, generation=8), Idle(lane=lane))))
    desk.hear(Mark(lane=1, tick=NINE, generation=7))
    assert desk.desk.held_up_by == {1}
    desk.hear(Idle(lane=1), Mark(lane=1, tick=NINE, generation=8))
    assert desk.desk.held_up_by == {1}


@pytest.mark.parametrize("late", [0, NINE])
def test_a_burst_to_idle_lanes_is_decided_on_once_all_of_them_are_read(late: int) -> None:
    """Whether it crosses a tick in every lane, or in the first one only."""
    desk = DeskBench(governed(UnitPolicy(name="tianhe-03", capacity={"outbound_call": 1})), lanes=2)
    desk.hear(*(record for lane in range(2) for record in (mark(NINE - HOUR, lane), Idle(lane=lane))))
    desk.hear(a_breach("0", NINE, subscriber="s-0", priority=1.0, channels=("outbound_call",)), mark(NINE))
    worthier = a_breach("1", NINE, subscriber="s-1", lane=1, priority=9.0, channels=("outbound_call",))
    desk.hear(worthier, mark(max(late, NINE - HOUR), 1))
    desk.restart()
    assert said(desk.hear(Idle(lane=0))) == []
    assert [alert.alert_id for alert in alerts(desk.hear(Idle(lane=1)))] == ["1"]


def test_a_lane_that_has_work_after_a_rest_moves_its_time_with_its_second_mark() -> None:
    desk = DeskBench(POLICY)
    desk.hear(mark(NINE - HOUR), Idle(lane=0), a_breach("a"))
    assert said(desk.hear(mark(NINE))) == []
    assert said(desk.hear(mark(NINE + HOUR))) == ["silence raised", "order dispatched"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "account_exodus"])
def test_every_kind_becomes_an_alert_and_an_order(kind: Any) -> None:
    desk = DeskBench(POLICY)
    assert said(desk.hear(a_breach("a", kind=kind), mark(NINE))) == [f"{kind} raised", "order dispatched"]


def test_unknown_step_is_counted_and_changes_nothing() -> None:
    desk = DeskBench(POLICY)
    assert said(desk.hear(a_breach("x", event="closed"), a_breach("y", event="escalated"))) == []
    assert sum(counts.unknown for counts in desk.counts) == 2


def test_another_policy_holds_from_where_it_stands_in_the_log() -> None:
    desk = DeskBench(POLICY)
    first = desk.hear(a_breach("a", kind="leave_intent"))
    desk.hear(Governed(policy=replace(POLICY, version="p-9")))
    second = desk.hear(a_breach("b", kind="leave_intent", subscriber="s-2"))
    assert [orders(each)[0].policy_version for each in (first, second)] == ["p-1", "p-9"]


def a_line(number: int, at: int = NINE, event: Any = "raised", **fields: Any) -> Breach:
    whose = {"subscriber": f"l-{number}", "account_id": "acme", "account_size": 12, "lane": number % 2}
    return a_breach(f"a-{number}", at, event, **{"kind": "risk_tier", "unit": "corporate-1"} | whose | fields)


def test_lines_of_an_account_that_leave_together_are_one_incident() -> None:
    desk = DeskBench(POLICY, lanes=2)
    two = desk.hear(a_line(1), a_line(2), Mark(lane=0, tick=NINE), Mark(lane=1, tick=NINE))
    assert said(two) == ["risk_tier raised", "order dispatched"] * 2
    third = desk.hear(a_line(3, NINE + HOUR))
    assert said(third) == [
        "account_exodus raised", "order dispatched",
        "risk_tier closed", "order withdrawn", "risk_tier closed", "order withdrawn",
        "risk_tier suppressed low_priority",
    ]  # fmt: skip
    incident = alerts(third)[0]
    assert (incident.subscriber_id, incident.account_id, incident.members) == (None, "acme", ["l-1", "l-2", "l-3"])
    assert incident.value.arpu == 3 * 138.0
    assert incident.reasons is not None
    assert (incident.reasons[0].value, incident.reasons[0].text.zh) == (3.0, "12个号码中有3个出现离网迹象")
    assert [alert.close_reason for alert in alerts(third)[1:]] == ["superseded", "superseded"]
    assert {output.key for output in third if output.kind == "alert"} == {"acme", "l-1", "l-2"}
    order = orders(third)[0]
    assert (order.subscriber_id, order.account_id, order.role) == (None, "acme", "account_manager")
    fourth = desk.hear(a_line(4, NINE + HOUR))
    assert said(fourth) == ["risk_tier suppressed low_priority", "account_exodus escalated"]
    grown = alerts(fourth)[-1]
    assert (grown.alert_id, grown.seq, grown.value.arpu) == (incident.alert_id, 2, 4 * 138.0)
    assert grown.action is not None  # as a dispatch service is promised of every step but eased and closed
    assert (grown.action.assignee, grown.action.contact_by) == (order.assignee, order.contact_by)
    assert said(desk.hear(a_line(5, NINE + HOUR, kind="leave_intent")))[:2] == [
        "leave_intent raised",
        "order dispatched",
    ]
    desk.restart()
    over = desk.hear(*(a_line(number, NINE + 2 * HOUR, "closed") for number in (1, 2)))
    assert said(over) == []
    assert said(desk.hear(a_line(3, NINE + 2 * HOUR, "closed"))) == ["account_exodus closed", "order withdrawn"]


def test_a_line_leaves_the_incident_of_its_account_with_the_consent_that_its_breach_rests_on() -> None:
    desk = DeskBench(POLICY)
    lines = [a_line(number, lane=0, kind="competitor_browsing" if number == 1 else "risk_tier") for number in (1, 2, 3)]
    assert "account_exodus raised" in said(desk.hear(*lines, a_line(4, lane=0)))
    withdrawn, _ = unused_and_free("competitor_browsing", unit="corporate-1")
    desk.restart()
    assert said(desk.hear(replace(withdrawn, subscriber_id="l-1"), replace(withdrawn, subscriber_id="l-2"))) == []
    grown = alerts(desk.hear(a_line(5, NINE + HOUR, lane=0)))[-1]
    assert grown.members == ["l-2", "l-3", "l-4", "l-5"]
    others = [replace(withdrawn, subscriber_id=f"l-{number}", unused=("risk_tier",)) for number in (2, 3)]
    assert said(desk.hear(*others)) == ["account_exodus closed", "order withdrawn"]


def test_an_incident_ends_when_its_lines_may_not_be_contacted_and_begins_anew_when_they_may() -> None:
    desk = DeskBench(POLICY)
    former = alerts(desk.hear(*(a_line(number, lane=0) for number in (1, 2, 3))))
    assert [alert.event for alert in former if alert.kind == "account_exodus"] == ["raised"]
    never, again = barred_and_free(NINE + 40 * DAY, unit="corporate-2", manager="mei")
    lines = [f"l-{number}" for number in (1, 2, 3)]
    assert said(desk.hear(*(replace(never, subscriber_id=line) for line in lines))) == [
        "account_exodus closed",
        "order withdrawn",
        *["risk_tier suppressed do_not_contact"] * 2,  # of the lines that were left for a moment
    ]
    desk.restart()
    assert said(desk.hear(mark(NINE + 2 * DAY))) == []
    (anew,) = [
        alert
        for alert in alerts(desk.hear(*(replace(again, subscriber_id=line) for line in lines)))
        if alert.kind == "account_exodus"
    ]
    assert (anew.event, anew.seq, anew.members, anew.ts) == ("raised", 1, lines, again.clock)
    assert anew.alert_id not in {alert.alert_id for alert in former}
    assert anew.action is not None
    assert (anew.action.unit, anew.action.assignee) == ("corporate-2", "mei")
    assert said(desk.hear(*(replace(again, subscriber_id=line) for line in lines))) == []


def test_an_incident_that_one_line_opens_again_has_an_id_and_a_time_of_its_own() -> None:
    desk = DeskBench(POLICY)
    outputs = desk.hear(*(a_line(number, lane=0) for number in (1, 2, 3)))
    for at in (NINE + HOUR, NINE + 40 * DAY, NINE + 41 * DAY, NINE + 80 * DAY):
        never, again = barred_and_free(at, subscriber_id="l-3", unit="corporate-1")
        outputs += desk.hear(replace(never, clock=at), again)
        desk.restart()
    ids = [output.ce_id for output in outputs if output.kind in ("alert", "suppression", "work_order")]
    assert len(ids) == len(set(ids))
    incidents = [alert for alert in alerts(outputs) if alert.kind == "account_exodus" and alert.event == "raised"]
    assert len(incidents) >= 3
    assert [alert.ts for alert in incidents] == sorted({alert.ts for alert in incidents})


def test_lines_are_answered_by_themselves_again_when_too_few_are_left_for_the_incident() -> None:
    desk = DeskBench(POLICY)
    first = desk.hear(*(a_line(number, lane=0, customer=f"c-{number}") for number in (1, 2)), mark(NINE))
    assert said(first) == ["risk_tier raised", "order dispatched"] * 2
    desk.hear(a_line(3, NINE + HOUR, lane=0, customer="c-3"))
    desk.restart()
    at = NINE + 2 * HOUR
    over = desk.hear(a_line(1, at, "closed", lane=0, customer="c-1"), mark(at))
    assert said(over)[:2] == ["account_exodus closed", "order withdrawn"]
    back = sorted((alert for alert in alerts(over) if alert.event == "raised"), key=lambda alert: alert.subscriber_id)
    assert [(alert.subscriber_id, alert.seq, alert.ts) for alert in back] == [
        ("l-2", 1, at),
        ("l-3", 1, at),
    ]
    assert back[0].alert_id not in {alert.alert_id for alert in alerts(first)}, "that alert was closed"
    assert all(alert.reasons and alert.action for alert in back)
    desk.restart()
    ended = desk.hear(*(a_line(number, at + HOUR, "closed", lane=0, customer=f"c-{number}") for number in (2, 3)))
    assert said(ended) == ["risk_tier closed", "order withdrawn"] * 2
    assert [alert.alert_id for alert in alerts(ended)] == [alert.alert_id for alert in back]
    assert "a-2" not in str(desk.state)


def test_a_line_is_heard_again_after_feedback_has_ended_the_incident_that_covered_it() -> None:
    desk = DeskBench(POLICY)
    (incident, *_) = alerts(desk.hear(*(a_line(number, lane=0, customer=f"c-{number}") for number in (1, 2, 3))))
    desk.hear(an_answer("retained", NINE + HOUR, incident.alert_id, subscriber="l-1"))
    stronger = a_line(2, NINE + 40 * DAY, "escalated", lane=0, customer="c-2")
    assert said(desk.hear(stronger, mark(NINE + 40 * DAY)))[:2] == ["account_exodus raised", "order dispatched"]


def three_lines_leave() -> tuple[DeskBench, Alert]:
    """The desk with the incident of an account, three lines of which leave."""
    desk = DeskBench(POLICY)
    incident, *_ = alerts(desk.hear(*(a_line(number, lane=0, customer=f"c-{number}") for number in (1, 2, 3))))
    return desk, incident


@pytest.mark.parametrize("status", ["dismissed", "snoozed"])
def test_a_line_is_handed_back_once_and_leaves_nothing(status: Any) -> None:
    desk, incident = three_lines_leave()
    desk.hear(an_answer(status, NINE + HOUR, incident.alert_id, subscriber="l-1", until_ts=NINE + 3 * DAY))
    desk.hear(a_line(1, NINE + 2 * HOUR, "escalated", lane=0, customer="c-1"))
    desk.restart()
    over = desk.hear(a_line(3, NINE + 4 * HOUR, "closed", lane=0, customer="c-3"), mark(NINE + 35 * DAY))
    found = [alert.alert_id for alert in alerts(over) if alert.event == "raised" and alert.subscriber_id == "l-1"]
    assert len(found) <= 1
    ends = (a_line(number, NINE + 40 * DAY, "closed", lane=0, customer=f"c-{number}") for number in (1, 2))
    desk.hear(*ends, Forgotten(lane=0, clock=NINE + 40 * DAY, subscriber_id="l-1", customer_id="c-1"))
    assert not any(b"l-1" in key + value for key, value in desk.state.items())


def test_an_incident_that_is_snoozed_while_its_account_is_blocked_gets_no_order_when_that_ends() -> None:
    desk, incident = three_lines_leave()
    blocked = an_answer("blocked", NINE + HOUR, subscriber="l-1", account_id="acme", until_ts=NINE + 2 * DAY)
    snoozed = an_answer("snoozed", NINE + 2 * HOUR, incident.alert_id, subscriber="l-1", until_ts=NINE + 3 * DAY)
    assert [order.step for order in orders(desk.hear(blocked, snoozed))] == ["withdrawn"]
    assert orders(desk.hear(mark(NINE + 2 * DAY))) == []
    (again,) = orders(desk.hear(mark(NINE + 3 * DAY)))
    assert (again.step, incident.alert_id in again.alert_ids) == ("dispatched", False)


def test_a_line_that_was_handed_back_counts_in_one_account() -> None:
    desk, _ = three_lines_leave()
    desk.hear(a_line(3, NINE + HOUR, "closed", lane=0, customer="c-3"), mark(NINE + HOUR))
    desk.hear(a_line(1, NINE + 2 * HOUR, "escalated", lane=0, customer="c-1", account_id="beta"))
    desk.restart()
    later = desk.hear(a_line(4, NINE + 60 * DAY, lane=0, customer="c-4"), mark(NINE + 60 * DAY))
    assert "account_exodus raised" not in said(later)


def test_an_incident_that_is_raised_later_names_no_line_that_has_left_it() -> None:
    desk, incident = three_lines_leave()
    desk.hear(an_answer("dismissed", NINE + HOUR, incident.alert_id, subscriber="l-1"))
    assert said(desk.hear(a_line(4, NINE + DAY, lane=0)))[-1] == "account_exodus suppressed cooldown"
    desk.hear(a_line(4, NINE + 2 * DAY, "closed", lane=0))
    desk.hear(Forgotten(lane=0, clock=NINE + 2 * DAY, subscriber_id="l-4"))
    assert not any(b"l-4" in key + value for key, value in desk.state.items())
    later = [alert for alert in alerts(desk.hear(mark(NINE + 31 * DAY))) if alert.kind == "account_exodus"]
    assert [alert.members for alert in later] == [["l-1", "l-2", "l-3"]]


def test_a_line_that_may_be_contacted_again_is_in_the_incident_of_its_account() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_line(9, lane=0), mark(NINE))
    never, again = barred_and_free(NINE + DAY, subscriber_id="l-9", unit="corporate-1")
    assert said(desk.hear(never)) == ["order withdrawn"]
    (incident, *_) = alerts(desk.hear(*(a_line(number, NINE + HOUR, lane=0) for number in (1, 2, 3))))
    assert incident.members == ["l-1", "l-2", "l-3"]
    back = desk.hear(again)
    assert said(back) == ["risk_tier closed", "account_exodus escalated"]
    assert alerts(back)[-1].members == ["l-1", "l-2", "l-3", "l-9"]


def test_front_line_ends_an_incident_and_a_new_one_waits_for_the_cooldown() -> None:
    desk = DeskBench(POLICY)
    (incident, *_) = alerts(desk.hear(*(a_line(number, lane=0) for number in (1, 2, 3))))
    ended = desk.hear(an_answer("retained", NINE + HOUR, incident.alert_id, subscriber="l-1"))
    assert said(ended) == ["order contacted", "order fed_back", "order archived", "account_exodus closed"]
    again = desk.hear(a_line(4, NINE + 2 * HOUR, lane=0))
    assert said(again) == ["account_exodus suppressed cooldown"]
    later = desk.hear(mark(NINE + 31 * DAY))
    assert "account_exodus raised" in said(later)


def test_feedback_of_a_stranger_ends_no_incident_and_is_heard_as_their_own() -> None:
    desk = DeskBench(POLICY)
    (incident, *_) = alerts(desk.hear(*(a_line(number, lane=0) for number in (1, 2, 3))))
    assert desk.hear(an_answer("refused", NINE + HOUR, incident.alert_id, subscriber="s-9", account_id="other")) == []
    assert said(desk.hear(a_breach("b", NINE + 2 * HOUR, kind="competitor_browsing", subscriber="s-9"))) == [
        "competitor_browsing suppressed cooldown"
    ]
    # Any line of the account may be named, also one that has not breached.
    ended = desk.hear(an_answer("retained", NINE + 3 * HOUR, incident.alert_id, subscriber="l-8", account_id="acme"))
    assert "account_exodus closed" in said(ended)


def test_a_snoozed_incident_is_raised_anew_at_its_end_and_not_before() -> None:
    desk = DeskBench(POLICY)
    (incident, *_) = alerts(desk.hear(*(a_line(number, lane=0) for number in (1, 2, 3))))
    until = NINE + 5 * DAY
    ended = desk.hear(an_answer("snoozed", NINE + HOUR, incident.alert_id, subscriber="l-1", until_ts=until))
    assert said(ended) == ["order fed_back", "order archived", "account_exodus closed"]
    own = desk.hear(a_line(4, NINE + 2 * HOUR, lane=0), mark(NINE + 2 * HOUR))
    assert said(own) == ["risk_tier raised", "order dispatched"]  # no incident covers it now
    desk.restart()
    pressed = desk.hear(a_line(1, NINE + 2 * DAY, "closed", lane=0), mark(until - HOUR))
    assert said(pressed) == ["order reminded", "order escalated", "order returned"]  # those of the fourth line
    anew = desk.hear(mark(until))
    assert said(anew) == ["account_exodus raised", "order dispatched", "risk_tier closed", "order withdrawn"]
    again = alerts(anew)[0]
    assert again.alert_id != incident.alert_id
    assert (again.seq, again.ts, again.members) == (1, until, ["l-2", "l-3", "l-4"])
    assert (again.account_id, again.value.arpu, again.policy_version) == ("acme", 3 * 138.0, POLICY.version)
    assert again.trigger.tick == until
    assert again.reasons is not None
    assert again.reasons[0].text.en == "3 of 12 lines show signs of leaving"
    assert again.action is not None
    assert incident.action is not None
    assert (again.action.unit, again.action.channel) == (incident.action.unit, incident.action.channel)
    assert until < again.action.contact_by < until + 2 * DAY
    desk.restart()
    assert said(desk.hear(an_answer("dismissed", until, again.alert_id, subscriber="l-2"))) == [
        "order fed_back",
        "order archived",
        "account_exodus closed",
    ]


def test_a_snoozed_incident_that_is_over_at_its_end_is_not_raised_and_names_nobody() -> None:
    desk = DeskBench(POLICY)
    (incident, *_) = alerts(desk.hear(*(a_line(number, lane=0) for number in (1, 2, 3))))
    desk.hear(an_answer("snoozed", NINE + HOUR, incident.alert_id, subscriber="l-1"))  # for contact.snooze_days
    over = a_line(1, NINE + DAY, "closed", lane=0)
    assert said(desk.hear(over, Forgotten(lane=0, clock=NINE + DAY, subscriber_id="l-1"))) == []
    assert not any(b"l-1" in key + value for key, value in desk.state.items())
    lines = alerts(desk.hear(mark(NINE + 8 * DAY)))
    assert sorted((alert.kind, alert.event, alert.subscriber_id) for alert in lines) == [
        ("risk_tier", "raised", "l-2"),
        ("risk_tier", "raised", "l-3"),
    ]


def test_line_that_comes_to_another_account_counts_there_from_its_next_step_on() -> None:
    desk = DeskBench(POLICY)
    desk.hear(*(a_line(number, lane=0) for number in (1, 2)), mark(NINE))
    moved = desk.hear(a_line(1, NINE + HOUR, "escalated", lane=0, account_id="other"))
    assert said(moved) == ["risk_tier escalated", "order dispatched"]
    assert "account_exodus raised" not in said(desk.hear(a_line(3, NINE + HOUR, lane=0)))
    fourth = desk.hear(*(a_line(number, NINE + HOUR, lane=0, account_id="other") for number in (4, 5)))
    assert [alert.members for alert in alerts(fourth) if alert.kind == "account_exodus"] == [["l-1", "l-4", "l-5"]]
    assert said(desk.hear(a_line(1, NINE + 2 * HOUR, "closed", lane=0, account_id="other"))) == [
        "account_exodus closed",
        "order withdrawn",
    ]


def test_line_that_comes_to_an_account_with_an_incident_is_in_it() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_line(9, lane=0, account_id="other"), mark(NINE), *(a_line(number, lane=0) for number in (1, 2, 3)))
    moved = desk.hear(a_line(9, NINE + HOUR, "escalated", lane=0))
    assert said(moved) == ["risk_tier closed", "order withdrawn", "account_exodus escalated"]
    assert alerts(moved)[-1].members == ["l-1", "l-2", "l-3", "l-9"]


def test_few_lines_of_many_are_no_exodus() -> None:
    desk = DeskBench(POLICY)
    lines = [a_line(number, lane=0, account_size=100) for number in range(5)]
    assert "account_exodus raised" not in said(desk.hear(*lines, mark(NINE)))


def test_whoever_asks_to_be_left_alone_is_until_then_but_heard_when_they_ring() -> None:
    desk = DeskBench(POLICY)
    until = NINE + 20 * DAY
    desk.hear(an_answer("snoozed", NINE, until_ts=until))
    assert said(desk.hear(a_breach("a", NINE + DAY), mark(NINE + DAY))) == ["silence suppressed snoozed"]
    assert said(desk.hear(a_breach("b", NINE + DAY, kind="leave_intent")))[:1] == ["leave_intent raised"]
    desk.hear(an_answer("retained", NINE + DAY, "b"))
    assert said(desk.hear(mark(until))) == ["silence raised", "order dispatched"]


def test_notice_is_told_hands_or_no_hands_and_done_when_it_was_delivered() -> None:
    none = replace(TIANHE, capacity={"outbound_call": 0, "store": 0})
    desk = DeskBench(governed(none))
    assert said(desk.hear(a_breach("n", kind="contract_expiry"), mark(NINE))) == []
    assert said(desk.hear(mark(NINE + 3 * DAY))) == ["contract_expiry raised", "order dispatched"]
    done = desk.hear(an_answer("delivered", NINE + 4 * DAY, "n"), an_answer("read", NINE + 5 * DAY, "n"))
    assert said(done) == ["order contacted", "order archived"]
    (file,) = [value for key, value in desk.state.items() if key.startswith(b"p")]
    assert file.count(b'"delivered"') == 1
    assert b'"read"' not in file


def notice(number: int, channels: tuple[Channel, ...]) -> Breach:
    """The first notice of a contract's end, or a further one, which the lane gives over the next channel."""
    event: Any = "escalated" if number else "raised"
    channels = (*channels[number:], *channels[:number])
    return a_breach("n", NINE + 30 * number * DAY, event, kind="contract_expiry", channels=channels)


BY_MESSAGE: tuple[Channel, ...] = ("sms", "app_push", "wechat", "outbound_call")


def test_the_next_notice_takes_another_channel_than_the_last_one_whatever_capacity_had_made_of_that() -> None:
    desk = DeskBench(governed(replace(TIANHE, capacity={"sms": 0, "wechat": 0, "outbound_call": 0})))
    (order,) = orders(desk.hear(notice(0, BY_MESSAGE), mark(NINE)))
    assert order.channel == "app_push"
    desk.restart()
    (order,) = orders(desk.hear(notice(1, BY_MESSAGE)))[-1:]
    assert order.channel == "wechat", "it is owed, with or without capacity"
    (order,) = orders(desk.hear(notice(2, BY_MESSAGE)))[-1:]
    assert order.channel == "outbound_call"


def test_the_next_notice_takes_another_channel_though_somebody_has_accepted_the_last_one() -> None:
    desk = DeskBench(governed(TIANHE))
    desk.hear(notice(0, BY_MESSAGE), an_answer("accepted", NINE, "n", by="wang"))
    (order,) = orders(desk.hear(notice(1, BY_MESSAGE)))[-1:]
    assert (order.step, order.channel) == ("dispatched", "app_push")


def test_a_channel_is_not_used_twice_before_all_were_used_once() -> None:
    desk, found = DeskBench(governed(TIANHE)), []
    for number in range(6):
        again = replace(notice(number, BY_MESSAGE), channels=BY_MESSAGE)
        found.append(orders(desk.hear(again, mark(again.clock)))[-1].channel)
        desk.restart()
    assert found == ["sms", "app_push", "wechat", "outbound_call", "sms", "app_push"]


def test_the_next_notice_takes_another_channel_than_the_one_that_tries_had_come_to() -> None:
    desk = DeskBench(governed(TIANHE))
    desk.hear(notice(0, BY_MESSAGE))
    tried = desk.hear(*(an_answer("unreachable", NINE + 2 * n * HOUR, "n") for n in range(3)))
    assert orders(tried)[-1].channel == "app_push"
    desk.hear(an_answer("dismissed", NINE + DAY))  # about the whole order, which ends it; the notice is still owed
    (order,) = orders(desk.hear(notice(1, BY_MESSAGE)))[-1:]
    assert (order.step, order.channel) == ("dispatched", "wechat")


def test_a_customer_who_allows_one_channel_only_gets_every_notice_over_it() -> None:
    desk = DeskBench(governed(TIANHE))
    found = [orders(desk.hear(notice(number, ("sms",))))[-1].channel for number in range(2)]
    assert found == ["sms", "sms"]


def test_order_stays_with_whoever_accepted_it_when_a_stronger_alert_joins() -> None:
    desk = DeskBench(governed(TIANHE))
    desk.hear(a_breach("a", kind="competitor_browsing", priority=5.0), an_answer("accepted", NINE, "a", by="wang"))
    (order,) = orders(desk.hear(a_breach("b", NINE + HOUR, kind="leave_intent", priority=9.0)))
    assert (order.alert_ids, order.role, order.assignee) == (["b", "a"], "caller", "wang")


def test_a_contact_during_an_order_that_may_only_be_answered_counts_in_caps() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("code", kind="port_out", answers_only=True), an_answer("contacted", NINE + HOUR, "code"))
    desk.hear(a_breach("s", NINE + 8 * DAY), mark(NINE + 8 * DAY))
    again = desk.hear(*(an_answer("contacted", NINE + 12 * DAY + n * HOUR, "s") for n in range(2)))
    assert said(again) == ["order contacted"], "the second is the same contact, reported twice"
    desk.restart()
    desk.hear(an_answer("withdrawn", NINE + 12 * DAY + 2 * HOUR))
    late = desk.hear(a_breach("v", NINE + 13 * DAY, kind="value_decline"), mark(NINE + 13 * DAY))
    assert said(late) == ["value_decline suppressed person_cap"]


def test_an_order_moves_to_no_channel_without_capacity() -> None:
    limited = UnitPolicy(name="tianhe-03", capacity={"outbound_call": 1, "store": 0, "sms": 3})
    desk, both = DeskBench(governed(limited)), ("outbound_call", "sms")
    by_sms = [a_breach(f"{n}", subscriber=f"s-2{n}", channels=("sms",)) for n in range(3)]
    desk.hear(*by_sms, mark(NINE))
    stronger = [
        a_breach(f"{n}", NINE + DAY, "escalated", subscriber=f"s-2{n}", channels=both, level=2) for n in range(3)
    ]
    found = [order for order in orders(desk.hear(*stronger, mark(NINE + DAY))) if order.step == "dispatched"]
    assert [order.channel for order in found] == ["outbound_call", "sms", "sms"]
    assert desk.desk.today()["tianhe-03"].contacts == 1, "the others were counted yesterday"


def test_tries_go_on_over_a_channel_with_capacity() -> None:
    limited = UnitPolicy(name="tianhe-03", capacity={"outbound_call": 1, "store": 0, "sms": 3})
    desk = DeskBench(governed(limited))
    desk.hear(a_breach("a", channels=("outbound_call", "store", "sms")), mark(NINE))
    tried = desk.hear(*(an_answer("unreachable", NINE + 2 * n * HOUR, "a") for n in range(3)))
    assert orders(tried)[-1].channel == "sms"


def test_an_urgent_order_passes_the_limit_but_not_to_a_channel_on_which_nobody_works() -> None:
    limited = UnitPolicy(name="tianhe-03", capacity={"field_visit": 0, "outbound_call": 1, "store": 0, "sms": 3})
    desk, play = DeskBench(governed(limited)), ("field_visit", "outbound_call", "store", "sms")
    some = [a_breach(f"{n}", kind="leave_intent", subscriber=f"s-2{n}", channels=play) for n in range(2)]
    assert [order.channel for order in orders(desk.hear(*some))] == ["outbound_call", "outbound_call"]
    tried = desk.hear(*(an_answer("unreachable", NINE + 2 * n * HOUR, "0", subscriber="s-20") for n in range(3)))
    assert orders(tried)[-1].channel == "sms"
    due = desk.hear(
        a_breach(
            "n", kind="leave_intent", subscriber="s-3", customer="c-3", channels=("outbound_call",), priority=99.0
        ),
        a_breach("m", kind="leave_intent", subscriber="s-4", customer="c-3", channels=("field_visit", "sms")),
        a_breach("n", NINE + HOUR, "closed", kind="leave_intent", subscriber="s-3", customer="c-3"),
    )
    assert [(order.step, order.channel) for order in orders(due)][-1] == ("reassigned", "sms")
    nobody = DeskBench(governed(UnitPolicy(name="tianhe-03", capacity=dict.fromkeys(play, 0))))
    assert orders(nobody.hear(some[0]))[0].channel == "field_visit"


def test_a_profile_that_passes_leaves_a_waiting_breach_its_channels() -> None:
    desk = DeskBench(governed(UnitPolicy(name="tianhe-03", capacity={"outbound_call": 1, "sms": 0})))
    better = a_breach("x", subscriber="s-9", priority=99.0, channels=("outbound_call",))
    desk.hear(better, a_breach("a", channels=("outbound_call",)), mark(NINE))
    for hour, allowed in ((1, ("sms",)), (2, ("outbound_call", "sms"))):
        _, moved = barred_and_free(NINE + hour * HOUR)
        desk.hear(replace(moved, allowed=allowed))
        desk.restart()
    assert "silence raised" in said(desk.hear(mark(NINE + DAY)))


@pytest.mark.parametrize("news", ["retained", "eased"])
def test_a_further_order_that_waits_for_capacity_is_dropped_when_it_is_not_needed(news: str) -> None:
    desk = DeskBench(governed(UnitPolicy(name="tianhe-03", capacity={"outbound_call": 2}), caps=()))
    one = a_breach("a", channels=("outbound_call",))
    desk.hear(one, mark(NINE), an_answer("contacted", NINE + HOUR, "a"))
    desk.hear(a_breach("b", NINE + HOUR, subscriber="s-2", channels=("outbound_call",)), mark(NINE + HOUR))
    stronger = a_breach("a", NINE + 2 * HOUR, "escalated", channels=("outbound_call",))
    assert said(desk.hear(stronger)) == ["silence suppressed capacity"]
    if news == "eased":
        desk.hear(a_breach("a", NINE + 3 * HOUR, "eased"))
    else:
        desk.hear(an_answer("retained", NINE + 3 * HOUR))  # about the whole order
    desk.restart()
    assert [order for order in orders(desk.hear(mark(NINE + 2 * DAY))) if order.subscriber_id == "s-1"] == []


@pytest.mark.parametrize("how", ["escalated", "given back"])
def test_a_further_order_of_a_raised_alert_takes_nobody_whose_day_is_full(how: str) -> None:
    desk = DeskBench(governed(UnitPolicy(name="tianhe-03", capacity={"outbound_call": 2}), caps=()))
    one = a_breach("a", channels=("outbound_call",))
    desk.hear(one, mark(NINE))
    if how == "escalated":
        desk.hear(an_answer("contacted", NINE + HOUR, "a"))
        more: list[Any] = [a_breach("a", NINE + 2 * HOUR, "escalated", channels=("outbound_call",))]
    else:
        never, again = barred_and_free(NINE + 2 * HOUR, allowed=("outbound_call",))
        desk.hear(never)
        more = [replace(again, allowed=("outbound_call",))]
    others = [a_breach(f"{n}", NINE + HOUR, subscriber=f"s-2{n}", channels=("outbound_call",)) for n in range(3)]
    desk.hear(*others, mark(NINE + HOUR))
    assert desk.desk.today()["tianhe-03"].contacts == 2
    assert said(desk.hear(*more)) == ["silence suppressed capacity"]
    assert desk.desk.today()["tianhe-03"].contacts == 2
    desk.restart()
    assert "order dispatched" in said(desk.hear(mark(NINE + 16 * HOUR)))  # the next day has begun
    assert desk.desk.today()["tianhe-03"].contacts <= 2


def test_where_hands_are_not_counted_nobody_waits() -> None:
    desk = DeskBench(Policy())
    assert said(desk.hear(a_breach("a"))) == ["silence raised", "order dispatched"]
