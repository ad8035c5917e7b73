"""What waits for a lane, and what it waits for: no hole, no place that was left, no topic passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from support.columns import block
from support.rig import event

from models.contract.events import CALLS, DATA_USAGE, SUBSCRIBERS
from streams.lanes import intake as intakes
from streams.lanes.intake import GapError, Intake
from streams.lanes.ports import Fetch
from streams.records.wire import FUTURE_MS

NOW = 1_780_000_000_000


class Raw(NamedTuple):
    offset: int
    timestamp: int = 0
    key: bytes | None = b"s"
    value: bytes | None = b"{}"


def fetch(epoch: int, start: int, end: int, *offsets: int) -> Fetch:
    return Fetch(epoch, start, end, block(Raw(offset, offset) for offset in offsets or range(start, end)))


@pytest.fixture
def stable() -> dict[str, int]:
    """What the fetch answers told: as far as the tests go, everything is there."""
    return {CALLS: 0, DATA_USAGE: 0}


@pytest.fixture
def intake(stable: dict[str, int]) -> Intake:
    made = Intake([CALLS, DATA_USAGE], lambda topic, _: stable.get(topic))
    made.sought(CALLS, 1, 10)
    made.sought(DATA_USAGE, 1, 0)
    return made


def offsets(intake: Intake) -> list[int]:
    return [placed.record.offset for placed in intake.take({}, None)]


def test_fetches_follow_one_another(intake: Intake) -> None:
    assert intake.offer(CALLS, fetch(1, 10, 12))
    assert intake.offer(CALLS, fetch(1, 12, 13))
    assert intake.read_to(CALLS) is None
    assert offsets(intake) == [10, 11, 12]
    assert intake.read_to(CALLS) == 13


def test_offsets_may_be_missing_inside_a_fetch_and_at_its_ends(intake: Intake) -> None:
    """Markers, aborted records and compacted ones: the consumer's places are what must join."""
    assert intake.offer(CALLS, fetch(1, 10, 20, 14, 17))
    assert intake.offer(CALLS, fetch(1, 20, 30, 29))
    assert offsets(intake) == [14, 17, 29]
    assert intake.read_to(CALLS) == 30


def test_fetch_behind_a_hole_is_refused(intake: Intake) -> None:
    intake.offer(CALLS, fetch(1, 10, 12))
    with pytest.raises(GapError, match=r"fetch from 13, expected 12"):
        intake.offer(CALLS, fetch(1, 13, 14))
    with pytest.raises(GapError):
        intake.offer(CALLS, fetch(1, 11, 12))
    assert offsets(intake) == [10, 11]


def test_fetch_of_a_place_that_was_left_is_dropped(intake: Intake) -> None:
    intake.offer(CALLS, fetch(1, 10, 12))
    intake.sought(CALLS, 2, 10)
    assert not intake.waits(CALLS)
    assert not intake.offer(CALLS, fetch(1, 12, 13))
    assert intake.offer(CALLS, fetch(2, 10, 12))
    assert offsets(intake) == [10, 11]


def test_topic_that_was_never_sought_takes_nothing(stable: dict[str, int]) -> None:
    intake = Intake([CALLS], lambda topic, _: stable.get(topic))
    assert not intake.offer(CALLS, fetch(1, 0, 1))
    assert intake.read_to(CALLS) is None


def test_a_topic_is_full_by_its_own_records_and_its_own_bytes(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "FULL_RECORDS", 3)
    monkeypatch.setattr(intakes, "FULL_BYTES", 100)
    intake.offer(CALLS, fetch(1, 10, 12))
    assert intake.takes(CALLS)
    intake.offer(CALLS, fetch(1, 12, 13))
    assert not intake.takes(CALLS)
    assert intake.takes(DATA_USAGE)
    intake.take({}, None)
    assert intake.takes(CALLS)
    for record in (Raw(13, value=b"x" * 100), Raw(13, key=b"x" * 100)):
        intake.offer(CALLS, Fetch(1, 13, 14, block([record])))
        assert not intake.takes(CALLS)
        intake.sought(CALLS, 1, 13)
        assert intake.takes(CALLS)


