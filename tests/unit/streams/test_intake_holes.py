"""What waits for a lane: no hole, no place that was left, and no more than its bounds."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from models.events import CALLS, DATA_USAGE
from streams import intake as intakes
from streams.intake import GapError, Intake
from streams.transport import Fetch


class Raw(NamedTuple):
    offset: int
    timestamp: int = 0
    key: bytes | None = b"s"
    value: bytes | None = b"{}"


def fetch(epoch: int, start: int, end: int, *offsets: int) -> Fetch:
    return Fetch(epoch, start, end, [Raw(offset, offset) for offset in offsets or range(start, end)])


@pytest.fixture
def intake() -> Intake:
    made = Intake([CALLS, DATA_USAGE])
    made.sought(CALLS, 1, 10)
    return made


def offsets(intake: Intake) -> list[int]:
    return [placed.record.offset for placed in intake.take()]


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
    assert intake.empty()
    assert not intake.offer(CALLS, fetch(1, 12, 13))
    assert intake.offer(CALLS, fetch(2, 10, 12))
    assert offsets(intake) == [10, 11]


def test_topic_that_was_never_sought_takes_nothing(intake: Intake) -> None:
    assert not intake.offer(DATA_USAGE, fetch(1, 0, 1))
    assert intake.read_to(DATA_USAGE) is None


def test_a_topic_is_full_by_its_own_records_and_by_the_bytes_of_all(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intakes, "FULL_RECORDS", 3)
    monkeypatch.setattr(intakes, "FULL_BYTES", 100)
    intake.sought(DATA_USAGE, 1, 0)
    intake.offer(CALLS, fetch(1, 10, 12))
    assert intake.takes(CALLS)
    intake.offer(CALLS, fetch(1, 12, 13))
    assert not intake.takes(CALLS)
    assert intake.takes(DATA_USAGE)
    intake.take()
    assert intake.takes(CALLS)
    for record in (Raw(13, value=b"x" * 100), Raw(13, key=b"x" * 100)):
        intake.offer(CALLS, Fetch(1, 13, 14, [record]))
        assert not intake.takes(CALLS)
        intake.sought(CALLS, 1, 13)
        assert intake.takes(CALLS)


def test_a_topic_that_the_order_waits_for_is_taken_however_much_else_waits(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls of next week filled the lane, and the data sessions of today came too late to trigger anything."""
    monkeypatch.setattr(intakes, "FULL_BYTES", 100)
    intake.sought(DATA_USAGE, 1, 0)
    intake.offer(CALLS, Fetch(1, 10, 11, [Raw(10, value=b"x" * 200)]))
    assert intake.takes(DATA_USAGE)
    intake.offer(DATA_USAGE, fetch(1, 0, 1))
    assert not intake.takes(DATA_USAGE)


def test_batch_is_bounded_by_records_and_bytes_but_never_empty(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "BATCH_RECORDS", 3)
    monkeypatch.setattr(intakes, "BATCH_BYTES", 50)
    intake.offer(CALLS, fetch(1, 10, 15))
    assert offsets(intake) == [10, 11, 12]
    intake.offer(CALLS, Fetch(1, 15, 17, [Raw(15, 15, value=b"x" * 60), Raw(16, 16)]))
    assert offsets(intake) == [13, 14]
    assert offsets(intake) == [15]
    assert offsets(intake) == [16]
    assert intake.empty()
    assert intake.take() == []


def test_starved_of_a_topic_that_has_more_in_its_log(intake: Intake) -> None:
    intake.sought(DATA_USAGE, 1, 0)
    intake.offer(CALLS, fetch(1, 10, 12))
    assert intake.starved(lambda topic: topic == DATA_USAGE)
    assert not intake.starved(lambda topic: topic == CALLS)
    intake.offer(DATA_USAGE, fetch(1, 0, 1))
    assert not intake.starved(lambda _: True)
