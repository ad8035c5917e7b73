"""The records of a batch as Kafka writes them (magic 2), decompressed: where each key and value stands.

Header, checksum, compression and aborted transactions are the client's. What is not as it should be is refused whole,
and the client says what it is.

References
----------
.. [1] Apache Kafka, "Message Format: Record", https://kafka.apache.org/documentation/#record
"""

from __future__ import annotations

import numpy as np

from models.arrays import Bytes, Ints
from models.kernel.compiling import compiled
from models.kernel.places import KEY_AT, KEY_LENGTH, OFFSET, STAMP, VALUE_AT, VALUE_LENGTH


@compiled
def varint(buffer: Bytes, at: int, end: int) -> tuple[int, int]:
    """A signed number of variable length, and the place behind it; the place is -1 where there is none."""
    found = np.int64(0)
    shift = 0
    while 0 <= at < end and shift < 64:
        byte = np.int64(buffer[at])
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return int(((found >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(found & 1)), at
        shift += 7
    return 0, -1


@compiled
def span_of_bytes(buffer: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """Bytes behind their length: where they begin, the length (-1: null), and the place behind them (-1: malformed)."""
    length, at = varint(buffer, at, end)
    if at < 0 or length < -1 or length > end - at:
        return 0, 0, -1
    return at, length, at + max(length, 0)


@compiled
def behind_headers(buffer: Bytes, at: int, end: int) -> int:
    """The place behind the headers; -1 where they are malformed.

    A header has a name always, and one that is not ASCII is left to the client, which may find that it is no text.
    """
    count, at = varint(buffer, at, end)
    if at < 0 or count < 0 or count > end - at:
        return -1
    for _ in range(count):
        name, length, at = span_of_bytes(buffer, at, end)
        if at < 0 or length < 0:
            return -1
        for byte in range(name, name + length):
            if buffer[byte] > 127:
                return -1
        _, length, at = span_of_bytes(buffer, at, end)
        if at < 0:
            return -1
    return at


@compiled
def take_record(buffer: Bytes, at: int, end: int, record: Ints) -> int:
    """The place behind one record; -1 where it is malformed. Offset and time are differences to the batch's."""
    length, at = varint(buffer, at, end)
    if at < 0 or length < 1 or length > end - at or buffer[at] != 0:  # attributes: none are defined
        return -1
    end = at + length
    record[STAMP], at = varint(buffer, at + 1, end)
    record[OFFSET], at = varint(buffer, at, end)
    record[KEY_AT], record[KEY_LENGTH], at = span_of_bytes(buffer, at, end)
    record[VALUE_AT], record[VALUE_LENGTH], at = span_of_bytes(buffer, at, end)
    return end if behind_headers(buffer, at, end) == end else -1


@compiled
def take_records(buffer: Bytes, at: int, end: int, offset: int, stamp: int, records: Ints) -> bool:
    """All records of a batch that fills `buffer` from `at` to `end`; whether it is well formed, its offsets rising.

    `offset` and `stamp` are the first of the batch.
    """
    last = -1
    for n in range(len(records)):
        record = records[n]
        at = take_record(buffer, at, end, record)
        if at < 0 or record[OFFSET] <= last:
            return False
        last = record[OFFSET]
        record[OFFSET] += offset
        record[STAMP] += stamp
    return bool(at == end)
