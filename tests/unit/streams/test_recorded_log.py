"""What is left of a recorded history: a record that compaction took is noticed, wherever it was in its transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from support.columns import columns
from support.rig import event

from models.contract.events import CALLS, SUBSCRIBERS
from streams.history import recorded_log
from streams.history.recorded_log import RecordedLog, Transaction
from streams.records.lane_history import history_record, profiles_of, segments
from streams.records.record_columns import InputRecord, Placed
from streams.records.topics import HISTORY

BEGIN = 1_780_000_000_000
VERSIONS = ("m-1", "p-1")


class Kept(msgspec.Struct):
    """A record as a consumer gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class MemoryLog(RecordedLog):
    """The log of one lane, kept in memory."""

    def __init__(self, kept: dict[str, list[Kept]]) -> None:
        super().__init__({}, "")
        self.lanes, self._kept = 1, kept
        self._starts[TopicPartition(HISTORY, 0)] = 0

    async def _all(self, place: TopicPartition) -> AsyncIterator[Any]:
        for record in self._kept.get(place.topic, []):
            yield record


class _Consumer:
    def assign(self, places: object) -> None:
        """Nothing is fetched."""


@pytest.fixture(autouse=True)
def without_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_log, "reader", lambda client: _Consumer())


def profile(offset: int, who: str) -> Placed:
    return Placed(SUBSCRIBERS, InputRecord(offset, BEGIN, who.encode(), event(SUBSCRIBERS, who, BEGIN + offset)))


def call(offset: int, who: str) -> Placed:
    return Placed(CALLS, InputRecord(offset, BEGIN, who.encode(), event(CALLS, who, BEGIN + offset)))


def a_log(transactions: list[list[Placed]], *taken: int, counted: bool = True) -> MemoryLog:
    """These transactions, without the profiles of some offsets."""
    kept: dict[str, list[Kept]] = {HISTORY: [], SUBSCRIBERS: [], CALLS: []}
    for number, placed in enumerate(transactions):
        done = columns(placed)
        profiles = profiles_of(done) if counted else None
        body = history_record(0, segments(done), BEGIN, VERSIONS, profiles=profiles).value
        kept[HISTORY].append(Kept(number, BEGIN, b"0", body))
        for topic, record in placed:
            if topic != SUBSCRIBERS or record.offset not in taken:
                kept[topic].append(Kept(*record))
    return MemoryLog(kept)


async def read(log: RecordedLog) -> list[Transaction]:
    return [each async for each in log.transactions(0)]


# Profiles at 0 to 3, with a marker of their producer's transaction at 4, and at 5 and 6.
LOADED = [
    [profile(0, "a"), profile(1, "b"), profile(2, "a"), profile(3, "c"), profile(5, "b"), call(0, "a")],
    [call(1, "a"), profile(6, "c")],
]


async def test_a_whole_log_has_lost_nothing_though_offsets_of_its_producer_are_no_records() -> None:
    found = await read(a_log(LOADED))
    assert [each.gone for each in found] == [frozenset(), frozenset()]
    assert [len(each.records) for each in found] == [6, 2]


@pytest.mark.parametrize(
    ("taken", "left"),
    [((1,), [b"a", b"b", b"c"]), ((0,), [b"a", b"b", b"c"]), ((0, 1, 3), [b"a", b"b", b"c"])],
    ids=["amid a segment", "at its beginning", "several"],
)
async def test_a_profile_that_compaction_took_is_noticed_and_each_subscriber_begins_with_the_oldest_left(
    taken: tuple[int, ...], left: list[bytes]
) -> None:
    oldest, *found = await read(a_log(LOADED, *taken))
    assert sorted(placed.record.key or b"" for placed in oldest.records) == left
    assert [each.gone for each in found] == [{SUBSCRIBERS}, frozenset()]


async def test_in_a_history_of_a_former_release_which_counted_none_every_gap_may_be_a_lost_profile() -> None:
    oldest, *found = await read(a_log(LOADED, counted=False))
    assert len(oldest.records) == 3
    assert [each.gone for each in found] == [{SUBSCRIBERS}, frozenset()]
