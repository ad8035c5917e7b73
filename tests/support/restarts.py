"""A broker that is stopped or killed and started again under load, and the processes that must outlive it.

Each process is held to one rule from outside: from the moment that the broker answers again it is back (``/readyz``
says so) or gone within 90 s, with a code that the runbook knows, its words, and no trace. A process that has
said that it ends is gone 10 s later. One that is gone is started again, as by a supervisor.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from support.black_box_worker import clean_environment
from support.foreign_producer import ForeignProducer, Sent, Town
from support.history_check import Log, counted_by_desk
from support.long_run import breaches_told, fold_again, misburied, not_in_sequence
from support.rig import CountWorker, Rig, until

from streams.embedded_kafka.broker import EmbeddedBroker
from streams.embedded_kafka.jars import Silent
from streams.records.topics import INPUT_TOPICS

BACK_S: Final = 90.0
GONE_S: Final = 10.0
SLACK_S: Final = 2.0
"""For a look once in half a second on a machine that is busy."""
CODES: Final = frozenset({1, 3, 70, 75})
"""What a broker's restart may end a process with; 0 is for those who were asked, 78 for topics that disagree."""
ENDS: Final = ("worker_ends", "learner_ends", "faust_stopped", "worker_stuck")


class Blow(NamedTuple):
    """How the broker goes down, and for how long."""

    number: signal.Signals
    down_s: float


class End(NamedTuple):
    """How a process ended of itself."""

    name: str
    code: int
    after_s: float
    said: str


class RestartedBroker:
    """A broker of one directory and one port."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._broker = EmbeddedBroker.start(directory)
        self.bootstrap = self._broker.bootstrap
        self._port = self._broker.port

    def down(self, number: signal.Signals) -> None:
        """End it by a signal, and wait; or freeze it."""
        if number == signal.SIGSTOP:
            self.freeze()
            return
        os.kill(self._broker.pid, number)
        self._broker.wait()
        self._broker.stop()

    def freeze(self) -> None:
        """Stop it where it stands: it takes what it is sent, and answers nothing."""
        os.kill(self._broker.pid, signal.SIGSTOP)

    def up(self) -> None:
        """Let it go on, or start it on the same data and port; returns when it answers."""
        if self._broker.is_running():
            os.kill(self._broker.pid, signal.SIGCONT)
            self._broker.wait_ready(Silent(), BACK_S)
            return
        self._broker = EmbeddedBroker.start(self._directory, self._port)

    def stop(self) -> None:
        """End it for good, frozen or not."""
        if self._broker.is_running():
            os.kill(self._broker.pid, signal.SIGCONT)
        self._broker.stop()


class Held:
    """A process that is started again when it has ended."""

    def __init__(self, name: str, rig: Rig, directory: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.ends: list[End] = []
        self._rig = rig
        self._directory = directory
        self._environment = environment
        self._said_at: float | None = None
        self._url = ""
        self.process = self._start()

    def _start(self) -> CountWorker:
        number = len(self._rig.workers)
        command = [sys.executable, "-m", "app.cli", self.name.partition("-")[0]]
        log = self._directory / f"{number:02d}-{self.name}.log"
        self._rig.workers.append(CountWorker(command, clean_environment(self._environment), log))
        self._url, self._said_at = "", None
        return self._rig.workers[-1]

    def look(self, since: float) -> None:
        """Start it again if it has gone; a process that has said that it ends must go."""
        code = self.process.code
        said = [line for name in ENDS for line in self.process.events(name)]
        if code is not None:
            lines = self.process.log.read_text(errors="replace").splitlines()
            words = [str(line.get("error") or line.get("reasons") or line) for line in said]
            words += [line for line in lines if line.startswith("holdfast:")]
            self.ends.append(End(self.name, code, time.monotonic() - since, "; ".join(words)))
            assert code in CODES, f"{self.ends[-1]}\n{self.process.tail()}"
            assert words, f"{self.name} ended with {code} without a word\n{self.process.tail()}"
            assert not [line for line in lines if line.startswith("Traceback")], self.process.tail()
            self.process = self._start()
        elif said:
            self._said_at = self._said_at or time.monotonic()
            stays = time.monotonic() - self._said_at
            assert stays < GONE_S + SLACK_S, f"{self.name} stays {stays:.0f} s after {said[-1]}\n{self.process.tail()}"

    async def ready(self) -> bool:
        """Whether it says so, and its process is alive."""
        listening = self.process.events("metrics_listening")
        if self.process.code is not None or not listening:
            return False
        return await asyncio.to_thread(_ready, str(listening[0]["url"]).removesuffix("/metrics") + "/readyz")


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def blows(seed: int, count: int, shortest_s: float, longest_s: float) -> list[Blow]:
    """Kills and stops in turn; a kill first, since it is the harder one."""
    draw = random.Random(seed)
    return [
        Blow(signal.SIGTERM if number % 2 else signal.SIGKILL, draw.uniform(shortest_s, longest_s))
        for number in range(count)
    ]


class Fleet:
    """Two workers and a learner."""

    def __init__(self, rig: Rig, directory: Path) -> None:
        given = {
            "HOLDFAST_BROKERS": ",".join(rig.client["bootstrap_servers"]),
            "HOLDFAST_TOPIC_PREFIX": rig.prefix,
            "HOLDFAST_METRICS_PORT": "0",
        }
        group = {"HOLDFAST_GROUP": rig.group, "HOLDFAST_PARTITIONS": str(rig.partitions)}
        self.held = [
            Held("worker-a", rig, directory, given | group),
            Held("worker-b", rig, directory, given | group),
            Held("learner", rig, directory, given | {"HOLDFAST_CHECKPOINT_S": "2"}),
        ]
        self.slowest_s = 0.0
        self._rig = rig

    @property
    def ends(self) -> list[End]:
        """All ends, in the order of the processes."""
        return [end for each in self.held for end in each.ends]

    async def watched(self, seconds: float, since: float) -> None:
        """Look at all for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._look(since)
            await asyncio.sleep(0.5)

    def _look(self, since: float) -> None:
        for each in self.held:
            each.look(since)

    async def back(self, since: float, bound_s: float = BACK_S) -> None:
        """Wait until all are ready, each within the bound; who has gone within it starts anew and has it again."""
        deadlines = {each.name: (each.process, since + bound_s) for each in self.held}
        left = list(self.held)
        while left:
            self._look(since)
            now = time.monotonic()
            for each in list(left):
                process, deadline = deadlines[each.name]
                if each.process is not process:
                    deadlines[each.name] = each.process, now + bound_s
                elif await each.ready():
                    self.slowest_s = max(self.slowest_s, now - since)
                    left.remove(each)
                else:
                    assert now < deadline, f"{each.name} is neither back nor gone after {bound_s:.0f} s\n{self.tails()}"
            await asyncio.sleep(0.5)

    def tails(self) -> str:
        """The ends of all logs, and how processes ended."""
        return "\n".join([*map(str, self.ends), self._rig.tails()])

    async def stop(self) -> None:
        """SIGTERM to all; each ends with 0, or with the code of an end that had begun by itself."""
        ending = {each.name for each in self.held if any(each.process.events(name) for name in ENDS)}
        for each in self.held:
            each.process.signal(signal.SIGTERM)
        for each in self.held:
            code = await each.process.ended(GONE_S + SLACK_S)
            assert code == 0 or (each.name in ending and code in CODES), each.process.tail()


