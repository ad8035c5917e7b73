"""A repeated event is counted and not applied again."""

from __future__ import annotations

import numpy as np
from support.event_mixes import START, arrivals_of
from support.folded import fold

from models.contract.events import DataUsage
from models.kernel.arrivals import event_hash, hashes
from models.state.columns import SEEN
from models.state.population import Population


def admitted(population: Population, *batches: list[tuple[str, str | None]]) -> list[list[bool]]:
    answers = []
    for batch in batches:
        events = [DataUsage(subscriber_id=who, ts=START, event_id=event_id, bytes=1.0) for who, event_id in batch]
        answers.append(fold(population, arrivals_of(events), float("nan")).applied.tolist())
    return answers


def ids(*numbers: int, subscriber: str = "s-1") -> list[tuple[str, str | None]]:
    return [(subscriber, f"e-{n}") for n in numbers]


def test_repeated_id_is_refused_in_the_batch_and_in_the_next():
    assert admitted(Population(), ids(1, 1, 2), ids(2, 3, 1)) == [[True, False, True], [False, True, False]]


def test_id_of_another_subscriber_is_another_event():
    assert admitted(Population(), ids(1) + ids(1, subscriber="s-2")) == [[True, True]]


def test_events_without_id_are_never_duplicates():
    assert admitted(Population(), [("s-1", None)] * 3) == [[True] * 3]


def test_only_the_last_sixteen_are_remembered():
    population = Population()
    assert admitted(population, ids(*range(17))) == [[True] * 17]
    assert admitted(population, ids(1)) == [[False]]
    assert admitted(population, ids(0)) == [[True]]
    assert population.blocks["seen"].data[0, SEEN] == 18 % SEEN


def test_refused_ids_leave_the_ring_alone():
    population = Population()
    admitted(population, ids(1, 2))
    before = population.blocks["seen"].data[0].copy()
    population.take_changes()
    admitted(population, ids(2, 1))
    np.testing.assert_array_equal(population.blocks["seen"].data[0], before)
    assert not population.take_changes()


def test_hashes_of_a_batch_are_those_of_its_ids():
    names = ["e-1", None, "e-2", "移动"]
    assert hashes(names).tolist() == [event_hash(name) for name in names]
