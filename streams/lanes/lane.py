"""A lane: partition p of every input, its subscribers, and one transactional producer.

The protocol, step by step, with the same numbers as in the code.

Opening
    1. *Fence.* Start the producer: a former holder of the lane can commit nothing more, and its open transaction is
       aborted.
    2. *Restore.* Read the committed records of the state's partition to its end: rows and ledger. A lane kept over a
       rebalance skips this if the partition still ends where the lane left it.
    3. *Check.* Compare the ledger with the cluster; if state and topics disagree, the worker ends with 78.
    4. *Bootstrap.* A new ledger first applies profiles and erasures up to their present ends.
    5. *Announce* in the history and to the desk that the lane is open, and once in its life to the desk that it is
       there; then *seek* each input to the offset after the ledger's.

Running, once a batch
    6. *Wait* until the next record is known: a topic without a record here that is behind its log might hold it. The
       wait has no limit; the watchdog judges a topic that does not move. A lane that has read everything says once to
       the desk that it is idle.
    7. *Take* records in the order of their dates, within the bounds of a transaction, and at most to the last record
       here of a topic that is behind.
    8. *Decode* each record: an event, or a dead letter.
    9. *Fold, score, decide*, by the model and policy now in force; a new lane first asks whether it begins with a
       recorded history. The fold may stop early, at a point of its own choice; the rest, and sweeps still due, come
       with the next transaction.
    10. *Commit* one transaction: state rows, outputs, dead letters, history, ledger. If nothing changed, there is none.
    11. *Account*: only now the ledger in memory moves, and only now counts are reported.

Closing
    12. Let the running transaction end, within a time limit; keep the state for a reopening.

The protocol is independent of subscribers: records are folded into a :class:`streams.lanes.ports.Fold`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from models.kernel.arrivals import EventReader
from streams.kafka.key_placement import MURMUR2, Partitioner
from streams.kafka.transaction import LaneProducer
from streams.lanes import ledger as ledgers
from streams.lanes import opening
from streams.lanes.intake import ArrivalBatch, GapError, Intake, decoded
from streams.lanes.ledger import LEDGER_KEY, Ledger
from streams.lanes.opening import OpenedState
from streams.lanes.ports import SHORTEST_S, Fetch, Fold, Folded, LaneSpec, Place
from streams.records.lane_history import history_record, profiles_of, segments
from streams.records.out_records import NO_HEADERS, AnyRecord, StateBatch, batches
from streams.records.topics import BREACHES, HISTORY, INPUT_TOPICS, STATE
from streams.records.wire import DeadLetterReason

log = structlog.get_logger(__name__)

IDLE_S: Final = 0.25
"""After so long without a record a lane that has read everything is idle."""
LATE_IDLE_S: Final = 0.05
"""The same of a lane that is late: until then the desk holds what other late lanes write."""
CLOSE_S: Final = 5.0
"""Longest wait of a revoke for the running transaction; after it the lane is dropped and restored when it reopens."""


class Lane:
    """One open lane of a worker: its fold, its inputs, and its transactional producer."""

    def __init__(self, partition: int, spec: LaneSpec, place: Place) -> None:
        self.partition = partition
        self.ready = False
        self.to_restore = 0
        self._spec = spec
        self._place = place
        self._intake = Intake((topic.name for topic in INPUT_TOPICS), place.stable)
        self.waits = self._intake.waits
        self._rest: ArrivalBatch | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._gaps: set[str] = set()
        self._began = 0.0
        self._awaited = True
        """Whether the desk waits for this lane: it has written to the desk since it was last idle."""
        self._late = False
        self._reader = EventReader()
        self._partitioner = Partitioner(partition, spec.partitions)
        self._broker_told: tuple[int, float] | None = None  # broker's ms, and the monotonic clock when it arrived
        self._fold: Fold
        self._ledger: Ledger
        self._state_end: int
        self._producer: LaneProducer | None = None

    async def open(self, new_fold: Callable[[], Fold], kept: OpenedState | None) -> None:
        """Steps 1 to 5. After this returns the lane takes fetches; :meth:`run` applies them.

        Raises
        ------
        streams.lanes.ledger.LedgerMismatchError
            If state and topics disagree.
        streams.kafka.partition_read.RestoreStalledError
            If the state cannot be read.
        """
        spec = self._spec
        self._producer = await opening.fence(spec, self.partition)  # 1. fence
        spec.fail_at("fenced")
        self._fold, ledger, self._state_end = await opening.restored(  # 2. restore
            spec, self.partition, new_fold, kept, self._restoring
        )
        spec.fail_at("restored")
        logs = await self._place.logs()
        self._ledger = opening.checked(spec, self.partition, ledger, logs)  # 3. check, 4. bootstrap
        await self._introduce()  # 5. announce, seek
        await self._seek({t: self._ledger.next_offset(t, logs.starts[t]) for t in logs.topic_ids})
        self.ready = True
        spec.report.lane_opened(self.partition, self._fold.standing())
        log.info("lane_opened", partition=self.partition, group=spec.group)

    async def _introduce(self) -> None:
        """Write that the lane is open, before it reads anything; a new lane is also announced to the desk.

        The broker sends its time only in answer to a write; without it a first batch could not be checked.
        """
        records: list[AnyRecord] = [
            history_record(self.partition, [], None, self._fold.versions, opened=self._spec.group)
        ]
        if not self._ledger.joined:
            self._ledger = msgspec.structs.replace(self._ledger, joined=True)
            records += [*self._fold.joining(), (STATE, LEDGER_KEY, ledgers.encode(self._ledger), NO_HEADERS)]
        records += self._fold.opening(self._place.generation)
        await self._write(records)

    def _restoring(self, remaining: int) -> None:
        self.to_restore = remaining
        self._spec.report.restore_remaining(self.partition, remaining)

    async def _seek(self, offsets: Mapping[str, int]) -> None:
        epochs = await self._place.seek(offsets)
        for topic, offset in offsets.items():
            self._intake.sought(topic, epochs[topic], offset)

    # Called by others; nothing here waits.
    @property
    def bootstrapping(self) -> bool:
        """Whether only profiles and erasures are applied."""
        return self.ready and bool(self._ledger.bootstrap)

    def wants(self, topic: str) -> bool:
        """Whether the lane takes a fetch of `topic` now."""
        return self.ready and self._intake.takes(topic)

    def awaited(self) -> dict[str, int]:
        """Topics needed to know the next record, with the offsets up to which they are fetched."""
        return self._intake.awaited(self._ledger.bootstrap) if self.ready else {}

    def offer(self, topic: str, fetch: Fetch) -> None:
        """Take a fetch."""
        if not self.ready:
            self._gaps.add(topic)  # it may belong to the seek under way
            return
        try:
            self._intake.offer(topic, fetch)
        except GapError as gap:
            log.warning("fetch_gap", partition=self.partition, topic=topic, detail=str(gap))
            self._gaps.add(topic)
        self._wake.set()

    def next_offset(self, topic: str) -> int | None:
        """Offset after the last durably applied record; past trailing markers once all is applied."""
        if not self.ready:
            return None
        read_to = self._intake.read_to(topic) if self._idle.is_set() and self._rest is None else None
        applied = self._ledger.offsets.get(topic)
        return read_to if read_to is not None else None if applied is None else applied + 1

    # Running

    async def run(self) -> None:
        """Steps 6 to 11 until the lane is closed; whatever this raises ends the worker."""
        while not self._closing:
            if not self._due():
                if self._gaps:
                    await self._read_gaps()
                else:
                    await self._woken()
                continue
            early = self._began + self._between() - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
                continue  # meanwhile there may be more records, or a topic may be behind
            self._began = time.monotonic()
            self._spec.pace.began(self.partition, self._began)
            self._idle.clear()
            began = time.perf_counter()
            batch = self._rest or self._taken()
            self._rest = None
            self._spec.fail_at("decoded")
            await self._apply(batch, began)
            self._idle.set()

    def _due(self) -> bool:
        """Step 6: whether there is something to apply."""
        if self._ledger.bootstrap and self._rest is None and self._intake.exhausted(self._ledger.bootstrap):
            self._ledger = msgspec.structs.replace(self._ledger, bootstrap={})
            log.info("bootstrap_done", partition=self.partition)
        return self._rest is not None or self._fold.owed or self._intake.ready(self._ledger.bootstrap)

    def _between(self) -> float:
        """Time between the starts of two transactions; the shortest if the next one will be full."""
        if self._rest is not None or self._intake.fills():
            return SHORTEST_S
        return self._spec.pace.between(time.monotonic())

    async def _woken(self) -> None:
        """Wait for a fetch, a seek's first answer, or the end. Nothing else can make the next record known.

        The desk waits for lanes that may still write to it, so one that has read everything reports that it is idle.
        """
        self._wake.clear()
        try:
            async with asyncio.timeout((LATE_IDLE_S if self._late else IDLE_S) if self._awaited else None):
                await self._wake.wait()
        except TimeoutError:
            if not (self.awaited() or self._closing):
                self._idle.clear()
                await self._write(self._fold.idling())
                self._awaited = False
                self._idle.set()

    async def _read_gaps(self) -> None:
        topics, self._gaps = self._gaps, set()
        logs, spec = await self._place.logs(), self._spec
        found = ledgers.mismatches(self._ledger, spec.group, spec.partitions, logs, take_over=False)
        if found:
            raise opening.mismatch(self.partition, found)
        await self._seek({t: self._ledger.next_offset(t, logs.starts[t]) for t in topics})

    def _taken(self) -> ArrivalBatch:
        broker_ms = self._broker_ms()
        placed = self._intake.take(self._ledger.bootstrap, broker_ms)  # 7. take
        return decoded(placed, broker_ms, self._reader)  # 8. decode

    async def _apply(self, batch: ArrivalBatch, began: float) -> None:
        if not self._ledger.clock:
            await self._begin()
        self._fold.renew()
        applied = self._fold.apply(batch.arrivals)  # 9. fold, score, decide
        if applied < len(batch.arrivals):
            batch, self._rest = batch.cut(applied)
        folded = self._fold.take(int(1000 * self._spec.wall_s()))
        self._late = folded.late
        self._spec.fail_at("folded")
        ledger = self._advanced(batch)
        if ledger == self._ledger and not folded.state and not folded.outputs:
            return
        poison, letters = batch.letters(self._spec.prefix, self.partition)
        runs, versions = segments(batch.placed), self._fold.versions
        writing = time.perf_counter()
        folded.state.put([(LEDGER_KEY, ledgers.encode(ledger))])
        await self._write(  # 10. commit
            [
                *folded.outputs,
                *letters,
                history_record(
                    self.partition,
                    runs,
                    batch.broker_ms,
                    versions,
                    stopped=self._rest and self._rest.placed[0],
                    profiles=profiles_of(batch.placed),
                ),
            ],
            batches(folded.state, int(1000 * self._spec.wall_s())),
        )
        self._ledger = ledger  # 11. account
        self._account(folded, batch, poison, began, writing)

    async def _begin(self) -> None:
        """Start a new lane once its first record is here: a note on a recorded history precedes the first record."""
        until = await self._spec.recorded_until()
        if until is not None:
            self._fold.resume({"recorded_until": until})
            log.info("recorded_history", partition=self.partition, end=until)

    def _advanced(self, done: ArrivalBatch) -> Ledger:
        offsets = self._ledger.offsets | done.settled(self._rest, self._intake.read_to)
        model, policy = self._fold.versions
        clock = self._fold.clock()
        return msgspec.structs.replace(self._ledger, offsets=offsets, clock=clock, model=model, policy=policy)

    async def _write(self, records: Sequence[AnyRecord], state: Sequence[StateBatch] = ()) -> None:
        if self._producer is None:
            raise RuntimeError("the lane is not open")
        self._spec.fail_at("before_commit")
        written = await self._producer.write(records, state)
        self._spec.fail_at("after_commit")
        if STATE in written:
            # The commit's marker takes the offset after the last record.
            self._state_end = written[STATE].last_offset + 2
        append_ms = written[HISTORY].append_ms if HISTORY in written else None
        self._broker_told = (append_ms, time.monotonic()) if append_ms is not None else self._broker_told
        self._awaited = self._awaited or BREACHES in written

    def _broker_ms(self) -> int | None:
        if self._broker_told is None:
            return None
        told, at = self._broker_told
        return told + int((time.monotonic() - at) * 1000)

    def _account(
        self,
        folded: Folded,
        batch: ArrivalBatch,
        poison: dict[tuple[str, DeadLetterReason], int],
        began: float,
        writing: float,
    ) -> None:
        now, wall_s = time.perf_counter(), self._spec.wall_s()
        misplaced = self._partitioner.misplaced(batch.valid())
        if count := self._spec.placement.due(misplaced.total(), now):
            log.warning("keys_misplaced", count=count, advice=MURMUR2)
        counts = folded.counts._replace(
            rejected=poison,
            misplaced=misplaced,
            batch_s=writing - began,
            transaction_s=now - writing,
            now_s=wall_s,
        )
        self._spec.report.committed(self.partition, counts)
        self._spec.poison(len(batch.placed), sum(poison.values()))

    # Closing

    async def close(self) -> OpenedState | None:
        """Step 12. After this returns the lane writes nothing more; the state, if it may be kept for a reopening."""
        opened, self.ready, self._closing, kept = self.ready, False, True, None
        self._wake.set()
        try:
            await asyncio.wait_for(self._idle.wait(), CLOSE_S)
            kept = OpenedState(self._fold, self._ledger, self._state_end) if opened else None
        except TimeoutError:
            # The fold is ahead of the last confirmed commit.
            log.warning("lane_given_up", partition=self.partition)
        if self._producer is not None:
            await self._producer.close()
        if opened:
            self._spec.report.lane_closed(self.partition)
        return kept
