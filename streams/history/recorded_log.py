"""The part of a history that the topics still hold: each lane's transactions with their records, and the breaches.

Inputs are kept for a week, the history for a month, and superseded profiles are compacted away. A transaction that has
lost records is returned with the remaining ones, and marked.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple, Self

import aiokafka
import msgspec
from aiokafka import TopicPartition

from models.contract.breaches import Heard
from models.contract.events import SUBSCRIBERS
from models.desk.lanes.lane_times import Written
from streams.kafka.partition_read import chunks, reader
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TopicMissingError
from streams.records import lane_history
from streams.records.lane_history import HistoryRecord
from streams.records.record_columns import NONE, Records
from streams.records.topics import BREACHES, HISTORY, INPUT_TOPICS, RANK

_heard: Final = msgspec.json.Decoder(Heard).decode


class Transaction(NamedTuple):
    """One transaction of a lane.

    Attributes
    ----------
    records
        The records that it applied, in order, and after them the one at which it stopped, if that still exists.
    stopped
        Whether the last of the records is the one at which it stopped.
    gone
        Inputs that have lost records which it applied.
    at
        Position in the lane's history after it, out of its :meth:`RecordedLog.size`.
    """

    record: HistoryRecord
    records: Records
    stopped: bool
    gone: frozenset[str]
    at: int


class RecordedLog:
    """The topics of one prefix, up to their ends at the time of opening; an async context manager.

    Attributes
    ----------
    lanes
        Number of lanes.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str) -> None:
        self.lanes = 0
        self._client, self._prefix = client, prefix
        self._consumer: aiokafka.AIOKafkaConsumer = reader(client)
        self._starts: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}

    async def __aenter__(self) -> Self:
        """Open.

        Raises
        ------
        streams.kafka.topic_tail.TopicMissingError
            If there is no history.
        """
        async with AsyncExitStack() as opening:
            # Also if this fails or is interrupted half-way: a consumer that is not stopped logs an error.
            opening.push_async_callback(self._consumer.stop)
            names = [self._prefix + name for name in (BREACHES, HISTORY, *RANK)]
            async with Cluster(self._client) as cluster:
                found = await cluster.topics(names)
            for name in names:
                if name not in found:
                    raise TopicMissingError(name)
            self.lanes = found[self._prefix + HISTORY].partitions
            places = [TopicPartition(name, p) for name in names for p in range(found[name].partitions)]
            await self._consumer.start()
            self._starts = await self._consumer.beginning_offsets(places)
            # The end of the breaches is read first, so that the history that made them is included.
            for topic in (BREACHES, HISTORY, *RANK):
                mine = [place for place in places if place.topic == self._prefix + topic]
                self._ends |= await self._consumer.end_offsets(mine)
            opening.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self._consumer.stop()

    def size(self, lane: int) -> int:
        """Offsets of the lane's history."""
        place = self._place(HISTORY, lane)
        return self._ends[place] - self._starts[place]

    def begins_late(self, lane: int) -> bool:
        """Whether the first part of the lane's history is deleted."""
        return self._starts[self._place(HISTORY, lane)] > 0

    async def breaches(self) -> list[Written] | None:
        """All recorded breaches, in the desk's order; None if the first part is deleted."""
        place = self._place(BREACHES, 0)
        if self._starts[place]:
            return None
        await self._assign([place])
        return [
            Written(record.offset, record.timestamp, _heard(record.value or b"")) async for record in self._all(place)
        ]

    async def transactions(self, lane: int) -> AsyncGenerator[Transaction, None]:
        """The lane's transactions, in their order."""
        history = self._place(HISTORY, lane)
        inputs = {topic.name: self._place(topic.name, lane) for topic in INPUT_TOPICS}
        await self._assign([history, *inputs.values()])
        if oldest := await self._oldest_profiles(lane):
            yield oldest
        waiting = {name: _Waiting(self._all(place)) for name, place in inputs.items()}
        async for each in self._all(history):
            record = lane_history.read(each.value)
            if record.opened is not None:
                continue
            taken: list[tuple[int, Any]] = []
            gone, profiles = set(), 0
            for rank, first, last in record.segments:
                name = record.topics[rank]
                found = await waiting[name].through(first, last)
                if not found or found[0].offset != first or found[-1].offset != last:
                    gone.add(name)
                profiles += len(found) if name == SUBSCRIBERS else 0
                taken += [(RANK[name], one) for one in found]
            if profiles < _profiles(record):
                gone.add(SUBSCRIBERS)
            stopped = await self._stopped(record, waiting)
            ranks, objects = [rank for rank, _ in taken + stopped], [one for _, one in taken + stopped]
            records = Records.of(objects, ranks) if objects else NONE
            at = each.offset + 1 - self._starts[history]
            yield Transaction(record, records, bool(stopped), frozenset(gone), at)

    async def _oldest_profiles(self, lane: int) -> Transaction | None:
        """The oldest remaining profile of each subscriber, to begin with where earlier ones were compacted away.

        Without it they would be unknown until their newest profile: with a nightly load, for all the time before it.
        """
        oldest: dict[bytes | None, Any] = {}
        offsets: list[int] = []
        async for record in self._all(self._place(SUBSCRIBERS, lane)):
            offsets.append(record.offset)
            if record.value is not None:
                oldest.setdefault(record.key, record)
        first: HistoryRecord | None = None
        gone = self.begins_late(lane)
        async for each in self._all(self._place(HISTORY, lane)):
            record = lane_history.read(each.value)
            if record.opened is None:
                first = first or record
                kept = sum(
                    bisect_right(offsets, end) - bisect_left(offsets, begin)
                    for rank, begin, end in record.segments
                    if record.topics[rank] == SUBSCRIBERS
                )
                gone = gone or kept < _profiles(record)
        if first is None or not gone:
            return None
        # These profiles may be dated after the broker's time of the first transaction.
        begin = msgspec.structs.replace(first, segments=[], stopped=None, broker_ms=None)
        records = Records.of(list(oldest.values()), RANK[SUBSCRIBERS])
        return Transaction(begin, records, stopped=False, gone=frozenset(), at=0)

    async def _stopped(self, record: HistoryRecord, waiting: Mapping[str, _Waiting]) -> list[tuple[int, Any]]:
        if record.stopped is None:
            return []
        name = record.topics[record.stopped[0]]
        found = await waiting[name].at(record.stopped[1])
        return [] if found is None else [(RANK[name], found)]

    async def _assign(self, places: list[TopicPartition]) -> None:
        # A Ctrl-C from before takes effect here. Right after the assignment aiokafka's fetcher drops what it has under
        # way, and would take its own cancellation for that of a fetch: stopping the consumer then never returns.
        await asyncio.sleep(0)
        self._consumer.assign(places)

    def _place(self, topic: str, partition: int) -> TopicPartition:
        return TopicPartition(self._prefix + topic, partition)

    async def _all(self, place: TopicPartition) -> AsyncIterator[Any]:
        async for batch in chunks(self._consumer, place, self._ends[place], lambda _: None):
            for record in batch:
                yield record


