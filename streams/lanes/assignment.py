"""The lanes of a worker: opened when Kafka assigns their partitions, closed when it revokes them.

It connects Faust and the lanes: it tells the transport which partitions are wanted, takes fetches from the agents, and
gives each lane its place in the consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from faust.types.tuples import TP

from streams.kafka.retries import patient
from streams.kafka.topic_admin import Cluster
from streams.lanes.lane import Lane
from streams.lanes.ledger import LaneLogs, LedgerMismatchError
from streams.lanes.opening import OpenedState
from streams.lanes.ports import Fetch, Fold, LaneSpec, WorkerDesk
from streams.lanes.transport import BatchApp
from streams.records.topics import BOOTSTRAP, BREACHES, INPUT_TOPICS

log = structlog.get_logger(__name__)

OPENING_AT_ONCE: Final = 4
"""Lanes restored in parallel: more would only share the same core and the same broker."""


class LanePlace:
    """A lane's place in the consumer: :class:`streams.lanes.ports.Place` over Faust's consumer."""

    def __init__(self, app: BatchApp, spec: LaneSpec, partition: int) -> None:
        self.generation: int = app.consumer_generation_id
        self._app = app
        self._spec = spec
        self._partition = partition
        self._tps = {topic.name: TP(topic.full(spec.prefix), partition) for topic in INPUT_TOPICS}

    async def logs(self) -> LaneLogs:
        """Ids, starts and ends of the inputs, and the group's committed offsets."""
        return await patient(self._logs, f"lane {self._partition}: the inputs")

    async def _logs(self) -> LaneLogs:
        full = {tp.topic: name for name, tp in self._tps.items()}
        async with Cluster(self._spec.client) as cluster:
            found = await cluster.topics(list(full))
        missing = sorted(set(full) - set(found))
        if missing:
            raise LedgerMismatchError(f"topics are gone: {', '.join(missing)}. Run `holdfast topics create`.")
        consumer, tps = self._app.consumer, self._tps.values()
        starts, ends = await consumer.log_starts(tps), await consumer.log_ends(tps)
        committed = await consumer.committed(tps)
        return LaneLogs(
            {full[name]: topic.topic_id for name, topic in found.items()},
            {full[tp.topic]: offset for tp, offset in starts.items()},
            {full[tp.topic]: offset for tp, offset in ends.items()},
            {full[tp.topic]: offset for tp, offset in committed.items()},
        )

    async def seek(self, offsets: Mapping[str, int]) -> Mapping[str, int]:
        """Seek; returns the epochs that fetches carry from then on."""
        epochs = await self._app.consumer.seek_all({self._tps[name]: offset for name, offset in offsets.items()})
        return {name: epochs[self._tps[name]] for name in offsets}

    def stable(self, topic: str, epoch: int) -> int | None:
        """Last stable offset in the newest fetch answer of `epoch`; None before the first answer."""
        stable: int | None = self._app.consumer.stable(self._tps[topic], epoch)
        return stable


