"""Complaints of which most of the promised time is gone: warned of once, until they are settled."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.detecting import DAY, HOUR, MINUTE, ROOMY, START, Bench

from models.contract.policy import ComplaintPolicy
from models.detection.alert_body import signal_text

OPENED = START + 2 * HOUR


def complained(bench: Bench | None = None, case: str = "c-1", ts: int = OPENED, **fields: Any) -> Bench:
    bench = bench or Bench()
    if bench.detector.clock.watermark is None:
        bench.send("profile", "s-1", START - DAY)
        bench.send("call", "s-2", START)
    said = {"case_id": case, "due_ts": ts + 50 * HOUR, "department": "network"} | fields
    bench.send("care", "s-1", ts, **{"reason": "complaint"} | said)
    return bench


def until(bench: Bench, ts: int) -> None:
    at = int(bench.detector.clock.watermark or START)
    while at < ts:
        at = min(at + 6 * HOUR, ts)
        bench.send("call", "s-2", at)


def test_warning_comes_at_four_fifths_of_the_promised_time_and_names_the_department() -> None:
    bench = complained()
    until(bench, OPENED + 40 * HOUR - 1)
    assert bench.life() == []
    until(bench, OPENED + 40 * HOUR)
    assert bench.life() == ["complaint_overdue raised"]
    (alert,) = bench.alerts()
    assert alert.trigger.tick == OPENED + 40 * HOUR
    reason = (alert.reasons or [])[0]
    assert (reason.code, reason.value, reason.disclosable) == ("complaint_overdue", 10.0, True)
    assert reason.text.en == (
        "a complaint is not settled, and 10 hours of the promised time are left; it lies with: network"
    )
    assert reason.text.zh == "投诉未办结，距承诺时限还有10小时，责任部门：network"
    assert [r.code for r in alert.reasons or [] if "complaint" in r.code] == ["complaint_overdue"]
    assert alert.action is not None
    assert (alert.action.cause, alert.action.strategy) == ("complaint", "complaint_first")
    assert alert.ts < alert.action.contact_by < OPENED + 50 * HOUR
    assert "解决了没有" in alert.action.talk_track.opening.zh


@pytest.mark.parametrize(
    ("hours", "en", "zh"),
    [
        (0.5167, "and 31 minutes of the promised time are left", "还有31分钟"),
        (31 / 60, "and 31 minutes of the promised time are left", "还有31分钟"),
        (1.77, "and 106 minutes of the promised time are left", "还有106分钟"),
        (1 / 60, "and 1 minute of the promised time is left", "还有1分钟"),
        (2.9, "and 2 hours of the promised time are left", "还有2小时"),
        (-0.75, "a complaint is 45 minutes past", "超过承诺时限45分钟"),
        (-3.2, "a complaint is 3 hours past", "超过承诺时限3小时"),
    ],
)
def test_below_two_hours_minutes_are_said(hours: float, en: str, zh: str) -> None:
    said = signal_text("complaint_overdue", hours, 1)
    assert en in said.en
    assert zh in said.zh


def test_a_settled_complaint_closes_its_alert_and_no_other() -> None:
    bench = complained(complained(), "c-2", OPENED + MINUTE)
    until(bench, OPENED + 41 * HOUR)
    bench.restart()
    bench.send("care", "s-1", OPENED + 42 * HOUR, reason="complaint", case_id="c-1", status="resolved")
    assert bench.life() == ["complaint_overdue raised"] * 2 + ["complaint_overdue closed recovered"]
    first, second, closed = bench.alerts()
    assert first.alert_id == closed.alert_id != second.alert_id


def test_a_complaint_settled_in_time_is_never_heard_of() -> None:
    bench = complained()
    bench.send("care", "s-1", OPENED + 39 * HOUR, reason="complaint", case_id="c-1", status="resolved")
    until(bench, OPENED + 60 * HOUR)
    assert bench.life() == []


def test_a_second_promise_about_to_be_broken_escalates() -> None:
    bench = complained()
    until(bench, OPENED + 41 * HOUR)
    complained(bench, ts=OPENED + 45 * HOUR, due_ts=OPENED + 95 * HOUR)
    until(bench, OPENED + 75 * HOUR)
    assert bench.life() == ["complaint_overdue raised"]
    until(bench, OPENED + 77 * HOUR)
    assert bench.life() == ["complaint_overdue raised", "complaint_overdue escalated"]
    assert [a.severity for a in bench.alerts()] == ["normal", "high"]


def test_a_promise_that_is_broken_already_is_warned_of_at_the_next_tick() -> None:
    bench = complained(ts=OPENED + 2 * DAY, due_ts=OPENED + DAY)
    until(bench, OPENED + 2 * DAY + 30 * MINUTE)
    (alert,) = bench.alerts()
    assert (alert.reasons or [])[0].text.en.startswith("a complaint is 24 hours past the promised time")


@pytest.mark.parametrize(
    "fields",
    [
        {"due_ts": None},
        {"case_id": None},
        {"reason": "fault"},
        {"reason": "inquiry"},
        {"status": "resolved"},
    ],
)
def test_what_promises_nothing_is_not_warned_of(fields: dict[str, Any]) -> None:
    bench = complained(**fields)
    until(bench, OPENED + 60 * HOUR)
    assert bench.life() == []


def test_a_billing_dispute_is_a_complaint() -> None:
    bench = complained(reason="billing_dispute")
    until(bench, OPENED + 41 * HOUR)
    assert bench.life() == ["complaint_overdue raised"]


def test_a_complaint_heard_of_a_week_too_late_warns_of_nothing_past_but_of_a_later_promise() -> None:
    bench = complained(ts=START + HOUR, due_ts=None)
    until(bench, START + 10 * DAY)
    complained(bench, "c-2", ts=START + 2 * HOUR)
    complained(bench, "c-3", ts=START + 2 * HOUR, due_ts=START + 20 * DAY)
    until(bench, START + 12 * DAY)
    assert bench.life("complaint") == []
    until(bench, START + 17 * DAY)
    assert bench.life("complaint") == ["complaint_overdue raised"]


def test_who_complains_is_heard_in_cooldown_and_after_a_refusal() -> None:
    bench = complained()
    bench.send("feedback", "s-1", OPENED + HOUR, status="refused")
    until(bench, OPENED + 41 * HOUR)
    complained(bench, "c-2", OPENED + 42 * HOUR)
    until(bench, OPENED + 83 * HOUR)
    assert bench.life() == ["complaint_overdue raised"] * 2


@pytest.mark.parametrize(
    ("profile", "reason"),
    [({"status": "suspended_fraud"}, "passive_churn"), ({"do_not_contact": True}, "do_not_contact")],
)
def test_who_may_not_be_contacted_gets_nothing(profile: dict[str, Any], reason: str) -> None:
    bench = complained()
    bench.send("profile", "s-1", OPENED + HOUR, **profile)
    until(bench, OPENED + 90 * HOUR)
    assert bench.life() == [f"complaint_overdue suppressed {reason}"]


def test_who_left_gets_nothing() -> None:
    bench = complained()
    bench.send("outcome", "s-1", OPENED + HOUR)
    until(bench, OPENED + 90 * HOUR)
    assert bench.life() == []


def test_share_of_the_promised_time_is_the_operators() -> None:
    bench = complained(Bench(policy=replace(ROOMY, complaint=ComplaintPolicy(warn_share=0.5))))
    until(bench, OPENED + 25 * HOUR)
    assert bench.life() == ["complaint_overdue raised"]


def test_a_restart_before_the_warning_changes_nothing() -> None:
    one, other = complained(), complained()
    for hour in range(0, 60, 5):
        until(one, OPENED + hour * HOUR)
        other.restart()
        until(other, OPENED + hour * HOUR)
    assert one.outputs == other.outputs
    assert one.state == other.state
    assert len(one.alerts()) == 1


def test_state_of_a_release_without_warnings_is_read_on() -> None:
    bench = complained()
    bench.state = {key: value for key, value in bench.state.items() if key != b"rs-1"}
    bench.restart()
    until(bench, OPENED + 41 * HOUR)
    assert bench.life() == ["complaint_overdue raised"]
