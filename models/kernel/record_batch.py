"""Parser of the records in a decompressed Kafka batch (magic 2): positions of each key and value.

The client handles header, checksum, compression and aborted transactions. A malformed batch is refused as a whole, and
the client reports the error.

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
    """A signed number of variable length, and the position after it; the position is -1 if there is none."""
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
    """Length-prefixed bytes: their position, length (-1: null), and the position after them (-1: malformed)."""
    length, at = varint(buffer, at, end)
    if at < 0 or length < -1 or length > end - at:
        return 0, 0, -1
    return at, length, at + max(length, 0)


@compiled
def behind_headers(buffer: Bytes, at: int, end: int) -> int:
    """The position after the headers; -1 if they are malformed.

    A header must have a name; one that is not ASCII is left to the client, which may reject it as invalid text.
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
    """The position after one record; -1 if it is malformed. Offset and timestamp are relative to the batch's."""
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
    """Read all records of the batch in `buffer` from `at` to `end`; whether it is well formed with rising offsets.

    `offset` and `stamp` are the batch's base values.
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
