"""Whether a key is in the partition where Kafka's murmur2 puts it.

Nothing depends on it for one topic: events are processed where they arrive. But a source with another partitioner
(librdkafka's own default is one) has a subscriber's calls in one lane and the profile in another, and each lane knows
half of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from aiokafka.partitioner import murmur2

from streams.history import Placed
from streams.topics import RANK

_PLACES: Final = 1 << 19
"""In the table of keys that were looked at: 512 KiB a lane. Two keys may share a place, and then the second is taken
for the first; a source with another partitioner misplaces far too many keys for that to hide it."""
_SALTS: Final = {topic: rank * 0x1F1F1 for topic, rank in RANK.items()}


def partition_of(key: bytes, partitions: int) -> int:
    """Where Java's client, aiokafka, and librdkafka with ``murmur2_random`` put `key`.

    Examples
    --------
    >>> partition_of(b"qx-1", 8)
    0
    """
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions


class Partitioner:
    """Counts misplaced keys of one lane; each key of a topic once, since murmur2 in Python takes 3 us."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._seen = bytearray(_PLACES)

    def misplaced(self, records: Iterable[Placed]) -> Counter[str]:
        """Keys among `records` that belong into another partition and were not counted before, by topic."""
        found: Counter[str] = Counter()
        seen = self._seen
        for topic, record in records:
            key = record.key
            if key is None:
                continue
            place = (hash(key) ^ _SALTS[topic]) & (_PLACES - 1)
            if not seen[place]:
                seen[place] = 1
                if partition_of(key, self._partitions) != self._partition:
                    found[topic] += 1
        return found
