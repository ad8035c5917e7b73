"""Holdfast over a preloaded log, from outside: ``holdfast worker``, its ``/metrics``, and its topics.

**Its clock, beside that of a bare loop.** A bare loop's runs from its first record in hand to the last one counted;
its start does not count. Holdfast's runs from the moment when the *first* lane is seen open to the commit of the last
transaction, and all events of the log fall in between. That is against Holdfast: its first fetch counts, and so does
the start of all other lanes, which open their transactional producers and apply everybody's profiles while the first
ones are at work already. The other choice, from the moment when *all* lanes are open and over the events that were
committed after it, is for Holdfast: what the first lanes have in the works by then, up to 20,000 events each, is had
for nothing, as the first records in hand are by a bare loop. It is in the JSON too (``from_all_open``). On a long log
they agree.

**How it is read.** ``holdfast_events_total`` says what is committed, ``holdfast_last_progress_timestamp_seconds``
when: so the end is known better than by the pace of our looking, since each look costs the worker some milliseconds.
Processor time is that of the worker's process (and its children, if there are any), user and system, over the same
span, to the look that saw the end.

**Verified**: every event is applied, none a duplicate, no dead letters; alerts read back with ``read_committed`` are
unique by (alert_id, seq), and as many in each round. The worker ends with 0.
"""

from __future__ import annotations

import hashlib
import time
from typing import Final, NamedTuple

import orjson
import psutil
import read_back
from contender_run import BOUND_S, Failed, Run, Scene
from logs import PARTITIONS, TOPICS, settings
from support.black_box_worker import Metrics, Worker

ALERTS: Final = "churn.retention-alerts.v1"
EAGER_LOOK_S: Final = 0.05
LOOK_S: Final = 0.25
OPEN_S: Final = 180.0
"""Until a lane is open: a compiled kernel may have to be compiled first."""


class Mark(NamedTuple):
    """How far the worker was: when, how many events committed, processor time so far."""

    at: float
    events: float
    cpu_s: float


def drain(scene: Scene) -> Run:
    """Start a worker on a preloaded log, and wait until all of it is committed."""
    worker = Worker(settings(scene.bootstrap, scene.prefix), scene.directory / f"{scene.prefix}worker.log")
    try:
        process = psutil.Process(worker.pid)
        first = opened(worker, process, 1, EAGER_LOOK_S)
        ready = opened(worker, process, PARTITIONS, LOOK_S)
        last = drained(worker, process, scene.events)
        check(worker.metrics(), scene.events)
        code = worker.stop()
    finally:
        worker.discard()
    if code != 0:
        raise Failed(f"the worker ended with {code}: {worker.tail()[-400:]}")
    alerts, digest = read_alerts(scene)
    seconds, spent = last.at - first.at, last.cpu_s - first.cpu_s
    return Run(scene.events, seconds, spent, alerts, digest, {"from_all_open": between(ready, last)})


def between(ready: Mark, last: Mark) -> dict[str, float]:
    """Rate and processor time over what was committed after a moment; nothing if that was all."""
    events, seconds = last.events - ready.events, last.at - ready.at
    if events <= 0 or seconds <= 0:
        return {"events": 0}
    return {"events": events, "rate": events / seconds, "cpu_us": (last.cpu_s - ready.cpu_s) / events * 1e6}


def opened(worker: Worker, process: psutil.Process, lanes: int, look_s: float) -> Mark:
    """Wait until so many lanes are open: each lane's lag is a series from its opening on."""
    deadline = time.monotonic() + OPEN_S
    while time.monotonic() < deadline:
        alive(worker)
        if worker.stdout:
            # Before the answer: rendering it is the worker's work, and what it shows may be older than its end.
            at, spent = time.time(), cpu_s(process)
            metrics = worker.metrics()
            seen = {labels.get("partition") for labels in metrics.labels("holdfast_lag_records")}
            if len(seen) >= lanes:
                return Mark(at, applied(metrics), spent)
        time.sleep(look_s)
    raise Failed(f"not {lanes} lanes open after {OPEN_S:.0f} s: {worker.tail()[-400:]}")


def drained(worker: Worker, process: psutil.Process, events: int) -> Mark:
    """Wait until all is committed; when that was, the worker knows best."""
    deadline = time.monotonic() + BOUND_S
    while True:
        alive(worker)
        metrics = worker.metrics()
        done = applied(metrics)
        if done >= events:
            at = metrics.value("last_progress_timestamp_seconds")
            if at is None:
                raise Failed("no last_progress_timestamp_seconds among the metrics")
            return Mark(at, done, cpu_s(process))
        if time.monotonic() > deadline:
            raise Failed(f"{done:.0f} of {events} events after {BOUND_S:.0f} s")
        time.sleep(LOOK_S)


def alive(worker: Worker) -> None:
    """Raise if it has ended."""
    if worker.code is not None:
        raise Failed(f"the worker ended with {worker.code}: {worker.tail()[-400:]}")


def applied(metrics: Metrics) -> float:
    """Events of the log that are committed."""
    return sum(metrics.value("events_total", topic=topic) or 0.0 for topic in TOPICS)


def cpu_s(process: psutil.Process) -> float:
    """User and system time of a process and its children."""
    spent = 0.0
    for each in [process, *process.children(recursive=True)]:
        times = each.cpu_times()
        spent += times.user + times.system
    return spent


def check(metrics: Metrics, events: int) -> None:
    """Raise unless everything was applied, once, and nothing refused."""
    found = {
        "events": applied(metrics),
        "dead letters": metrics.total("dead_letters_total"),
        "duplicates": metrics.total("duplicates_total"),
    }
    if found != {"events": events, "dead letters": 0, "duplicates": 0}:
        raise Failed(f"not {events} events applied once: {found}")


def read_alerts(scene: Scene) -> tuple[int, str]:
    """Number of committed alert records, each once, and a digest of their ids."""
    values = [orjson.loads(value) for value in read_back.committed(scene.bootstrap, scene.prefix + ALERTS)]
    ids = sorted(f"{value['alert_id']}:{value['seq']}" for value in values)
    if len(set(ids)) != len(ids):
        raise Failed(f"{len(ids)} alert records, but {len(set(ids))} different ones")
    if not ids:
        raise Failed("no alerts came out: nothing shows that it did its work")
    return len(ids), hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
