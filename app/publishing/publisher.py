"""Records onto Kafka, simulated or recorded: at their own pace, and never ahead of the wall clock.

The wall clock is read here only. Whole batches are built for each partition and handed to an idempotent producer,
which keeps their order and writes none twice; record by record the producer's own path costs more than all of the
simulation.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from app.publishing.record import TimedRecord
from models.contract.events import SUBSCRIBERS

_BATCH_BYTES: Final = 256 * 1024
_ROUND: Final = 8_192
"""Records after which every open batch is sent. A larger round fills batches better, but lets a rare topic lag behind
the others by as much event time, and a lane would have to wait for it."""
_SPAN_MS: Final = 24 * 3_600_000
"""Event time after which all of it must be on the broker before more is sent. A round of a sparse log may be weeks, and
each partition has a queue of its own: without a stop a lane that reads along has the outcomes of those weeks long
before the calls, and nothing in its logs tells it that there are calls to wait for."""
_IN_FLIGHT: Final = 128
"""Batches that may wait for the broker: beyond it the simulation waits, instead of filling memory."""
_NAP_S: Final = 0.05


Place = tuple[str, int]
"""A topic's full name, and a partition."""


def wall_clock_ms() -> int:
    """Now, in epoch ms."""
    return int(time.time() * 1000)


@dataclass(slots=True)
class PublishCount:
    """What was written. ``stopped`` is ``end``, ``events`` or ``now`` (the wall clock)."""

    records: int = 0
    by_topic: dict[str, int] = field(default_factory=dict)
    first_ts: int | None = None
    last_ts: int | None = None
    seconds: float = 0.0
    stopped: str = "end"
    there: int = 0
    """Records that were on the broker already."""

    def count(self, record: TimedRecord) -> None:
        """One more."""
        self.records += 1
        self.by_topic[record.topic] = self.by_topic.get(record.topic, 0) + 1
        self.first_ts = record.ts if self.first_ts is None else self.first_ts
        self.last_ts = record.ts

    def after(self, began: float) -> PublishCount:
        """Itself, with the time that has passed on the monotonic clock."""
        self.seconds = time.monotonic() - began
        return self


class _Batches:
    """Open batches by topic and partition, and the futures of those on their way."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str, there: Mapping[Place, int]) -> None:
        self._there = dict(there)
        self._producer = producer
        self._prefix = prefix
        self._open: dict[tuple[str, int], Any] = {}
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._partitions: dict[str, int] = {}
        self._hashes: dict[bytes, int] = {}
        self._settled_ts: int | None = None

    async def place(self, record: TimedRecord) -> Place:
        """Where the record goes."""
        topic = self._prefix + record.topic
        count = self._partitions.get(topic) or await self._count(topic)
        known = self._hashes.get(record.key)
        if known is None:
            # As Java's default partitioner and aiokafka's: a simulated call must land in its subscriber's lane.
            known = self._hashes[record.key] = murmur2(record.key) & 0x7FFFFFFF
        return topic, known % count

    def is_there(self, place: Place) -> bool:
        """Whether the next record of the place is on the broker."""
        left = self._there.get(place, 0)
        self._there[place] = left - 1
        return left > 0

    async def add(self, record: TimedRecord, place: Place) -> None:
        """Put the record into its partition's batch; a full batch is sent first."""
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._producer.create_batch()
        if batch.append(timestamp=record.ts, key=record.key, value=record.value) is None:
            await self._send(place)
            batch = self._open[place] = self._producer.create_batch()
            batch.append(timestamp=record.ts, key=record.key, value=record.value)

    async def _count(self, topic: str) -> int:
        count = self._partitions[topic] = len(await self._producer.partitions_for(topic))
        return count

    async def _send(self, place: tuple[str, int]) -> None:
        batch = self._open.pop(place)
        batch.close()
        self._waiting.append(await self._producer.send_batch(batch, place[0], partition=place[1]))
        while len(self._waiting) > _IN_FLIGHT:
            await self._waiting.popleft()

    async def keep_together(self, records: int, ts: int) -> bool:
        """Send after so many records, and wait for the broker after so much event time; says whether it did either."""
        if self._settled_ts is None:
            self._settled_ts = ts
        if ts - self._settled_ts >= _SPAN_MS:
            self._settled_ts = ts
            await self.settle()
            return True
        if records % _ROUND == 0:
            await self.send()
            return True
        return False

    async def send(self) -> None:
        """Send every open batch; on return they are with the producer, not yet on the broker."""
        for place in list(self._open):
            await self._send(place)

    async def settle(self) -> None:
        """Send every open batch; after this returns all of them are on the broker, or an error was raised."""
        await self.send()
        while self._waiting:
            await self._waiting.popleft()


