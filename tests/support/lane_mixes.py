"""Lives of a few subscribers as one lane receives them: days go by, people fall silent, feedback names real alerts."""

from __future__ import annotations

import random
from typing import Any, get_args

from msgspec.structs import replace
from support.detecting import DAY, HOUR, MINUTE, START, Bench

from models.contract.events import Arrival, CareReason, Channel, FeedbackStatus, OutcomeKind, Page, ProductKind, Status
from models.contract.policy import Policy, WinBackPolicy

PEOPLE = ["s-0", "s-1", "s-2", "s-3", "s-移动"]
_KINDS = (
    ["call"] * 12
    + ["data"] * 6
    + ["visit"] * 5
    + ["care"] * 6
    + ["bill"] * 4
    + ["contact", "outcome", "erasure", "deletion"]
    + ["profile"] * 4
    + ["feedback"] * 4
)
_DENSE = [MINUTE, 10 * MINUTE, 20 * MINUTE, HOUR, 2 * HOUR, 7 * HOUR]
_SPARSE = [MINUTE, 10 * MINUTE, HOUR, HOUR, 6 * HOUR, DAY, DAY, DAY, 5 * DAY, 31 * DAY]
_STRONG: list[CareReason] = ["leave_intent", "disconnect_appointment", "port_out_query", "port_out_code", "complaint"]


def hurried() -> Policy:
    """A policy whose terms are as short as they may be: they end all the time."""
    policy = Policy()
    return replace(
        policy,
        contact=replace(policy.contact, cooldown_days=2.0, refusal_days=3.0, snooze_days=1.0, hold_out_share=0.3),
        labels=replace(policy.labels, horizon_days=4.0, lapse_days=3.0),
        kinds=replace(
            policy.kinds,
            competitor_browsing=replace(policy.kinds.competitor_browsing, ttl_days=3.0),
            leave_intent=replace(policy.kinds.leave_intent, ttl_days=4.0),
            port_out=replace(policy.kinds.port_out, ttl_days=2.5),
            silence=replace(policy.kinds.silence, ttl_days=2.0),
        ),
        win_back=WinBackPolicy(after_days=3.0, until_days=9.0),
        retention=replace(policy.retention, idle_days=30.0, stop_mark_days=2.0),
    )


def bench_of(seed: int) -> Bench:
    """One of two policies; a third of them begin with a recorded history."""
    recorded = START + seed // 6 % 30 * DAY if seed % 3 == 1 else None
    return Bench(policy=hurried() if seed % 2 else Policy(), recorded_until=recorded)


def lived(seed: int, events: int) -> tuple[Bench, list[Arrival]]:
    """A bench that took one arrival at a time, and the arrivals."""
    dice, bench, arrivals = random.Random(seed), bench_of(seed), []
    now = START
    arrivals += [bench.arrival("profile", person, START - DAY) for person in PEOPLE[:4]]
    # Two of them have been watched for a while.
    arrivals += [bench.arrival("call", PEOPLE[n % 2], START - DAY * (22 - n) // 2) for n in range(22)]
    bench.apply(arrivals)
    for _ in range(events):
        now += dice.choice(_DENSE if seed % 3 == 0 else _SPARSE)
        arrival = _arrival(dice, bench, now)
        arrivals.append(arrival)
        bench.apply([arrival])
    return bench, arrivals


def _arrival(dice: random.Random, bench: Bench, now: int) -> Arrival:
    kind = dice.choice(_KINDS)
    # Late by a little, late by more than the bound, or on time.
    ts = now - dice.choice([0, 0, 0, 0, 2 * HOUR, 3 * DAY, 9 * DAY])
    # One who sends most of the usage has a rhythm that can break; another is there for the rest.
    person = "s-0" if kind in ("call", "data") and dice.random() < 0.6 else dice.choice(PEOPLE)
    if kind in ("erasure", "deletion", "outcome") and dice.random() < 0.6:
        kind = "call"
    if kind == "deletion":
        return bench.arrival("profile", person, now, deleted=True)
    fields = _fields(dice, bench, kind, now)
    if kind == "feedback" and bench.alerts() and dice.random() < 0.9:
        alert = dice.choice(bench.alerts()[-6:])
        person, fields = str(alert.subscriber_id), fields | {"alert_id": alert.alert_id}
    if dice.random() < 0.1:
        fields["event_id"] = f"e-{dice.randrange(20)}"
    return bench.arrival(kind, person, ts, **fields)


def _fields(dice: random.Random, bench: Bench, kind: str, now: int) -> dict[str, Any]:
    match kind:
        case "visit":
            return {"dwell_s": dice.choice([5, 29, 31, 400]), "page": dice.choice(get_args(Page))}
        case "care":
            reason = dice.choice(_STRONG) if dice.random() < 0.8 else dice.choice(get_args(CareReason))
            return {
                "reason": reason,
                "case_id": dice.choice([None, "c-1", "c-2", "c-3"]),
                "status": dice.choice(["opened", "opened", "resolved"]),
                "due_ts": dice.choice([None, now + HOUR, now + 2 * DAY, now - DAY]),
                "department": dice.choice([None, "network"]),
                "appointment_ts": dice.choice([None, now + 3 * DAY, now - HOUR]),
            }
        case "profile":
            channels = {c: dice.random() < 0.7 for c in get_args(Channel)}
            return {
                "status": dice.choice(["active"] * 8 + list(get_args(Status))),
                "do_not_contact": dice.random() < 0.2,
                "products": [
                    {"product": kind, "contract_end_ts": now + dice.choice([DAY, 9 * DAY, 31 * DAY, 95 * DAY])}
                    for kind in get_args(ProductKind)
                    if dice.random() < 0.4
                ],
                "consent": {
                    "behaviour": dice.random() < 0.8,
                    "profiling": dice.random() < 0.8,
                    "marketing": channels if dice.random() < 0.5 else {},
                },
            }
        case "outcome":
            return {
                "outcome": dice.choice(["lapsed", "downgraded", *get_args(OutcomeKind)]),
                "last_activity_ts": dice.choice([None, now - DAY, now - 9 * DAY]),
            }
        case "bill":
            return _bill(dice)
        case "erasure":
            return {"request_id": f"r-{dice.randrange(8)}"}
        case "feedback":
            status = dice.choice(["snoozed", "refused", *get_args(FeedbackStatus)])
            return {"status": status, "until_ts": dice.choice([None, now + HOUR, now + 4 * DAY])}
        case _:
            return {}


def _bill(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.5:
        fees = {"fee": dice.choice([29.0, 79.0, 129.0]), "from_fee": dice.choice([79.0, 129.0])}
        return {"kind": "plan_change", "amount": 0.0, **fees}
    month = dice.randrange(2, 9)
    return {"kind": "bill", "amount": dice.choice([30.0, 120.0, 200.0]), "period": f"2026-{month:02d}"}
