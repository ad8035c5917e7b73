"""Holdfast over a preloaded log, from outside: ``holdfast worker``, its ``/metrics``, and its topics.

Its clock, beside that of a bare loop ------------------------------------- A bare loop's clock runs from its first
record to its last, so its start does not count. What is comparable: from the moment when all lanes are open (state
restored, profiles applied, transactional producers at work) to the commit of the last transaction, divided into the
events that were *committed* in between. Lanes open one after the other, and the first ones work meanwhile: what they
had committed when the last one was seen open is not counted, and neither is its time. Against Holdfast: the first
fetch falls into its time, as it does not with a bare loop, and so does the last commit. For it: a batch that was in
the works at that moment, as the fetched records are that a bare loop begins with. A log that is mostly applied before
all lanes are open is too small to be quoted, and refused.

The first commit comes later than the opening by the whole first batch of a lane; the rate between commits is in the
JSON too, but a log of few transactions is flattered by it.

How it is read -------------- ``holdfast_events_total`` says what is committed,
``holdfast_last_progress_timestamp_seconds`` when: so the end of the run is known better than by the pace of our
looking, twice a second, since each look costs the worker some milliseconds. Processor time is that of the worker's
process (and its children, if there are any), user and system, over the same span, to the look that saw the end.

Verified: every event is applied, none a duplicate, no dead letters; alerts read back with ``read_committed`` are
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
LOOK_S: Final = 0.5
OPEN_S: Final = 180.0
"""Until all lanes are open: a compiled kernel may have to be compiled first."""
MOST_BEFORE: Final = 0.5
"""Of the log, applied when the last lane opens."""


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
        ready = opened(worker, process)
        marks = drained(worker, process, scene.events)
        check(worker.metrics(), scene.events)
        code = worker.stop()
    finally:
        worker.discard()
    if code != 0:
        raise Failed(f"the worker ended with {code}: {worker.tail()[-400:]}")
    alerts, digest = read_alerts(scene)
    counted, seconds = int(marks[-1].events - ready.events), marks[-1].at - ready.at
    if counted < (1 - MOST_BEFORE) * scene.events:
        raise Failed(f"too small a log: {ready.events:.0f} of {scene.events} events were applied when it was ready")
    first = next(mark for mark in marks if mark.events > 0)
    between = (marks[-1].events - first.events) / (marks[-1].at - first.at) if marks[-1].at > first.at else None
    more = {"before_ready": int(ready.events), "rate_between_commits_seen": between}
    return Run(counted, seconds, marks[-1].cpu_s - ready.cpu_s, alerts, digest, more)


def opened(worker: Worker, process: psutil.Process) -> Mark:
    """Wait until all lanes are open: each lane's lag is a series from its opening on."""
    deadline = time.monotonic() + OPEN_S
    while time.monotonic() < deadline:
        alive(worker)
        if worker.stdout:
            metrics = worker.metrics()
            seen = {labels.get("partition") for labels in metrics.labels("holdfast_lag_records")}
            if len(seen) == PARTITIONS:
                return Mark(time.time(), applied(metrics), cpu_s(process))
        time.sleep(0.05)
    raise Failed(f"not all lanes open after {OPEN_S:.0f} s: {worker.tail()[-400:]}")


def drained(worker: Worker, process: psutil.Process, events: int) -> list[Mark]:
    """What was seen until all was committed, by the worker's own time of each last commit."""
    marks: list[Mark] = []
    deadline = time.monotonic() + BOUND_S
    while not marks or marks[-1].events < events:
        if time.monotonic() > deadline:
            raise Failed(f"{marks[-1].events:.0f} of {events} events after {BOUND_S:.0f} s")
        time.sleep(LOOK_S)
        alive(worker)
        metrics = worker.metrics()
        at = metrics.value("last_progress_timestamp_seconds")
        if at is None:
            raise Failed("no last_progress_timestamp_seconds among the metrics")
        marks.append(Mark(at, applied(metrics), cpu_s(process)))
    return marks


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
