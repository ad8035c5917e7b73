"""Lanes are dealt evenly, each once, and stay where they are as far as that is even."""

from __future__ import annotations

import json
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from streams.lanes.assignor import LaneAssignor, deal_lanes

LANES = st.integers(0, 24)
MEMBERS = st.lists(st.text("abcdef", min_size=1, max_size=3), unique=True, min_size=1, max_size=7)


@st.composite
def claims(draw: st.DrawFn) -> tuple[int, dict[str, list[int]]]:
    """Members and what they say they hold: overlapping, and lanes that are gone, too."""
    count = draw(LANES)
    held = {name: draw(st.lists(st.integers(0, 30), unique=True, max_size=12)) for name in draw(MEMBERS)}
    return count, held


@given(claims())
def test_every_lane_is_dealt_once_and_evenly(claimed: tuple[int, dict[str, list[int]]]) -> None:
    count, held = claimed
    dealt = deal_lanes(range(count), held)
    assert set(dealt) == set(held)
    assert sorted(lane for lanes in dealt.values() for lane in lanes) == list(range(count))
    sizes = [len(lanes) for lanes in dealt.values()]
    assert max(sizes) - min(sizes) <= 1


@given(claims())
def test_deal_that_is_even_stands(claimed: tuple[int, dict[str, list[int]]]) -> None:
    count, held = claimed
    dealt = deal_lanes(range(count), held)
    assert deal_lanes(range(count), dealt) == dealt


@given(LANES, MEMBERS, st.text("abcdef", min_size=4, max_size=4))
def test_who_joins_takes_no_more_than_his_share(count: int, members: list[str], new: str) -> None:
    before = deal_lanes(range(count), {member: [] for member in members})
    after = deal_lanes(range(count), {**before, new: []})
    moved = [lane for member in members for lane in before[member] if lane not in after[member]]
    assert sorted(moved) == after[new]


@given(LANES, MEMBERS)
def test_who_leaves_moves_only_what_he_had(count: int, members: list[str]) -> None:
    before = deal_lanes(range(count), {member: [] for member in members})
    gone, *left = members
    if not left:
        return
    after = deal_lanes(range(count), {member: before[member] for member in left})
    # An even deal can ask one member for a lane that the one who left had more than he.
    assert all(set(before[member]) <= set(after[member]) for member in left)
    assert gone not in after


@given(claims())
def test_leader_deals_the_same_lanes_of_all_topics(claimed: tuple[int, dict[str, list[int]]]) -> None:
    count, held = claimed
    topics = ["a", "b"]
    cluster = SimpleNamespace(partitions_for_topic=lambda _: set(range(count)) or None)
    members = {name: LaneAssignor(lambda lanes=lanes: lanes).metadata(topics) for name, lanes in held.items()}
    assert all(json.loads(metadata.user_data) == sorted(held[name]) for name, metadata in members.items())
    dealt = LaneAssignor(lambda: ()).assign(cluster, members)
    expected = deal_lanes(range(count), held)
    assert {
        name: {topic: list(lanes) for topic, lanes in assignment.assignment} for name, assignment in dealt.items()
    } == {name: dict.fromkeys(topics, lanes) for name, lanes in expected.items()}


@given(claims(), claims())
def test_members_are_dealt_only_of_the_topics_that_they_read(
    ours: tuple[int, dict[str, list[int]]], theirs: tuple[int, dict[str, list[int]]]
) -> None:
    counts = {"one.a": ours[0], "one.b": ours[0], "other.a": theirs[0], "other.b": theirs[0]}
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(counts[topic])) or None)
    sides = {"one": ours[1], "other": theirs[1]}
    members = {
        f"{side}-{name}": LaneAssignor(lambda lanes=lanes: lanes).metadata([f"{side}.a", f"{side}.b"])
        for side, held in sides.items()
        for name, lanes in held.items()
    }
    dealt = LaneAssignor(lambda: ()).assign(cluster, members)
    for side, (count, held) in {"one": ours, "other": theirs}.items():
        expected = deal_lanes(range(count), {f"{side}-{name}": lanes for name, lanes in held.items()})
        for name, lanes in expected.items():
            assert dict(dealt[name].assignment) == {f"{side}.a": lanes, f"{side}.b": lanes}
    assert len(dealt) == len(ours[1]) + len(theirs[1])
