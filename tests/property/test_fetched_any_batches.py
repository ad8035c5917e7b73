"""Whatever batches an answer holds: read in blocks, they are what aiokafka reads record by record."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.records.record_columns import FetchedRecords

TP = TopicPartition("a", 0)
PRODUCERS = st.integers(1, 3)
BYTES = st.one_of(st.none(), st.binary(max_size=200), st.sampled_from([b"", b"x" * 63, b"x" * 64, b"x" * 8_192]))
STAMPS = st.one_of(st.integers(1_700_000_000_000, 1_800_000_000_000), st.just(-1), st.integers(0, 1 << 60))
HEADERS = st.lists(st.tuples(st.sampled_from(["h", "", "é", "name" * 40]), BYTES), max_size=3)
ROW = st.tuples(STAMPS, BYTES, BYTES, HEADERS)
ATTRIBUTES, CRC, LAST_DELTA = 21, 17, 23


class Seen(NamedTuple):
    """A record, and the place behind it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def signed(batch: bytearray) -> bytes:
    """With the checksum that fits."""
    struct.pack_into(">I", batch, CRC, calc_crc32c(memoryview(batch)[ATTRIBUTES:]))
    return bytes(batch)


def batch(
    offset: int,
    rows: list[Any],
    codec: int = 0,
    producer: int = -1,
    *,
    control: bool = False,
    appended: int | None = None,
    removed: int = 0,
    deltas: list[int] | None = None,
) -> bytes:
    """A batch of magic 2 at an offset; `removed` are compacted away behind its last record."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec, is_transactional=producer > 0, producer_id=producer, producer_epoch=0,
        base_sequence=0, batch_size=1 << 24,
    )  # fmt: skip
    for at, (stamp, key, value, headers) in enumerate(rows):
        builder.append(deltas[at] if deltas else at, timestamp=stamp, key=key, value=value, headers=headers)
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, offset)
    struct.pack_into(">i", made, LAST_DELTA, (deltas[-1] if deltas else len(rows) - 1) + removed)
    if control:
        made[ATTRIBUTES + 1] |= 0x20
    if appended is not None:
        made[ATTRIBUTES + 1] |= 0x08
        struct.pack_into(">q", made, 35, appended)
    return signed(made)


def legacy(offset: int, rows: list[Any], codec: int, magic: int) -> bytes:
    """A message set of an old format."""
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=codec, batch_size=1 << 24)
    for at, (stamp, key, value, _) in enumerate(rows):
        builder.append(offset + at, timestamp=max(stamp, 0), key=key, value=value)
    return bytes(builder.build())


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, int]], int]:
    """Bytes of an answer, aborted transactions, and the offset that was asked for."""
    parts, at, begun = [], draw(st.integers(0, 1 << 40)), []
    first = at
    for _ in range(draw(st.integers(0, 8))):
        at += draw(st.integers(0, 3))  # a hole
        kind = draw(st.sampled_from(["plain", "plain", "transaction", "marker", "old"]))
        rows = draw(st.lists(ROW, min_size=1, max_size=6))
        codec, producer = draw(st.integers(0, 4)), draw(PRODUCERS)
        end = at + len(rows)
        if kind == "old":
            # Offsets of a compressed set are aiokafka's own affair; its builder's are relative.
            codec = draw(st.sampled_from([0, 1]))
            parts.append(legacy(at if codec == 0 else 0, rows, codec, draw(st.sampled_from([0, 1]))))
        elif kind == "marker":
            marker = [(1_780_000_000_000, struct.pack(">hh", 0, draw(st.integers(0, 1))), b"\0" * 6, [])]
            parts.append(batch(at, marker, 0, producer, control=True))
            end = at + 1
        else:
            steps = draw(st.lists(st.integers(1, 4), min_size=len(rows), max_size=len(rows)))
            deltas = [sum(steps[:n]) for n in range(len(rows))]
            removed = draw(st.integers(0, 2))
            appended = draw(st.one_of(st.none(), st.just(1_780_000_000_001)))
            mine = producer if kind == "transaction" else -1
            parts.append(batch(at, rows, codec, mine, appended=appended, removed=removed, deltas=deltas))
            end = at + deltas[-1] + 1 + removed
            begun.append((producer, at))
        at = end
    raw = b"".join(parts)
    cut = draw(st.integers(0, min(len(raw), 300)))
    aborted = draw(st.lists(st.sampled_from(begun), max_size=3)) if begun else []
    return raw[: len(raw) - cut], aborted, draw(st.integers(first, max(first, at)))


def by_aiokafka(raw: bytes, aborted: list[tuple[int, int]], asked: int) -> PartitionRecords:
    return PartitionRecords(TP, MemoryRecords(raw), list(aborted), asked, None, None, True, READ_COMMITTED)


def read(records: PartitionRecords) -> tuple[list[Seen], int, str]:
    """The records, the place behind them, and the error that ended it."""
    found, error = [], ""
    try:
        for one in records:
            block = [one] if hasattr(one, "offset") else [record for _, record in one]
            found += [
                Seen(each.offset, -1 if each.timestamp is None else each.timestamp, each.key, each.value)
                for each in block
            ]
    except (CorruptRecordException, UnicodeDecodeError, SystemError) as refused:
        # The last one is what aiokafka says of a null value in an old format.
        error = type(refused).__name__
    return found, records.next_fetch_offset, error


@given(answers())
def test_blocks_hold_what_aiokafka_reads(answer: tuple[bytes, list[tuple[int, int]], int]) -> None:
    assert read(FetchedRecords(by_aiokafka(*answer), answer[0])) == read(by_aiokafka(*answer))


@given(st.data())
def test_damaged_batch_is_read_as_aiokafka_does(data: st.DataObject) -> None:
    """With a checksum that fits, so that nothing but the reader can find it; nothing is read beyond the batch."""
    made = bytearray(batch(7, data.draw(st.lists(ROW, min_size=1, max_size=3))))
    for _ in range(data.draw(st.integers(1, 3))):
        made[data.draw(st.integers(57, len(made) - 1))] = data.draw(st.integers(0, 255))
    raw = signed(made)
    found, place, error = read(FetchedRecords(by_aiokafka(raw, [], 7), raw))
    expected = read(by_aiokafka(raw, [], 7))
    assert (found, place, error) == expected


def test_wrong_checksum_is_an_error() -> None:
    good, bad = batch(0, [(5, b"k", b"v", [])]), bytearray(batch(1, [(5, b"k", b"v", [])]))
    bad[-1] ^= 1
    raw = good + bytes(bad)
    blocks = FetchedRecords(by_aiokafka(raw, [], 0), raw)
    assert len(next(blocks)) == 1
    with pytest.raises(CorruptRecordException):
        next(blocks)


def test_a_batch_comes_at_once() -> None:
    raw = batch(0, [(5, b"k", b"v", [])] * 50, codec=3)
    assert [len(block) for block in FetchedRecords(by_aiokafka(raw, [], 20), raw)] == [30]
