"""The desk on Kafka: reads breaches, lets :class:`models.desk.desk.DeskFold` decide, and writes the decisions.

Opening
    1. *Fence.* Start the producer: a former desk can no longer commit, and its open transaction is aborted.
    2. *Restore.* Read the committed state; state kept from before a rebalance is reused if no other desk has written.
    3. *Check.* Compare the position with the topic; if they disagree, the worker ends with 78.

Running
    4. *Read* committed breaches from the position on.
    5. *Fold* them at once. What does not fit into a transaction goes into the next.
    6. *Commit* one transaction: alerts, suppressions, work orders, state, position. Outputs are committed at once, or
       at a pace where lanes read a backlog; where there are none, state and position wait a little for more.
    7. *Account*: only now does the position in memory move, and only now are counts reported.

The desk writes some records to its own input, by its fenced producer: the policy in force, a lane that it no longer
waits for, and after an accepted loss a ``joined`` for each lane. It applies them when it reads them back, so that the
topic alone is the history.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiokafka
import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from models.contract.breaches import Excluded, Governed, Heard, Joined
from models.contract.policy import Policy
from models.desk.desk import DeskChanges, DeskFold
from models.desk.lanes.lane_times import Written
from streams.desk import desk_position
from streams.desk.absent_lanes import AbsentLanes
from streams.desk.desk_position import POSITION_KEY, BreachLog, DeskPosition
from streams.desk.desk_report import DeskCommit, DeskReport, DeskStanding
from streams.kafka.partition_read import chunks, reader
from streams.kafka.retries import patient
from streams.kafka.topic_admin import Cluster
from streams.kafka.transaction import LaneLostError, LaneProducer, fenced
from streams.lanes.ledger import LedgerMismatchError
from streams.lanes.ports import LaneSpec
from streams.records.out_records import AnyRecord, OutRecord, out_records
from streams.records.topics import BREACHES, DESK_STATE

log = structlog.get_logger(__name__)

BATCH: Final = 500
QUIET_S: Final = 0.1
"""How long state and position wait for more if nothing is to be published: lanes mark their time often."""
BACKLOG_S: Final = 0.025
"""Least time between two transactions while lanes read a backlog."""
POLL_S: Final = 0.5
"""How long an empty read waits. A record ends the wait; a new policy or the end of the process waits for it."""
ANSWER_S: Final = 5.0
"""Age up to which the broker's answer on the end of the topic counts as current."""
CLOSE_S: Final = 5.0
"""Longest wait for the running transaction when the desk closes; if it is cut off, a reopened desk restores its
state."""
MINUTE_S: Final = 60.0
_DECODER: Final = msgspec.json.Decoder(Heard)