def test_a_full_topic_waits_for_one_that_is_behind_and_that_one_is_taken(
    intake: Intake, stable: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls of next week filled the lane, and the data sessions of today came too late to trigger anything."""
    monkeypatch.setattr(intakes, "FULL_BYTES", 100)
    stable[DATA_USAGE] = 1
    intake.offer(CALLS, Fetch(1, 10, 11, block([Raw(10, 10, value=b"x" * 200)])))
    assert not intake.takes(CALLS)
    assert intake.awaited({}) == {DATA_USAGE: 0}
    assert offsets(intake) == []
    assert intake.takes(DATA_USAGE)
    intake.offer(DATA_USAGE, fetch(1, 0, 1))
    assert offsets(intake) == [0, 10]


def test_batch_is_bounded_by_records_and_bytes_but_never_empty(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "BATCH_RECORDS", 3)
    monkeypatch.setattr(intakes, "BATCH_BYTES", 50)
    intake.offer(CALLS, fetch(1, 10, 15))
    assert offsets(intake) == [10, 11, 12]
    intake.offer(CALLS, Fetch(1, 15, 17, block([Raw(15, 15, value=b"x" * 60), Raw(16, 16)])))
    assert offsets(intake) == [13, 14]
    assert offsets(intake) == [15]
    assert offsets(intake) == [16]
    assert not intake.ready({})
    assert offsets(intake) == []


# What the next record hangs on


def test_nothing_is_taken_before_every_topic_has_answered(intake: Intake, stable: dict[str, int]) -> None:
    """Of a topic that has not answered since the seek nobody knows whether it holds something older."""
    intake.offer(CALLS, fetch(1, 10, 12))
    del stable[DATA_USAGE]
    assert intake.awaited({}) == {DATA_USAGE: 0}
    assert not intake.ready({})
    stable[DATA_USAGE] = 0  # an empty topic answers that it is empty
    assert intake.ready({})
    assert offsets(intake) == [10, 11]


def test_a_batch_ends_with_the_last_record_of_a_topic_that_is_behind(intake: Intake, stable: dict[str, int]) -> None:
    stable[DATA_USAGE] = 20
    intake.offer(CALLS, fetch(1, 10, 16))
    intake.offer(DATA_USAGE, fetch(1, 0, 13, 11, 12))
    assert offsets(intake) == [10, 11, 11, 12, 12]
    assert intake.awaited({}) == {DATA_USAGE: 13}
    # What follows is aborted, compacted or a marker: the place moves, and that ends the wait.
    intake.offer(DATA_USAGE, Fetch(1, 13, 20, []))
    assert offsets(intake) == [13, 14, 15]


def test_records_of_an_open_transaction_are_not_waited_for(intake: Intake, stable: dict[str, int]) -> None:
    """They lie behind the last stable offset; the log's end (high watermark) would have the lane wait for ever."""
    stable[DATA_USAGE] = 5
    intake.offer(DATA_USAGE, fetch(1, 0, 5))
    intake.offer(CALLS, fetch(1, 10, 11))
    assert offsets(intake) == [0, 1, 2, 3, 4, 10]


def test_a_partition_keeps_its_own_order_though_its_stamps_go_back(intake: Intake) -> None:
    intake.offer(CALLS, Fetch(1, 10, 13, block([Raw(10, 5), Raw(11, 2), Raw(12, 9)])))
    intake.offer(DATA_USAGE, Fetch(1, 0, 2, block([Raw(0, 4), Raw(1, 5)])))
    assert offsets(intake) == [0, 10, 11, 1, 12]


def test_of_one_date_the_topic_of_the_smaller_rank_goes_first(intake: Intake) -> None:
    intake.offer(DATA_USAGE, Fetch(1, 0, 1, block([Raw(0, 7)])))
    intake.offer(CALLS, Fetch(1, 10, 11, block([Raw(10, 7)])))
    assert offsets(intake) == [10, 0]


def test_a_record_without_a_timestamp_goes_by_its_ts(intake: Intake) -> None:
    unstamped = Raw(10, -1, value=event(CALLS, "s", NOW + 2))
    intake.offer(CALLS, Fetch(1, 10, 11, block([unstamped])))
    intake.offer(DATA_USAGE, Fetch(1, 0, 2, block([Raw(0, NOW + 1), Raw(1, NOW + 3)])))
    assert offsets(intake) == [0, 10, 1]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(Raw(10, -1, value=b"?"), id="no date at all"),
        pytest.param(Raw(10, NOW + FUTURE_MS + 1), id="stamped past the broker's time"),
        pytest.param(Raw(10, -1, value=event(CALLS, "s", NOW + FUTURE_MS + 1)), id="ts past the broker's time"),
    ],
)
def test_what_has_no_place_in_time_keeps_nothing_back(intake: Intake, odd: Raw) -> None:
    """In its turn, a record of the year 2100 would keep its topic back until all others are read to their ends."""
    intake.offer(CALLS, Fetch(1, 10, 12, block([odd, Raw(11, NOW - 5)])))
    intake.offer(DATA_USAGE, Fetch(1, 0, 2, block([Raw(0, NOW - 9), Raw(1, NOW)])))
    assert [placed.record.offset for placed in intake.take({}, NOW)] == [10, 0, 11, 1]


# What is read before all else


@pytest.fixture
def opened(stable: dict[str, int]) -> Callable[[], Intake]:
    def made() -> Intake:
        intake = Intake([SUBSCRIBERS, CALLS], lambda topic, _: stable.get(topic))
        intake.sought(SUBSCRIBERS, 1, 0)
        intake.sought(CALLS, 1, 0)
        return intake

    return made


def test_profiles_go_first_as_far_as_their_end_of_then(opened: Callable[[], Intake], stable: dict[str, int]) -> None:
    intake, ends = opened(), {SUBSCRIBERS: 2}
    stable[SUBSCRIBERS] = 3
    intake.offer(CALLS, fetch(1, 0, 1))
    assert not intake.ready(ends)
    assert intake.awaited(ends) == {SUBSCRIBERS: 0}
    intake.offer(SUBSCRIBERS, Fetch(1, 0, 3, block([Raw(0, 50), Raw(1, 60), Raw(2, 70)])))
    assert not intake.exhausted(ends)
    assert [p.record.offset for p in intake.take(ends, None)] == [0, 1]
    assert intake.exhausted(ends)
    assert [(p.topic, p.record.timestamp) for p in intake.take({}, None)] == [(CALLS, 0), (SUBSCRIBERS, 70)]


def test_an_end_behind_holes_is_reached_by_the_place(opened: Callable[[], Intake]) -> None:
    intake, ends = opened(), {SUBSCRIBERS: 8}
    intake.offer(SUBSCRIBERS, Fetch(1, 0, 3, block([Raw(2)])))
    assert [p.record.offset for p in intake.take(ends, None)] == [2]
    assert not intake.exhausted(ends)
    intake.offer(SUBSCRIBERS, Fetch(1, 3, 8, []))
    assert intake.exhausted(ends)
