"""The slide from high to lower spending: by plan, by bill, by usage that moves to a second SIM; told apart by cause."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.detecting import DAY, HOUR, ROOMY, START, Bench

from models.contract.alerts import Alert
from models.contract.policy import DeclinePolicy, Policy

FIRST = (2026, 3)
assert START // DAY * DAY == START


def known(policy: Policy = ROOMY, **profile: Any) -> Bench:
    bench = Bench(policy=policy)
    bench.send("profile", "s-1", START - DAY, **profile)
    bench.send("call", "s-1", START)
    return bench


def until(bench: Bench, days: float, who: str = "s-2") -> None:
    at = int(bench.detector.clock.watermark or START)
    while at < START + round(days * DAY) + HOUR:
        at = min(at + DAY, START + round(days * DAY) + HOUR)
        bench.send("call", who, at)


def billed(bench: Bench, *amounts: float) -> None:
    """Bills of the months up to the last one; START lies in May 2026."""
    for back, amount in enumerate(reversed(amounts), start=1):
        bench.send("bill", "s-1", START + HOUR, kind="bill", amount=amount, period=f"2026-{5 - back:02d}")


def the_one(bench: Bench) -> Alert:
    (alert,) = bench.alerts()
    assert (alert.kind, alert.event) == ("value_decline", "raised")
    assert alert.action is not None
    return alert


def said(alert: Alert) -> tuple[str, str]:
    assert alert.action is not None
    return alert.action.cause, (alert.reasons or [])[0].text.en


def test_a_cheaper_plan_is_found_by_the_daily_look() -> None:
    bench = known()
    bench.send("bill", "s-1", START + HOUR, kind="plan_change", amount=0.0, fee=79.0, from_fee=129.0)
    assert bench.life() == []
    until(bench, 1)
    alert = the_one(bench)
    assert said(alert) == ("plan_downgrade", "moved to a plan 39 % cheaper")
    assert alert.trigger.tick == START + DAY
    assert "新套餐" in (alert.action.talk_track.opening.zh if alert.action else "")
    until(bench, 29)
    assert bench.life() == ["value_decline raised"]


@pytest.mark.parametrize(
    "fields", [{"fee": 129.0, "from_fee": 79.0}, {"fee": 125.0, "from_fee": 129.0}, {"fee": 79.0}], ids=str
)
def test_other_changes_of_plan_are_none(fields: dict[str, float]) -> None:
    bench = known()
    bench.send("bill", "s-1", START + HOUR, kind="plan_change", amount=0.0, **fields)
    until(bench, 3)
    assert bench.life() == []


def test_a_downgrade_that_is_reported_is_a_breach_at_once_and_its_plan_change_no_second() -> None:
    bench = known()
    bench.send("bill", "s-1", START + HOUR, kind="plan_change", amount=0.0, fee=79.0, from_fee=129.0)
    bench.send("outcome", "s-1", START + 2 * HOUR, outcome="downgraded")
    alert = the_one(bench)
    assert said(alert) == ("plan_downgrade", "moved to a cheaper plan")
    until(bench, 29)
    assert bench.life() == ["value_decline raised"]
    until(bench, 33)
    assert bench.life() == ["value_decline raised", "value_decline closed expired"]


def test_a_downgrade_of_long_ago_is_none() -> None:
    bench = known()
    until(bench, 20)
    bench.send("outcome", "s-1", START + 2 * HOUR, outcome="downgraded")
    until(bench, 22)
    assert bench.life() == []


@pytest.mark.parametrize(
    ("amounts", "found"),
    [
        ((138.0, 138.0, 138.0, 90.0), True),
        ((138.0, 138.0, 90.0), True),
        ((105.0, 105.0, 105.0, 85.0), True),  # 19 %, and high no more
        ((105.0, 105.0, 105.0, 95.0), False),  # 10 %
        ((200.0, 200.0, 200.0, 150.0), False),  # 25 %, and still high
        ((200.0, 200.0, 200.0, 130.0), True),
        ((90.0, 90.0, 90.0, 20.0), False),  # never high
        ((138.0, 60.0), False),  # of one month nothing can be told
        ((138.0, 138.0, 138.0, 0.0), True),
    ],
    ids=str,
)
def test_a_high_bill_that_fell(amounts: tuple[float, ...], found: bool) -> None:
    bench = known()
    billed(bench, *amounts)
    until(bench, 2)
    assert bench.life() == (["value_decline raised"] if found else [])
    if found:
        assert said(the_one(bench))[0] == "spend_decline"


def test_a_bill_is_told_once_and_never_to_the_customer() -> None:
    bench = known()
    billed(bench, 138.0, 138.0, 138.0, 90.0)
    until(bench, 2)
    alert = the_one(bench)
    assert said(alert) == ("spend_decline", "last bill 35 % below those before")
    assert not (alert.reasons or [])[0].disclosable
    bench.restart()
    until(bench, 60)
    assert bench.life() == ["value_decline raised", "value_decline closed expired"]


def uses(bench: Bench, first: int, last: int, calls: int, off_net: int, mb: float = 300.0) -> None:
    """So many calls a day from one day to another, some of them off-net, and a data session."""
    for day in range(first, last):
        for n in range(calls):
            network = "off_net" if n < off_net else "on_net"
            bench.send("call", "s-1", START + day * DAY + (8 + n) * HOUR, peer_network=network)
        bench.send("data", "s-1", START + day * DAY + 20 * HOUR, bytes=mb * 1e6)


@pytest.mark.parametrize(
    ("calls", "off_net", "mb", "found"),
    [(3, 3, 60.0, True), (3, 1, 60.0, False), (3, 3, 300.0, False), (8, 6, 60.0, False)],
    ids=["second SIM", "no more off-net", "data as before", "calls as before"],
)
def test_use_that_moves_off_net_is_a_second_sim(calls: int, off_net: int, mb: float, found: bool) -> None:
    bench = known()
    uses(bench, 0, 45, 8, 2)
    assert bench.life() == []
    uses(bench, 45, 60, calls, off_net, mb)
    assert bench.life() == (["value_decline raised"] if found else [])
    if found:
        cause, text = said(the_one(bench))
        assert cause == "second_sim"
        assert text.startswith("uses less, and ")


@pytest.mark.parametrize("profile", [{"consent": {"profiling": False}}])
def test_who_refused_profiling_is_judged_by_what_they_did_alone(profile: dict[str, Any]) -> None:
    bench = known(**profile)
    billed(bench, 138.0, 138.0, 138.0, 90.0)
    until(bench, 2)
    assert bench.life("value") == []
    bench.send("outcome", "s-1", START + 2 * DAY, outcome="downgraded")
    assert bench.life("value") == ["value_decline raised"]


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ({"status": "suspended_arrears"}, "passive_churn"),
        ({"do_not_contact": True}, "do_not_contact"),
    ],
)
def test_who_may_not_be_contacted_gets_nothing(profile: dict[str, Any], reason: str) -> None:
    bench = known(**profile)
    billed(bench, 138.0, 138.0, 138.0, 90.0)
    until(bench, 29)
    assert bench.life() == [f"value_decline suppressed {reason}"]


def test_who_left_is_not_judged() -> None:
    bench = known()
    bench.send("outcome", "s-1", START + HOUR, outcome="involuntary")
    billed(bench, 138.0, 138.0, 138.0, 90.0)
    until(bench, 5)
    assert bench.life() == []


def test_a_refusal_is_respected() -> None:
    bench = known()
    bench.send("feedback", "s-1", START + HOUR, status="refused")
    billed(bench, 138.0, 138.0, 138.0, 90.0)
    until(bench, 2)
    assert bench.life() == ["value_decline suppressed cooldown"]


def test_thresholds_are_the_operators() -> None:
    bench = known(replace(ROOMY, decline=DeclinePolicy(month_fall=0.5, segment_fall=0.4)))
    billed(bench, 138.0, 138.0, 138.0, 90.0)
    until(bench, 2)
    assert bench.life() == []


def test_a_restart_between_looks_changes_nothing() -> None:
    one, other = known(), known()
    for bench in (one, other):
        billed(bench, 138.0, 138.0, 138.0, 90.0)
    for day in range(1, 6):
        until(one, day)
        other.restart()
        until(other, day)
    assert one.outputs == other.outputs
    assert one.state == other.state
    assert len(one.alerts()) == 1
