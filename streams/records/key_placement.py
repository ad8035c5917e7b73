"""Check whether a key is in the partition that Kafka's murmur2 gives.

Within one topic it does not matter: events are processed where they arrive. But a source with another partitioner
(such as librdkafka's default) puts a subscriber's calls into one lane and the profile into another, and each lane
knows only half.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from models.kernel import compiled
from streams.records.record_columns import Records
from streams.records.topics import INPUT_TOPICS

_PLACES: Final = 1 << 19
"""Slots in the table of keys already checked: 512 KiB a lane. Two keys may share a slot, and the second then counts as
checked; a source with another partitioner misplaces far too many keys for that to hide it."""


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
