"""Whether a key is in the partition where Kafka's murmur2 puts it.

Nothing depends on it for one topic: events are processed where they arrive. But a source with another partitioner
(librdkafka's own default is one) has a subscriber's calls in one lane and the profile in another, and each lane knows
half of them.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from models.kernel import compiled
from streams.records.record_columns import Records
from streams.records.topics import INPUT_TOPICS

_PLACES: Final = 1 << 19
"""In the table of keys that were looked at: 512 KiB a lane. Two keys may share a place, and then the second is taken
for the first; a source with another partitioner misplaces far too many keys for that to hide it."""


class Partitioner:
    """Counts misplaced keys of one lane; each key of a topic once."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._seen = np.zeros(_PLACES, dtype=np.uint8)

    def misplaced(self, records: Records) -> Counter[str]:
        """Keys among `records` that belong into another partition and were not counted before, by topic."""
        counts = np.zeros(len(INPUT_TOPICS), dtype=np.int64)
        buffer = np.frombuffer(records.buffer, dtype=np.uint8)
        compiled.count_misplaced(buffer, records.lines, self._partition, self._partitions, self._seen, counts)
        return Counter({topic.name: count for topic, count in zip(INPUT_TOPICS, counts.tolist(), strict=True) if count})
