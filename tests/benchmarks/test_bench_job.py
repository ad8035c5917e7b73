"""Events per second of the whole job against a plain Faust agent, alternating in one run on one machine.

Holdfast does all features of all ten topics, durable and exactly once; plain Faust twelve of three topics, at
least once. ``pytest -m benchmark -s tests/benchmarks/test_bench_job.py``; the input is simulated.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import history
from streams.topics import HISTORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.broker import EmbeddedBroker

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1500)]

HERE = Path(__file__).parent
PARTITIONS = 8
ROUNDS = 3
JOB_EVENTS = 300_000
PLAIN_EVENTS = 15_000
NEEDED = 20


async def test_whole_job_is_twenty_times_plain_faust(
    broker: EmbeddedBroker, prefix: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    plain, whole = [], []
    for i in range(ROUNDS):
        own = f"{prefix}{i}."
        simulate(broker.bootstrap, own, JOB_EVENTS)
        plain.append(plain_faust(broker.bootstrap, own, f"plain-{i}", tmp_path))
        whole.append(await holdfast(broker.bootstrap, own, i, tmp_path))
    record_property("table", table(plain, whole))
    sys.stdout.write(f"\n{table(plain, whole)}\n")
    assert statistics.median(whole) >= NEEDED * statistics.median(plain)


def simulate(bootstrap: str, prefix: str, events: int) -> None:
    """Create the topics, and preload every input."""
    subprocess.run(
        [sys.executable, "-m", "app.cli", "topics", "create"],
        env=environment(bootstrap, prefix),
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    command = ["simulate", "--subscribers", "8000", "--days", "30", "--speed", "0", "--seed", "11", "--json"]
    subprocess.run(
        [sys.executable, "-m", "app.cli", *command, "--events", str(events)],
        env=environment(bootstrap, prefix),
        check=True,
        capture_output=True,
        timeout=300,
    )


def environment(bootstrap: str, prefix: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return kept | {
        "HOLDFAST_BROKERS": bootstrap,
        "HOLDFAST_TOPIC_PREFIX": prefix,
        "HOLDFAST_PARTITIONS": str(PARTITIONS),
        "HOLDFAST_METRICS_PORT": "0",
        **more,
    }


def plain_faust(bootstrap: str, prefix: str, group: str, logs: Path) -> float:
    """Events per second of the plain agent, its own topics made anew."""
    env = os.environ | {
        "BENCH_BROKER": bootstrap,
        "BENCH_PREFIX": prefix,
        "BENCH_GROUP": group,
        "BENCH_EVENTS": str(PLAIN_EVENTS),
        "BENCH_PARTITIONS": str(PARTITIONS),
    }
    with (logs / f"{group}.log").open("w") as log:
        command = [sys.executable, str(HERE / "plain_faust.py"), "worker", "-l", "warn", "--without-web"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("RESULT "):
                    result: dict[str, Any] = json.loads(line[7:])
                    return float(result["events"] / result["seconds"])
        finally:
            process.kill()
            process.communicate(timeout=30)
    raise AssertionError((logs / f"{group}.log").read_text()[-2000:])


async def holdfast(bootstrap: str, prefix: str, round_: int, logs: Path) -> float:
    """Events per second of a worker that reads all of the preloaded input."""
    with (logs / f"worker-{round_}.log").open("w") as log:
        env = environment(bootstrap, prefix, HOLDFAST_GROUP=f"bench-{round_}")
        command = [sys.executable, "-m", "app.cli", "worker"]
        process = await asyncio.create_subprocess_exec(*command, env=env, stdout=log, stderr=log)
        try:
            return await rate(bootstrap, prefix, process)
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)


async def rate(bootstrap: str, prefix: str, process: asyncio.subprocess.Process) -> float:
    """Applied events over time, as the history has them by the broker's clock."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        places = [TopicPartition(prefix + HISTORY, p) for p in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        commits: list[tuple[int, int]] = []
        end = time.monotonic() + 240
        while sum(events for _, events in commits) < JOB_EVENTS:
            assert process.returncode is None, "the worker ended"
            assert time.monotonic() < end, f"{sum(e for _, e in commits)} of {JOB_EVENTS} events after 240 s"
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    events = sum(last - first + 1 for _, first, last in history.read(record.value).segments)
                    commits.append((record.timestamp, events))
    finally:
        await consumer.stop()
    return middle(sorted(commit for commit in commits if commit[1]))


def middle(commits: list[tuple[int, int]]) -> float:
    """Rate over the middle 80 % of the events, as with the plain agent: without the start and the last stragglers."""
    applied, marks = 0, []
    for at, events in commits:
        applied += events
        marks.append((applied, at))
    low = next(mark for mark in marks if mark[0] >= 0.1 * JOB_EVENTS)
    high = next(mark for mark in marks if mark[0] >= 0.9 * JOB_EVENTS)
    return (high[0] - low[0]) / ((high[1] - low[1]) / 1000)


def table(plain: list[float], whole: list[float]) -> str:
    versions = " ".join(f"{name} {version(name)}" for name in ("faust-streaming", "aiokafka", "numpy", "msgspec"))
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}",
        f"{'one process, simulated input':44} {'median':>9} {'min':>9} {'max':>9}  events/s",
    ]
    for name, rates in (("plain Faust, Record + Table", plain), ("Holdfast, whole job, exactly once", whole)):
        lines.append(f"{name:44} {statistics.median(rates):9,.0f} {min(rates):9,.0f} {max(rates):9,.0f}")
    lines.append(f"ratio of medians {statistics.median(whole) / statistics.median(plain):.1f}")
    return "\n".join(lines)
