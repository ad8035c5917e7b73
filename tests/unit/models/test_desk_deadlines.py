"""By when the desk wants a contact, and who leads the order that is pressed for it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.breaches_made import DAY, HOUR, NINE, a_breach, an_answer
from support.desk_days import MINUTE, POLICY, TEN, TUESDAY, a_code, given, mark, orders, over, profile, raised, steps
from support.desk_rig import DeskBench

from models.contract.alerts import Alert
from models.contract.breaches import Forgotten, Governed, Left, Mark, Moved
from models.contract.policy import ContactPolicy, DeskPolicy, Policy, UnitPolicy
from models.detection.contact_rules import contact_by, opens


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


def test_a_profile_that_comes_again_postpones_nothing_and_the_pressing_goes_on() -> None:
    """Lanes report each profile of a customer with an open alert: once a night it put off every overdue order."""
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN, priority=90.0), given("b", TEN, "silence", priority=1.0), mark(TEN + 6 * HOUR))
    assert steps(desk.hear(profile("s-1", TEN + 7 * HOUR))) == []
    assert steps(desk.hear(mark(TUESDAY + DAY))) == [("returned", "deadline_long_passed")]


def test_what_joins_an_overdue_order_overrides_no_deadline_that_is_still_ahead() -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN), given("c", TEN + HOUR, "complaint_overdue", subscriber="s-2", priority=5.0))
    desk.hear(mark(TEN + 6 * HOUR))
    (joined,) = orders(desk.hear(given("w", TEN + 7 * HOUR, "win_back", subscriber="s-3", priority=1.0)))
    assert joined.contact_by == contact_by("complaint_overdue", 1, TEN + HOUR, None, POLICY)


def test_what_joins_an_overdue_order_is_due_before_an_appointment_in_it() -> None:
    desk, appointment = DeskBench(POLICY), TUESDAY + 4 * HOUR
    desk.hear(given("p", TEN, "disconnect_appointment", before_ts=appointment), mark(TUESDAY))
    (joined,) = orders(desk.hear(given("s", TUESDAY + MINUTE, "silence", subscriber="s-2", priority=1.0)))
    assert TUESDAY + MINUTE < joined.contact_by < appointment


def test_on_the_next_channel_the_earliest_deadline_holds_of_all_alerts() -> None:
    desk, appointment = DeskBench(POLICY), NINE + 8 * HOUR + HOUR // 2
    of_other = given("p", TEN, "disconnect_appointment", before_ts=appointment, priority=5.0, subscriber="s-2")
    desk.hear(given("a", TEN, priority=90.0), of_other)
    said = orders(desk.hear(*(an_answer("unreachable", TEN + h * HOUR, "a", customer_id="c-1") for h in (0, 1, 4))))
    assert (said[-1].reason, said[-1].channel) == ("unanswered", "store")
    assert said[-1].contact_by == contact_by("disconnect_appointment", 1, TEN, appointment, POLICY)


def test_a_stronger_sign_does_not_put_a_contact_off() -> None:
    desk = DeskBench(POLICY)
    (first,) = orders(desk.hear(given("a", TEN)))
    again = orders(desk.hear(given("a", TEN + 5 * HOUR, event="escalated", level=2)))
    assert again[-1].step == "dispatched"
    assert again[-1].contact_by == first.contact_by


@pytest.mark.parametrize("holidays", [(), ("2026-05-30", "2026-05-31", "2026-06-01")])
def test_reminders_come_inside_contact_hours(holidays: tuple[str, ...]) -> None:
    """Three quarters of the time by the clock fell into the night, the lunch break and holidays."""
    policy = replace(POLICY, contact=ContactPolicy(holidays=holidays))
    desk, six = DeskBench(policy), NINE + 9 * HOUR
    desk.hear(given("a", six, policy=policy))
    said = orders(desk.hear(*(mark(six + tick * 15 * MINUTE) for tick in range(1, 8 * 96))))
    reminded = next(order for order in said if order.step == "reminded")
    assert opens(reminded.ts, policy.contact) == reminded.ts
    assert (reminded.contact_by - reminded.ts) == HOUR  # of the four hours


def test_a_number_that_does_not_lead_moves_the_order_nowhere() -> None:
    """At each of its profiles, unchanged, the order went to its unit, and back at the next one of the leader."""
    desk = DeskBench(POLICY)
    browsing = given("b", TEN, "competitor_browsing", unit="tianhe-04", priority=1.0, channels=("store", "sms"))
    desk.hear(browsing, given("a", TEN + MINUTE, subscriber="s-2", priority=90.0))
    desk.hear(an_answer("accepted", TEN + HOUR, "a", subscriber="s-2", customer_id="c-1"))
    assert steps(desk.hear(profile("s-1", TEN + HOUR, "tianhe-04", allowed=("store", "sms")))) == []
    assert steps(desk.hear(profile("s-2", TEN + HOUR))) == []
    moved = orders(desk.hear(profile("s-2", TEN + 2 * HOUR, "tianhe-05")))
    assert [(order.reason, order.unit) for order in moved] == [("other_unit", "tianhe-05")]


def test_nobody_is_pressed_while_a_port_out_code_is_open_though_its_order_is_archived() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_code("code", TEN), an_answer("contacted", TEN + HOUR, customer_id="c-1"))
    desk.hear(an_answer("dismissed", TEN + 2 * HOUR, customer_id="c-1"))
    said = desk.hear(given("a", TEN + 3 * HOUR, subscriber="s-2"))
    (order,) = orders(said)
    assert (order.alert_ids, order.channel, order.role) == (["code", "a"], "store", "counter")
    assert steps(desk.hear(mark(TEN + 9 * DAY))) == []


def test_after_a_block_the_alert_that_may_only_be_answered_comes_first() -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN, subscriber="s-2"), a_code("code", TEN))
    desk.hear(an_answer("blocked", TEN + HOUR, customer_id="c-1", until_ts=TUESDAY))
    again = orders(desk.hear(mark(TUESDAY)))
    assert [(order.step, order.role, order.alert_ids[0]) for order in again] == [("dispatched", "counter", "code")] * 2


@pytest.mark.parametrize("status", ["contacted", "unreachable", "dismissed"])
def test_an_order_that_was_worked_is_archived_not_withdrawn(status: Any) -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN), given("b", TEN, "complaint_overdue", priority=1.0))
    desk.hear(an_answer(status, TEN + HOUR, "a", customer_id="c-1"), over("a", TEN + 2 * HOUR))
    assert steps(desk.hear(over("b", TEN + 3 * HOUR, "complaint_overdue")))[-1] == ("archived", "recovered")


def test_who_was_reached_is_not_pressed_again_when_what_joined_is_over() -> None:
    capacity = UnitPolicy(name="tianhe-03", capacity={"outbound_call": 9, "store": 9})
    desk = DeskBench(replace(POLICY, units=(capacity,)))
    desk.hear(given("a", TEN), an_answer("contacted", TEN + HOUR, "a", customer_id="c-1"))
    desk.hear(given("b", TEN + 2 * HOUR, "complaint_overdue", subscriber="s-2"), mark(TEN + 2 * HOUR))
    assert desk.desk.today()["tianhe-03"].contacts == 2
    said = steps(desk.hear(over("b", TEN + 5 * HOUR, "complaint_overdue", subscriber="s-2")))
    assert said == [("reassigned", "other_matter")]
    assert desk.desk.today()["tianhe-03"].contacts == 1
    assert steps(desk.hear(mark(TEN + 3 * DAY))) == []
    desk.restart()
    assert steps(desk.hear(over("a", TEN + 4 * DAY))) == [("archived", "recovered")]


def test_an_order_that_stayed_with_who_accepted_it_goes_on_to_the_leaders_channels() -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("a", TEN, "competitor_browsing", priority=5.0), an_answer("accepted", TEN, "a", customer_id="c-1"))
    desk.hear(given("b", TEN + HOUR, priority=90.0, subscriber="s-2", channels=("field_visit", "store")))
    tries = (an_answer("unreachable", TEN + h * HOUR, "b", subscriber="s-2", customer_id="c-1") for h in (1, 4, 5))
    said = orders(desk.hear(*tries))
    assert (said[-2].channel, said[-1].reason, said[-1].channel) == ("outbound_call", "unanswered", "field_visit")


def test_what_joins_takes_no_capacity_of_a_full_unit() -> None:
    def unit(name: str, calls: int) -> UnitPolicy:
        return UnitPolicy(name=name, capacity={"outbound_call": calls, "store": 0})

    desk = DeskBench(Policy(version="p-1", units=(unit("u1", 5), unit("u2", 1))))
    calls: Any = {"channels": ("outbound_call",)}
    full = given("x", TEN, "silence", unit="u2", subscriber="s-9", customer="c-9", **calls)
    desk.hear(full, given("a", TEN, "silence", unit="u1", **calls), mark(TEN))
    better = given("b", TEN + HOUR, "value_decline", unit="u2", subscriber="s-2", priority=90.0, **calls)
    (joined,) = orders(desk.hear(better, mark(TEN + HOUR)))
    assert (joined.alert_ids, joined.unit) == (["a", "b"], "u1")
    assert [desk.desk.today()[name].contacts for name in ("u1", "u2")] == [1, 1]


def evening_breaches(policy: Policy, count: int) -> DeskBench:
    desk, late = DeskBench(policy), NINE + 11 * HOUR + HOUR // 2
    for number in range(count):
        whose = {"subscriber": f"s-{number}", "customer": f"c-{number}", "channels": ("outbound_call",)}
        desk.hear(given(f"a{number}", late, "silence", policy=policy, **whose))
    desk.hear(*(mark(late + tick * 15 * MINUTE) for tick in range(1, 5 * 96)))
    return desk


@pytest.mark.parametrize("holidays", [(), ("2026-05-30", "2026-05-31", "2026-06-01")])
def test_capacity_is_that_of_days_on_which_somebody_works(holidays: tuple[str, ...]) -> None:
    """On each holiday two orders were given for the same working day; none is given after the last window of a day."""
    unit = UnitPolicy(name="tianhe-03", capacity={"outbound_call": 2})
    policy = Policy(version="p-1", units=(unit,), contact=ContactPolicy(holidays=holidays))
    desk = evening_breaches(policy, 8)
    given_ = [order.ts for order in orders(desk.outputs) if order.step == "dispatched"]
    first = NINE + 15 * HOUR + len(holidays) * DAY  # midnight
    assert given_ == [first, first, first + DAY, first + DAY, first + 2 * DAY, first + 2 * DAY][: 4 if holidays else 6]


def test_what_waited_for_another_lane_past_its_deadline_gets_one_ahead() -> None:
    """It was dispatched overdue, and reminded of and escalated in the same moment."""
    unit = UnitPolicy(name="tianhe-03", capacity={"outbound_call": 9, "store": 9})
    desk = DeskBench(Policy(version="p-1", units=(unit,), desk=DeskPolicy(urgent=())), lanes=2)
    desk.hear(Mark(lane=1, tick=TEN), Mark(lane=0, tick=TEN - DAY), given("a", TEN + MINUTE, lane=1))
    assert steps(desk.hear(Mark(lane=1, tick=TUESDAY + DAY))) == []
    (order,) = orders(desk.hear(Mark(lane=0, tick=TUESDAY + DAY)))
    assert (order.step, order.ts) == ("dispatched", TUESDAY + DAY)
    assert order.contact_by == contact_by("leave_intent", 1, TUESDAY + DAY, None, POLICY)
