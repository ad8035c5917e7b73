"""Check whether a key is in the partition that Kafka's murmur2 gives.

Within one topic it does not matter: events are processed where they arrive. But a source with another partitioner
(such as librdkafka's default) puts a subscriber's calls into one lane and the profile into another, and each lane
knows only half.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import aiokafka
import numpy as np
from aiokafka import TopicPartition
from aiokafka.partitioner import murmur2

from models.kernel import compiled
from streams.records.record_columns import Records
from streams.records.topics import INPUT_TOPICS

_PLACES: Final = 1 << 19
"""Slots in the table of keys already checked: 512 KiB a lane. Two keys may share a slot, and the second then counts as
checked; a source with another partitioner misplaces far too many keys for that to hide it."""


MURMUR2: Final = "Sources must partition by murmur2: librdkafka with partitioner=murmur2_random."
WARN_S: Final = 60.0
_NEWEST: Final = 200
"""Records checked in a partition: a source with another partitioner shows in the first few."""
_PATIENCE_S: Final = 20.0


async def misplaced(client: Mapping[str, Any], prefix: str, partitions: int) -> list[str]:
    """Input topics whose newest records have keys that murmur2 would have put elsewhere, in words.

    Raises
    ------
    aiokafka.errors.KafkaError
        If the broker cannot be read.
    """
    consumer = aiokafka.AIOKafkaConsumer(**client, group_id=None, enable_auto_commit=False)
    keys: dict[str, set[bytes]] = {topic.full(prefix): set() for topic in INPUT_TOPICS}
    wrong = {name: set[bytes]() for name in keys}
    try:
        await consumer.start()
        places = [TopicPartition(name, number) for name in keys for number in range(partitions)]
        consumer.assign(places)
        starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        for place in places:
            consumer.seek(place, max(starts[place], ends[place] - _NEWEST))
        left, until = {place for place in places if ends[place] > starts[place]}, time.monotonic() + _PATIENCE_S
        while left and time.monotonic() < until:
            for place, records in (await consumer.getmany(*left, timeout_ms=500)).items():
                keys[place.topic] |= (found := {record.key for record in records if record.key is not None})
                wrong[place.topic] |= {k for k in found if (murmur2(k) & 0x7FFFFFFF) % partitions != place.partition}
            left = {place for place in left if await consumer.position(place) < ends[place]}
    finally:
        await consumer.stop()
    return [
        f"keys: {len(wrong[name]):,} of {len(of_topic):,} in the newest records of {name} are not in the partition "
        f"where murmur2 puts them, and other topics may have them elsewhere. {MURMUR2}"
        for name, of_topic in keys.items()
        if wrong[name]
    ]


class Partitioner:
    """Counts misplaced keys of one lane; each key of a topic once."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._seen = np.zeros(_PLACES, dtype=np.uint8)

    def misplaced(self, records: Records) -> Counter[str]:
        """Keys among `records` that belong in another partition and were not counted before, by topic."""
        counts = np.zeros(len(INPUT_TOPICS), dtype=np.int64)
        buffer = np.frombuffer(records.buffer, dtype=np.uint8)
        compiled.count_misplaced(buffer, records.lines, self._partition, self._partitions, self._seen, counts)
        return Counter({topic.name: count for topic, count in zip(INPUT_TOPICS, counts.tolist(), strict=True) if count})


class PlacementWarning:
    """Warning of misplaced keys, for all lanes of a process: they have the same cause."""

    def __init__(self) -> None:
        self._count = self._warned = 0
        self._warned_at = -math.inf

    def due(self, more: int, now_s: float) -> int:
        """Number of misplaced keys so far if a warning is due, else 0: when more were found, at most once a minute."""
        self._count += more
        if self._count == self._warned or now_s - self._warned_at < WARN_S:
            return 0
        self._warned, self._warned_at = self._count, now_s
        return self._count
