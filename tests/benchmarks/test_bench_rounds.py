"""Holdfast beside bare loops and other engines, and its latency: ``pytest -m benchmark -s tests/benchmarks``.

The same as ``run.py`` with its defaults, on the session's broker, held against what was promised. The tables, the JSON
and the picture go to the folder named by ``BENCH_REPORTS``, which ``.ci/long`` sets.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

import environments
import pytest
import results
import rounds
from latency import Latency
from logs import LOGS
from roster import FAUST, HOLDFAST, ROSTER

if TYPE_CHECKING:
    from streams.embedded_kafka.broker import EmbeddedBroker

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3 * 3_600)]

RATES: Final = (200, 1_000, 5_000)


class Promise(NamedTuple):
    """Of a log: the least share of the bare aiokafka loop's rate, and the most processor time of an event."""

    ratio: float
    cpu_us: float | None


PROMISES: Final = {"day-thirds": Promise(0.7, 8.0), "day-usage": Promise(0.7, 8.0), "month": Promise(0.25, None)}
CORE: Final = {200: 0.33, 1_000: 0.40}
"""The most of a core at a rate."""
P50_MS: Final = {1_000: 120.0}
P99_MS: Final = {1_000: 300.0}
TIMES_PLAIN_FAUST: Final = 20.0

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def race(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> rounds.Race:
    """All of it, once, its progress shown: it takes most of an hour."""
    directory = tmp_path_factory.mktemp("benchmark")
    about = results.machine("pytest -m benchmark tests/benchmarks/test_bench_rounds.py")
    about["load before"] = results.load()
    plan = rounds.Plan(
        bootstrap=broker.bootstrap,
        prefix=f"bench{int(time.time())}.",
        contenders=list(ROSTER),
        logs=list(LOGS),
        events=max(log.events for log in LOGS.values()),
        prefix_events=rounds.PREFIX_EVENTS,
        rounds=3,
        rates=RATES,
        seconds=20.0,
        breaches=0,
        cache=environments.default_cache(),
        directory=directory,
    )
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        found = rounds.run(plan)
    about["load after"] = results.load()
    reports = Path(os.environ.get("BENCH_REPORTS", directory))
    sys.stdout.write("\n" + results.write(found, about, reports))
    return found


@pytest.mark.parametrize("log", LOGS)
def test_whole_job_keeps_up_with_the_bare_loop(race: rounds.Race, log: str, record_property: Record) -> None:
    runs, ratios = race.verified(log, HOLDFAST), race.ratios(log, HOLDFAST)
    assert runs, race.runs[log][HOLDFAST]
    record_property("events_per_second", round(median(run.rate for run in runs)))
    record_property("of_the_bare_loop", round(median(ratios), 2))
    record_property("cpu_us_per_event", round(median(run.cpu_us for run in runs), 1))
    promise = PROMISES[log]
    assert median(ratios) >= promise.ratio
    assert promise.cpu_us is None or median(run.cpu_us for run in runs) <= promise.cpu_us


@pytest.mark.parametrize("log", LOGS)
def test_whole_job_is_twenty_times_plain_faust(race: rounds.Race, log: str) -> None:
    plain, whole = race.verified(log, FAUST), race.verified(log, HOLDFAST)
    assert plain, race.runs[log][FAUST]
    assert whole, race.runs[log][HOLDFAST]
    assert median(run.rate for run in whole) >= TIMES_PLAIN_FAUST * median(run.rate for run in plain)


@pytest.mark.parametrize("rate", RATES)
def test_alert_is_seen_soon_and_at_little_cost(race: rounds.Race, rate: int, record_property: Record) -> None:
    found = race.latencies[rate]
    assert isinstance(found, Latency), found
    for name, value in (("p50_ms", found.p50_ms), ("p99_ms", found.p99_ms), ("share_of_a_core", found.core)):
        record_property(name, round(value, 2))
    assert found.core <= CORE.get(rate, 1.0)
    assert found.p50_ms <= P50_MS.get(rate, float("inf"))
    assert found.p99_ms <= P99_MS.get(rate, float("inf"))


@pytest.mark.parametrize("name", ROSTER)
def test_contender_gave_what_the_reference_gives(race: rounds.Race, name: str) -> None:
    if name in race.left_out:
        pytest.skip(f"{name} cannot run here: {race.left_out[name]}")
    failed = {log: [run for run in race.runs[log][name] if isinstance(run, str)] for log in race.runs}
    assert not any(failed.values()), failed
