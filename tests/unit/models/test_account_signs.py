"""Signs that an account leaves, beside breached lines: calls of its lines are forwarded, their bills fall."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.breaches_made import DAY as LONG
from support.breaches_made import HOUR as WHILE
from support.breaches_made import NINE, a_breach, an_answer
from support.desk_rig import DeskBench, heard
from support.detecting import DAY, HOUR, ROOMY, START, Bench

from models.contract.alerts import Alert
from models.contract.breaches import Breach, Forgotten, Mark
from models.contract.policy import AccountPolicy, Policy
from models.detection.signals import ACCOUNT_KIND, FORWARDS, PAYS_LESS

ACME = {"account_id": "acme", "account_size": 12, "account_unit": "corporate-1", "arpu": 80.0}


def signs(bench: Bench) -> list[str]:
    """What the lane told the desk of signs."""
    told = [each.alert for each in heard(bench.told) if isinstance(each, Breach) and each.alert.kind == ACCOUNT_KIND]
    return [
        f"{(alert.reasons or [None])[0].code if alert.reasons else alert.close_reason} {alert.event}" for alert in told
    ]


def a_line(policy: Policy = ROOMY, **profile: Any) -> Bench:
    bench = Bench(policy=policy)
    bench.send("profile", "s-1", START - DAY, **(ACME | profile))
    return bench


def calls(bench: Bench, first: int, last: int, forwarded: int, of: int = 4) -> None:
    """So many calls a day from one day to another, some of them forwarded."""
    for day in range(first, last):
        for n in range(of):
            bench.send("call", "s-1", START + day * DAY + (8 + n) * HOUR, direction="incoming", forwarded=n < forwarded)


def billed(bench: Bench, *amounts: float) -> None:
    bench.send("call", "s-1", START)
    for back, amount in enumerate(reversed(amounts), start=1):
        bench.send("bill", "s-1", START + HOUR, kind="bill", amount=amount, period=f"2026-{5 - back:02d}")


def until(bench: Bench, days: float) -> None:
    at = int(bench.detector.clock.watermark or START)
    while at < START + round(days * DAY) + HOUR:
        at = min(at + DAY, START + round(days * DAY) + HOUR)
        bench.send("call", "s-2", at)


# What a lane finds


@pytest.mark.parametrize(
    ("before", "after", "of", "found"),
    [
        (0, 4, 4, True),
        (0, 2, 4, True),
        (2, 2, 4, False),  # a switchboard, which always forwards
        (3, 1, 4, False),
        (0, 0, 4, False),
    ],
)
def test_calls_that_are_forwarded_more_than_before_are_a_sign(before: int, after: int, of: int, *, found: bool) -> None:
    bench = a_line()
    calls(bench, 0, 40, before, of)
    assert signs(bench) == []
    calls(bench, 40, 50, after, of)
    assert signs(bench) == ([f"{FORWARDS} raised"] if found else [])
    assert bench.life(ACCOUNT_KIND) == [], "no alert by itself"


def test_of_few_calls_and_of_a_new_line_no_share_is_told() -> None:
    for first, of in ((25, 4), (0, 1)):
        bench = a_line(replace(ROOMY, accounts=AccountPolicy(least_calls=60.0)))
        calls(bench, first, 40, 0, of)
        calls(bench, 40, 46, of, of)
        assert signs(bench) == []


@pytest.mark.parametrize(
    ("amounts", "found"),
    [((80.0, 80.0, 80.0, 50.0), True), ((80.0, 80.0, 60.0), False), ((80.0, 40.0), False), ((0.0, 0.0, 0.0), False)],
    ids=str,
)
def test_a_bill_that_fell_is_a_sign_however_low_it_was(amounts: tuple[float, ...], *, found: bool) -> None:
    bench = a_line()
    billed(bench, *amounts)
    until(bench, 2)
    assert signs(bench) == ([f"{PAYS_LESS} raised"] if found else [])


def test_nobody_else_has_signs() -> None:
    others = ({"account_id": None}, {"consent": {"profiling": False}}, {"do_not_contact": True})
    for profile in others:
        bench = a_line(**profile)
        billed(bench, 80.0, 80.0, 80.0, 40.0)
        until(bench, 2)
        assert signs(bench) == [], profile


def test_a_sign_ends_a_month_after_it_was_last_seen() -> None:
    bench = a_line()
    billed(bench, 80.0, 80.0, 80.0, 50.0)
    until(bench, 2)
    bench.restart()
    bench.send("bill", "s-1", START + 2 * DAY + 2 * HOUR, kind="bill", amount=80.0, period="2026-05")
    until(bench, 31)
    assert signs(bench) == [f"{PAYS_LESS} raised"]
    until(bench, 33)
    assert signs(bench)[1:] == ["expired closed"]


@pytest.mark.parametrize(
    ("event", "fields", "reason"),
    [
        ("outcome", {}, "outcome"),
        ("profile", ACME | {"account_id": "other"}, "superseded"),
        ("profile", {"account_id": None}, "superseded"),
        ("profile", ACME | {"consent": {"profiling": False}}, "superseded"),
        ("profile", {"deleted": True}, "superseded"),
        ("erasure", {}, "erased"),
    ],
)
def test_a_sign_goes_with_the_line(event: str, fields: dict[str, Any], reason: str) -> None:
    bench = a_line()
    billed(bench, 80.0, 80.0, 80.0, 50.0)
    until(bench, 2)
    bench.send(event, "s-1", START + 2 * DAY + 2 * HOUR, **fields)
    assert signs(bench) == [f"{PAYS_LESS} raised", f"{reason} closed"]
    assert not any(key.startswith(b"a") and key != b"~" for key in bench.desk.state), "the account's file is gone"
    until(bench, 3)
    assert len(signs(bench)) == (3 if fields.get("account_id") == "other" else 2), "of another account it is another"


def test_signs_in_recorded_history_are_none() -> None:
    bench = Bench(recorded_until=START + 20 * DAY)
    bench.send("profile", "s-1", START - DAY, **ACME)
    billed(bench, 80.0, 80.0, 80.0, 50.0)
    until(bench, 10)
    assert (signs(bench), bench.life()) == ([], [])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_signs_are_the_same_however_a_lane_is_cut_and_restarted(size: int) -> None:
    benches = []
    for cut in (1000, size):
        bench = a_line()
        arrivals = [
            bench.arrival("call", "s-1", START + day * DAY + (8 + n) * HOUR, direction="incoming", forwarded=day >= 40)
            for day in range(90)
            for n in range(4)
        ]
        for first in range(0, len(arrivals), cut):
            bench.apply(arrivals[first : first + cut])
            if cut == size:
                bench.restart()
        benches.append(bench)
    whole, other = benches
    assert signs(whole) == signs(other) == [f"{FORWARDS} raised"]
    assert (whole.state, whole.desk.state) == (other.state, other.desk.state)


# What the desk makes of them


def a_sign(number: int, at: int = NINE, event: Any = "raised", *, code: str = FORWARDS, **fields: Any) -> Breach:
    whose = {"subscriber": f"l-{number}", "account_id": "acme", "account_size": 12, "lane": number % 2}
    found = a_breach(
        f"sign-{number}-{code}", at, event, **{"kind": ACCOUNT_KIND, "unit": "corporate-1"} | whose | fields
    )
    reasons = [replace((found.alert.reasons or [])[0], code=code)]
    return replace(found, alert=replace(found.alert, reasons=reasons))


def a_breached_line(number: int, at: int = NINE, event: Any = "raised") -> Breach:
    whose: dict[str, Any] = {"subscriber": f"l-{number}", "account_id": "acme", "account_size": 12, "lane": number % 2}
    return a_breach(f"a-{number}", at, event, kind="risk_tier", unit="corporate-1", **whose)


def alerts(outputs: list[Any]) -> list[Alert]:
    return [output.body for output in outputs if type(output.body) is Alert]


def incidents(outputs: list[Any]) -> list[str]:
    return [alert.event for alert in alerts(outputs) if alert.kind == ACCOUNT_KIND]


@pytest.mark.parametrize("last", ["breach", "sign"])
def test_an_incident_opens_by_the_line_that_was_one_too_many_whether_breached_or_signed(last: str) -> None:
    desk = DeskBench(Policy(), lanes=2)
    records = [a_breached_line(1), a_sign(2), a_sign(3, code=PAYS_LESS), a_sign(3, code=FORWARDS)]
    before, after = (records[1:], records[:1]) if last == "breach" else (records[:2], records[2:])
    assert incidents(desk.hear(*before)) == []
    desk.restart()
    (incident, *more) = [alert for alert in alerts(desk.hear(*after)) if alert.kind == ACCOUNT_KIND]
    assert (incident.event, incident.members) == ("raised", ["l-1", "l-2", "l-3"])
    last_word = more[-1] if more else incident
    assert [(r.code, r.value, r.text.en, r.text.zh) for r in (last_word.reasons or [])[:3]] == [
        ("account_lines_breached", 3.0, "3 of 12 lines show signs of leaving", "12个号码中有3个出现离网迹象"),
        ("account_lines_forwards_more", 2.0, "more calls of 2 lines are forwarded", "2个号码呼叫转移增加"),
        ("account_lines_pays_less", 1.0, "bills of 1 line fell", "1个号码账单下降"),
    ]
    assert incident.value.arpu == 3 * 138.0
    assert incident.action is not None
    assert incident.action.unit == "corporate-1"


def test_signs_alone_are_no_incident() -> None:
    desk = DeskBench(Policy(), lanes=2)
    assert desk.hear(*(a_sign(number) for number in range(9)), Mark(lane=0, tick=NINE), Mark(lane=1, tick=NINE)) == []
    assert desk.breaches() == 0
    assert sum(counts.signs[FORWARDS] for counts in desk.counts) == 9


def test_an_incident_ends_with_its_last_breach_or_when_too_few_lines_are_left() -> None:
    for over in (a_breached_line(1, NINE + WHILE, "closed"), a_sign(2, NINE + WHILE, "closed")):
        desk = DeskBench(Policy(), lanes=2)
        desk.hear(a_breached_line(1), a_sign(2), a_sign(3))
        assert incidents(desk.hear(over)) == ["closed"]
        assert incidents(desk.hear(a_sign(3, NINE + 2 * WHILE, "closed"))) == []


def test_a_line_that_is_gone_is_named_no_more_and_nothing_of_it_is_kept() -> None:
    desk = DeskBench(Policy(), lanes=2)
    desk.hear(a_breached_line(1), *(a_sign(number) for number in (2, 3, 4)))
    told = {"lane": 0, "clock": NINE + WHILE, "subscriber_id": "l-4", "customer_id": None}
    desk.hear(a_sign(4, NINE + WHILE, "closed"), Forgotten(**told))
    assert not any(b"l-4" in key + value for key, value in desk.state.items())
    ended = alerts(desk.hear(an_answer("retained", NINE + LONG, "none"), a_sign(2, NINE + LONG, "closed")))
    line = ("raised", None)  # the breach that the incident covered is answered by itself again
    assert [(alert.event, alert.members) for alert in ended] == [("closed", ["l-1", "l-3"]), line]