def _profiles(record: HistoryRecord) -> int:
    """How many profiles the transaction applied; of one that does not say so, at most as many as there are offsets."""
    if record.profiles is not None:
        return record.profiles
    return sum(last - first + 1 for rank, first, last in record.segments if record.topics[rank] == SUBSCRIBERS)


class _Waiting:
    """The records of one input that no transaction has taken yet."""

    def __init__(self, records: AsyncIterator[Any]) -> None:
        self._records = records
        self._held: deque[Any] = deque()

    async def through(self, first: int, last: int) -> list[Any]:
        """Take the records up to `last`; those before `first` are in no transaction that is kept."""
        await self._reach(lambda record: record.offset >= last)
        return [one for one in self._taken(lambda record: record.offset <= last) if one.offset >= first]

    async def at(self, offset: int) -> Any | None:
        """The record at this offset, which remains in the queue."""
        await self._reach(lambda record: record.offset >= offset)
        return next((record for record in self._held if record.offset == offset), None)

    async def _reach(self, reached: Callable[[Any], bool]) -> None:
        while not (self._held and reached(self._held[-1])):
            record = await anext(self._records, None)
            if record is None:
                return
            self._held.append(record)

    def _taken(self, mine: Callable[[Any], bool]) -> Iterator[Any]:
        while self._held and mine(self._held[0]):
            yield self._held.popleft()
