from __future__ import annotations

import numpy as np
import pytest

from models.contract.events import Profile
from models.state.columns import BLOCKS
from models.state.population import BOOK_CODE, PROFILE_CODE, Population, StateMalformedError
from models.state.state_records import ROOM


def state_of(population: Population) -> dict[bytes, bytes]:
    return {key: value for key, value in population.take_changes() if value is not None}


def test_new_subscriber_is_a_change_even_with_a_profile_alone():
    population = Population()
    population.set_profile(population.row("s-1"), Profile(subscriber_id="s-1", ts=1))
    assert set(state_of(population)) == {b"as-1", b"Ps-1"}
    assert not population.take_changes()


def test_subscriber_known_by_profile_alone_is_gone_after_deletion_and_restart():
    population = Population()
    row = population.row("s-1")
    population.set_profile(row, Profile(subscriber_id="s-1", ts=1))
    records = list(population.take_changes())
    population.delete(row)
    records += population.take_changes()
    again = Population()
    again.load(records)
    assert len(again) == 0
    assert again.find("s-1") == -1


def test_tombstones_come_first_so_that_who_came_back_stays():
    population = Population()
    population.row("s-1")
    records = list(population.take_changes())
    population.delete(population.find("s-1"))
    row = population.row("s-1")
    population.blocks["calls"].data[row, 0] = 5.0
    population.touch(row, "calls")
    records += population.take_changes()
    again = Population()
    again.load(records)
    assert again.find("s-1") >= 0
    assert again.blocks["calls"].column("ref_ts")[again.find("s-1")] == 5.0


def test_row_of_a_forgotten_subscriber_is_clean_for_the_next():
    population = Population()
    row = population.row("s-1")
    for block in population.blocks.values():
        block.data[row] = 7
        population.touch(row, block.spec.name)
    population.book(row).refused_ts = 3
    population.mark_book(row)
    population.delete(row)
    population.settle_rows()
    assert population.row("s-2") == row
    for block in population.blocks.values():
        np.testing.assert_array_equal(block.data[row], block.fill)
    population.take_changes()
    assert row not in population.books


def test_growth_keeps_what_is_known():
    population = Population()
    rows = [population.row(f"s-{i}") for i in range(3000)]
    population.blocks["calls"].data[rows[0], 0] = 1.0
    population.row("one more")
    for i in range(3000, 9000):
        population.row(f"s-{i}")
    assert [population.find(f"s-{i}") for i in range(3000)] == rows
    assert population.blocks["calls"].data[rows[0], 0] == 1.0
    assert np.isnan(population.blocks["calls"].data[population.find("s-8999"), 0])


def test_of_one_key_the_last_record_stands():
    first, second = Population(), Population()
    for value, population in ((1.0, first), (2.0, second)):
        population.blocks["activity"].data[population.row("s-1")] = value
    loaded = Population()
    loaded.load([*first.take_changes(), *second.take_changes()])
    assert loaded.blocks["activity"].data[loaded.find("s-1")].tolist() == [2.0, 2.0]


def test_tombstone_of_a_block_between_two_records_of_it():
    population = Population()
    population.blocks["calls"].data[population.row("s-1"), 0] = 4.0
    population.touch(population.row("s-1"), "calls")
    records = list(population.take_changes())
    loaded = Population()
    loaded.load([*records, (b"cs-1", None)])
    assert np.isnan(loaded.blocks["calls"].data[loaded.find("s-1"), 0])
    loaded.load(records)
    assert loaded.blocks["calls"].data[loaded.find("s-1"), 0] == 4.0
    loaded.load([(b"cs-1", None)])
    loaded.load([])
    assert np.isnan(loaded.blocks["calls"].data[loaded.find("s-1"), 0])


def test_what_is_loaded_is_not_written_again():
    population = Population()
    population.row("s-1")
    loaded = Population()
    loaded.load(population.take_changes())
    assert not loaded.take_changes()


def test_tombstone_of_somebody_unknown_is_nothing():
    population = Population()
    population.load([(code + b"nobody", None) for code in (b"a", PROFILE_CODE, BOOK_CODE, b"?")])
    assert len(population) == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"as-1", b"\x09\x00" + bytes(16)),  # a later row version
        (b"as-1", b"\x01\x00" + bytes(15)),  # cut short
        (b"as-1", b""),
        (b"as-1", b"\x01\x00" + bytes(24)),  # more columns than there are
        (b"as-1", b"\x01\x01" + bytes(16)),
        (b"as-1", b"\x02\x01\x03" + bytes(15)),
        (b"as-1", b"\x02\x01\x01" + bytes(16)),  # more columns than marked
        (b"as-1", b"\x02\x01\x04" + bytes(8)),  # a column of a later version
        (b"as-1", b"\x02\xff\x03" + bytes(16)),
        (b"?s-1", b"x"),
        (b"Ps-1", b"{"),
        (b"Bs-1", b"[]"),
        (b"a\xff", b""),
    ],
)
def test_state_that_cannot_be_read_is_refused_by_name(key: bytes, value: bytes):
    with pytest.raises(StateMalformedError, match=r"state record b'"):
        Population().load([(key, value)])


def test_empty_book_is_closed_and_its_record_goes():
    population = Population()
    row = population.row("s-1")
    population.book(row).refused_ts = 5
    population.mark_book(row)
    assert (BOOK_CODE + b"s-1") in state_of(population)
    population.book(row).refused_ts = None
    population.mark_book(row)
    assert list(population.take_changes()) == [(BOOK_CODE + b"s-1", None)]
    assert row not in population.books