class Lanes:
    """All lanes of a worker. ``failed`` is done, with the exception, as soon as a lane cannot go on.

    Parameters
    ----------
    new_fold
        Makes the empty fold of a partition.
    desk
        The desk of the worker that holds lane 0; it runs nowhere else. None for lanes without a desk.
    """

    def __init__(self, spec: LaneSpec, new_fold: Callable[[int], Fold], desk: WorkerDesk | None = None) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lanes: dict[int, Lane] = {}
        self._spec = spec
        self._new_fold = new_fold
        self._desk = desk
        self._names = {topic.full(spec.prefix): topic.name for topic in INPUT_TOPICS}
        self._kept: dict[int, OpenedState] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._opening = asyncio.Semaphore(OPENING_AT_ONCE)
        self._app: BatchApp

    def attach(self, app: BatchApp) -> None:
        """Subscribe to rebalances; call once, before the application starts."""
        self._app = app
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_partitions_assigned.connect(self._assigned, weak=False)

    # Rebalances

    async def _revoked(self, _app: object, *_: object, **__: object) -> None:
        """Close all lanes, since each rebalance revokes everything; lanes that come back reopen from kept state."""
        await self.close()

    async def _assigned(self, _app: object, assigned: set[TP], **_: object) -> None:
        partitions = {tp.partition for tp in assigned if tp.topic in self._names}
        if grown := sorted({tp.topic for tp in assigned if tp.partition >= self._spec.partitions}):
            self._fail(LedgerMismatchError(f"partitions: {', '.join(grown)}: more than {self._spec.partitions}"))
            return
        self._kept = {p: kept for p, kept in self._kept.items() if p in partitions}
        for partition in sorted(partitions):
            lane = Lane(partition, self._spec, LanePlace(self._app, self._spec, partition))
            self.lanes[partition] = lane
            self._tasks[partition] = asyncio.create_task(self._live(lane), name=f"lane-{partition}")
        if self._desk is not None:
            if 0 in partitions:
                self._desk.start(self._fail)
            else:
                self._desk.forget()
        log.info("lanes_assigned", partitions=sorted(partitions))

    async def _live(self, lane: Lane) -> None:
        try:
            async with self._opening:
                await lane.open(lambda: self._new_fold(lane.partition), self._kept.pop(lane.partition, None))
            await lane.run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again where the worker waits
            # One lane that cannot go on ends the worker, which is restarted and replays.
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def close(self) -> None:
        """Close desk and lanes in parallel, each within its time limit."""
        lanes, self.lanes = self.lanes, {}
        tasks, self._tasks = self._tasks, {}
        for partition, task in tasks.items():
            if not lanes[partition].ready:
                task.cancel()
        desk = None if self._desk is None else asyncio.create_task(self._desk.close(), name="desk-closing")
        kept = await asyncio.gather(*(lane.close() for lane in lanes.values()))
        if desk is not None:
            await desk
        self._kept |= {lane.partition: state for lane, state in zip(lanes.values(), kept, strict=True) if state}
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    # Called by the agents

    def deliver(self, topic: str, partition: int, generation: int, fetch: Fetch) -> None:
        """Pass a fetch to its lane; a fetch from before the last rebalance is dropped."""
        lane = self.lanes.get(partition)
        if lane is not None and generation == self._app.consumer_generation_id:
            lane.offer(topic, fetch)

    # Called by the transport: streams.lanes.transport.FetchReader

    def wanted(self) -> set[TP]:
        """Partitions whose lanes take more records now."""
        return {
            TP(full, partition)
            for partition, lane in self.lanes.items()
            if lane.ready
            for full, name in self._names.items()
            if lane.wants(name)
        }

    def complete(self) -> bool:
        """Whether every assigned partition is wanted."""
        return all(lane.wants(name) for lane in self.lanes.values() for name in self._names.values())

    def next_offset(self, tp: TP) -> int | None:
        """Offset after the last durably applied record."""
        name, lane, kept = self._names.get(tp.topic), self.lanes.get(tp.partition), self._kept.get(tp.partition)
        if name is None:
            return None
        if lane is not None:
            return lane.next_offset(name)
        # When the worker stops, Faust commits after the lanes have been closed.
        return kept.ledger.offsets[name] + 1 if kept is not None and name in kept.ledger.offsets else None

    # Called by the watchdog

    def positions(self) -> dict[tuple[str, int], int | None]:
        """Next offset to apply, for each input of an open lane and for the desk's."""
        found = {
            (name, partition): lane.next_offset(name)
            for partition, lane in self.lanes.items()
            if lane.ready
            for name in self._names.values()
        }
        if self._desk is not None and self._desk.ready:
            found[BREACHES, 0] = self._desk.read_to
        return found

    def desk_opening(self) -> bool:
        """Whether this worker's desk is still opening and does not read breaches yet."""
        return self._desk is not None and self._desk.running and not self._desk.ready

    def barred(self) -> frozenset[tuple[str, int]]:
        """Inputs that a lane does not read yet, because its profiles come first."""
        return frozenset(
            (name, partition)
            for partition, lane in self.lanes.items()
            if lane.bootstrapping
            for name in self._names.values()
            if name not in BOOTSTRAP
        )

    def waiting(self) -> frozenset[tuple[str, int]]:
        """Inputs with fetched records that their lane has not applied yet."""
        return frozenset(
            (name, partition)
            for partition, lane in self.lanes.items()
            for name in self._names.values()
            if lane.waits(name)
        )

    def awaited(self) -> dict[tuple[str, int], int]:
        """Inputs that a lane waits for, because they are behind and have no record here, with their positions."""
        return {
            (name, partition): place for partition, lane in self.lanes.items() for name, place in lane.awaited().items()
        }

    def opening(self) -> dict[int, int]:
        """Lanes not open yet, with the number of records left to restore."""
        return {partition: lane.to_restore for partition, lane in self.lanes.items() if not lane.ready}

    def held(self) -> set[int]:
        """Lanes that could reopen at once; called in the consumer's thread."""
        return set(self._kept) | set(self.lanes)

    def out_of_range(self, offsets: Mapping[TP, int]) -> None:
        """End the worker with 78 when retention has overtaken a lane: the alternative is silent loss."""
        places = ", ".join(f"{tp.topic}-{tp.partition} at {offset}" for tp, offset in sorted(offsets.items()))
        self._fail(LedgerMismatchError(f"records to read next were deleted: {places}. Start once with --accept-loss."))
