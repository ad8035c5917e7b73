from __future__ import annotations

from random import Random

import numpy as np
import pytest

from models.state.population import Population
from models.state.subscriber_index import SubscriberIndex


def found(index: SubscriberIndex, *keys: bytes) -> list[int]:
    buffer = np.frombuffer(b"".join(keys), dtype=np.uint8)
    length = np.array([len(key) for key in keys])
    return index.find_all(buffer, np.cumsum(length) - length, length).tolist()


def test_many_keys_are_found_at_once_and_strangers_are_not():
    index = SubscriberIndex()
    for row in range(10_000):
        index.put(b"s-%d" % row, row)
    assert found(index, b"s-9999", b"s-0", b"s-10000", b"s-") == [9999, 0, -1, -1]
    assert found(index, *(b"s-%d" % row for row in range(10_000))) == list(range(10_000))
    assert len(index) == 10_000


def test_removed_key_is_gone_and_hides_no_other():
    index = SubscriberIndex()
    for row in range(1_000):
        index.put(b"%d" % row, row)
    assert found(index, b"7") == [7]
    for row in range(0, 1_000, 2):
        index.remove(b"%d" % row)
    expected = [row if row % 2 else -1 for row in range(1_000)]
    assert found(index, *(b"%d" % row for row in range(1_000))) == expected


def test_key_that_is_removed_before_any_search():
    index = SubscriberIndex()
    index.put(b"a", 1)
    index.remove(b"a")
    assert found(index, b"a") == [-1]


@pytest.mark.parametrize("searched", [False, True])
def test_removal_of_a_stranger_is_a_mistake(searched: bool):
    index = SubscriberIndex()
    index.put(b"a", 0)
    if searched:
        found(index, b"a")
    with pytest.raises(KeyError):
        index.remove(b"b")


def test_what_is_no_key_or_lies_outside_the_buffer_is_not_found():
    index = SubscriberIndex()
    index.put(b"ab", 5)
    buffer = np.frombuffer(b"abab", dtype=np.uint8)
    at, length = np.array([0, 2, 3, -1, 0, 0, 4]), np.array([2, 2, 2, 2, -1, 5, 2])
    assert index.find_all(buffer, at, length).tolist() == [5, 5, -1, -1, -1, -1, -1]
    assert index.find_all(buffer[:0], at[:0], length[:0]).tolist() == []


def test_keys_that_begin_alike_or_hold_zeros_are_apart():
    index = SubscriberIndex()
    keys = [b"a", b"a\0", b"a\0\0", b"\0a", b"aa", b"\xe4\xb8\xad", b"a" * 256, b"a" * 255]
    for row, key in enumerate(keys):
        index.put(key, row)
    assert found(index, *keys) == list(range(len(keys)))


def test_against_a_dict_through_growth_removal_and_return():
    random, index, held = Random(1), SubscriberIndex(), {}
    for step in range(60_000):
        key = b"%d" % random.randrange(1 << random.randrange(1, 15))
        if key in held:
            index.remove(key)
            del held[key]
        else:
            index.put(key, step)
            held[key] = step
        if step % 97 == 0:
            asked = [key, *random.sample(sorted(held), min(20, len(held)))]
            assert found(index, *asked) == [held.get(key, -1) for key in asked]
    assert found(index, *held) == list(held.values())
    assert len(index) == len(held)


def test_memory_does_not_grow_with_who_came_and_went():
    index = SubscriberIndex()
    for step in range(20_000):
        index.put(b"somebody-%d" % step, 1)
        found(index, b"x")
        index.remove(b"somebody-%d" % step)
    assert index.nbytes() < 200_000


def test_population_keeps_its_index():
    population = Population()
    row = population.seat("s-1")
    assert found(population.index, b"s-1", b"s-2") == [row, -1]
    population.settle_rows()
    assert found(population.index, b"s-1") == [-1]
    population.row("s-2")
    again = Population()
    again.load(population.take_changes())
    assert found(again.index, b"s-2") == [again.find("s-2")]
    again.load([(b"as-2", None)])
    assert found(again.index, b"s-2") == [-1]