@dataclass(slots=True)
class PublishPace:
    """When a record is due.

    Parameters
    ----------
    speed
        Simulated seconds a wall second, counted from the first record; 0 for as fast as possible.
    follow
        What to do with a record that would overtake the wall clock: wait until its time has come, instead of stopping.
    clock
        The wall clock in epoch ms.
    """

    speed: float = 0.0
    follow: bool = False
    clock: Callable[[], int] = wall_clock_ms
    _began: tuple[int, int] | None = field(default=None, init=False)

    def wait(self, ts: int) -> float | None:
        """Seconds until the record is due, at most 0 when it is; None when the wall clock ends the simulation.

        >>> PublishPace(clock=lambda: 1000).wait(1000), PublishPace(clock=lambda: 1000).wait(1001)
        (0.0, None)
        >>> PublishPace(follow=True, clock=lambda: 1000).wait(3000)
        2.0
        """
        now = self.clock()
        ahead = (ts - now) / 1000
        if ahead > 0 and not self.follow:
            return None
        if self._began is None:
            self._began = (ts, now)
        event_zero, wall_zero = self._began
        early = ((ts - event_zero) / self.speed - (now - wall_zero)) / 1000 if self.speed > 0 else 0.0
        return max(early, ahead)


async def publish(
    records: Iterable[TimedRecord],
    client: Mapping[str, Any],
    prefix: str = "",
    *,
    pace: PublishPace | None = None,
    max_events: int | None = None,
    there: Mapping[Place, int] | None = None,
    progress: Callable[[PublishCount], None] | None = None,
) -> PublishCount:
    """Write the records to Kafka; after this returns all of them are on the broker.

    Parameters
    ----------
    records
        In the order of event time, as :func:`app.simulator.stream.simulate` gives them.
    client, prefix
        Keyword arguments of an aiokafka client (bootstrap servers, security); what goes in front of a topic's name.
    pace
        How fast, and what happens at the wall clock; at once and up to now when absent.
    max_events
        Stop after so many records.
    there
        How many of the first records of a partition are on the broker, from a run with the same records.
    progress
        Called about every 8,000 records and at each pause.
    """
    producer = AIOKafkaProducer(
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=_BATCH_BYTES,
        retry_backoff_ms=20,
        **client,
    )
    await producer.start()
    try:
        batches = _Batches(producer, prefix, there or {})
        return await _write(records, batches, pace or PublishPace(), max_events, progress or _silent)
    finally:
        await producer.stop()


def _silent(done: PublishCount) -> None:
    """Nobody watches."""


async def _write(
    records: Iterable[TimedRecord],
    batches: _Batches,
    pace: PublishPace,
    max_events: int | None,
    progress: Callable[[PublishCount], None],
) -> PublishCount:
    done, began, opening = PublishCount(), time.monotonic(), True
    for record in records:
        if max_events is not None and done.records >= max_events:
            done.stopped = "events"
            break
        place = await batches.place(record)
        if batches.is_there(place):
            done.there += 1
            continue
        if opening and record.topic != SUBSCRIBERS:
            opening = False
            await batches.settle()  # profiles stand on the broker before the first event that needs one
        wait = pace.wait(record.ts)
        while wait is not None and wait > 0:
            await batches.send()
            progress(done.after(began))
            await asyncio.sleep(min(max(wait, _NAP_S), 1.0))
            wait = pace.wait(record.ts)
        if wait is None:
            done.stopped = "now"
            break
        await batches.add(record, place)
        done.count(record)
        if await batches.keep_together(done.records, record.ts):
            progress(done.after(began))
    await batches.settle()
    progress(done.after(began))
    return done
