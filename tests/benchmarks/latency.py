"""From an event to its alert, in Holdfast, while events come at a steady rate; and what that costs the processor.

A producer sends live events at a rate; one in twenty raises an alert. The time runs from the ``produce()`` of the
event that raised it to the moment when a reader with ``read_committed`` has the alert in hand: the producer's way to
the broker, the worker, its transaction, and the reader's fetch are all in it. An alert names its trigger by topic,
partition and offset, so it is never a guess which event raised it. The first seconds of a rate are a warm-up and not
counted.

Processor time is that of the worker's process, user and system, over the seconds that are counted, as a share of one
core. Verified: each trigger of those seconds raised exactly one alert; no latency is quoted otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, Final, NamedTuple

import orjson
import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition
from contender_run import Failed
from holdfast_drain import ALERTS, LOOK_S, cpu_s, opened
from logs import PARTITIONS, PROFILES, SUBSCRIBERS, Loader, create_topics, load_profiles, settings
from pace import EVERY
from support.black_box_worker import PROGRAM, Worker

HERE: Final = Path(__file__).parent
WARM_S: Final = 5.0
AHEAD_S: Final = 2.0
"""From the start of the producer's process to its first event."""
SETTLE_S: Final = 30.0
"""For the last alerts, after the last event."""


class Latency(NamedTuple):
    """What a rate gave.

    Parameters
    ----------
    core
        Share of a core that the worker used.
    producer_late_ms
        The most by which the producer missed an event's due time: it shares the machine.
    """

    rate: int
    seconds: float
    alerts: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    core: float
    producer_late_ms: float

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return self._asdict()


class AlertReader:
    """Reads alerts as they are committed, and remembers when each was in hand."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._arrived: list[tuple[float, bytes]] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "latency",  # asked for, never joined
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 10,
            }
        )
        self._consumer.assign([TopicPartition(prefix + ALERTS, p, 0) for p in range(PARTITIONS)])

    def pump(self, wait_s: float) -> None:
        """Take in what has come, or wait a little for the next."""
        message = self._consumer.poll(wait_s)
        while message is not None:
            if message.error() is not None:
                raise KafkaException(message.error())
            self._arrived.append((time.time(), message.value()))
            message = self._consumer.poll(0)

    def take(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Arrival and body of the alerts since the last call."""
        taken, self._arrived = self._arrived, []
        for at, value in taken:
            yield at, orjson.loads(value)

    def close(self) -> None:
        """Let the connection go."""
        self._consumer.close()


class Bench:
    """A worker that has caught up, and who sends to it and reads from it; made by :func:`bench`."""

    def __init__(self, bootstrap: str, prefix: str, worker: Worker, reader: AlertReader) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._worker = worker
        self._process = psutil.Process(worker.pid)
        self._reader = reader
        self._first = SUBSCRIBERS

    def measure(self, rate: int, seconds: float) -> Latency:
        """Send at a rate, and look at the alerts."""
        begin_at = time.time() + AHEAD_S
        counted_from, end_at = begin_at + WARM_S, begin_at + WARM_S + seconds
        producer = self._start_producer(rate, begin_at, WARM_S + seconds)
        try:
            spent = self._read_while_sending(producer, counted_from, end_at)
            said, _ = producer.communicate(timeout=60)
        finally:
            producer.kill()
            producer.wait()
        if producer.returncode:
            raise Failed(f"the producer ended with {producer.returncode}")
        sent = json.loads(said)
        self._first += len(sent["triggers"])
        at = {(topic, partition, offset): when for topic, partition, offset, when in sent["triggers"]}
        waits = self._waits({place: when for place, when in at.items() if when >= counted_from}, set(at))
        cuts = quantiles(waits, n=100, method="inclusive")
        share = spent / (end_at - counted_from)
        return Latency(rate, seconds, len(waits), cuts[49], cuts[98], max(waits), share, sent["late_ms"])

    def _start_producer(self, rate: int, begin_at: float, seconds: float) -> subprocess.Popen[str]:
        given = {"bootstrap": self._bootstrap, "prefix": self._prefix, "first": self._first}
        told = json.dumps({**given, "rate": rate, "begin_at": begin_at, "seconds": seconds})
        environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
        return subprocess.Popen(
            [sys.executable, str(HERE / "pace.py"), told], stdout=subprocess.PIPE, text=True, env=environment
        )

    def _read_while_sending(self, producer: subprocess.Popen[str], begin: float, end: float) -> float:
        """Read alerts until the last event is sent; the worker's processor time between two moments."""
        marks: list[float] = []
        for moment in (begin, end):
            while time.time() < moment:
                self._reader.pump(0.02)
                if self._worker.code is not None:
                    raise Failed(f"the worker ended with {self._worker.code}: {self._worker.tail()[-400:]}")
            marks.append(cpu_s(self._process))
        return marks[1] - marks[0]

    def _waits(self, counted: dict[tuple[str, int, int], float], sent: set[tuple[str, int, int]]) -> list[float]:
        """Milliseconds from each counted trigger to its alert, once every trigger has raised one."""
        waits: list[float] = []
        missing, deadline = set(sent), time.monotonic() + SETTLE_S
        while missing and time.monotonic() < deadline:
            self._reader.pump(0.05)
            for at, alert in self._reader.take():
                by = alert["trigger"]
                place = (by["topic"], by["partition"], by["offset"])
                if alert["event"] != "raised" or place not in sent:
                    continue
                if place not in missing:
                    raise Failed(f"two alerts of one trigger: {place}")
                missing.discard(place)
                if place in counted:
                    waits.append((at - counted[place]) * 1000)
        if missing:
            raise Failed(f"{len(missing)} of {len(sent)} triggers raised no alert within {SETTLE_S:.0f} s")
        return waits


@contextmanager
def bench(
    bootstrap: str,
    prefix: str,
    directory: Path,
    rates: list[int],
    seconds: float,
    program: Sequence[str] = PROGRAM,
) -> Iterator[Bench]:
    """Topics, profiles for all subscribers with events, and a worker with all lanes open."""
    create_topics(bootstrap, prefix)
    everybody = SUBSCRIBERS + sum(1 + int(rate * (WARM_S + seconds)) // EVERY for rate in rates)
    loader = Loader(bootstrap, prefix)
    load_profiles(loader, everybody)
    loader.finish({PROFILES: everybody})
    worker = Worker(settings(bootstrap, prefix), directory / f"{prefix}worker.log", program=program)
    reader = AlertReader(bootstrap, prefix)
    try:
        opened(worker, psutil.Process(worker.pid), PARTITIONS, LOOK_S)
        yield Bench(bootstrap, prefix, worker, reader)
        if (code := worker.stop()) != 0:
            raise Failed(f"the worker ended with {code}: {worker.tail()[-400:]}")
    finally:
        worker.discard()
        reader.close()
