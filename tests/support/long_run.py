"""A long run under kills and joins: real worker processes, a schedule of blows, and the verdict over all that is left.

The blows fall at shares of what is *applied*, not of what is sent: the next one waits until the workers have recovered
from the last and gone on, so a run cannot pass because everybody was dead while the clock ran. Within that, the moment
is random, and the seed that chose it is printed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.black_box_worker import PROGRAM
from support.foreign_producer import ForeignProducer, Landed, Sent, Town
from support.history_check import Log, Record, Verdict, check, counted_by_desk, read_log
from support.rig import CountWorker, Rig, until
from support.version_switch import version_switch

from app.config.operator_files import policy_of_file
from models.contract.policy import Policy
from models.detection.detector import Detector
from models.detection.outbox import Changes, Counts
from models.scoring.prior import prior
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot, decode
from models.state.state_records import StateRecords
from streams.lanes.detection_fold import DetectionFold
from streams.lanes.ledger import LEDGER_KEY
from streams.lanes.ports import Folded
from streams.records import lane_history
from streams.records.topics import ALERTS, ALL_TOPICS, DEAD_LETTERS, HISTORY, SCORES, STATE, SUPPRESSIONS, WORK_ORDERS

RECOVERY_S: Final = 120.0
"""In which a step's share of the events must be applied: a session's 10 s, a restore, and a machine that is shared."""
KEPT_BYTES: Final = 256 << 10
PAUSE_S: Final = 5.0
FAILED_AT: Final = 9
"""Exit code of a process at the step of ``HOLDFAST_FAIL_AT``."""
Blow = Literal["join", "kill", "kill_all", "kill_again", "kill_opening", "pause"]
STEPS: Final = ("decoded", "folded", "before_commit", "after_commit")
"""Of a transaction: where a worker can be told to die."""


class Step(NamedTuple):
    """One blow: when so many records are applied, and a random moment later."""

    at: int
    blow: Blow
    delay_s: float


def schedule(seed: int, records: int, blows: Sequence[Blow]) -> list[Step]:
    """Blows in their order at random places of the run; the last quarter is for catching up.

    ``kill_again`` and ``kill_opening`` follow the blow before them without waiting for anything to be applied.
    """
    draw = random.Random(seed)
    places = sorted(int(draw.uniform(0.08, 0.75) * records) for _ in blows)
    return [Step(at, blow, draw.uniform(0.0, 1.0)) for at, blow in zip(places, blows, strict=True)]


class Progress:
    """How many records the workers have applied, as committed transactions tell; use as an async context manager."""

    def __init__(self, rig: Rig) -> None:
        self.applied = 0
        self._tps = [TopicPartition(rig.prefix + HISTORY, p) for p in range(rig.partitions)]
        self._consumer = AIOKafkaConsumer(
            **rig.client, enable_auto_commit=False, isolation_level="read_committed", fetch_max_wait_ms=50
        )

    async def __aenter__(self) -> Progress:
        await self._consumer.start()
        self._consumer.assign(self._tps)
        await self._consumer.seek_to_beginning(*self._tps)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def reached(self, records: int) -> bool:
        """Whether so many are applied. The producer's offsets have no holes, so a segment is as long as it says."""
        for batch in (await self._consumer.getmany(timeout_ms=50)).values():
            for record in batch:
                self.applied += sum(last - first + 1 for _, first, last in lane_history.read(record.value).segments)
        return self.applied >= records


