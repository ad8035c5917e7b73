"""Check that keys are in the partition where Kafka's clients put them, by MurmurHash2 of the key.

References
----------
.. [1] Apache Kafka, ``org.apache.kafka.common.utils.Utils.murmur2``.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Bytes, Ints
from models.kernel.compiling import compiled
from models.kernel.places import KEY_AT, KEY_LENGTH, TOPIC

MURMUR_M, MURMUR_SEED = 0x5BD1E995, 0x9747B28C
WORD = 0xFFFFFFFF


@compiled
def murmur2(buffer: Bytes, at: int, length: int) -> int:
    """32-bit hash of a key [1]_."""
    found = np.int64(MURMUR_SEED ^ length)
    whole = at + (length & ~3)
    for word in range(at, whole, 4):
        k = np.int64(buffer[word]) | np.int64(buffer[word + 1]) << 8
        k |= np.int64(buffer[word + 2]) << 16 | np.int64(buffer[word + 3]) << 24
        k = (k * MURMUR_M) & WORD
        k ^= k >> 24
        found = (found * MURMUR_M) & WORD ^ (k * MURMUR_M) & WORD
    rest = at + length - whole
    if rest > 0:
        for n in range(rest):
            found ^= np.int64(buffer[whole + n]) << (8 * n)
        found = (found * MURMUR_M) & WORD
    found ^= found >> 13
    found = (found * MURMUR_M) & WORD
    return int(found ^ (found >> 15))


@compiled
def count_misplaced(buffer: Bytes, records: Ints, partition: int, partitions: int, seen: Bytes, counts: Ints) -> None:
    """Count by topic the keys that belong to another partition; `seen` skips keys already checked."""
    for n in range(len(records)):
        record = records[n]
        if record[KEY_LENGTH] < 0:
            continue
        key = murmur2(buffer, record[KEY_AT], record[KEY_LENGTH])
        # The low bits choose the partition, so within one lane they are the same for all keys.
        place = (((key + record[TOPIC]) * MURMUR_M & WORD) >> 8) % len(seen)
        if seen[place] == 0:
            seen[place] = 1
            if (key & 0x7FFFFFFF) % partitions != partition:
                counts[record[TOPIC]] += 1
