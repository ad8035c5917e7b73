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

**The desk** is part of the job: its clock stops when the desk, too, has committed all that it made of what the lanes
told it of the log. ``churn.desk-state.v1`` says when that was. What lanes say a quarter of a second later, that they
are idle, is none of the log.

**Verified**: every event is applied, none a duplicate, no dead letters; alerts read back with ``read_committed`` are
unique by (alert_id, seq), and as many are raised in each round: a breach that gets stronger before a new desk has its
policy is raised with what is known by then, so the number of its steps hangs on how soon the desk is there. The worker
ends with 0.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson
import psutil
import read_back
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from contender_run import Failed, Run, Scene
from logs import PARTITIONS, QUIET, TOPICS, settings
from support.black_box_worker import PROGRAM, Metrics, Worker

ALERTS: Final = "churn.retention-alerts.v1"
BREACHES: Final = "churn.breaches.v1"
DESK_STATE: Final = "churn.desk-state.v1"
NO_WORK: Final = frozenset({"joined", "idle", "excluded", "governed"})
"""What the desk hears that is not about the log."""
EAGER_LOOK_S: Final = 0.05
LOOK_S: Final = 0.25
OPEN_S: Final = 180.0
"""Until a lane is open: a compiled kernel may have to be compiled first."""
BOUND_S: Final = 600.0
REST_S: Final = 1.5
"""A desk that has committed nothing for so long has done all: it looks for new records twice a second."""


class Mark(NamedTuple):
    """How far the worker was: when, how many events committed, processor time so far."""

    at: float
    events: float
    cpu_s: float


class Heard(NamedTuple):
    """What the desk read of the log: how many steps of breaches, and when all were decided."""

    breaches: int
    at: float


def drain(scene: Scene, program: Sequence[str] = PROGRAM) -> Run:
    """Start a worker on a preloaded log, and wait until all of it is committed."""
    said = scene.directory / f"{scene.prefix}worker.log"
    worker = Worker(settings(scene.bootstrap, scene.prefix), said, program=program)
    try:
        process = psutil.Process(worker.pid)
        first = opened(worker, process, 1, EAGER_LOOK_S)
        ready = opened(worker, process, PARTITIONS, LOOK_S)
        last = drained(worker, process, scene.events)
        spent = rested(worker, process, scene, last.cpu_s)
        check(worker.metrics(), scene.events)
        code = worker.stop()
    finally:
        worker.discard()
    if code != 0:
        raise Failed(f"the worker ended with {code}: {worker.tail()[-400:]}")
    alerts, digest = read_alerts(scene)
    heard = heard_by_desk(scene)
    last = Mark(max(last.at, heard.at), last.events, spent)
    more = {"from_all_open": between(ready, last), "breaches": heard.breaches}
    return Run(scene.events, last.at - first.at, last.cpu_s - first.cpu_s, alerts, digest, more)


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


def rested(worker: Worker, process: psutil.Process, scene: Scene, spent: float) -> float:
    """Wait until the desk commits nothing more; returns the processor time at its last commit, to a look."""
    place = TopicPartition(scene.prefix + DESK_STATE, 0)
    client = AdminClient({"bootstrap.servers": scene.bootstrap, "log_level": QUIET})
    end, since, deadline = -1, time.monotonic(), time.monotonic() + BOUND_S
    while time.monotonic() - since < REST_S:
        alive(worker)
        if time.monotonic() > deadline:
            raise Failed(f"the desk is not done after {BOUND_S:.0f} s")
        now_at = client.list_offsets({place: OffsetSpec.latest()})[place].result().offset
        if now_at != end:
            end, since, spent = now_at, time.monotonic(), cpu_s(process)
        time.sleep(LOOK_S)
    return spent


def heard_by_desk(scene: Scene) -> Heard:
    """What the desk read of the log, all of it decided; nothing where no desk ran."""
    told = [
        (message.offset(), orjson.loads(message.value())["what"])
        for message in read_back.messages(scene.bootstrap, scene.prefix + BREACHES, 1)
    ]
    last = max((offset for offset, what in told if what not in NO_WORK), default=-1)
    if last < 0:
        return Heard(0, 0.0)
    places = [
        (orjson.loads(message.value())["next_offset"], message.timestamp()[1] / 1000)
        for message in read_back.messages(scene.bootstrap, scene.prefix + DESK_STATE, 1)
        if message.key() == b"~position"
    ]
    past = [(place, at) for place, at in places if place > last]
    if not past:
        raise Failed(f"the desk has not heard record {last} of {BREACHES}")
    # What did not fit into the transaction that heard the last record follows at the same place.
    return Heard(sum(what == "breach" for _, what in told), max(at for place, at in past if place == past[0][0]))


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
    """Number of alerts raised, each record committed once, and a digest of their ids."""
    values = [orjson.loads(value) for value in read_back.committed(scene.bootstrap, scene.prefix + ALERTS)]
    if (different := len({(value["alert_id"], value["seq"]) for value in values})) != len(values):
        raise Failed(f"{len(values)} alert records, but {different} different ones")
    raised = sorted(value["alert_id"] for value in values if value["event"] == "raised")
    if not raised:
        raise Failed("no alerts came out: nothing shows that it did its work")
    return len(raised), hashlib.sha256("\n".join(raised).encode()).hexdigest()[:16]
