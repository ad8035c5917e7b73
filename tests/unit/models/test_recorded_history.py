"""A lane that begins with a recorded history: learned from in its own time, and nobody is contacted for it."""

from __future__ import annotations

from math import isnan
from typing import Any

import pytest
from support.detecting import CARE_MODEL, DAY, HOUR, ROOMY, START, Bench

from models.contract.policy import Policy, TierPolicy
from models.contract.training_example import Example, WeeklyLabel
from models.features.catalogue import INDEX

END = START + 30 * DAY
"""The recorded history's last moment."""
LATER = START + 200 * DAY
TODAY: dict[str, Any] = {
    "arpu": 900.0,
    "points": 7.0,
    "penalty": 3.0,
    "portable": True,
    "account_id": "a-1",
    "main_subscriber_id": "s-9",
    "products": [{"product": "mobile", "contract_end_ts": START + 20 * DAY}],
    "status": "left",
}
"""A profile that gives the answer away."""


def recorded(policy: Policy = ROOMY) -> Bench:
    return Bench(CARE_MODEL, policy, END)


def complain(bench: Bench, ts: int, who: str = "s-1") -> None:
    """Two open complaints: high risk, for this model."""
    for n in range(2):
        bench.send("care", who, ts + n, reason="complaint", case_id=f"c-{n}")


def days(bench: Bench, first: int, last: int, *who: str) -> None:
    for day in range(first, last):
        for each in who or ("clock",):
            bench.send("call", each, START + day * DAY + 12 * HOUR)


def lived(profile_ts: int | None, **fields: Any) -> list[Example | WeeklyLabel]:
    """What a lane tells of a month and its leavers, with profiles of some time applied first, as a new ledger does."""
    bench = Bench()
    people = [f"s-{n}" for n in range(6)]
    if profile_ts is not None:
        for who in people[:3]:
            bench.send("profile", who, profile_ts, **fields)
    days(bench, 0, 20, *people)
    for who in people[:3]:
        bench.send("outcome", who, START + 20 * DAY, outcome="ported_out")
    days(bench, 20, 80, *people[3:])
    return [o.body for o in bench.outputs if isinstance(o.body, Example | WeeklyLabel)]


def test_a_profile_of_today_tells_nothing_of_the_months_before_it() -> None:
    """The leak canary: only leavers have a profile, it is of months later, and its content gives the answer away."""
    without, late = lived(None), lived(LATER, **TODAY)
    assert {e.left for e in without if isinstance(e, WeeklyLabel)} == {True, False}
    assert late == without
    timely = [e.x for e in lived(START, **TODAY | {"status": "active"})]
    assert timely != [e.x for e in without]


def test_a_profile_of_today_says_since_when_they_are_here() -> None:
    late, timely = (lived(ts, activated_ts=START - 400 * DAY, **TODAY) for ts in (LATER, START - DAY))
    first = next(e for e in timely if e.subscriber_id == "s-4")
    assert isnan(first.numbers()[INDEX["tenure_months"]])
    place = INDEX["tenure_months"]
    tenures = [{(e.ts, e.numbers()[place]) for e in told if e.subscriber_id == "s-0"} for told in (late, timely)]
    assert tenures[0] >= tenures[1]
    assert all(tenure > 13 for _, tenure in tenures[0])


def test_an_activation_yet_to_come_does_not_bring_back_who_left() -> None:
    gone = lived(LATER, activated_ts=LATER - DAY)
    assert [e for e in gone if e.subscriber_id == "s-0"] == [e for e in lived(None) if e.subscriber_id == "s-0"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [({}, "raised"), ({"do_not_contact": True}, "suppressed do_not_contact"), (None, "suppressed no_profile")],
)
def test_whether_to_contact_goes_by_the_newest_profile_of_whatever_time(fields: Any, said: str) -> None:
    bench = Bench()
    bench.week("s-1")
    if fields is not None:
        bench.send("profile", "s-1", LATER, **fields)
    bench.send("care", "s-1", START + 9 * DAY, reason="leave_intent")
    assert bench.life() == [f"leave_intent {said}"]


@pytest.mark.parametrize("restarts", [False, True])
def test_nobody_is_contacted_for_the_history_and_what_stands_is_judged_at_the_next_look(restarts: bool) -> None:
    bench = recorded()
    bench.send("profile", "s-1", START)
    bench.week("s-1", days=20)
    complain(bench, START + 20 * DAY)
    for day in range(21, 30):
        bench.send("call", "s-1", START + day * DAY)
        bench.send("care", "s-1", START + day * DAY, reason="leave_intent")
    bench.send("call", "s-1", END)
    told = ["leave_intent suppressed expired", "risk_tier suppressed expired"]
    assert sorted(bench.life()) == told
    if restarts:
        bench.restart()
    bench.send("call", "s-1", END + DAY)
    assert sorted(bench.life()) == [
        "leave_intent raised",
        told[0],
        "risk_tier raised",
        told[1],
    ]
    assert all(END < alert.ts <= END + DAY for alert in bench.alerts())
    assert bench.breaches() == 4


@pytest.mark.parametrize("restarts", [False, True])
def test_what_stands_is_judged_within_the_budget_signals_first(restarts: bool) -> None:
    """One alert a week is all that there is for seven people with a tier and one with a signal."""
    bench = recorded(Policy(tiers=TierPolicy(budget=1000 / 8 / 7, smoothing=1.0)))
    people = [f"s-{n}" for n in range(8)]
    for who in people:
        bench.send("profile", who, START)
    days(bench, 0, 20, *people)
    for who in people[:7]:
        complain(bench, START + 20 * DAY, who)
    bench.send("care", "s-7", START + 21 * DAY, reason="port_out_query")
    for day in range(21, 33):
        days(bench, day, day + 1, *people)
        if restarts:
            bench.restart()
    assert [(alert.kind, alert.event) for alert in bench.alerts()] == [("port_out", "raised")]
    waiting = [s for s in bench.suppressions() if s.reason == "low_priority"]
    assert len(waiting) == 7
    days(bench, 33, 41, *people)
    assert [alert.kind for alert in bench.alerts() if alert.event == "raised"] == ["port_out", "risk_tier"]


def test_a_signal_over_the_budget_is_judged_again_until_it_is_over() -> None:
    bench = recorded(Policy(tiers=TierPolicy(budget=0.0)))
    bench.send("profile", "s-1", START)
    bench.week("s-1", days=29)
    bench.send("care", "s-1", START + 28 * DAY, reason="leave_intent")
    days(bench, 30, 40, "s-1")
    assert bench.life() == [
        "leave_intent suppressed expired",
        "leave_intent suppressed low_priority",
    ]


def test_who_speaks_up_after_the_history_is_heard_at_once() -> None:
    """However well the same words are known from it, and whatever the budget has left."""
    bench = recorded(Policy(tiers=TierPolicy(budget=0.0)))
    bench.send("profile", "s-1", START)
    bench.week("s-1", days=29)
    bench.send("care", "s-1", START + 29 * DAY, reason="leave_intent")
    bench.send("call", "clock", END)
    bench.send("care", "s-1", END + 1, reason="leave_intent")
    assert bench.life() == ["leave_intent suppressed expired", "leave_intent raised"]
    assert bench.alerts()[0].ts == END + 1


def test_without_a_recorded_history_there_is_nothing_to_wait_for() -> None:
    bench = Bench()
    bench.send("profile", "s-1", START)
    bench.week("s-1")
    bench.send("care", "s-1", START + 9 * DAY, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]
