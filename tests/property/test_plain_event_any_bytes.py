"""What the compiled reader calls plain, msgspec reads to the same bits: events by the grammar, whole and damaged."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from support.plain_events import OPERATORS, Told, differences, drawn, packed, read, teach

from models.kernel import places
from models.kernel.arrivals import EventReader

AT_ONCE = 10_000
GATE = 200_000
LONG = 10_000_000


def batches(seed: int, count: int) -> Iterator[list[Told]]:
    random = Random(seed)
    for _ in range(count // AT_ONCE):
        yield [drawn(random) for _ in range(AT_ONCE)]


def compare(seed: int, count: int) -> int:
    reader, plain = EventReader(), 0
    for told in batches(seed, count):
        wrong, taken = differences(reader, told)
        assert not wrong, wrong[:3]
        plain += taken
        teach(reader, told[: AT_ONCE // 100])
    return plain


def test_plain_is_what_msgspec_reads_to_the_same_bits() -> None:
    assert compare(20_261_128, GATE) > GATE // 10  # or the inputs are too wild to say anything


@pytest.mark.long
@pytest.mark.timeout(0)
def test_plain_is_what_msgspec_reads_to_the_same_bits_many_times_over() -> None:
    assert compare(1, LONG) > LONG // 10


def test_what_stands_around_an_event_is_not_read() -> None:
    """A value means the same wherever it stands in the buffer: alone, or before one that would go on where it ends."""
    random = Random(5)
    told = [drawn(random) for _ in range(2_000)]
    reader = EventReader()
    for operator in OPERATORS:
        reader.teach(operator)
    together = read(reader, told)
    for n, one in enumerate(told):
        alone = read(reader, [one])
        assert alone.status[0] == together.status[n], one
        if alone.status[0] == places.PLAIN:
            assert alone.numbers[0].tobytes() == together.numbers[n].tobytes()
            assert alone.events[0] == together.events[n]


def test_order_of_fields_that_came_before_does_not_matter() -> None:
    random = Random(6)
    told = [drawn(random) for _ in range(2_000)]
    one, other = EventReader(), EventReader()
    for _ in range(2):
        first = read(one, told)
    backwards = read(other, told[::-1])
    assert first.status.tolist() == backwards.status[::-1].tolist()


def test_places_outside_the_buffer_are_not_read() -> None:
    random = Random(7)
    buffer, records = packed([drawn(random) for _ in range(500)])
    reader = EventReader()
    columns = [places.VALUE_AT, places.VALUE_LENGTH, places.KEY_AT, places.KEY_LENGTH, places.RECORD_KIND]
    for column in columns:
        for value in (-1, -(1 << 62), 1 << 62, len(buffer), len(buffer) + 1):
            wild = records.copy()
            wild[:, column] = value
            assert (reader.read(buffer, wild).status == places.NOT_PLAIN).all()
