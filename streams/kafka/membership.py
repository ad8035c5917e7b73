"""Check of a worker's group membership: its client's state compared with the coordinator's answer.

A client can lose its membership unnoticed: after broker restarts two workers stayed ready in a group that was empty,
and a third got all of their lanes. So the watchdog asks the coordinator with a client of its own.

The generation cannot be read without a heartbeat, and a heartbeat from here would keep a dead member's lanes. But the
result of the generation can be read: the lanes that the coordinator has assigned to the member.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

_STABLE: Final = "Stable"


class Membership(NamedTuple):
    """Membership as the worker's client sees it."""

    member_id: str = ""
    """Empty before the first join, and after the coordinator has answered that it knows no such member."""
    generation: int = -1
    """Current generation of the client."""
    dealt: int = -1
    """Generation in which the worker's lanes were assigned."""
    kept: bool = True
    """Whether the client's task that maintains the membership is running."""
    lanes: frozenset[int] = frozenset()


class Group(NamedTuple):
    """A group as its coordinator reports it: state, and the lanes of each member."""

    state: str
    members: Mapping[str, frozenset[int]]


class Denial(StrEnum):
    """Why a worker is no member."""

    ABANDONED = "the task that keeps its membership has ended"
    UNKNOWN = "the group's coordinator does not know it"
    OTHER_GENERATION = "its lanes are of another generation than its membership"
    OTHER_LANES = "the group's coordinator has dealt it other lanes"


def denial(ours: Membership, group: Group, *, rebalancing: bool) -> Denial | None:
    """Why `ours` is no membership; None if the coordinator confirms it.

    Parameters
    ----------
    rebalancing
        A rebalance is under way; lanes cannot be compared yet, only the member.

    Examples
    --------
    >>> group = Group("Stable", {"m-1": frozenset({0, 2})})
    >>> ours = Membership("m-1", generation=3, dealt=3, lanes=frozenset({0, 2}))
    >>> denial(ours, group, rebalancing=False) is None
    True
    >>> denial(ours, Group("Empty", {}), rebalancing=False)
    <Denial.UNKNOWN: "the group's coordinator does not know it">
    >>> denial(ours._replace(lanes=frozenset({0})), group, rebalancing=False).name
    'OTHER_LANES'
    """
    if not ours.kept:
        return Denial.ABANDONED
    if ours.member_id not in group.members:
        return Denial.UNKNOWN
    if rebalancing:
        return None
    if ours.generation != ours.dealt:
        return Denial.OTHER_GENERATION
    if group.state == _STABLE and group.members[ours.member_id] != ours.lanes:
        return Denial.OTHER_LANES
    return None
