"""Keys that are not where murmur2 puts them are counted, each once."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from aiokafka.partitioner import murmur2
from support.columns import columns

from models.contract.events import CALLS, SUBSCRIBERS
from models.kernel import compiled
from streams.kafka import key_placement
from streams.kafka.key_placement import Partitioner, PlacementWarning
from streams.records.record_columns import Placed


class Raw(NamedTuple):
    key: bytes | None
    offset: int = 0
    timestamp: int = 0
    value: bytes | None = b"{}"


@pytest.mark.parametrize(
    ("key", "hashed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_it_is_the_hash_of_javas_client(key: bytes, hashed: int) -> None:
    """Figures of Kafka's own UtilsTest."""
    assert compiled.murmur2(np.frombuffer(b"..." + key, dtype=np.uint8), 3, len(key)) == hashed & 0xFFFFFFFF


@pytest.mark.parametrize("length", range(12))
def test_it_is_aiokafkas_for_any_bytes(length: int) -> None:
    for seed in range(50):
        key = Random(seed).randbytes(length)
        assert compiled.murmur2(np.frombuffer(key, dtype=np.uint8), 0, length) == murmur2(key) & 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def test_each_key_of_a_topic_counts_once() -> None:
    right = next(b"s-%d" % n for n in range(99) if partition_of(b"s-%d" % n, 8) == 3)
    wrong = [key for key in (b"s-%d" % n for n in range(99)) if partition_of(key, 8) != 3][:20]
    lane = Partitioner(3, 8)
    records = [Placed(CALLS, Raw(key)) for key in [right, *wrong, *wrong, None]]
    assert lane.misplaced(columns(records)) == {CALLS: 20}
    assert lane.misplaced(columns(records)) == {}
    assert lane.misplaced(columns([Placed(SUBSCRIBERS, Raw(wrong[0]))])) == {SUBSCRIBERS: 1}


def test_it_is_warned_of_once_a_minute_for_all_lanes_with_all_that_were_found() -> None:
    wrong = [key for key in (b"s-%d" % n for n in range(99)) if partition_of(key, 8) not in (3, 4)][:20]
    lanes, warning, said = [Partitioner(3, 8), Partitioner(4, 8)], PlacementWarning(), []
    for second, key in enumerate(wrong):
        for lane in lanes:
            found = lane.misplaced(columns([Placed(CALLS, Raw(key))]))
            said.append(warning.due(found.total(), 10.0 * second))
    assert [count for count in said if count] == [1, 13, 25, 37]
    assert warning.due(0, 1e6) == 40
    assert warning.due(0, 2e6) == 0, "no more were found since"


def test_a_full_table_hides_keys_and_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_placement, "_PLACES", 16)
    lane = Partitioner(3, 8)
    counted = lane.misplaced(columns([Placed(CALLS, Raw(b"s-%d" % n)) for n in range(1_000)]))
    assert 0 < counted[CALLS] <= 16
