"""Kafka's records as bytes: those of the state are written, fetched ones read, put in order, their partition checked.

A state record's block is two bytes, a bit for each column that differs from its fill value, and those columns. The
first byte is the version, the second the number of bytes of the bits; the first version had all columns and no bits.
Columns are compared and copied as bits, so what is read back is identical to the last bit. The layout is that of a
record batch (magic 2) without its header.

Fetched are the records of a decompressed batch (magic 2) [1]_: the client handles header, checksum, compression and
aborted transactions. A malformed batch is refused as a whole, and the client reports the error. A lane's topics are
merged by the topic head with the smallest date, then the topic's rank. A key's partition is where Kafka's clients put
it, by MurmurHash2 [2]_.

References
----------
.. [1] Apache Kafka, "Message Format: Record", https://kafka.apache.org/documentation/#record
.. [2] Apache Kafka, ``org.apache.kafka.common.utils.Utils.murmur2``.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Bytes, Hashes, Ints
from models.kernel.compiling import compiled
from models.kernel.places import (
    ALL_COLUMNS,
    AT,
    COUNT,
    KEPT_COLUMNS,
    KEPT_PART,
    KEY_AT,
    KEY_LENGTH,
    LONGEST_HEADS,
    LONGEST_ROW,
    OFFSET,
    PART_BIT,
    PART_CODE,
    PART_START,
    PART_WIDTH,
    RING_PART,
    SOME_COLUMNS,
    STAMP,
    TAKEN,
    TOPIC,
    VALUE_AT,
    VALUE_LENGTH,
)

Columns = tuple[Hashes, Hashes, Ints, Hashes, Ints, Ints, Hashes]
Names = tuple[Bytes, Ints]


@compiled
def varint_length(value: int) -> int:
    """Number of bytes of a zigzag base-128 number."""
    left, length = (value << 1) ^ (value >> 63), 1
    while left > 127:
        left >>= 7
        length += 1
    return length


@compiled
def put_varint(out: Bytes, at: int, value: int) -> int:
    """Write a number in zigzag base 128; returns the position after it."""
    left = (value << 1) ^ (value >> 63)
    while left > 127:
        out[at] = np.uint8((left & 127) | 128)
        left >>= 7
        at += 1
    out[at] = np.uint8(left)
    return at + 1


@compiled
def put_eight(out: Bytes, at: int, bits: np.uint64) -> int:
    """Write eight bytes, the lowest first; returns the position after them."""
    for byte in range(8):
        out[at + byte] = np.uint8((bits >> np.uint64(8 * byte)) & np.uint64(255))
    return at + 8


@compiled
def eight_at(values: Bytes, at: int) -> np.uint64:
    """Read eight bytes, the lowest first."""
    found = np.uint64(0)
    for byte in range(8):
        found |= np.uint64(values[at + byte]) << np.uint64(8 * byte)
    return found


@compiled
def put_bytes(out: Bytes, at: int, source: Bytes, begin: int, length: int) -> int:
    """Copy `length` bytes; returns the position after them."""
    for byte in range(length):
        out[at + byte] = source[begin + byte]
    return at + length


@compiled
def put_head(out: Bytes, done: Ints, key_length: int, value_length: int) -> int:
    """Write the part of a record before its key; a value of length -1 is a tombstone."""
    count = done[COUNT]
    size = 3 + varint_length(count) + varint_length(key_length) + key_length + varint_length(value_length)
    at = put_varint(out, done[AT], size + max(value_length, 0))
    out[at] = 0  # attributes
    out[at + 1] = 0  # timestamp of the batch
    return put_varint(out, put_varint(out, at + 2, count), key_length)


@compiled
def put_end(out: Bytes, done: Ints, at: int) -> None:
    """Write the part of a record after its value."""
    out[at] = 0  # no headers
    done[AT] = at + 1
    done[COUNT] += 1


@compiled
def put_pairs(begin: int, lengths: Ints, source: Bytes, out: Bytes, done: Ints) -> int:
    """Write the keys and values that follow each other in `source`, as far as they fit; returns the next pair."""
    for pair in range(begin, len(lengths)):
        key_length, value_length = lengths[pair, 0], lengths[pair, 1]
        if done[AT] + key_length + value_length + LONGEST_HEADS > len(out):
            return pair
        at = put_bytes(out, put_head(out, done, key_length, value_length), source, done[TAKEN], key_length)
        at = put_varint(out, at, value_length)
        done[TAKEN] += key_length
        if value_length > 0:
            at = put_bytes(out, at, source, done[TAKEN], value_length)
            done[TAKEN] += value_length
        put_end(out, done, at)
    return len(lengths)


@compiled
def put_rows(begin: int, rows: Ints, columns: Columns, parts: Ints, names: Names, out: Bytes, done: Ints) -> int:
    """Write the changed parts of rows, as far as they fit, and clear their marks; returns the next row's place.

    `names` are the subscribers, one after the other. `parts` are the ring of event ids, the kept visits, and the
    blocks of the table, in this order.
    """
    table, ring, dirty, fill, slots, kept, visits = columns
    for place in range(begin, len(rows)):
        row, length = rows[place], names[1][place]
        if done[AT] + LONGEST_ROW + len(parts) * (length + LONGEST_HEADS) > len(out):
            return place
        for part in range(len(parts)):
            if dirty[row] & parts[part, PART_BIT] == 0:
                continue
            start, width, code = parts[part, PART_START], parts[part, PART_WIDTH], parts[part, PART_CODE]
            if part == RING_PART:
                size = block_size(ring, row, 0, width, fill, start)
            elif part == KEPT_PART:
                size = 2 + 8 * KEPT_COLUMNS * kept[slots[row]] if slots[row] >= 0 and kept[slots[row]] > 0 else -1
            else:
                size = block_size(table, row, start, width, fill, start)
            at = put_head(out, done, length + 1, size)
            out[at] = code
            at = put_varint(out, put_bytes(out, at + 1, names[0], done[TAKEN], length), size)
            if part == RING_PART:
                at = put_block(out, at, ring, row, 0, width, fill, start)
            elif part != KEPT_PART:
                at = put_block(out, at, table, row, start, width, fill, start)
            elif size > 0:
                at = put_visits(out, at, visits, slots[row], kept[slots[row]])
            put_end(out, done, at)
        dirty[row] = 0
        done[TAKEN] += length
    return len(rows)


@compiled
def block_size(data: Hashes, row: int, start: int, width: int, fill: Hashes, fill_at: int) -> int:
    """Number of bytes of a block's value."""
    size = 2 + ((width + 7) >> 3)
    for column in range(width):
        if data[row, start + column] != fill[fill_at + column]:
            size += 8
    return size


