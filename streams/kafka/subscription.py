"""Reading of one topic by a consumer group, which commits only what the caller has reported as done.

Records that were read but not done when a process ends are read again by the next one: at least once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import aiokafka
import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from streams.kafka.partition_read import chunks, reader
from streams.kafka.retries import PATIENCE_S, NoAnswerError, passing, patient
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TailRecord, TopicMissingError, tail_record

log = structlog.get_logger(__name__)

Start = Literal["now", "beginning"] | int
"""Where a group begins that has no offset yet; a number is a record's timestamp, in epoch ms."""
COMMIT_S: Final = 1.0
_CALL_S: Final = 5.0
_POLL_MS: Final = 50
_MOST: Final = 500
_SESSION_MS: Final = 10_000
_MOST_IDLE_MS: Final = 20 * 24 * 3_600_000
"""A reader whose endpoint is down for days polls nothing, and must not lose its membership of the group for that."""


class GroupPosition(NamedTuple):
    """Where a group stands in the topic, by partition.

    Attributes
    ----------
    begin
        Offset of the next record; the one to begin at where nothing was committed.
    end
        The offset after the last committed record.
    fresh
        Partitions without a committed offset.
    missed
        Records that were deleted before the group had read them.
    """

    begin: Mapping[int, int]
    end: Mapping[int, int]
    fresh: frozenset[int]
    missed: int


async def group_position(client: Mapping[str, Any], topic: str, group: str, start: Start) -> GroupPosition:
    """The position of a group; nothing is written, and the group is not joined.

    Raises
    ------
    streams.kafka.topic_tail.TopicMissingError
        If there is no such topic.
    """
    consumer = reader(client)
    try:
        await consumer.start()
        # List all topics of the cluster: asking for one by name could create it.
        numbers = (await consumer._client.fetch_all_metadata()).partitions_for_topic(topic)
        if not numbers:
            raise TopicMissingError(topic)
        places = [TopicPartition(topic, number) for number in sorted(numbers)]
        ends, starts = await consumer.end_offsets(places), await consumer.beginning_offsets(places)
        first = {"now": ends, "beginning": starts}.get(str(start)) or await _since(consumer, places, start, ends)
    finally:
        await consumer.stop()
    async with Cluster(client) as cluster:
        committed = await cluster.committed(group)
    begin, missed, fresh = dict[int, int](), 0, set[int]()
    for each in places:
        at = committed.get((topic, each.partition))
        if at is None:
            fresh.add(each.partition)
            at = first[each]
        missed += max(0, starts[each] - at)
        begin[each.partition] = max(at, starts[each])
    return GroupPosition(begin, {each.partition: end for each, end in ends.items()}, frozenset(fresh), missed)


async def _since(
    consumer: aiokafka.AIOKafkaConsumer, places: Sequence[TopicPartition], start: Start, ends: Mapping[Any, int]
) -> dict[TopicPartition, int]:
    found = await consumer.offsets_for_times(dict.fromkeys(places, start))
    return {each: ends[each] if found[each] is None else found[each].offset for each in places}


async def earlier(
    client: Mapping[str, Any], topic: str, partition: int, before: int
) -> AsyncGenerator[TailRecord, None]:
    """The records that a partition holds before an offset, the oldest first."""
    consumer, place = reader(client), TopicPartition(topic, partition)
    try:
        await consumer.start()
        consumer.assign([place])
        async for records in chunks(consumer, place, before, _unwatched):
            for record in records:
                if record.offset < before:
                    yield tail_record(record)
    finally:
        await consumer.stop()


def _unwatched(_: int) -> None:
    """Drop the count of what remains: nobody waits for it."""


