"""Records of a batch against aiokafka, which wrote them and reads them too."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from models.kernel import places
from models.kernel.reader import records_of

HEADER = 61
Row = tuple[int, int, bytes | None, bytes | None, int]


def batch(rows: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 24,
    )  # fmt: skip
    for offset, (stamp, key, value, headers) in enumerate(rows):
        builder.append(offset, timestamp=stamp, key=key, value=value, headers=headers)
    return bytes(builder.build())


def drawn(random: Random) -> list[Any]:
    some = [None, b"", b"k", b"key-1", b"x" * 63, b"x" * 64, b"x" * 8191, b"x" * 8192, b"x" * 70_000]
    weights = [2, 2, 9, 9, 2, 2, 1, 1, 1]
    return [
        (
            1_780_000_000_000 + random.randrange(-(10 ** random.randrange(1, 12)), 10 ** random.randrange(1, 12)),
            *random.choices(some, weights, k=2),
            [("h", random.choice((None, b"", b"v")))] * random.choice((0, 0, 0, 1, 3)),
        )
        for _ in range(random.randrange(1, 60))
    ]


def by_aiokafka(written: bytes) -> list[Row]:
    return [
        (one.offset, one.timestamp, one.key, one.value, len(one.headers))
        for one in DefaultRecordBatch(bytearray(written))
    ]


def by_kernel(body: bytes, count: int, first: tuple[int, int], before: bytes = b"") -> list[Row] | None:
    whole = before + body
    buffer = np.frombuffer(whole, dtype=np.uint8)
    records = records_of(buffer, len(before), len(body), count, first, places.CALL)
    if records is None:
        return None
    assert (records[:, places.RECORD_KIND] == places.CALL).all()

    def part(at: int, length: int) -> bytes | None:
        return None if length < 0 else whole[at : at + length]

    return [
        (
            int(row[places.OFFSET]),
            int(row[places.STAMP]),
            part(row[places.KEY_AT], row[places.KEY_LENGTH]),
            part(row[places.VALUE_AT], row[places.VALUE_LENGTH]),
            int(row[places.HEADERS]),
        )
        for row in records
    ]


@pytest.mark.parametrize("seed", range(30))
def test_every_record_is_as_aiokafka_reads_it(seed: int):
    rows = drawn(Random(seed))
    written = batch(rows)
    expected = by_aiokafka(written)
    assert len(expected) == len(rows)
    assert by_kernel(written[HEADER:], len(rows), (0, rows[0][0]), b"other batch") == expected


def test_offsets_and_times_are_counted_from_the_first():
    rows = [(1_000, b"k", b"v", []), (900, b"k", None, []), (1_100, None, b"v", [])]
    found = by_kernel(batch(rows)[HEADER:], 3, (500, 2_000))
    assert found is not None
    assert [row[:2] for row in found] == [(500, 2_000), (501, 1_900), (502, 2_100)]


def test_time_of_the_append_takes_the_place_of_the_producers():
    body = np.frombuffer(batch([(1_000, b"k", b"v", [])] * 2)[HEADER:], dtype=np.uint8)
    records = records_of(body, 0, len(body), 2, (0, 1_000), places.CALL, appended_ms=77)
    assert records is not None
    assert records[:, places.STAMP].tolist() == [77, 77]


def test_damaged_batch_is_refused_or_read_as_aiokafka_does():
    """Nothing is read outside the batch, and nothing is accepted that aiokafka refuses."""
    random = Random(3)
    for _ in range(3_000):
        rows = [(1_000, b"key", b'{"a":1}', [("h", b"v")])] * random.randrange(1, 4)
        written = bytearray(batch(rows))
        for _ in range(random.choice((1, 2))):
            written[random.randrange(HEADER, len(written))] = random.choice(
                (0, 1, 2, 127, 128, 255, random.randrange(256))
            )
        body, first = bytes(written[HEADER:]), (0, 1_000)
        found = by_kernel(body, len(rows), first)
        if found is not None:
            assert found == by_aiokafka(bytes(written))


@pytest.mark.parametrize("cut", range(1, 20))
def test_batch_that_is_cut_off_or_too_long(cut: int):
    body = batch([(1_000, b"key", b"value", [("h", b"v")])] * 2)[HEADER:]
    assert by_kernel(body[:-cut], 2, (0, 0)) is None
    assert by_kernel(body + bytes(cut), 2, (0, 0)) is None


@pytest.mark.parametrize("count", [-1, 0, 1, 3, 1 << 40])
def test_count_that_is_not_the_batchs(count: int):
    body = batch([(1_000, b"key", b"value", [])] * 2)[HEADER:]
    assert by_kernel(body, count, (0, 0)) is None


def test_place_that_is_not_in_the_buffer():
    buffer = np.zeros(10, dtype=np.uint8)
    for at, length in ((-1, 5), (0, 11), (11, 0), (5, -1)):
        assert records_of(buffer, at, length, 0, (0, 0), places.CALL) is None
    empty = records_of(buffer, 4, 0, 0, (0, 0), places.CALL)
    assert empty is not None
    assert len(empty) == 0
