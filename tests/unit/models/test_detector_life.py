"""The life of an alert, as the contract tells it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec
import pytest
from support.detecting import DAY, HOUR, MINUTE, START, Bench

from models.policy import Policy


def known(**profile: Any) -> Bench:
    bench = Bench()
    bench.send("profile", "s-1", START - DAY, **profile)
    return bench


def watched(**profile: Any) -> tuple[Bench, int]:
    bench = known(**profile)
    return bench, bench.week("s-1")


def complain(bench: Bench, ts: int, case: int, status: str = "opened") -> None:
    bench.send("care", "s-1", ts, reason="complaint", case_id=f"c-{case}", status=status)


def tell(bench: Bench, ts: int, status: str, alert_id: str | None = None, **fields: Any) -> None:
    last = bench.alerts()[-1].alert_id if alert_id is None else alert_id
    bench.send("feedback", "s-1", ts, status=status, alert_id=last, **fields)


def test_tier_rises_at_once_eases_after_a_day_and_recovers() -> None:
    bench, end = watched()
    complain(bench, end + HOUR, 1)
    complain(bench, end + 2 * HOUR, 2)
    complain(bench, end + 3 * HOUR, 2, "resolved")
    assert bench.life() == ["risk_tier raised", "risk_tier escalated"]
    bench.send("call", "s-1", end + 2 * HOUR + DAY)
    complain(bench, end + 2 * DAY, 1, "resolved")
    bench.send("call", "s-1", end + 4 * DAY)
    assert bench.life() == [
        "risk_tier raised",
        "risk_tier escalated",
        "risk_tier eased",
        "risk_tier closed recovered",
    ]
    assert len({a.alert_id for a in bench.alerts()}) == 1
    assert [a.seq for a in bench.alerts()] == [1, 2, 3, 4]
    assert [(a.previous_tier, a.tier) for a in bench.alerts()] == [
        ("healthy", "warning"),
        ("warning", "high_risk"),
        ("high_risk", "warning"),
        ("warning", "healthy"),
    ]
    assert [a.severity for a in bench.alerts()] == ["normal", "high", "normal", "normal"]


def test_tier_needs_seven_days_of_history_and_signals_do_not() -> None:
    bench = known()
    bench.send("call", "s-1", START)
    for case in (1, 2):
        complain(bench, START + 7 * DAY - 2 * HOUR + case, case)
    bench.send("care", "s-1", START + 7 * DAY - HOUR, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]
    bench.send("call", "s-1", START + 7 * DAY)
    assert bench.life() == ["leave_intent raised", "risk_tier raised"]
    assert bench.alerts()[-1].tier == "high_risk"


def test_score_is_published_first_then_at_a_tier_change_or_a_fifth() -> None:
    bench, end = watched()
    assert [s.tier for s in bench.scores()] == ["healthy"]
    complain(bench, end + HOUR, 1)
    bench.send("call", "s-1", end + 2 * HOUR)
    assert [s.tier for s in bench.scores()] == ["healthy", "warning"]
    first, second = bench.scores()
    assert (second.previous_tier, second.base_rate) == ("healthy", 0.015)
    assert second.risk > 5 * first.risk


def test_leave_intent_said_twice_escalates_once() -> None:
    bench = known()
    for hour in range(3):
        bench.send("care", "s-1", START + hour * HOUR, reason="leave_intent")
    assert bench.life() == ["leave_intent raised", "leave_intent escalated"]
    assert [a.trigger.offset for a in bench.alerts()] == [1, 2]


def test_browsing_escalates_on_a_portability_page_and_expires_without_a_trigger() -> None:
    bench = known()
    for hour in range(3):
        bench.send("visit", "s-1", START + hour * HOUR)
    bench.send("visit", "s-1", START + DAY, page="number_portability", dwell_s=31)
    bench.send("visit", "s-1", START + 6 * DAY, page="number_portability", dwell_s=31)
    bench.send("call", "s-2", START + 13 * DAY - HOUR)
    assert bench.life() == ["competitor_browsing raised", "competitor_browsing escalated"]
    bench.send("call", "s-2", START + 13 * DAY + HOUR)
    assert bench.life()[2:] == ["competitor_browsing closed expired"]
    closed = bench.alerts()[-1]
    assert closed.trigger.tick == START + 13 * DAY
    assert (closed.trigger.topic, closed.trigger.offset, closed.action, closed.reasons) == (None, None, None, None)
    assert [a.severity for a in bench.alerts()] == ["normal", "high", "high"]


def test_kinds_are_independent() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("care", "s-1", START + MINUTE, reason="port_out_query")
    bench.send("visit", "s-1", START + HOUR, page="checkout", dwell_s=90)
    tell(bench, START + 2 * HOUR, "dismissed")
    assert bench.life() == [
        "leave_intent raised",
        "port_out raised",
        "competitor_browsing raised",
        "competitor_browsing closed feedback",
    ]


@pytest.mark.parametrize("status", ["retained", "lost", "refused", "dismissed", "withdrawn", "snoozed"])
def test_feedback_that_closes(status: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    tell(bench, START + HOUR, status)
    assert bench.life() == ["leave_intent raised", "leave_intent closed feedback"]
    tell(bench, START + 2 * HOUR, status)
    assert len(bench.life()) == 2
    assert bench.counts[-1].unknown_feedback == 1


@pytest.mark.parametrize("status", ["accepted", "contacted", "unreachable", "delivered", "read"])
def test_feedback_that_changes_the_work_order_only(status: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    tell(bench, START + HOUR, status, channel="sms")
    assert bench.life() == ["leave_intent raised"]
    assert bench.counts[-1].unknown_feedback == 0


def test_feedback_for_an_unknown_alert_is_counted_and_kept() -> None:
    bench = known()
    bench.send("feedback", "s-1", START, status="contacted", alert_id="nobody", channel="sms")
    assert bench.counts[-1].unknown_feedback == 1
    book = bench.detector.population.book(bench.detector.population.find("s-1"))
    assert [t.status for t in book.touches] == ["contacted"]
    bench.send("feedback", "s-1", START, status="contacted", channel="sms")
    assert bench.counts[-1].unknown_feedback == 0


def test_cooldown_withholds_the_same_kind_once_and_ends_after_thirty_days() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="port_out_query")
    tell(bench, START + HOUR, "dismissed")
    for day in (5, 6):
        bench.send("care", "s-1", START + day * DAY, reason="port_out_query")
    assert bench.life()[2:] == ["port_out suppressed cooldown"]
    bench.send("care", "s-1", START + 5 * DAY, reason="leave_intent")
    bench.send("call", "s-2", START + 30 * DAY + HOUR)
    assert bench.life()[3:] == ["leave_intent raised", "port_out raised"]
    late = bench.alerts()[-1]
    suppressed = bench.suppressions()[0]
    assert late.alert_id == suppressed.alert_id
    assert (late.ts, late.trigger.offset, late.seq) == (START + 30 * DAY, 2, 1)


def test_refusal_gives_ninety_days_of_peace_from_every_kind() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="port_out_query")
    tell(bench, START + HOUR, "refused")
    bench.send("visit", "s-1", START + 80 * DAY, page="checkout", dwell_s=90)
    assert bench.life()[2:] == ["competitor_browsing suppressed cooldown"]
    bench.send("care", "s-1", START + 91 * DAY, reason="leave_intent")
    assert "leave_intent raised" in bench.life()


def test_snoozed_is_raised_anew_if_the_breach_stands() -> None:
    bench, end = watched()
    complain(bench, end + HOUR, 1)
    tell(bench, end + 2 * HOUR, "snoozed", until_ts=end + 2 * DAY)
    complain(bench, end + 3 * HOUR, 2)
    bench.send("call", "s-1", end + DAY)
    assert bench.life() == ["risk_tier raised", "risk_tier closed feedback", "risk_tier suppressed snoozed"]
    bench.send("call", "s-1", end + 2 * DAY + HOUR)
    assert bench.life()[3:] == ["risk_tier raised"]
    first, _, anew = bench.alerts()
    assert first.alert_id != anew.alert_id
    assert anew.trigger.tick is not None
    assert (anew.seq, anew.tier, anew.severity) == (1, "high_risk", "high")


def test_snoozed_is_not_raised_anew_if_the_breach_is_gone() -> None:
    bench, end = watched()
    complain(bench, end + HOUR, 1)
    tell(bench, end + 2 * HOUR, "snoozed", until_ts=end + 3 * DAY)
    complain(bench, end + 3 * HOUR, 1, "resolved")
    bench.send("call", "s-1", end + 2 * DAY)
    bench.send("call", "s-1", end + 4 * DAY)
    assert bench.life() == ["risk_tier raised", "risk_tier closed feedback"]


def test_alert_without_profile_is_withheld_once_and_raised_when_one_arrives() -> None:
    bench = Bench()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("care", "s-1", START + HOUR, reason="leave_intent")
    assert bench.life() == ["leave_intent suppressed no_profile"]
    bench.send("profile", "s-1", START - 300 * DAY)
    assert bench.life()[1:] == ["leave_intent raised"]
    (raised,) = bench.alerts()
    assert raised.alert_id == bench.suppressions()[0].alert_id
    assert raised.trigger.offset == 1
    # The profile is old; the contact is wanted from now on.
    assert raised.ts == START + HOUR
    assert raised.action is not None
    assert raised.action.contact_by > START + HOUR


def test_alert_without_profile_is_not_raised_when_the_breach_no_longer_stands() -> None:
    bench = Bench()
    bench.send("visit", "s-1", START, page="checkout", dwell_s=90)
    bench.send("call", "s-2", START + 8 * DAY)
    bench.send("profile", "s-1", START + 8 * DAY)
    assert bench.life() == ["competitor_browsing suppressed no_profile"]


def test_nobody_sees_the_life_of_an_alert_whose_raised_was_withheld() -> None:
    bench, end = watched(do_not_contact=True)
    complain(bench, end + HOUR, 1)
    complain(bench, end + 2 * HOUR, 2)
    complain(bench, end + DAY, 2, "resolved")
    complain(bench, end + DAY, 1, "resolved")
    bench.send("call", "s-1", end + 3 * DAY)
    assert bench.life() == ["risk_tier suppressed do_not_contact"]
    # His tier moves all the same, and is told.
    assert [t for t, _ in groupby(s.tier for s in bench.scores())] == ["healthy", "warning", "high_risk", "healthy"]


def test_do_not_contact_reaches_every_kind_and_is_lifted_by_a_profile() -> None:
    bench = known(do_not_contact=True)
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("care", "s-1", START, reason="disconnect_appointment", appointment_ts=START + 9 * DAY)
    bench.send("visit", "s-1", START + HOUR, page="checkout", dwell_s=90)
    assert {s.split(" ", 1)[1] for s in bench.life()} == {"suppressed do_not_contact"}
    bench.send("profile", "s-1", START + DAY, do_not_contact=False)
    assert sorted(bench.life()[3:]) == [
        "competitor_browsing raised",
        "disconnect_appointment raised",
        "leave_intent raised",
    ]


def test_withheld_for_another_reason_is_told_again() -> None:
    bench = Bench()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("profile", "s-1", START + HOUR, do_not_contact=True)
    bench.send("profile", "s-1", START + 2 * HOUR, do_not_contact=True)
    assert bench.life() == ["leave_intent suppressed no_profile", "leave_intent suppressed do_not_contact"]
    assert bench.breaches() == 2


def test_refused_behaviour_is_not_used_and_that_is_told_once() -> None:
    bench = known(consent={"behaviour": False})
    for hour in range(4):
        bench.send("visit", "s-1", START + hour * HOUR, page="checkout", dwell_s=90)
    assert bench.life() == ["competitor_browsing suppressed no_consent"]
    (told,) = bench.suppressions()
    assert (told.reasons, told.action) == (None, None)
    bench.send("profile", "s-1", START + DAY)
    assert len(bench.life()) == 1
    bench.send("visit", "s-1", START + DAY + HOUR, page="checkout", dwell_s=90)
    assert bench.life()[1:] == ["competitor_browsing raised"]


def test_refused_profiling_gives_neither_score_nor_tier() -> None:
    bench, end = watched(consent={"profiling": False})
    complain(bench, end + HOUR, 1)
    complain(bench, end + 2 * HOUR, 2)
    assert bench.life() == ["risk_tier suppressed no_consent"]
    assert bench.scores() == []
    assert bench.suppressions()[0].risk == 0.015
    assert bench.detector.tiers_count()["healthy"] == 1
    bench.send("profile", "s-1", end + 3 * HOUR)
    bench.send("call", "s-1", end + 4 * HOUR)
    assert bench.life()[1:] == ["risk_tier raised"]


@pytest.mark.parametrize("status", ["suspended_arrears", "suspended_fraud"])
def test_suspension_closes_and_raises_nothing_until_it_is_lifted(status: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("profile", "s-1", START + HOUR, status=status)
    assert bench.life() == ["leave_intent raised", "leave_intent closed suspended"]
    bench.send("visit", "s-1", START + DAY, page="checkout", dwell_s=90)
    assert bench.life()[2:] == ["competitor_browsing suppressed passive_churn"]
    bench.send("profile", "s-1", START + 2 * DAY)
    assert bench.life()[3:] == ["competitor_browsing raised"]


def test_voluntary_suspension_still_alerts() -> None:
    bench = known(status="suspended_voluntary")
    bench.send("care", "s-1", START, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]


@pytest.mark.parametrize("outcome", ["ported_out", "disconnected", "lapsed", "involuntary"])
def test_outcome_closes_everything(outcome: str) -> None:
    bench, end = watched()
    complain(bench, end + HOUR, 1)
    bench.send("care", "s-1", end + HOUR, reason="leave_intent")
    bench.send("outcome", "s-1", end + DAY, outcome=outcome)
    assert sorted(bench.life()[2:]) == ["leave_intent closed outcome", "risk_tier closed outcome"]
    bench.send("visit", "s-1", end + 2 * DAY, page="checkout", dwell_s=90)
    told = bench.life("competitor")
    assert told == (["competitor_browsing suppressed passive_churn"] if outcome == "involuntary" else [])
    if outcome != "involuntary":
        assert bench.detector.tiers_count()["healthy"] == 1


@pytest.mark.parametrize("outcome", ["migrated", "downgraded", "returned"])
def test_outcome_that_is_no_churn_closes_nothing(outcome: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("outcome", "s-1", START + DAY, outcome=outcome)
    assert bench.life() == ["leave_intent raised"]


def test_who_returned_is_watched_again() -> None:
    bench = known()
    bench.send("outcome", "s-1", START)
    bench.send("care", "s-1", START + DAY, reason="leave_intent")
    bench.send("outcome", "s-1", START + 5 * DAY, outcome="returned")
    bench.send("care", "s-1", START + 6 * DAY, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]


def test_involuntary_outcome_is_taken_back_by_a_newer_active_profile() -> None:
    bench = known()
    bench.send("outcome", "s-1", START, outcome="involuntary")
    bench.send("care", "s-1", START + DAY, reason="leave_intent")
    bench.send("profile", "s-1", START + 2 * DAY)
    assert bench.life() == ["leave_intent suppressed passive_churn", "leave_intent raised"]


def test_late_event_counts_and_triggers_nothing() -> None:
    bench = known()
    bench.send("call", "s-2", START + 10 * DAY)
    bench.send("care", "s-1", START + 3 * DAY - 1, reason="leave_intent")
    bench.send("visit", "s-1", START + 3 * DAY - 1, page="checkout", dwell_s=90)
    assert bench.life() == []
    assert bench.counts[-1].late == {"telecom.site-visits.v1": 1}
    bench.send("care", "s-1", START + 3 * DAY, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]
    # Two of them were counted: the late one is a contact like any other.
    assert bench.alerts()[0].reasons is not None


def test_repeated_event_is_counted_and_not_applied() -> None:
    bench = known()
    for _ in range(2):
        bench.send("care", "s-1", START, reason="leave_intent", event_id="e-1")
    assert bench.life() == ["leave_intent raised"]
    assert bench.counts[-1].duplicates == {"telecom.care-contacts.v1": 1}
    assert bench.counts[-1].applied.get("telecom.care-contacts.v1", 0) == 0


def test_appointment_that_is_past_is_expired_and_one_ahead_ends_with_it() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="disconnect_appointment", appointment_ts=START - HOUR)
    assert bench.life() == ["disconnect_appointment suppressed expired"]
    bench = known()
    bench.send("care", "s-1", START, reason="disconnect_appointment", appointment_ts=START + 5 * HOUR)
    bench.send("call", "s-1", START + 6 * HOUR)
    assert bench.life() == ["disconnect_appointment raised", "disconnect_appointment closed expired"]
    raised = bench.alerts()[0]
    assert raised.action is not None
    assert raised.action.contact_by == START + 4 * HOUR


def test_switch_takes_another_policy_into_force() -> None:
    bench = known()
    strict = msgspec.structs.replace(
        Policy(), version="p-2", browsing=msgspec.structs.replace(Policy().browsing, visits=2)
    )
    bench.send("visit", "s-1", START)
    bench.detector.switch(policy=strict)
    bench.send("visit", "s-1", START + HOUR)
    assert bench.life() == ["competitor_browsing raised"]
    assert bench.alerts()[0].policy_version == "p-2"
    assert bench.detector.versions == ("m-test", "p-2")