class Subscription(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member of a consumer group.

    Parameters
    ----------
    start
        Where to begin if the group has no offsets: they are committed before anything is read, so that a process that
        ends before its first delivery does not begin later.
    revoked
        Called before partitions go to another member: work on them must end. Records done by then are committed.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topic: str,
        group: str,
        start: Start,
        revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self.group, self.topic = group, topic
        self.assigned = False
        self.missed = 0
        self._client, self._start, self._on_revoked = client, start, revoked
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._given: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._tried = self._answered = time.monotonic()

    async def open(self) -> None:
        """Begin to read; after this returns the group has an offset for every partition."""
        self.missed = await patient(self._settle, f"group {self.group}")
        self._consumer = self._new(max_poll_interval_ms=_MOST_IDLE_MS, session_timeout_ms=_SESSION_MS)
        await patient(self._consumer.start, f"group {self.group}")
        self._consumer.subscribe([self.topic], listener=self)

    async def poll(self, busy: Collection[int]) -> dict[int, list[TailRecord]]:
        """New records of the partitions that are not busy, in their order; waits a moment if there are none."""
        assert self._consumer is not None  # noqa: S101 - opened first
        free = [place for place in self._consumer.assignment() if place.partition not in busy]
        if not free:
            await asyncio.sleep(_POLL_MS / 1000)
            return {}
        # Between a revocation and the next assignment the client returns nothing, so these records are this member's.
        found = await self._consumer.getmany(*free, timeout_ms=_POLL_MS, max_records=_MOST)
        self._given.update({place.partition: records[-1].offset + 1 for place, records in found.items() if records})
        return {place.partition: [tail_record(record) for record in records] for place, records in found.items()}

    def done(self, partition: int, offset: int) -> None:
        """Report that all records of a partition up to this offset are done."""
        self._done[partition] = offset + 1

    async def reached(self, partition: int) -> int | None:
        """The offset that the client would read next; None if it does not know.

        If all records read from it are done, everything before that offset is: it is past transaction markers too,
        which no reader gets.
        """
        if self._consumer is None:
            return None
        try:
            async with asyncio.timeout(_CALL_S):
                position = int(await self._consumer.position(TopicPartition(self.topic, partition)))
        except (IllegalStateError, TimeoutError):
            return None
        given = self._given.get(partition)
        if given is not None and self._done.get(partition, -1) >= given:
            self._done[partition] = max(position, self._done[partition])
        return position

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions assigned to this member."""
        if self._consumer is None:
            return frozenset()
        return frozenset(place.partition for place in self._consumer.assignment())

    async def commit_if_due(self) -> bool:
        """Commit what is done, once a second; True if there was anything to commit."""
        now = time.monotonic()
        if now - self._tried < COMMIT_S:
            return False
        self._tried = now
        return await self.commit()

    async def commit(self) -> bool:
        """Commit what is done; True if there was anything to commit.

        Raises
        ------
        streams.kafka.retries.NoAnswerError
            If the broker has taken none for a minute.
        """
        due = {at: offset for at, offset in self._done.items() if offset > self._committed.get(at, -1)}
        if not due or self._consumer is None:
            self._answered = time.monotonic()
            return False
        try:
            async with asyncio.timeout(_CALL_S):
                await self._consumer.commit({TopicPartition(self.topic, at): offset for at, offset in due.items()})
        except (CommitFailedError, IllegalStateError):
            return False  # they are another member's now, which reads again what is not committed
        except (KafkaError, ConnectionError, TimeoutError) as error:
            if not passing(error):
                raise
            if time.monotonic() - self._answered > PATIENCE_S:
                raise NoAnswerError(f"offsets of {self.group}: no answer from Kafka for {PATIENCE_S:.0f} s") from error
            log.warning("no_answer", detail=f"offsets of {self.group}", error=type(error).__name__)
            return False
        self._committed.update(due)
        self._answered = time.monotonic()
        return True

    async def close(self) -> None:
        """Commit what is done, and leave the group; after this nothing is read."""
        if self._consumer is not None:
            try:
                await self.commit()
            finally:
                consumer, self._consumer = self._consumer, None
                with contextlib.suppress(KafkaError, OSError, TimeoutError):
                    async with asyncio.timeout(_CALL_S):
                        await consumer.stop()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """End the work on all partitions: the next assignment begins at what was committed."""
        if not revoked:
            return
        await self._on_revoked()
        await self.commit()
        self._given.clear()
        self._done.clear()
        self._committed.clear()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Note that the group has assigned its partitions."""
        self.assigned = True
        log.info("subscription_assigned", group=self.group, partitions=sorted(place.partition for place in assigned))

    async def _settle(self) -> int:
        """Commit where to begin, for partitions without an offset; returns how many records were missed."""
        found = await group_position(self._client, self.topic, self.group, self._start)
        if found.fresh:
            consumer = self._new()
            await consumer.start()
            try:
                places = {TopicPartition(self.topic, at): found.begin[at] for at in found.fresh}
                consumer.assign(list(places))
                await consumer.commit(places)
            except CommitFailedError as error:
                # Another member runs, and has committed this a moment ago.
                raise TimeoutError(f"offsets of {self.group}") from error
            finally:
                await consumer.stop()
            log.info("subscription_begins", group=self.group, partitions=sorted(found.fresh), since=str(self._start))
        return found.missed

    def _new(self, **more: Any) -> aiokafka.AIOKafkaConsumer:
        return aiokafka.AIOKafkaConsumer(
            **self._client,
            group_id=self.group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
            **more,
        )
