"""What the desk costs, held against what was promised: ``pytest -m benchmark -s tests/benchmarks/test_bench_desk.py``.

The same as ``run.py --desk``, on the session's broker; its table and JSON go where those of the race go.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import desk_cost
import environments
import pytest
import results
from logs import LOGS
from rounds import Plan

if TYPE_CHECKING:
    from streams.embedded_kafka.broker import EmbeddedBroker

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3_600)]

KEPT: Final = 0.9
"""The least share of the throughput without it."""
ADDED_MS: Final = {"p50_ms": 40.0, "p99_ms": 100.0}
"""The most that its way adds to that from event to alert, at 1,000 events/s."""

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def cost(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> desk_cost.Cost:
    directory = tmp_path_factory.mktemp("desk")
    about = results.machine("pytest -m benchmark tests/benchmarks/test_bench_desk.py")
    about["load before"] = results.load()
    found = desk_cost.run(
        Plan(
            bootstrap=broker.bootstrap,
            prefix=f"bench{int(time.time())}.",
            contenders=[],
            logs=["day-usage", "month"],
            events=max(log.events for log in LOGS.values()),
            prefix_events=0,
            rounds=3,
            rates=[1_000],
            seconds=20.0,
            breaches=20_000,
            cache=environments.default_cache(),
            directory=directory,
        )
    )
    about["load after"] = results.load()
    reports = Path(os.environ.get("BENCH_REPORTS", directory))
    sys.stdout.write("\n" + desk_cost.written(found, about, reports))
    return found


@pytest.mark.parametrize("log", ["day-usage", "month"])
def test_whole_job_keeps_its_throughput(cost: desk_cost.Cost, log: str, record_property: Record) -> None:
    kept = cost.kept(log)
    assert kept, cost.drains[log]
    record_property("throughput_kept_with_the_desk", round(median(kept), 2))
    assert median(kept) >= KEPT


@pytest.mark.parametrize("cut", ADDED_MS)
def test_alert_through_the_desk_is_seen_soon(cost: desk_cost.Cost, cut: str, record_property: Record) -> None:
    added = cost.added_ms(cut)
    assert added, cost.latencies
    record_property(f"{cut}_added_by_the_desk", round(median(added), 1))
    assert median(added) <= ADDED_MS[cut]


def test_desk_alone_takes_the_breaches_of_a_hundred_million(cost: desk_cost.Cost, record_property: Record) -> None:
    rates = [run.rate for run in cost.alone if not isinstance(run, str)]
    assert rates, cost.alone
    record_property("breaches_per_second_of_the_desk_alone", round(median(rates)))
    assert median(rates) >= 100 * 2.3  # of a day's load, with room for what comes at once after an outage
