"""In which order the desk of a backtest hears the lanes, what differs from the live run, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest

from app.backtest.command import _remarks
from app.backtest.rerun import Recorded, _live, _order
from models.contract.breaches import Heard, Inherited, Joined, Left, Mark
from models.contract.time_units import DAY_MS
from models.desk.lanes.lane_times import Written
from streams.history.desk_order import LaneHeard, as_recorded

JOINED, INHERITED = Joined(lane=0), Inherited(lane=0, clock=1, subscriber_id="s-1")


@pytest.mark.parametrize(
    ("recorded", "order"),
    [([JOINED], "recorded"), ([INHERITED, JOINED], "by_time"), (None, "by_time")],
    ids=["whole", "begins with what a release without a desk has left", "gone"],
)
def test_as_recorded_only_if_the_record_begins_with_the_desk(recorded: list[Heard] | None, order: str) -> None:
    said, run = Recorded(), SimpleNamespace(lanes=[LaneHeard(0)])
    _order(said, run, None if recorded is None else written(recorded))  # type: ignore[arg-type]
    assert said.order == order


def run(*records: Heard, lanes: int = 2) -> list[LaneHeard]:
    found = [LaneHeard(lane) for lane in range(lanes)]
    for record in records:
        found[record.lane].take(record)  # type: ignore[union-attr]
    return found


def left(clock: int, *, lane: int = 0, reason: str | None = None) -> Left:
    return Left(lane=lane, clock=clock, subscriber_id="s-1", ts=clock, outcome="ported_out", reason=reason)  # type: ignore[arg-type]


def written(records: Sequence[Heard]) -> list[Written]:
    return [Written(offset, offset, record) for offset, record in enumerate(records)]


LIVE: list[Heard] = [left(1), left(1, lane=1), left(2), Mark(lane=0, tick=2), left(3), left(2, lane=1), left(4)]


def _as_recorded(lanes: list[LaneHeard]) -> tuple[list[Heard], int]:
    order, differ = as_recorded(lanes, written(LIVE))
    assert [each.offset for each in order] == list(range(len(order)))
    return [each.heard for each in order], differ


@pytest.mark.parametrize(
    ("now", "differ", "clocks"),
    [
        ([1, 2, 3, 4], 0, [1, 2, 3, 4]),
        ([1, 3, 4], 1, [1, 3, 4]),  # one is missing
        ([2, 3, 4], 1, [2, 3, 4]),
        ([1, 2, 3], 1, [1, 2, 3]),
        ([0, 1, 2, 3, 4], 1, [0, 1, 2, 3, 4]),  # one is more
        ([1, 2, 2, 3, 4], 1, [1, 2, 2, 3, 4]),
        ([1, 2, 3, 4, 5], 0, [1, 2, 3, 4, 5]),  # the history goes on
        ([], 4, []),
    ],
)
def test_what_one_run_lacks_makes_nothing_after_it_differ(now: list[int], differ: int, clocks: list[int]) -> None:
    order, found = _as_recorded(run(*(left(clock) for clock in now), left(1, lane=1), left(2, lane=1)))
    assert found == differ
    assert [heard.clock for heard in order if isinstance(heard, Left) and heard.lane == 0] == clocks
    assert [heard.clock for heard in order if isinstance(heard, Left) and heard.lane == 1] == [1, 2]
    assert sum(isinstance(heard, Mark) for heard in order) == 1


def test_what_is_other_than_in_the_live_run_stands_in_its_place() -> None:
    other = left(2, reason="price")
    order, differ = _as_recorded(run(left(1), other, left(3), left(4), left(1, lane=1), left(2, lane=1)))
    assert differ == 1
    assert order == [other if heard == left(2) else heard for heard in LIVE]


def test_a_policy_by_which_the_lanes_say_the_same_is_heard_in_the_same_order() -> None:
    live = written(LIVE)
    in_force, same, other = (
        SimpleNamespace(lanes=run(*records, left(1, lane=1)))
        for records in ((left(1), left(2)), (left(1), left(2)), (left(1), left(3)))
    )
    assert [_live(each, in_force, live) for each in (in_force, same, other)] == [live, live, None]  # type: ignore[arg-type]


FACTS: dict[str, Any] = {
    "since": 0, "until": DAY_MS, "events": 7, "subscribers": 2, "in_force": "p-1", "gone": {}, "complete_from": None,
    "judged_from": None, "versions_gone": [], "lanes_order": "recorded", "breaches_differ": 0,
}  # fmt: skip


def test_figures_a_day_of_less_than_a_day_are_said_to_be_projected() -> None:
    assert len(list(_remarks(FACTS, UTC))) == 1
    assert list(_remarks(FACTS | {"until": DAY_MS - 1}, UTC))[1:] == [
        "Shorter than a day: figures a day are projected from it."
    ]


def test_a_record_that_lacks_profiles_is_said_not_to_be_whole() -> None:
    remarks = "\n".join(_remarks(FACTS | {"gone": {"telecom.subscribers.v1": 1200}}, UTC))
    assert "The record is not whole: of 1,200 transactions superseded profiles are compacted away." in remarks
