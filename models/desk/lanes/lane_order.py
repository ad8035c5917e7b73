"""The order in which the desk applies what the lanes write.

A lane is *late* while the time of what it writes is more than :data:`models.contract.breaches.LANE_LATE_MS` ago: it
reads a backlog, or old events. Records of late lanes are applied in the order of their time, ties by lane, each as soon
as no other late lane can write an earlier one. So the decisions on a log do not depend on which lane was read faster,
or on where transactions ended. Records of the other lanes are applied as they come.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Final, NamedTuple

import msgspec

from models.contract.breaches import Excluded, Heard, Idle, Mark, OfSubscriber
from models.desk.desk_context import DeskContext
from models.desk.lanes.lane_times import LONGEST_WAIT_MS, NO_LANE, Progress, Written, lane_of
from models.state.lane_time import TICK_MS, floor_tick

MOST_HELD: Final = 50_000
"""With more records than this, 290 MB of breaches, none waits for slower lanes."""


class Ticked(NamedTuple):
    """These lanes have finished this tick: stands for the marks of late lanes, which fall where transactions end."""

    tick: int
    lanes: list[int]


class _Held(NamedTuple):
    time: int
    """Time of the lane, which never goes back."""
    late: bool
    written: Written


class LaneOrder:
    """The records read and not applied yet, and which of them is next.

    Parameters
    ----------
    context
        The desk's time, and whether the desk is open: before that, only what opens it is next.
    progress
        Where the desk stands; records that it had read and not applied must be read again.

    Examples
    --------
    >>> from models.contract.breaches import Joined, Left
    >>> from models.contract.policy import Policy
    >>> context = DeskContext(2)
    >>> context.policy, context.time.joined = Policy(), [0, 1]
    >>> order = LaneOrder(context, Progress())
    >>> def next_after(*records: Heard) -> list[int]:
    ...     for each in records:
    ...         offset = order.progress().read_to
    ...         order.read(Written(offset, 10**9, each))
    ...         order.has_read(offset + 1)
    ...     found = []
    ...     while (each := order.next()) is not None:
    ...         order.pop()
    ...         found += [each.clock] if isinstance(each, Left) else []
    ...     return found
    >>> def left(lane: int, clock: int) -> Left:
    ...     return Left(lane=lane, clock=clock, subscriber_id="s-1", ts=clock, outcome="ported_out")
    >>> next_after(Joined(lane=0), Joined(lane=1), left(0, 7), left(0, 9))  # lane 1 may write something earlier
    []
    >>> next_after(left(1, 8)), next_after(Mark(lane=1, tick=0, clock=9))  # ties go by lane
    ([7, 8], [9])
    """

    def __init__(self, context: DeskContext, progress: Progress) -> None:
        self._context = context
        self._before = progress
        self._read_to = progress.next_offset
        self._seen = progress.times.copy()
        self._since: deque[Written] = deque()
        """What was read since the first record that is not applied; and, as of that, what was seen."""
        self._seen_before = progress.times.copy()
        self._terms: deque[Written] = deque()
        """What is of no lane's time: policies, and lanes that join."""
        self._at_once: deque[Written] = deque()
        self._queues: dict[int, deque[_Held]] = {}
        """Records of late lanes, each queue beginning with one; what a lane writes once it is not late follows them."""
        self._heads: list[tuple[int, bool, int]] = []
        """Heap of the first record of each queue: its time, whether the lane rests, and the lane. A rest is the last of
        its time: what waits is decided on once all lanes rest, and must have been heard of all of them by then."""
        self._held = 0
        self._first_two: list[tuple[int, int]] | None = None
        """Time and number of the two awaited lanes that are furthest behind; None if not known."""
        self._tick: Ticked | None = None
        """The next tick of the late lanes, 0 if they have none yet; None if not known."""
        self._next: deque[Written] | int | None = None
        """Where the next record was found: in a list, or in this lane's queue."""

    # Reading

    def read(self, written: Written) -> None:
        """Take a record, in the order of the topic, once all that was next before it is applied."""
        heard, lane = written.heard, lane_of(written.heard)
        self._since.append(written)
        may_pass, before = self._seen.holds_nothing_of(lane), self._seen.standing(lane)
        late = self._seen.note(written, self._context.lanes)
        opens = isinstance(heard, Mark) and heard.generation is not None
        if opens or before != self._seen.standing(lane):
            self._first_two, self._tick = None, None
        elif self._first_two is not None and any(lane == each for _, each in self._first_two):
            self._first_two = None
        if self._before.covers(written) or (isinstance(heard, Mark) and late and not opens):
            return
        if lane == NO_LANE:
            self._first_two = self._tick = None  # a lane that joins may be awaited
            self._terms.append(written)
            return
        time, queue = self._seen.of(lane), self._queues.get(lane)
        if queue is not None and not late and may_pass:
            # What is urgent now does not wait behind the word of a quiet lane that it has opened, or is idle. Whether
            # it may pass follows from what was read, not from what is still held: a restart must find the same.
            self._at_once.extend(each.written for each in queue)
            self._held -= len(queue)
            del self._queues[lane]
            self._heads = sorted(head for head in self._heads if head[2] != lane)
            self._tick = queue = None
        if queue is not None:
            queue.append(_Held(time, late, written))
            self._held += 1
        elif late:
            self._tick = None
            self._queues[lane] = deque([_Held(time, late, written)])
            self._put_head(lane)
            self._held += 1
        else:
            self._at_once.append(written)

    def has_read(self, offset: int) -> None:
        """Note the offset after everything read."""
        self._read_to = offset

    # Applying

    def next(self) -> Heard | Ticked | None:
        """What to apply next; None if that is not known yet."""
        self._next = None
        if self._read_to < self._before.read_to:
            return None
        terms, at_once, opened = self._terms, self._at_once, self._context.open
        if terms and not (opened and at_once and at_once[0].offset < terms[0].offset):
            return self._found(terms)
        if not opened:
            return None
        return self._found(at_once) if at_once else self._next_late()

    def _next_late(self) -> Heard | Ticked | None:
        if not self._heads:
            behind = self._slowest()
            return None if behind is None else self._tick_before(behind[0])
        time, rests, lane = self._heads[0]
        behind = self._slowest(lane)
        if behind is None or behind > (time, math.inf if rests else lane):
            if (tick := self._tick_before(time)) is not None:
                return tick
        elif self._held <= MOST_HELD and not self._waits_too_long():
            return self._tick_before(behind[0])
        heard = self._queues[lane][0].written.heard
        if rests and self._context.time.clocks.get(lane, 0) < floor_tick(time):
            # Its ticks may still wait for lanes that wake; it rests at the time that it has reached itself.
            return Ticked(floor_tick(time), [lane])
        self._next = lane
        if isinstance(heard, Mark):
            # The lane may still write something of the very moment of this tick.
            return msgspec.structs.replace(heard, tick=max(0, heard.tick - TICK_MS))
        return heard

    def pop(self) -> None:
        """What was next is applied."""
        if isinstance(self._next, deque):
            self._tick = self._tick if isinstance(self._next.popleft().heard, OfSubscriber) else None
        elif self._next is not None:
            lane, queue = self._next, self._queues[self._next]
            heapq.heappop(self._heads)
            self._tick = self._tick if isinstance(queue.popleft().written.heard, OfSubscriber) else None
            self._held -= 1
            while queue and not queue[0].late:
                self._at_once.append(queue.popleft().written)
                self._held -= 1
            if queue:
                self._put_head(lane)
            else:
                del self._queues[lane]
                self._tick = None
        else:
            self._tick = None
        self._next = None

    def _put_head(self, lane: int) -> None:
        time, _, written = self._queues[lane][0]
        heapq.heappush(self._heads, (time, isinstance(written.heard, Idle | Excluded), lane))

    def _found(self, among: deque[Written]) -> Heard:
        self._next = among
        return among[0].heard

    def _slowest(self, but: int | None = None) -> tuple[int, int] | None:
        """Time and number of the awaited lane that is furthest behind; None if no lane is awaited."""
        if self._first_two is None:
            self._first_two = heapq.nsmallest(2, ((self._seen.of(each), each) for each in self._seen.awaited))
        return next((each for each in self._first_two if each[1] != but), None)

    def _waits_too_long(self) -> bool:
        newest_ms = self._seen.newest_ms
        return any(newest_ms - queue[0].written.written_ms > LONGEST_WAIT_MS for queue in self._queues.values())

    def _tick_before(self, time: int) -> Ticked | None:
        """The next tick of the late lanes if it is before `time`.

        A burst reaches several lanes at rest one after the other. Until the first has written twice, its ticks wait, so
        that its breaches do not take the capacity before those of the others.
        """
        if self._tick is None:
            lanes = (self._seen.late & self._seen.awaited) | self._queues.keys()
            marks = [mark for each in lanes if (mark := self._context.time.marks.get(each))]
            self._tick = Ticked(floor_tick(min(marks)) + TICK_MS if marks else 0, sorted(lanes))
        known, tick = self._tick.lanes, self._tick.tick or floor_tick(time - 1)
        return Ticked(tick, known) if known and 0 < tick < time and not self._seen.waking else None

    # What callers may read

    def progress(self) -> Progress:
        """How far the topic has been applied; what is next is not."""
        if self._read_to < self._before.read_to:
            return self._before
        ahead = {NO_LANE: self._terms[0].offset} if self._terms else {}
        for written in self._at_once:
            ahead.setdefault(lane_of(written.heard), written.offset)
        for lane, queue in self._queues.items():
            ahead.setdefault(lane, queue[0].written.offset)
        next_offset = min(ahead.values(), default=self._read_to)
        while self._since and self._since[0].offset < next_offset:
            self._seen_before.note(self._since.popleft(), self._context.lanes)
        return Progress(next_offset, self._read_to, ahead, self._seen_before.copy())

    @property
    def late(self) -> bool:
        """Whether a lane is late, and not at rest."""
        return not self._seen.late.isdisjoint(self._seen.awaited)

    def held_up_by(self) -> set[int]:
        """The lanes that the first record of a late lane waits for, or that ticks wait for."""
        seen = self._seen
        if not self._heads:
            return set(seen.waking)
        time, rests, lane = self._heads[0]
        upto = (time, math.inf if rests else lane)
        return {each for each in seen.awaited - {lane} if (seen.of(each), each) <= upto} or set(seen.waking)
