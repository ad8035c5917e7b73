from __future__ import annotations

import numpy as np

from models.columns import SEEN
from models.population import Population
from models.rounds import Lineup
from models.seen import admit, event_hash, hashes


def admitted(population: Population, *batches: list[tuple[str, str | None]]) -> list[list[bool]]:
    answers = []
    for batch in batches:
        rows = np.array([population.row(subscriber) for subscriber, _ in batch])
        ids = hashes([event_id for _, event_id in batch])
        answers.append(admit(population.blocks["seen"], Lineup.of(rows), ids).tolist())
    return answers


def ids(*numbers: int, subscriber: str = "s-1") -> list[tuple[str, str | None]]:
    return [(subscriber, f"e-{n}") for n in numbers]


def test_repeated_id_is_refused_in_the_piece_and_in_the_next():
    assert admitted(Population(), ids(1, 1, 2), ids(2, 3, 1)) == [[True, False, True], [False, True, False]]


def test_id_of_another_subscriber_is_another_event():
    assert admitted(Population(), ids(1) + ids(1, subscriber="s-2")) == [[True, True]]


def test_events_without_id_are_never_duplicates():
    assert admitted(Population(), [("s-1", None)] * 3) == [[True] * 3]


def test_only_the_last_sixteen_are_remembered():
    population = Population()
    first = admitted(population, ids(*range(17)))
    assert first == [[True] * 17]
    assert admitted(population, ids(1)) == [[False]]
    assert admitted(population, ids(0)) == [[True]]


def test_more_than_a_ring_of_new_ids_in_one_piece_is_the_same_as_one_by_one():
    whole, single = Population(), Population()
    admitted(whole, ids(*range(40)) + ids(7, subscriber="s-2"))
    admitted(single, *[ids(n) for n in range(40)], ids(7, subscriber="s-2"))
    np.testing.assert_array_equal(whole.blocks["seen"].data, single.blocks["seen"].data)
    assert whole.blocks["seen"].data[0, SEEN] == 40 % SEEN


def test_duplicate_far_behind_in_the_same_piece_is_judged_by_the_ring_of_its_moment():
    # 20 other ids lie between the two: the first is forgotten by then, as it would be over two pieces.
    assert admitted(Population(), ids(0, *range(1, 21), 0)) == [[True] * 22]
    assert admitted(Population(), ids(0, *range(1, 16), 0)) == [[True] * 16 + [False]]


def test_repetition_in_a_long_piece_is_found_for_its_subscriber_alone():
    others = [(f"s-{i}", "e-1") for i in range(2, 40)]
    population = Population()
    assert admitted(population, others + ids(1, 2, 1)) == [[True] * 40 + [False]]
    assert admitted(population, others + ids(3, 2)) == [[False] * 38 + [True, False]]


def test_refused_ids_leave_the_ring_alone():
    population = Population()
    admitted(population, ids(1, 2))
    before = population.blocks["seen"].data[0].copy()
    population.blocks["seen"].dirty[:] = False
    admitted(population, ids(2, 1))
    np.testing.assert_array_equal(population.blocks["seen"].data[0], before)
    assert not population.blocks["seen"].dirty.any()


def test_hashes_of_a_piece_are_those_of_its_ids():
    names = ["e-1", None, "e-2", "移动"]
    assert hashes(names).tolist() == [event_hash(name) for name in names]
