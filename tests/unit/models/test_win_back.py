"""Who left of their own will is asked back: once, after 110 days, if they may be asked at all."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.detecting import DAY, HOUR, MINUTE, ROOMY, START, Bench

from models.contract.policy import Policy, WinBackPolicy

GONE = START + 3 * HOUR
ASKED = GONE + 110 * DAY


def left(outcome: str = "ported_out", policy: Policy = ROOMY, **profile: Any) -> Bench:
    bench = Bench(policy=policy)
    bench.send("profile", "s-1", START - DAY, **profile)
    for who in ("s-1", "s-2"):
        bench.send("call", who, START)
    bench.send("outcome", "s-1", GONE, outcome=outcome)
    return bench


def until(bench: Bench, ts: int) -> None:
    at = int(bench.detector.clock.watermark or START)
    while at < ts:
        at = min(at + DAY, ts)
        bench.send("call", "s-2", at)


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ("ported_out", ("ported out 110 days ago", "携出已110天")),
        ("disconnected", ("had the line disconnected 110 days ago", "拆机已110天")),
        ("lapsed", ("was declared lapsed 110 days ago", "认定三无离网已110天")),
    ],
)
def test_who_left_is_asked_back_once(outcome: str, text: tuple[str, str]) -> None:
    bench = left(outcome)
    until(bench, ASKED - MINUTE)
    assert bench.life() == []
    until(bench, ASKED + 4 * HOUR)
    (alert,) = bench.alerts()
    assert (alert.kind, alert.event, alert.trigger.tick) == ("win_back", "raised", ASKED)
    assert ((alert.reasons or [])[0].text.en, (alert.reasons or [])[0].text.zh) == text
    assert alert.action is not None
    assert (alert.action.cause, alert.action.strategy) == ("win_back", "win_back_call")
    assert "欢迎" in alert.action.talk_track.opening.zh or "您曾是我们的客户" in alert.action.talk_track.opening.zh
    assert alert.risk == alert.base_rate, "the model knows nothing of those who left"
    until(bench, GONE + 400 * DAY)
    assert bench.life() == ["win_back raised", "win_back closed expired"]


@pytest.mark.parametrize(
    ("first", "text"), [("ported_out", "ported out 110 days ago"), ("lapsed", "was declared lapsed 110 days ago")]
)
def test_an_outcome_that_is_repeated_does_not_move_the_day(first: str, text: str) -> None:
    bench = left(first)
    bench.send("profile", "s-1", GONE + DAY, status="left")
    for month, outcome in enumerate((first, "disconnected", first), 1):
        until(bench, GONE + 30 * month * DAY)
        bench.send("outcome", "s-1", GONE + 30 * month * DAY, outcome=outcome)
        bench.restart()
    until(bench, ASKED + DAY)
    (alert,) = bench.alerts()
    assert (alert.kind, alert.event, alert.trigger.tick) == ("win_back", "raised", ASKED)
    assert (alert.reasons or [])[0].text.en == text
    bench.send("outcome", "s-1", ASKED + 2 * DAY, outcome="disconnected")
    until(bench, ASKED + 160 * DAY)
    assert bench.life() == ["win_back raised", "win_back closed expired"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("outcome", {"outcome": "returned"}),
        ("profile", {"status": "active"}),
        ("profile", {"status": "suspended_voluntary", "activated_ts": GONE + 19 * DAY}),
    ],
)
def test_who_was_in_service_again_and_left_again_is_asked_after_the_second_time(
    kind: str, fields: dict[str, Any]
) -> None:
    bench = left()
    until(bench, GONE + 20 * DAY)
    bench.send(kind, "s-1", GONE + 20 * DAY, **fields)
    again = GONE + 50 * DAY
    until(bench, again)
    bench.send("outcome", "s-1", again, outcome="disconnected")
    bench.send("profile", "s-1", again + DAY, status="left")
    until(bench, again + 110 * DAY - MINUTE)
    assert "win_back raised" not in bench.life()
    until(bench, again + 111 * DAY)
    (alert,) = (each for each in bench.alerts() if each.kind == "win_back")
    assert (alert.reasons or [])[0].text.en == "had the line disconnected 110 days ago"


def test_who_was_let_go_after_leaving_is_not_asked_and_who_left_after_that_is() -> None:
    bench = left()
    bench.send("outcome", "s-1", GONE + 10 * DAY, outcome="involuntary")
    until(bench, ASKED + 20 * DAY)
    assert bench.life("win_back") == []
    bench = left("involuntary")
    bench.send("outcome", "s-1", GONE + 10 * DAY, outcome="ported_out")
    until(bench, ASKED + 9 * DAY)
    assert bench.life("win_back") == []
    until(bench, ASKED + 11 * DAY)
    assert bench.life("win_back") == ["win_back raised"]


@pytest.mark.parametrize("outcome", ["involuntary", "migrated", "downgraded"])
def test_nobody_else_is_asked(outcome: str) -> None:
    bench = left(outcome)
    until(bench, GONE + 200 * DAY)
    assert bench.life("win_back") == []


@pytest.mark.parametrize("status", ["left", "active"])
def test_a_profile_that_says_left_does_not_close_it(status: str) -> None:
    bench = left()
    bench.send("profile", "s-1", GONE + DAY, status="left")
    until(bench, ASKED + DAY)
    bench.send("profile", "s-1", ASKED + 2 * DAY, status=status)
    bench.send("outcome", "s-1", ASKED + 3 * DAY, outcome="disconnected")
    assert bench.life() == ["win_back raised"]


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ({"status": "suspended_arrears"}, "passive_churn"),
        ({"do_not_contact": True, "status": "left"}, "do_not_contact"),
        ({"deleted": True}, "no_profile"),
    ],
)
def test_who_may_not_be_contacted_is_not_asked(profile: dict[str, Any], reason: str) -> None:
    bench = left()
    bench.send("profile", "s-1", GONE + DAY, **profile)
    until(bench, GONE + 175 * DAY)
    assert bench.life() == [f"win_back suppressed {reason}"]
    assert bench.breaches() == 1


def test_a_refusal_is_respected_for_its_time() -> None:
    bench = left()
    until(bench, GONE + 50 * DAY)
    bench.send("feedback", "s-1", GONE + 50 * DAY, status="refused")
    until(bench, GONE + 139 * DAY)
    assert bench.life() == ["win_back suppressed cooldown"]
    until(bench, GONE + 141 * DAY)
    assert bench.life() == ["win_back suppressed cooldown", "win_back raised"]


def test_a_refusal_that_outlasts_the_window_is_the_last_word() -> None:
    bench = left()
    until(bench, GONE + 100 * DAY)
    bench.send("feedback", "s-1", GONE + 100 * DAY, status="refused")
    until(bench, GONE + 300 * DAY)
    assert bench.life() == ["win_back suppressed cooldown"]


def test_who_refused_when_asked_is_not_asked_again() -> None:
    bench = left()
    until(bench, ASKED + DAY)
    bench.send("feedback", "s-1", ASKED + DAY, status="refused", alert_id=bench.alerts()[-1].alert_id)
    until(bench, GONE + 400 * DAY)
    assert bench.life() == ["win_back raised", "win_back closed feedback"]


def test_who_returned_before_is_not_asked_and_after_is_won() -> None:
    bench = left()
    bench.send("outcome", "s-1", GONE + 20 * DAY, outcome="returned")
    until(bench, ASKED + DAY)
    assert bench.life("win_back") == []
    bench = left()
    until(bench, ASKED + DAY)
    bench.send("outcome", "s-1", ASKED + 2 * DAY, outcome="returned")
    assert bench.life() == ["win_back raised", "win_back closed recovered"]


def test_an_activation_later_than_the_leaving_is_a_return() -> None:
    bench = left()
    until(bench, ASKED + DAY)
    bench.send("profile", "s-1", ASKED + 2 * DAY, activated_ts=ASKED)
    assert bench.life("win_back") == ["win_back raised", "win_back closed recovered"]


def test_after_a_port_out_code_of_months_ago_they_may_be_rung() -> None:
    bench = left()
    bench.send("care", "s-1", GONE - HOUR, reason="port_out_code")
    until(bench, ASKED + DAY)
    alert = bench.alerts()[-1]
    assert alert.action is not None
    assert alert.action.channel == "outbound_call"


def test_a_consent_given_within_the_window_releases_it() -> None:
    bench = left(do_not_contact=True)
    until(bench, ASKED + DAY)
    bench.send("profile", "s-1", ASKED + 2 * DAY, status="left")
    assert bench.life() == ["win_back suppressed do_not_contact", "win_back raised"]


def test_the_window_is_the_operators_and_must_be_one() -> None:
    bench = left(policy=replace(ROOMY, win_back=WinBackPolicy(after_days=20.0, until_days=30.0)))
    until(bench, GONE + 21 * DAY)
    assert bench.life() == ["win_back raised"]
    with pytest.raises(ValueError, match="nobody is asked"):
        WinBackPolicy(after_days=30.0, until_days=20.0)


def test_a_restart_in_between_changes_nothing() -> None:
    one, other = left(), left()
    for day in range(0, 180, 9):
        until(one, GONE + day * DAY)
        other.restart()
        until(other, GONE + day * DAY)
    assert one.outputs == other.outputs
    assert one.state == other.state
    assert len(one.alerts()) == 1


def test_state_of_a_release_that_asked_nobody_is_read_on() -> None:
    bench = left()
    bench.state = {key: value for key, value in bench.state.items() if key != b"rs-1"}
    bench.restart()
    until(bench, ASKED + DAY)
    assert bench.life() == ["win_back raised"]
