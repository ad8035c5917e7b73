"""The order in which the desk gets the lanes' records in a re-run: as recorded, or by the lanes' time.

The order between lanes decides little: which breach gets the last free capacity of a unit, and which of two lines of
one person comes first. The actual order is known only for the breaches of the live run.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Final

import msgspec

from models.contract.breaches import Governed, Heard, Idle, Joined, Mark, OfSubscriber
from models.contract.policy import Policy
from models.desk.lanes.lane_times import Written, time_of

_encode: Final = msgspec.json.Encoder().encode


class LaneHeard:
    """The records of one lane for the desk, each with the lane's time, which never goes back."""

    def __init__(self, lane: int) -> None:
        self.heard: list[tuple[int, int, Heard]] = []
        self._lane, self._now = lane, 0
        self._policy: Policy | None = None

    def governed(self, policy: Policy) -> None:
        """Note that the lane decides by this policy from now on; the desk uses the policy of lane 0, its neighbour."""
        if self._lane == 0 and policy is not self._policy:
            self._policy = policy
            self.heard.append((self._now, self._lane, Governed(policy=policy)))

    def take(self, heard: Heard) -> None:
        """Append a record."""
        self._now = max(self._now, heard.tick if isinstance(heard, Mark) else time_of(heard))
        self.heard.append((self._now, self._lane, heard))


def by_time(lanes: Sequence[LaneHeard]) -> Iterator[Written]:
    """The records by the lanes' time, ties by lane, each written at that time; at the end every lane is idle.

    Examples
    --------
    >>> lanes = [LaneHeard(0), LaneHeard(1)]
    >>> for lane, tick in ((0, 900), (1, 300), (1, 1800)):
    ...     lanes[lane].take(Mark(lane=lane, tick=tick))
    >>> [each.heard.tick for each in by_time(lanes) if isinstance(each.heard, Mark)]
    [300, 900, 1800]
    """
    merged = heapq.merge(*(lane.heard for lane in lanes), key=itemgetter(0, 1))
    joined = ((0, Joined(lane=lane)) for lane in range(len(lanes)))
    idle = ((0, Idle(lane=lane)) for lane in range(len(lanes)))
    timed = chain(joined, ((now, heard) for now, _, heard in merged), idle)
    yield from (Written(offset, now, heard) for offset, (now, heard) in enumerate(timed))


def as_recorded(lanes: Sequence[LaneHeard], recorded: Iterable[Written]) -> tuple[list[Written], int]:
    """The records in the order of the live run, and how many of them differ from it.

    One that is in only one of the runs makes none of the following ones differ. Records of a lane's progress and
    idleness are taken from the live run, since a lane repeats them after a restart.

    Examples
    --------
    >>> from models.contract.breaches import Left
    >>> one, other, third = (
    ...     Left(lane=0, clock=clock, subscriber_id="s-1", ts=clock, outcome="ported_out") for clock in (7, 8, 9)
    ... )
    >>> lane = LaneHeard(0)
    >>> for heard in (one, Mark(lane=0, tick=900), third):
    ...     lane.take(heard)
    >>> live = [Joined(lane=0), one, other, third, Mark(lane=0, tick=900)]
    >>> order, differ = as_recorded([lane], [Written(offset, 900, heard) for offset, heard in enumerate(live)])
    >>> [type(each.heard).__name__ for each in order], differ
    (['Joined', 'Left', 'Left', 'Mark'], 1)
    """
    live = list(recorded)
    then: list[list[Heard]] = [[] for _ in lanes]
    for each in live:
        if isinstance(each.heard, OfSubscriber):
            then[each.heard.lane].append(each.heard)
    rest = [deque(heard for _, _, heard in lane.heard if isinstance(heard, OfSubscriber)) for lane in lanes]
    pairs = [deque(_pairs(*both)) for both in zip(then, rest, strict=True)]
    taken = [0] * len(lanes)
    order: list[tuple[int, Heard]] = []
    differ = written_ms = 0
    for _, written_ms, heard in live:
        if not isinstance(heard, OfSubscriber):
            order.append((written_ms, heard))
            continue
        lane = heard.lane
        equal, upto = pairs[lane].popleft()
        # Before the equal one comes what only this run has; where none is equal, one of those takes its place, if any.
        number = upto + 1 - taken[lane] if equal else min(1, upto - taken[lane])
        order.extend((written_ms, rest[lane].popleft()) for _ in range(number))
        taken[lane] += number
        differ += number - 1 if equal else 1
    # The lanes' history may be longer than the recorded breaches.
    order.extend((written_ms, heard) for heard in chain.from_iterable(rest))
    return [Written(offset, *each) for offset, each in enumerate(order)], differ


def _pairs(then: Sequence[Heard], now: Sequence[Heard]) -> list[tuple[bool, int]]:
    """For each record of a lane's live run: whether this run has an equal one, and the place of the next one that has.

    Both are in the lane's order of time, which each record names, so pairing the first equal ones loses no others.
    """
    places: dict[bytes, deque[int]] = {}
    for place, heard in enumerate(now):
        places.setdefault(_encode(heard), deque()).append(place)
    pairs: list[int | None] = []
    reached = -1
    for heard in then:
        found = places.get(_encode(heard), deque())
        while found and found[0] <= reached:
            found.popleft()
        pairs.append(found.popleft() if found else None)
        reached = reached if pairs[-1] is None else pairs[-1]
    upto, bounded = len(now), list[tuple[bool, int]]()
    for pair in reversed(pairs):
        upto = upto if pair is None else pair
        bounded.append((pair is not None, upto))
    return bounded[::-1]
