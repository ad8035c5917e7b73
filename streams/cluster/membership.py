"""Whether a worker is a member of its group: what its client believes, held against what the coordinator answers.

A client can lose its membership without a word: after restarts of a broker two workers went on as ready in a group that
was empty, and a third got all of their lanes. So the coordinator is asked, by a client of the watchdog's own.

A generation cannot be asked for without a heartbeat, and a heartbeat from here would keep a dead member's lanes. What
the generation decides can be: which lanes the coordinator has dealt to the member.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

_STABLE: Final = "Stable"


class Membership(NamedTuple):
    """What the worker believes."""

    member_id: str = ""
    """Empty before the first join, and when the coordinator has said that it knows no such member."""
    generation: int = -1
    """Of the client."""
    dealt: int = -1
    """The generation in which the worker's lanes were dealt."""
    kept: bool = True
    """Whether the client's task that keeps the membership runs."""
    lanes: frozenset[int] = frozenset()


class Group(NamedTuple):
    """A group as its coordinator has it: its state, and the lanes of each member."""

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
        Lanes are on their way; only the member itself can be compared.

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