@compiled
def put_block(out: Bytes, at: int, data: Hashes, row: int, start: int, width: int, fill: Hashes, fill_at: int) -> int:
    """Write a block's value, the columns that differ from their fill values; returns the position after it."""
    marks, marks_at = (width + 7) >> 3, at + 2
    out[at] = SOME_COLUMNS
    out[at + 1] = marks
    for mark in range(marks):
        out[marks_at + mark] = 0
    at = marks_at + marks
    for column in range(width):
        bits = data[row, start + column]
        if bits != fill[fill_at + column]:
            out[marks_at + (column >> 3)] |= np.uint8(1 << (column & 7))
            at = put_eight(out, at, bits)
    return at


@compiled
def put_visits(out: Bytes, at: int, visits: Hashes, slot: int, count: int) -> int:
    """Write the kept visits of a row; returns the position after them."""
    out[at] = ALL_COLUMNS
    out[at + 1] = 0
    at += 2
    for visit in range(count):
        for column in range(KEPT_COLUMNS):
            at = put_eight(out, at, visits[slot, visit, column])
    return at


@compiled
def read_rows(rows: Ints, ends: Ints, values: Bytes, data: Hashes, fill: Hashes) -> int:
    """Put values of a block into its rows, the last one per row; returns the place of an unreadable one, or -1.

    `fill` are the block's fill values; `ends` is the end of each value.
    """
    begin = 0
    for place in range(len(rows)):
        row, length = rows[place], ends[place] - begin
        for column in range(len(fill)):
            data[row, column] = fill[column]
        if length < 2:
            return place
        version, marks = values[begin], values[begin + 1]
        if version == ALL_COLUMNS and marks == 0:
            read = read_all(values, begin + 2, length - 2, data, row)
        else:
            read = version == SOME_COLUMNS and read_some(values, begin + 2, length - 2, marks, data, row)
        if not read:
            return place
        begin += length
    return -1


@compiled
def read_all(values: Bytes, at: int, length: int, data: Hashes, row: int) -> bool:
    """Read a value with all columns that existed when it was written; whether it is readable."""
    if length & 7 != 0 or length >> 3 > data.shape[1]:
        return False
    for column in range(length >> 3):
        data[row, column] = eight_at(values, at + 8 * column)
    return True


@compiled
def read_some(values: Bytes, at: int, length: int, marks: int, data: Hashes, row: int) -> bool:
    """Read the columns marked in a value's bits; whether it is readable."""
    taken = marks
    for column in range(8 * marks):
        if marks > length or (values[at + (column >> 3)] >> (column & 7)) & 1 == 0:
            continue
        if column >= data.shape[1] or taken + 8 > length:
            return False
        data[row, column] = eight_at(values, at + taken)
        taken += 8
    return bool(taken == length)


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


@compiled
def merge(records: Ints, dates: Ints, bounds: Ints, last: Ints, most_bytes: int, taken: Ints, order: Ints) -> int:
    """Write the next records to `order` and their counts by topic to `taken`; returns their number.

    Limited by the size of `order` and by `most_bytes`; a single larger record goes alone.

    Parameters
    ----------
    records, dates
        Records and dates, topic by topic in the order of their ranks.
    bounds
        Start of each topic, and the end.
    last
        For each topic, whether the merge must stop after its last record.
    """
    for n in range(len(order)):
        head, at = -1, -1
        for topic in range(len(taken)):
            place = bounds[topic] + taken[topic]
            if place < bounds[topic + 1] and (head < 0 or dates[place] < dates[at]):
                head, at = topic, place
        if head < 0:
            return n
        most_bytes -= max(records[at, KEY_LENGTH], 0) + max(records[at, VALUE_LENGTH], 0)
        if most_bytes < 0 and n > 0:
            return n
        order[n] = at
        taken[head] += 1
        if at + 1 < bounds[head + 1]:
            # A partition keeps its own order, even if its dates are not sorted.
            dates[at + 1] = max(dates[at], dates[at + 1])
        elif last[head] != 0:
            return n + 1
    return len(order)


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
