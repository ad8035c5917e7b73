"""One run of one contender over a preloaded log, its output verified."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import read_back
import small_job
from confluent_kafka.admin import AdminClient, NewTopic
from logs import PARTITIONS, QUIET
from reference import expected
from roster import BARE, Contender

START_S: Final = 120.0
SLOWEST: Final = 500.0
"""Events a second below which a contender stands: plain Faust, at some 3,000, now and then stops for good with its
producer's buffer full."""
BARE_LOOPS: Final = (BARE, "bare-confluent")
_NUMBERS: Final = itertools.count(1)
SETTLE_S: Final = 15.0
"""For the last alerts of engines whose clock stops before they are sent."""


class Failed(Exception):  # noqa: N818 - a run's verdict
    """Why a run has no time to quote."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run whose output was verified.

    Parameters
    ----------
    seconds, cpu_s
        From the first record in hand to the last handled, by the clock and by the processor.
    alerts
        How many records came out.
    digest
        What the output was verified by.
    """

    events: int
    seconds: float
    cpu_s: float
    alerts: int
    digest: str
    more: dict[str, Any]

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of an event."""
        return self.cpu_s / self.events * 1e6

    def as_dict(self) -> dict[str, Any]:
        """All of it, for the JSON file."""
        return {**asdict(self), "rate": self.rate, "cpu_us": self.cpu_us}


@dataclass(frozen=True, slots=True)
class Scene:
    """A preloaded log: where it is, and where what a process says is written."""

    bootstrap: str
    prefix: str
    log: str
    events: int
    directory: Path


def run(contender: Contender, command: list[str], scene: Scene) -> Run:
    """Start a contender, wait for its result, hold its output against the reference, and end it."""
    # In the name of each topic and group that the contender makes, so that they can be found and deleted.
    name = f"{scene.prefix}{contender.name}-{next(_NUMBERS)}"
    out = f"{name}.alerts"
    client = AdminClient({"bootstrap.servers": scene.bootstrap, "log_level": QUIET})
    for created in client.create_topics([NewTopic(out, PARTITIONS, 1)]).values():
        created.result()
    said = scene.directory / f"{name}.log"
    # Its stores go with the room: some engines keep them where they are.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room, said.open("w") as log:
        environment = os.environ | {
            "BENCH_BROKER": scene.bootstrap,
            "BENCH_PREFIX": scene.prefix,
            "BENCH_EVENTS": str(scene.events),
            "BENCH_RUN": name,
            "BENCH_OUT": out,
            "TMPDIR": room,
        }
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            result = wait_for_result(process, scene.events)
            if result is None:
                raise Failed(f"gave no result (exit {process.wait(15)}): {last_words(said)}")
            alerts, digest = verify(contender, scene, result, out)
        finally:
            end(process)
    return Run(result["events"], result["seconds"], result["cpu_s"], alerts, digest, {})


def wait_for_result(process: subprocess.Popen[str], events: int) -> dict[str, Any] | None:
    """The line that the meter prints; None if the process ends, or has to be ended, without one."""
    timer = threading.Timer(START_S + events / SLOWEST, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("RESULT "):
                result: dict[str, Any] = json.loads(line[7:])
                return result
    finally:
        timer.cancel()
    return None


def verify(contender: Contender, scene: Scene, result: dict[str, Any], out: str) -> tuple[int, str]:
    """Number of alerts and the digest that was right; raise if anything was not."""
    if result["events"] != scene.events:
        raise Failed(f"handled {result['events']} of {scene.events} events")
    must = expected(scene.log, scene.events)
    if contender.name in BARE_LOOPS:
        if result["digest"] != must.counts:
            raise Failed(f"its counters have digest {result['digest']}, the reference {must.counts}")
        return 0, must.counts
    if contender.any_order:
        return nearly(scene, out, must.alerts)
    deadline = time.monotonic() + SETTLE_S
    while True:
        ids = [orjson.loads(value)["alert_id"] for value in read_back.committed(scene.bootstrap, out)]
        if len(ids) == must.alerts and small_job.digest(ids) == must.alert_ids:
            return len(ids), must.alert_ids
        if time.monotonic() > deadline:
            raise Failed(f"{len(ids)} alerts, {len(set(ids))} different ones, not the reference's {must.alerts}")
        time.sleep(0.5)


def nearly(scene: Scene, out: str, alerts: int) -> tuple[int, str]:
    """Number and digest of alerts that are all different, and as many as they should be but for one in a hundred."""
    deadline, ids = time.monotonic() + SETTLE_S, []
    while abs(len(ids) - alerts) > alerts / 100:
        if time.monotonic() > deadline:
            raise Failed(f"{len(ids)} alerts, not within a hundredth of the reference's {alerts}")
        time.sleep(1.0)
        ids = [orjson.loads(value)["alert_id"] for value in read_back.committed(scene.bootstrap, out)]
    if len(set(ids)) != len(ids):
        raise Failed(f"{len(ids)} alerts, but {len(set(ids))} different ones")
    return len(ids), small_job.digest(ids)


def end(process: subprocess.Popen[str]) -> None:
    """Ask it to end; one that does not is killed."""
    process.terminate()
    try:
        process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def last_words(log: Path) -> str:
    """The end of what a process said."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-400:]