def test_codes_of_the_blocks_are_unlike_each_other_and_the_rest():
    codes = [spec.code for spec in BLOCKS]
    assert len({*codes, PROFILE_CODE, BOOK_CODE}) == len(codes) + 2


def test_sums_of_a_block_stand_together_behind_its_times():
    for spec in BLOCKS:
        names = spec.columns[2 : 2 + len(spec.taus)]
        assert [f"{stem}_{(1, 7, 30, 90)[tau]}" for stem, tau in zip(spec.stems, spec.taus, strict=True)] == list(names)
        if spec.taus:
            assert spec.columns[:2] == ("ref_ts", "first_ts")


def test_memory_is_told_by_part_and_given_back():
    population = Population()
    empty = population.memory()
    row = population.row("s-1")
    population.set_profile(row, Profile(subscriber_id="s-1", ts=1))
    population.set_profile(row, Profile(subscriber_id="s-1", ts=2))
    population.book(row)
    used = population.memory()
    assert {part for part in used if used[part] > empty[part]} == {"ids", "profiles", "books"}
    again = Population()
    again.load(population.take_changes())
    assert again.memory()["profiles"] == used["profiles"]
    population.delete(row)
    population.settle_rows()
    assert population.memory() == empty


@pytest.mark.parametrize(
    "value", [b"\x01\x00" + np.full(6, 7.0).tobytes(), b"\x02\x01\x3f" + np.full(6, 7.0).tobytes()]
)
def test_row_from_before_a_column_was_appended_is_read_with_its_fill(value: bytes):
    loaded = Population()
    loaded.load([(b"rs-1", value)])
    found = loaded.blocks["risk"].data[loaded.find("s-1")].tolist()
    assert found[:6] == [7.0] * 6
    assert found[6] == 0.0
    assert np.isnan(found[7])


def any_rows(count: int) -> Population:
    """Rows of any bits, about half of them as they were at first."""
    draw = np.random.default_rng(count)
    population = Population()
    for nth in range(count):
        row = population.row(f"s-{nth}")
        for block in population.blocks.values():
            drawn = draw.integers(0, 2**64, len(block.fill), dtype=np.uint64).view(block.data.dtype)
            block.data[row] = np.where(draw.random(len(block.fill)) < 0.5, block.fill, drawn)
            population.touch(row, block.spec.name)
        population.visits.put(row, [(1.0, 2.0, 3.0)] * int(draw.integers(0, 32)))
        population.touch(row, "kept_visits")
    return population


def assert_same_bits(one: Population, other: Population) -> None:
    assert len(one) == len(other)
    for name, block in one.blocks.items():
        rows = [(one.find(who), other.find(who)) for who in one.ids if who]
        mine, others = (list(places) for places in zip(*rows, strict=True))
        assert block.data[mine].tobytes() == other.blocks[name].data[others].tobytes(), name
        assert [one.visits.of(row) for row in mine] == [other.visits.of(row) for row in others]


def test_rows_of_any_bits_are_read_back_to_the_last_of_them():
    population, loaded = any_rows(50), Population()
    loaded.load(population.take_changes())
    assert_same_bits(population, loaded)


def test_old_state_is_read_on():
    """The first version wrote all columns of a block."""
    population, loaded = any_rows(50), Population()
    loaded.load(
        (block.code + who.encode(), b"\x01\x00" + block.data[row].tobytes())
        for row, who in enumerate(population.ids)
        for block in population.blocks.values()
        if who
    )
    for row in range(50):
        population.visits.clear(row)
    assert_same_bits(population, loaded)


def test_batches_of_a_large_transaction_are_filled_and_no_more():
    population, loaded = any_rows(3_000), Population()
    records = population.take_changes()
    sizes = [len(body.content) for body in records.bodies()]
    assert len(sizes) > 1
    assert all(0.98 * ROOM < size <= ROOM for size in sizes[:-1])
    assert sum(body.records for body in records.bodies()) == len(records)
    loaded.load(records)
    assert_same_bits(population, loaded)
    records.put([(b"a", bytes(ROOM // 2)), (b"b", bytes(ROOM // 2 - 100)), (b"c", None)])
    assert [(key, value and len(value)) for key, value in list(records)[-3:]] == [
        (b"a", ROOM // 2),
        (b"b", ROOM // 2 - 100),
        (b"c", None),
    ]
    with pytest.raises(ValueError, match="does not fit"):
        records.put([(b"a", bytes(ROOM))])


def test_visits_of_a_former_book_are_kept_and_written_anew():
    book = b'{"visits":[[1780000000000,12.5,"plans","cucc"],[1780000060000,31.0,"checkout","cmcc"]],"refused_ts":5}'
    population = Population()
    population.row("s-1")
    loaded = Population()
    loaded.load([*population.take_changes(), (BOOK_CODE + b"s-1", book)])
    row = loaded.find("s-1")
    assert loaded.visits.of(row) == [(1780000000000.0, 12.5, 1.0), (1780000060000.0, 31.0, 4.0)]
    assert loaded.books[row].refused_ts == 5
    written = dict(loaded.take_changes())
    again = Population()
    again.load([*population.take_changes(), (b"as-1", written.get(b"as-1", b"\x01\x00" + bytes(16))), *written.items()])
    assert again.visits.of(again.find("s-1")) == loaded.visits.of(row)
    assert b"visits" not in written[BOOK_CODE + b"s-1"]
