"""Keys that are not where murmur2 puts them are counted, each once."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from models.events import CALLS, SUBSCRIBERS
from streams import partitioner
from streams.history import Placed
from streams.partitioner import Partitioner, partition_of


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
    assert partition_of(key, 1 << 31) == hashed & 0x7FFFFFFF


def test_each_key_of_a_topic_counts_once() -> None:
    right = next(b"s-%d" % n for n in range(99) if partition_of(b"s-%d" % n, 8) == 3)
    wrong = [key for key in (b"s-%d" % n for n in range(99)) if partition_of(key, 8) != 3][:20]
    lane = Partitioner(3, 8)
    records = [Placed(CALLS, Raw(key)) for key in [right, *wrong, *wrong, None]]
    assert lane.misplaced(records) == {CALLS: 20}
    assert lane.misplaced(records) == {}
    assert lane.misplaced([Placed(SUBSCRIBERS, Raw(wrong[0]))]) == {SUBSCRIBERS: 1}


def test_a_full_table_hides_keys_and_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitioner, "_PLACES", 16)
    lane = Partitioner(3, 8)
    counted = lane.misplaced([Placed(CALLS, Raw(b"s-%d" % n)) for n in range(1_000)])
    assert 0 < counted[CALLS] <= 16
