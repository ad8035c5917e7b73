"""The vectorised merge against the obvious one."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from streams.intake import Intake
from streams.merge import Placed, merge, segments
from streams.topics import INPUT_TOPICS, RANK
from streams.transport import Fetch

TOPICS = [topic.name for topic in INPUT_TOPICS]


class Raw(NamedTuple):
    offset: int
    timestamp: int
    key: bytes = b"s"
    value: bytes = b"{}"


@st.composite
def waiting(draw: st.DrawFn) -> dict[str, list[Raw]]:
    logs = {}
    for topic in draw(st.lists(st.sampled_from(TOPICS), unique=True, max_size=5)):
        stamps = draw(st.lists(st.integers(0, 12), max_size=20))
        gaps = draw(st.lists(st.integers(1, 3), min_size=len(stamps), max_size=len(stamps)))
        logs[topic] = [Raw(sum(gaps[: i + 1]), stamp) for i, stamp in enumerate(stamps)]
    return logs


def by_heads(logs: dict[str, list[Raw]]) -> list[Placed]:
    """Always the smallest head, by (timestamp, rank)."""
    heads = [(log[0].timestamp, RANK[topic], topic, 0) for topic, log in logs.items() if log]
    heapq.heapify(heads)
    order = []
    while heads:
        _, rank, topic, at = heapq.heappop(heads)
        order.append(Placed(topic, logs[topic][at]))
        if at + 1 < len(logs[topic]):
            heapq.heappush(heads, (logs[topic][at + 1].timestamp, rank, topic, at + 1))
    return order


@given(waiting())
def test_merge_is_that_of_heads(logs: dict[str, list[Raw]]) -> None:
    assert merge(logs) == by_heads(logs)


@given(waiting(), st.data())
def test_stretch_of_a_merge_merges_to_itself(logs: dict[str, list[Raw]], data: st.DataObject) -> None:
    """What the off-line check of the history rests on."""
    order = merge(logs)
    first = data.draw(st.integers(0, len(order)))
    stretch = order[first : data.draw(st.integers(first, len(order)))]
    again: dict[str, list[Raw]] = {}
    for topic, record in stretch:
        again.setdefault(topic, []).append(record)
    assert merge(again) == stretch


@given(waiting())
def test_segments_tell_the_order(logs: dict[str, list[Raw]]) -> None:
    order = merge(logs)
    told = [
        (topic, record.offset)
        for rank, first, last in segments(order)
        for topic in [TOPICS[rank]]
        for record in logs[topic]
        if first <= record.offset <= last
    ]
    assert told == [(topic, record.offset) for topic, record in order]


@given(waiting(), st.lists(st.integers(1, 7), max_size=30))
def test_intake_gives_the_merge_in_pieces(logs: dict[str, list[Raw]], cuts: list[int]) -> None:
    """However the fetches are cut, and however little a batch takes."""
    intake = Intake(TOPICS)
    for topic, log in logs.items():
        intake.sought(topic, 1, 0)
        start, rest = 0, log
        for cut in cuts or [3]:
            piece, rest = rest[:cut], rest[cut:]
            if piece:
                intake.offer(topic, Fetch(1, start, piece[-1].offset + 1, piece))
                start = piece[-1].offset + 1
        if rest:
            intake.offer(topic, Fetch(1, start, rest[-1].offset + 1, rest))
    taken = []
    while not intake.empty():
        taken += intake.take()
    assert taken == by_heads(logs)
    assert all(intake.read_to(topic) == (log[-1].offset + 1 if log else 0) for topic, log in logs.items())
