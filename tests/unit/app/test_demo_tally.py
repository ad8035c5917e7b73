"""The demonstration's count of what was lost and what came twice, tried on planted damage."""

from __future__ import annotations

import random

import pytest

from app.demo.measured.coverage import Coverage
from app.demo.measured.tally import ExactnessTally
from streams.records import lane_history
from streams.records.lane_history import history_record

CALLS, DATA = 0, 1


def _transaction(
    tally: ExactnessTally, partition: int, *segments: tuple[int, int, int], opened: str | None = None
) -> None:
    record = history_record(partition, segments, None, ("m-1", "p-1"), opened=opened)
    tally.transaction(lane_history.read(record.value))


def test_a_whole_history_is_lost_0_twice_0_over_openings_partitions_and_topics() -> None:
    tally = ExactnessTally()
    for partition in range(3):
        _transaction(tally, partition, opened="holdfast")
        _transaction(tally, partition, (CALLS, 0, 4), (DATA, 0, 0), (CALLS, 5, 9))
    _transaction(tally, 1, opened="holdfast")  # a successor after a kill
    _transaction(tally, 1, (DATA, 1, 30), (CALLS, 10, 10))
    assert (tally.events, tally.lost, tally.twice, tally.openings) == (3 * 11 + 31, 0, 0, 4)


@pytest.mark.parametrize(
    ("segments", "lost", "twice"),
    [
        ([(CALLS, 0, 9), (CALLS, 12, 19)], 2, 0),
        ([(CALLS, 3, 9)], 3, 0),  # the beginning of the log was skipped
        ([(CALLS, 0, 9), (CALLS, 8, 12)], 0, 2),
        ([(CALLS, 0, 9), (CALLS, 0, 9)], 0, 10),
        ([(CALLS, 0, 9), (CALLS, 20, 29), (CALLS, 5, 24)], 0, 10),
        ([(CALLS, 0, 9), (CALLS, 20, 29), (CALLS, 10, 14)], 5, 0),
        ([(CALLS, 0, 9), (DATA, 10, 19)], 10, 0),  # another topic's offsets fill no hole
    ],
)
def test_holes_are_lost_and_overlaps_are_twice(segments: list[tuple[int, int, int]], lost: int, twice: int) -> None:
    tally = ExactnessTally()
    for segment in segments:
        _transaction(tally, 0, segment)
    assert (tally.lost_events, tally.twice_events) == (lost, twice)
    assert (tally.lost, tally.twice) == (lost, twice)


def test_another_partition_fills_no_hole() -> None:
    tally = ExactnessTally()
    _transaction(tally, 0, (CALLS, 0, 4))
    _transaction(tally, 1, (CALLS, 5, 9))
    assert tally.lost_events == 5


@pytest.mark.parametrize(
    ("steps", "lost", "twice"),
    [
        ([("a", 1), ("a", 2), ("b", 1)], 0, 0),
        ([("a", 1), ("a", 1)], 0, 1),
        ([("a", 1), ("a", 3)], 1, 0),
        ([("a", 2)], 1, 0),
        ([("a", 1), ("a", 3), ("a", 2)], 0, 0),
    ],
)
def test_alerts_are_held_against_their_seq(steps: list[tuple[str, int]], lost: int, twice: int) -> None:
    tally = ExactnessTally()
    for alert_id, seq in steps:
        tally.alert(alert_id, seq)
    assert (tally.lost_alerts, tally.twice_alerts) == (lost, twice)


def test_lag_is_what_stands_beyond_the_last_applied() -> None:
    tally = ExactnessTally()
    _transaction(tally, 0, (CALLS, 0, 9))
    calls = lane_history.TOPICS[CALLS]
    assert tally.lag({(calls, 0): 15, (calls, 1): 7, (lane_history.TOPICS[DATA], 0): 0}) == 5 + 7
    assert tally.lag({(calls, 0): 10}) == 0
    assert tally.lag({(calls, 0): 4}) == 0  # ends that were looked up before the history was read


def test_coverage_agrees_with_a_set_whatever_the_order() -> None:
    dice = random.Random(5)
    for _ in range(300):
        coverage, seen, sightings = Coverage(start=2), set[int](), 0
        for _ in range(dice.randrange(1, 12)):
            first = dice.randrange(2, 40)
            last = first + dice.randrange(6)
            coverage.add(first, last)
            seen.update(range(first, last + 1))
            sightings += last - first + 1
        assert coverage.seen == len(seen)
        assert coverage.again == sightings - len(seen)
        assert coverage.missing == len(set(range(2, max(seen) + 1)) - seen)
        assert coverage.next == max(seen) + 1
