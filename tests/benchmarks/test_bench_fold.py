"""What the fold and the features cost: run ``pytest -m benchmark -s tests/benchmarks/test_bench_fold.py``.

Processor time, not the clock on the wall, so that a busy machine does not count as a slow program.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from models import features
from models.events import (
    BILLING,
    CALLS,
    CARE_CONTACTS,
    DATA_USAGE,
    SITE_VISITS,
    SUBSCRIBERS,
    Arrival,
    Billing,
    Call,
    CareContact,
    DataUsage,
    Profile,
    SiteVisit,
)
from models.fold import fold
from models.population import Population

START = 1_780_000_000_000
EVENTS = 4_000
SUBSCRIBERS_SEEN = 1_250
NEVER = float("nan")


def rare(draw: random.Random, common: dict[str, Any]) -> tuple[str, Any]:
    kind = draw.randrange(4)
    if kind == 0:
        return SITE_VISITS, SiteVisit(**common, operator="china-unicom", dwell_s=30.0, page="plans")
    if kind == 1:
        return CARE_CONTACTS, CareContact(**common, reason="complaint", case_id=f"c-{draw.randrange(9)}")
    if kind == 2:
        return BILLING, Billing(**common, kind="bill", amount=50.0, period="2026-05")
    return SUBSCRIBERS, Profile(**common, arpu=88.0)


def piece(seed: int, events: int = EVENTS, subscribers: int = SUBSCRIBERS_SEEN) -> list[Arrival]:
    """Half calls, half data, 3 % of the rest, 5 % out of order."""
    draw, start, found = random.Random(seed), START + seed * 200_000, []
    for offset in range(events):
        late = draw.randrange(3_600_000) if draw.random() < 0.05 else 0
        common = {
            "subscriber_id": f"s-{draw.randrange(subscribers):06d}",
            "ts": start + 50 * offset - late,
            "event_id": f"e-{seed}-{offset}",
        }
        share = draw.random()
        if share < 0.5:
            direction, network = draw.choice(("outgoing", "incoming")), draw.choice(("on_net", "off_net"))
            event: Any = Call(**common, direction=direction, duration_s=60.0, peer_network=network)
            topic = CALLS
        elif share < 0.97:
            topic, event = DATA_USAGE, DataUsage(**common, bytes=draw.random() * 1e8)
        else:
            topic, event = rare(draw, common)
        found.append(Arrival(topic, offset, common["ts"], event))
    return found


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    answer = work()
    return time.process_time() - began, answer


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("name", "events", "subscribers"),
    [
        ("full piece", EVENTS, SUBSCRIBERS_SEEN),
        ("small piece", 100, 1_250),
        ("tiny piece", 5, 1_250),
        ("one heavy", 300, 1),
    ],
)
def test_fold_and_features_cost(
    name: str, events: int, subscribers: int, record_property: Callable[[str, float], None]
) -> None:
    population = Population()
    fold(population, piece(0), NEVER)
    spent: dict[str, list[float]] = {"fold": [], "features": [], "state records": []}
    for seed in range(1, 16):
        arrivals = piece(seed, events, subscribers)
        cost, trace = timed(lambda arrivals=arrivals: fold(population, arrivals, NEVER))
        spent["fold"].append(cost)
        cost, found = timed(lambda trace=trace: features.compute(trace.state, trace.now))
        spent["features"].append(cost)
        cost, _ = timed(population.take_changes)
        spent["state records"].append(cost)
        assert found.shape == (len(features.CATALOGUE), events)
    for part, costs in spent.items():
        record_property(f"{part}_us_per_event_{name}".replace(" ", "_"), round(median(costs) / events * 1e6, 2))
    line = "  ".join(f"{part} {median(costs) / events * 1e6:8.2f} us/event" for part, costs in spent.items())
    print(f"\n{name:12} {events:5} events  {line}")  # noqa: T201 - its table is what a benchmark is for


@pytest.mark.benchmark
def test_load_a_state_cost(record_property: Callable[[str, float], None]) -> None:
    population = Population()
    for seed in range(25):
        fold(population, piece(seed, EVENTS, 100_000), NEVER)
    records = population.take_changes()
    cost, _ = timed(lambda: Population().load(records))
    record_property("load_us_per_state_record", round(cost / len(records) * 1e6, 2))
    print(f"\nload {len(records)} state records: {cost / len(records) * 1e6:.2f} us each")  # noqa: T201
    assert len(population) > 50_000