class Fleet:
    """The workers of a run, by ``holdfast worker``, as a supervisor would start them.

    Attributes
    ----------
    kills, joins
        How many there were.
    struck
        The blows, and how many records were applied when they fell.
    """

    def __init__(
        self,
        rig: Rig,
        model: Path | None,
        directory: Path,
        seed: int,
        program: Sequence[str] = PROGRAM,
        policy: Path | None = None,
    ) -> None:
        self.kills = 0
        self.joins = 0
        self.struck: list[tuple[str, int]] = []
        self.alive: list[CountWorker] = []
        self._rig = rig
        self._directory = directory
        self._program = program
        self._draw = random.Random(seed)
        self._environment = {
            "HOLDFAST_BROKERS": ",".join(rig.client["bootstrap_servers"]),
            "HOLDFAST_TOPIC_PREFIX": rig.prefix,
            "HOLDFAST_GROUP": rig.group,
            "HOLDFAST_PARTITIONS": str(rig.partitions),
            "HOLDFAST_METRICS_PORT": "0",
            **({"HOLDFAST_MODEL": str(model)} if model else {}),
            **({"HOLDFAST_POLICY": str(policy)} if policy else {}),
        }

    def start(self, **environment: str) -> CountWorker:
        """One more worker."""
        number = len(self._rig.workers)
        command = [sys.executable, *self._program, "worker"]
        worker = CountWorker(command, self._environment | environment, self._directory / f"worker-{number}.log")
        self._rig.workers.append(worker)
        self.alive.append(worker)
        return worker

    async def opened(self) -> None:
        """Wait until the first lane is open, so that what follows falls upon somebody at work."""
        await self.alive[0].said("lane_opened", bound_s=RECOVERY_S)

    async def die(self, nth: int, progress: Progress) -> None:
        """A worker that dies at some step of its n-th transaction; then it starts again, and another joins.

        By the clock such a blow falls when all is over, where a log is short and the machine fast.
        """
        doomed = self.start(HOLDFAST_FAIL_AT=f"{self._draw.choice(STEPS)}:{nth}")
        assert await doomed.ended(RECOVERY_S) == FAILED_AT, doomed.tail()
        self.alive.remove(doomed)
        self.kills += 1
        await progress.reached(0)
        self.struck.append(("die", progress.applied))
        self.joins += 1
        await asyncio.gather(*(self.start().said("lanes_assigned", bound_s=RECOVERY_S) for _ in range(2)))

    async def one_dies(self) -> None:
        """Wait until one of them has died of SIGKILL."""

        async def dead() -> CountWorker | None:
            return next((worker for worker in self.alive if worker.code is not None), None)

        fallen = await until(dead, "a worker dies", RECOVERY_S)
        assert fallen.code == -signal.SIGKILL, fallen.tail()
        self.alive.remove(fallen)
        self.kills += 1

    async def strike(self, steps: Iterable[Step], progress: Progress) -> None:
        """Deal the blows; returns after the last, with everybody that was killed started again."""
        for at, blow, delay_s in steps:
            self._all_well()
            if blow not in ("kill_again", "kill_opening"):
                await self._go_on(progress, at)
            elif blow == "kill_opening":
                await self.alive[-1].said("lanes_assigned", bound_s=RECOVERY_S)
            # A kill that comes with a rhythm of ours would always hit the same step of the protocol.
            await asyncio.sleep(delay_s)
            await progress.reached(0)
            self.struck.append((blow, progress.applied))
            await self._strike(blow)

    async def _go_on(self, progress: Progress, at: int) -> None:
        try:
            await until(lambda: progress.reached(at), f"{at} records applied", RECOVERY_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; {progress.applied} are\n{self._rig.tails()}") from None

    async def _strike(self, blow: Blow) -> None:
        if blow == "join":
            self.joins += 1
            await self.start().said("lane_opened", bound_s=RECOVERY_S)
            return
        if blow == "pause":
            paused = self._draw.choice(self.alive)
            os.kill(paused.pid, signal.SIGSTOP)
            await asyncio.sleep(PAUSE_S)
            os.kill(paused.pid, signal.SIGCONT)
            return
        if blow == "kill_all":
            victims = list(self.alive)
        elif blow == "kill_opening":
            victims = [self.alive[-1]]
        else:
            at_work = [worker for worker in self.alive if worker.events("lane_opened")]
            victims = [self._draw.choice(at_work or self.alive)]
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        for victim in victims:
            assert await victim.ended() == -signal.SIGKILL, victim.tail()
            self.alive.remove(victim)
            self.kills += 1
            self.start()

    def _all_well(self) -> None:
        ended = [worker for worker in self.alive if worker.code is not None]
        assert not ended, "\n".join(worker.tail() for worker in ended)

    async def finished(self, records: int, progress: Progress, bound_s: float) -> None:
        """Wait until all is applied and the group says so, then stop everybody."""
        try:
            await until(lambda: progress.reached(records), f"{records} records applied", bound_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; {progress.applied} are\n{self._rig.tails()}") from None
        self._all_well()

    async def stop(self) -> None:
        """SIGTERM to all; each ends with 0. One that has just been started is no worker yet, and dies of it."""
        for worker in self.alive:
            await worker.said("metrics_listening")
        for worker in self.alive:
            worker.signal(signal.SIGTERM)
        codes = [await worker.ended(30) for worker in self.alive]
        assert codes == [0] * len(codes), self._rig.tails()


class _CountedDetector(Detector):
    """A detector that remembers all counts of its life."""

    def __init__(self, scorer: Scorer, policy: Policy, partition: int) -> None:
        super().__init__(scorer, policy, partition)
        self.counts: list[Counts] = []

    def take(self) -> Changes:
        changes = super().take()
        self.counts.append(changes.counts)
        return changes


class _KeyedFold(DetectionFold):
    """A fold whose state records stand by their keys, as those of :func:`by_key` do."""

    def take(self, now_ms: int | None = None) -> Folded:
        folded, by_key = super().take(now_ms), StateRecords()
        by_key.put(sorted(folded.state, key=itemgetter(0)))
        return folded._replace(state=by_key)


def by_key(records: Iterable[Record]) -> list[Record]:
    """The state records of each transaction in the order of their keys; of one key in their own.

    A lane writes the rows of a transaction by row number. Rows are used again, so after a restart a subscriber may
    have another number than in a life without one: the same rows are written, one before the other. Of one key the
    order stays, for a tombstone before a row means something else than one behind it.
    """
    ordered: list[Record] = []
    rows: list[Record] = []
    for record in records:
        if record.key == LEDGER_KEY:
            ordered += [*sorted(rows, key=lambda row: row.key or b""), record]
            rows = []
        else:
            rows.append(record)
    return ordered + rows


class Figures(NamedTuple):
    """What the fold of the history counted, over all lanes."""

    applied: int
    duplicates: int
    ignored: int
    breaches: Counter[str]


def fold_again(log: Log, rig: Rig, model: Path | None, policy: Policy | None = None) -> tuple[Verdict, Figures]:
    """The checker over a detector that has never seen a kill."""
    policy = policy or policy_of_file(None, None)
    scorer = Scorer(snapshot(model), policy.base_rate)
    detectors: list[_CountedDetector] = []

    def new_fold(partition: int) -> DetectionFold:
        detectors.append(_CountedDetector(scorer, policy, partition))
        return _KeyedFold(detectors[-1], rig.group)

    keyed = {p: by_key(records) for p, records in log[STATE].items()}
    switch = version_switch(log, scorer.snapshot, policy, scorer.base_rate)
    verdict = check({**log, STATE: keyed}, rig.prefix, new_fold, switch=switch)
    counts = [each for detector in detectors for each in detector.counts]
    breaches: Counter[str] = Counter()
    for each in counts:
        breaches.update(each.breaches)
    applied, duplicates, ignored = (
        sum(sum(getattr(each, name).values()) for each in counts) for name in ("applied", "duplicates", "ignored")
    )
    return verdict, Figures(applied, duplicates, ignored, breaches)


def snapshot(model: Path | None) -> Snapshot:
    """The model that the workers serve: that file, or the shipped one."""
    return prior() if model is None else decode(model.read_bytes())


# What must hold of the outputs, each a list of what does not


def not_in_sequence(log: Log) -> list[str]:
    """Alerts whose `seq`, in the order of the log, is not 1, 2, 3 ..."""
    seqs: dict[str, list[int]] = defaultdict(list)
    for body in _bodies(log, ALERTS):
        seqs[body["alert_id"]].append(body["seq"])
    return [f"{name}: {said}" for name, said in seqs.items() if said != list(range(1, len(said) + 1))]


def breaches_told(log: Log) -> Counter[str]:
    """Raised and suppressed, by kind."""
    told: Counter[str] = Counter()
    told.update(body["kind"] for body in _bodies(log, ALERTS) if body["event"] == "raised")
    told.update(body["kind"] for body in _bodies(log, SUPPRESSIONS))
    return told


def misburied(log: Log, planted: Mapping[Landed, Sent], prefix: str) -> list[str]:
    """Dead letters against the garbage that was planted: place, reason, partition, and its own bytes."""
    found: list[str] = []
    left = dict(planted)
    for partition, records in log[DEAD_LETTERS].items():
        for record in records:
            told = dict(record.headers)
            where = Landed(
                told["__connect.errors.topic"].decode().removeprefix(prefix),
                int(told["__connect.errors.partition"]),
                int(told["__connect.errors.offset"]),
            )
            sent = left.pop(where, None)
            if sent is None:
                found.append(f"{where} was not planted, or is buried twice: {told['holdfast.reason']!r}")
            elif not told["__connect.errors.topic"].startswith(prefix.encode()):
                found.append(f"{where} without its prefix")
            elif told["holdfast.reason"].decode() != sent.garbage or partition != where.partition:
                found.append(f"{where}: {told['holdfast.reason']!r} in {partition}, planted {sent.garbage}")
            elif not _own_bytes(record, told, sent):
                found.append(f"{where}: not its own bytes")
    return found + [f"{where} {sent.garbage} has no dead letter" for where, sent in left.items()]


def _own_bytes(record: Record, told: Mapping[str, bytes], sent: Sent) -> bool:
    for name, kept, own in (("key", record.key, sent.key), ("value", record.value, sent.value)):
        if own is not None and len(own) > KEPT_BYTES:
            digest = hashlib.sha256(own).hexdigest().encode()
            if (kept, told[f"holdfast.{name}.length"], told[f"holdfast.{name}.sha256"]) != (
                None,
                b"%d" % len(own),
                digest,
            ):
                return False
        elif kept != own:
            return False
    return True


def decisions(log: Log) -> dict[str, list[tuple[int, bytes | None, bytes | None, bytes]]]:
    """Alerts, work orders, scores and suppressions, each customer's in their order, without what names the group.

    Lane and desk write suppressions into one partition: of those of two customers either may come first.
    """
    return {
        topic: sorted(
            (
                (partition, record.key, record.value, dict(record.headers)["ce_id"])
                for partition, records in sorted(log[topic].items())
                for record in records
            ),
            key=lambda each: (each[0], each[1] or b""),
        )
        for topic in (ALERTS, SCORES, SUPPRESSIONS, WORK_ORDERS)
    }


def difference(struck: Mapping[str, list[Any]], calm: Mapping[str, list[Any]]) -> str:
    """The first decision in which two runs differ, in words; nothing if they are the same."""
    for topic, ours in struck.items():
        theirs = calm[topic]
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other:
                return f"{topic}, record {number} of {len(ours)} and {len(theirs)}:\n{one}\n{other}"
        if len(ours) != len(theirs):
            return f"{topic}: {len(ours)} records and {len(theirs)}; the longer one goes on after the same beginning"
    return ""


async def uncommitted(rig: Rig, topic: str) -> int:
    """Records that a reader who does not ask for committed ones sees."""
    tps = [TopicPartition(rig.prefix + topic, p) for p in range(rig.partitions)]
    consumer = AIOKafkaConsumer(**rig.client, enable_auto_commit=False, isolation_level="read_uncommitted")
    await consumer.start()
    seen = 0
    try:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        async with asyncio.timeout(RECOVERY_S):
            while left := [tp for tp in tps if await consumer.position(tp) < ends[tp]]:
                seen += sum(len(batch) for batch in (await consumer.getmany(*left, timeout_ms=200)).values())
    finally:
        await consumer.stop()
    return seen


async def create_topics(rig: Rig) -> None:
    """The table of topics, nothing of which expires or is compacted: the check needs every record.

    Records are as old as their events, and the broker counts their age by that.
    """
    kept = {"cleanup.policy": "delete", "retention.ms": "-1"}
    await rig.create(topics=tuple(t._replace(config={**_stamped(t.config), **kept}) for t in ALL_TOPICS))


def _stamped(config: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in config.items() if name == "message.timestamp.type"}


class Run(NamedTuple):
    """A run that is over: what its workers wrote, and who sent what."""

    log: Log
    producer: ForeignProducer
    fleet: Fleet
    aborted_alerts: int
    seconds: float


async def run(
    rig: Rig,
    before: Iterable[Sent],
    live: Iterable[Sent],
    total: int,
    blows: Sequence[Blow],
    *,
    seed: int,
    rate: float,
    model: Path | None,
    directory: Path,
) -> Run:
    """Send, work, kill, join, catch up, stop, read.

    Parameters
    ----------
    before, live
        What is there when the first worker starts, and what comes while they work.
    total
        How many records that will be, give or take: the blows fall at shares of it.
    """
    await create_topics(rig)
    producer = ForeignProducer(rig.client["bootstrap_servers"][0], rig.prefix)
    await asyncio.to_thread(producer.send, before)
    fleet = Fleet(rig, model, directory, seed)
    began = time.monotonic()
    async with Progress(rig) as progress:
        fleet.start()
        await fleet.opened()
        sending = asyncio.create_task(asyncio.to_thread(producer.send, live, rate))
        try:
            await fleet.strike(schedule(seed, total, blows), progress)
        finally:
            await sending
        await fleet.finished(producer.delivered, progress, RECOVERY_S + total / 300)
        await until(lambda: _reported(rig, producer), "the group's committed offsets are at the ends", 20)
        await rig.desk_is_done(RECOVERY_S)
    seconds = time.monotonic() - began
    await fleet.stop()
    log = await read_log(rig.client, rig.prefix, rig.partitions, bound_s=RECOVERY_S + total / 300)
    alerts = sum(len(records) for records in log[ALERTS].values())
    return Run(log, producer, fleet, await uncommitted(rig, ALERTS) - alerts, seconds)


def exact(over: Run, rig: Rig, town: Town, model: Path | None = None) -> dict[str, object]:
    """Assert all that must hold of a run, and return its figures."""
    log, producer = over.log, over.producer
    verdict, counted = fold_again(log, rig, model)
    assert not verdict.findings, f"{verdict}\n{rig.tails()}"
    assert verdict.applied == producer.delivered
    assert not (found := not_in_sequence(log)), found[:5]
    assert not (found := misburied(log, producer.planted, rig.prefix)), found[:5]
    assert len(producer.planted) == town.garbage.total()
    # What the fold counted is what the producer knows to have sent.
    assert counted.applied + counted.ignored == town.unique
    assert counted.duplicates == town.duplicates
    breaches = breaches_told(log)
    of_desk, waiting = counted_by_desk(log)
    assert (counted.breaches + of_desk).total() == breaches.total() + waiting
    assert min(breaches.total(), verdict.outputs["alert"], verdict.outputs["suppression"], counted.duplicates) > 0
    raised = Counter(body["kind"] for body in _bodies(log, ALERTS) if body["event"] == "raised")
    return {
        "events": town.unique,
        "duplicates": counted.duplicates,
        "after_erasure_ignored": counted.ignored,
        "garbage_in_dead_letters": len(producer.planted),
        "kills": over.fleet.kills,
        "joins": over.fleet.joins,
        "transactions": verdict.transactions,
        "alerts_committed": verdict.outputs["alert"],
        "alerts_aborted": over.aborted_alerts,
        "raised": dict(sorted(raised.items())),
        "suppressed": verdict.outputs["suppression"],
        "scores": verdict.outputs["score"],
        "receipts": verdict.outputs["receipt"],
        "examples": verdict.outputs["example"],
        "breaches": breaches.total(),
        "seconds": round(over.seconds, 1),
    }


def told(figures: Mapping[str, object], seed: int, record_property: Callable[[str, object], None]) -> None:
    """Print the figures, and put them into the report."""
    for name, figure in {"seed": seed, **figures}.items():
        record_property(name, figure)
        sys.stdout.write(f"{name} = {figure}\n")


def _bodies(log: Log, topic: str) -> Iterator[dict[str, Any]]:
    return (msgspec.json.decode(record.value or b"") for records in log[topic].values() for record in records)


async def undisturbed(
    calm: Rig, over: Run, inputs: Iterable[str], *, model: Path | None, directory: Path
) -> tuple[Log, float]:
    """What one worker that nobody strikes makes of the same records, and in how many seconds.

    The inputs are copied record by record: alerts are named by the offsets that set them off.
    """
    await create_topics(calm)
    producer = ForeignProducer(calm.client["bootstrap_servers"][0], calm.prefix)
    for topic in inputs:
        for partition, records in over.log[topic].items():
            await asyncio.to_thread(producer.copy, topic, partition, records)
    assert producer.ends == over.producer.ends
    fleet = Fleet(calm, model, directory, seed=0)
    began = time.monotonic()
    async with Progress(calm) as progress:
        fleet.start()
        await fleet.finished(producer.delivered, progress, RECOVERY_S + producer.delivered / 300)
        await calm.desk_is_done(RECOVERY_S)
    seconds = time.monotonic() - began
    await fleet.stop()
    log = await read_log(calm.client, calm.prefix, calm.partitions, bound_s=RECOVERY_S + producer.delivered / 300)
    assert all(log[topic] == over.log[topic] for topic in inputs)
    return log, round(seconds, 1)


async def _reported(rig: Rig, producer: ForeignProducer) -> bool:
    committed = await rig.committed()
    return all(committed.get(place) == end for place, end in producer.ends.items())