class DeskHost:
    """The desk of a worker; :class:`streams.lanes.ports.WorkerDesk` says when each of its methods is called.

    Parameters
    ----------
    policy
        Returns the policy in force.

    Attributes
    ----------
    ready
        Whether it is open.
    running
        Whether it opens or is open.
    """

    def __init__(self, spec: LaneSpec, policy: Callable[[], Policy], report: DeskReport) -> None:
        self.ready = False
        self._spec = spec
        self._policy = policy
        self._report = report
        self._breaches = TopicPartition(spec.prefix + BREACHES, 0)
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._producer: LaneProducer | None = None
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._fold: DeskFold
        self._position: DeskPosition | None = None
        """The position in the state topic."""
        self._place: DeskPosition
        """Group and topic of the positions that it writes."""
        self._state_end: int | None = None
        """End of the state topic after this desk's last write; None while memory and topic may differ."""
        self._own_end = 0
        """Offset after the desk's last own record: until it is read back, no further one is written."""
        self._moved_s: float | None = None
        """Since when position or state have moved without a transaction."""
        self._committed_s = 0.0
        self._absent = AbsentLanes()
        self._knows_nobody = False
        """Whether it goes on after a loss of its state: it must join the lanes itself, since they join only once."""

    @property
    def running(self) -> bool:
        """Whether it opens or is open."""
        return self._task is not None

    @property
    def read_to(self) -> int | None:
        """Offset after the records that are read, and applied or held; None while the desk is not open."""
        return self._position.progress.read_to if self.ready and self._position is not None else None

    def start(self, failed: Callable[[BaseException], None]) -> None:
        """Open, and run until closed; `failed` is called with an error that ends it before that."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                failed(error)

        self._closing = False
        self._task = asyncio.create_task(self._live(), name="desk")
        self._task.add_done_callback(ended)

    async def close(self) -> None:
        """After this returns the desk writes nothing more; a running transaction gets some seconds to finish."""
        task, self._task = self._task, None
        if task is None:
            return
        self._closing = True
        opened, self.ready = self.ready, False
        try:
            await asyncio.wait_for(self._idle.wait(), CLOSE_S)
        except TimeoutError:
            log.warning("desk_given_up")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._let_go()
        if self._producer is not None:
            await self._producer.close()
        if opened:
            self._report.desk_closed()

    def forget(self) -> None:
        """Drop the state kept for reopening, since another worker has the desk now."""
        self._state_end, self._fold = None, DeskFold(self._spec.partitions)

    async def _live(self) -> None:
        await self._open()
        while not self._closing:
            said = self._to_say()
            if self._fold.due:
                self._state_end = None
                self._fold.apply()  # 5. fold
            left_s = 0.0 if said else self._until_commit_s()
            if left_s > 0:
                await self._read(left_s)
                continue
            self._idle.clear()
            try:
                await self._commit(said)
            finally:
                self._idle.set()

    # Opening

    async def _open(self) -> None:
        spec = self._spec
        self._producer = await fenced(spec.client, spec.prefix + DESK_STATE, spec.prefix, 0)  # 1. fence
        spec.fail_at("desk_fenced")
        await patient(self._restored, "the desk: its state", takes_long=True)  # 2. restore
        spec.fail_at("desk_restored")
        breaches = await patient(self._followed, "the desk: the breaches")
        place = desk_position.checked(  # 3. check
            self._position, spec.group, breaches, take_over=spec.take_over, accept_loss=spec.accept_loss
        )
        self._knows_nobody = place != (self._position or DeskPosition(spec.group, breaches.topic_id, 0))
        self._opened().seek(self._breaches, place.next_offset)
        self._fold.seek(place.progress)
        self._place, self._own_end, self._absent = place, breaches.end, AbsentLanes()
        self.ready = True
        self._report.desk_opened(self._standing())
        log.info("desk_opened", offset=place.next_offset, end=breaches.end, group=spec.group)

    async def _restored(self) -> None:
        consumer = reader(self._spec.client)
        place = TopicPartition(self._spec.prefix + DESK_STATE, 0)
        try:
            await consumer.start()
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            if self._state_end == end:
                return
            self._fold, self._position, self._state_end = DeskFold(self._spec.partitions), None, None
            async for batch in chunks(consumer, place, end, lambda _: None):
                self._fold.desk.load((record.key, record.value) for record in batch)
                for record in batch:
                    if record.key == POSITION_KEY and record.value is not None:
                        self._position = desk_position.decode(record.value)
            self._fold.desk.resume()
            self._state_end = end
        finally:
            await consumer.stop()

    async def _followed(self) -> BreachLog:
        """Start the consumer of the breaches."""
        await self._let_go()
        place = self._breaches
        async with Cluster(self._spec.client) as cluster:
            found = await cluster.topics([place.topic])
        if place.topic not in found:
            raise LedgerMismatchError(f"topics are gone: {place.topic}. Run `holdfast topics create`.")
        self._consumer = consumer = reader(self._spec.client, reset="none", wait_ms=round(1000 * POLL_S))
        await consumer.start()
        consumer.assign([place])
        consumer.seek(place, 0)  # set a position at once: this consumer does not choose one itself
        starts, ends = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
        return BreachLog(found[place.topic].topic_id, starts[place], ends[place])

    def _opened(self) -> aiokafka.AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("the desk is not open")
        return self._consumer

    async def _let_go(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    # Running

    def _until_commit_s(self) -> float:
        """Time until the next transaction; the longest wait for records if there is nothing to commit."""
        desk, now = self._fold.desk, time.monotonic()
        if desk.full:
            return 0.0
        if desk.outputs:
            return self._committed_s + BACKLOG_S - now if self._fold.late else 0.0
        if self._place.at(self._fold.progress) == self._position:
            self._moved_s = None
            return POLL_S
        self._moved_s = now if self._moved_s is None else self._moved_s
        return self._moved_s + QUIET_S - now

    async def _read(self, longest_s: float) -> None:
        """Step 4; returns as soon as there are records."""
        try:
            found = await patient(lambda: self._fetched(longest_s), "the breaches", takes_long=True)
            read_to = await patient(lambda: self._opened().position(self._breaches), "the place in the breaches")
        except OffsetOutOfRangeError as error:
            raise LedgerMismatchError(
                f"breaches to read next were deleted: {error}. Start once with --accept-loss."
            ) from error
        written = [Written(record.offset, record.timestamp, _heard(record)) for record in found]
        self._fold.read(written, read_to)
        now = time.monotonic()
        for each in written:
            if not isinstance(each.heard, Governed):
                self._absent.heard(each.heard.lane, now)

    async def _fetched(self, longest_s: float) -> Sequence[Any]:
        consumer, wait_ms = self._opened(), math.ceil(1000 * longest_s)
        found: dict[TopicPartition, Sequence[Any]] = await consumer.getmany(timeout_ms=wait_ms, max_records=BATCH)
        return found.get(self._breaches, [])

    def _to_say(self) -> list[Heard]:
        """Records for the desk's own input; none before its former ones are read back."""
        if (self.read_to or 0) < self._own_end:
            return []
        policy = self._policy()
        said: list[Heard] = [] if policy == self._fold.desk.context.policy else [Governed(policy=policy)]
        if self._knows_nobody:
            said += [Joined(lane=lane) for lane in range(self._spec.partitions)]
        if self._has_all():
            after_s = policy.desk.absent_minutes * MINUTE_S
            silent = self._absent.absent(self._fold.held_up_by, time.monotonic(), after_s)
            said += [Excluded(lane=lane) for lane in silent]
        return said

    def _has_all(self) -> bool:
        """Whether everything is read up to the end in a current answer of the broker."""
        consumer = self._opened()
        end, answered_ms = (
            consumer.last_stable_offset(self._breaches),
            consumer.last_poll_timestamp(self._breaches),
        )
        fresh = answered_ms is not None and self._spec.wall_s() - answered_ms / 1000 < ANSWER_S
        return fresh and end is not None and (self.read_to or 0) >= end

    async def _commit(self, said: Sequence[Heard]) -> None:
        """Steps 6 and 7; any error from here ends the worker."""
        spec, self._state_end = self._spec, None
        changes = self._fold.take()
        spec.fail_at("desk_folded")
        place = self._place.at(self._fold.progress)
        state = [*changes.records, (POSITION_KEY, desk_position.encode(place))]
        records: list[AnyRecord] = [OutRecord(DESK_STATE, key, value) for key, value in state]
        records += [OutRecord(BREACHES, None, msgspec.json.encode(each)) for each in said]
        await self._write(records, changes)  # 6. commit
        for each in said:
            version = each.policy.version if isinstance(each, Governed) else None
            log.info("desk_says", kind=type(each).__name__, policy=version, partition=getattr(each, "lane", None))
        self._position, self._moved_s, self._committed_s = place, None, time.monotonic()  # 7. account
        self._knows_nobody = self._knows_nobody and not any(isinstance(each, Joined) for each in said)
        wall_s = spec.wall_s()
        outputs = [placed.output for placed in changes.outputs]
        triggers_ms = [each.trigger_record_ts for each in outputs if each.trigger_record_ts is not None]
        counts, latencies_s = changes.counts, [wall_s - ms / 1000 for ms in triggers_ms]
        commit = DeskCommit(
            outputs,
            counts.breaches,
            counts.unknown,
            counts.signs,
            counts.settled,
            counts.leavers,
            latencies_s,
        )
        self._report.desk_committed(commit, self._standing())

    async def _write(self, records: Sequence[AnyRecord], changes: DeskChanges) -> None:
        if self._producer is None:
            raise RuntimeError("the desk is not open")
        by_lane: dict[int, list[Any]] = {}
        for lane, output in changes.outputs:
            by_lane.setdefault(lane, []).append(output)
        elsewhere = [(lane, out_records(outputs, self._spec.group)) for lane, outputs in by_lane.items()]
        self._spec.fail_at("desk_before_commit")
        try:
            written = await self._producer.write(records, elsewhere=elsewhere)
        except LaneLostError as error:
            raise LaneLostError("another worker holds the desk") from error
        self._spec.fail_at("desk_after_commit")
        # The commit's marker takes the offset after the last record.
        self._state_end = written[DESK_STATE].last_offset + 2
        if BREACHES in written:
            self._own_end = written[BREACHES].last_offset + 1

    def _standing(self) -> DeskStanding:
        desk = self._fold.desk
        return DeskStanding(desk.now, len(self._fold.held_up_by), desk.waiting(), desk.success(), desk.today())


def _heard(record: Any) -> Heard:
    """Decode a record. Only lanes and the desk write here, so an unreadable one is our own error, not bad input."""
    try:
        heard: Heard = _DECODER.decode(record.value or b"")
    except msgspec.MsgspecError as error:
        raise LedgerMismatchError(
            f"{BREACHES} at offset {record.offset} cannot be read: {error}. Run the version that wrote it."
        ) from error
    return heard