async def strike(broker: RestartedBroker, fleet: Fleet, schedule: Sequence[Blow], sending: asyncio.Task[None]) -> None:
    """Deal the blows under load, and hold everybody to the rule after each."""
    for blow in schedule:
        assert not sending.done(), "the load has ended before the blows"
        sys.stdout.write(f"broker: {blow.number.name}, down for {blow.down_s:.0f} s\n")
        struck = time.monotonic()
        await asyncio.to_thread(broker.down, blow.number)
        await fleet.watched(blow.down_s, struck)
        await asyncio.to_thread(broker.up)
        await fleet.back(time.monotonic())
        await fleet.watched(2.0, struck)


async def load(producer: ForeignProducer, story: Iterable[Sent], rate: float, enough: asyncio.Event) -> None:
    """Send so many a second until it is enough."""
    records = iter(story)

    def until_enough() -> Iterable[Sent]:
        # The end is looked for before the next is drawn: what is drawn counts as sent.
        while not enough.is_set():
            yield next(records)

    await asyncio.to_thread(producer.send, until_enough(), rate)


async def all_read(rig: Rig, producer: ForeignProducer, bound_s: float) -> None:
    """Wait until the group's committed offsets, which report the ledgers, are at the ends."""

    async def reported() -> bool:
        committed = await rig.committed()
        return all(committed.get(place) == end for place, end in producer.ends.items())

    await until(reported, "all that was sent is applied", bound_s)


def exact(log: Log, rig: Rig, town: Town, producer: ForeignProducer) -> dict[str, object]:
    """Assert that each record of the inputs counts once, whatever its producer did, and return the figures.

    The log is what was sent: after a kill of its broker librdkafka was seen to write a record twice that it delivered
    once (1 of 68,165), so a record more than were delivered is the producer's. What it repeats has the same event_id.
    """
    verdict, counted = fold_again(log, rig, None)
    assert not verdict.findings, f"{verdict}\n{rig.tails()}"
    in_log = sum(len(records) for topic in INPUT_TOPICS for records in log[topic.name].values())
    doubled = in_log - producer.delivered
    assert verdict.applied == in_log
    assert 0 <= doubled <= 5, f"{in_log} in the log, {producer.delivered} delivered"
    assert not (found := not_in_sequence(log)), found[:5]
    assert len(found := misburied(log, producer.planted, rig.prefix)) <= doubled, found[:5]
    assert 0 <= counted.applied + counted.ignored - town.unique <= doubled
    breaches = breaches_told(log)
    of_desk, waiting = counted_by_desk(log)
    assert (counted.breaches + of_desk).total() == breaches.total() + waiting
    assert min(breaches.total(), verdict.outputs["alert"], counted.duplicates) > 0
    return {
        "events": town.unique,
        "in_log": in_log,
        "doubled_by_the_producer": doubled,
        "duplicates": counted.duplicates,
        "garbage_in_dead_letters": len(producer.planted),
        "transactions": verdict.transactions,
        "alerts": verdict.outputs["alert"],
        "suppressed": verdict.outputs["suppression"],
        "breaches": breaches.total(),
    }
