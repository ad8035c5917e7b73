"""The order in which the desk applies what the lanes write.

A lane is *late* while the time of what it writes is more than :data:`models.contract.breaches.LATE_MS` ago: it reads a
backlog, or old events. Records of late lanes are applied in the order of their time, ties by lane, each as soon as no
other late lane can write an earlier one. So the decisions on a log do not depend on which lane was read faster, or on
where transactions ended. Records of the other lanes are applied as they come.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Final, NamedTuple

from models.contract.breaches import LATE_MS, Excluded, Governed, Heard, Idle, Joined, Mark, OfSubscriber
from models.contract.time_units import MINUTE_MS
from models.decisions.ticks import TICK_MS, floor_tick
from models.desk.desk_context import DeskContext

LONGEST_WAIT_MS: Final = 2 * MINUTE_MS
"""A record that was written so long before the newest one does not wait for slower lanes any more."""
MOST_HELD: Final = 50_000
"""With more records than this, some 100 MB, none waits for slower lanes."""
_NO_LANE: Final = -1


class Written(NamedTuple):
    """A record in the topic."""

    offset: int
    written_ms: int
    """When it was written: its timestamp."""
    heard: Heard


class Ticked(NamedTuple):
    """These lanes have finished this tick: stands for the marks of late lanes, which fall where transactions end."""

    tick: int
    lanes: list[int]


class Progress(NamedTuple):
    """How far the topic has been applied.

    Attributes
    ----------
    next_offset
        All records before it are applied.
    read_to
        Offset after the last record read.
    ahead
        Offset of the first record of each lane that was read and not applied yet.
    """

    next_offset: int
    read_to: int
    ahead: dict[int, int]

    def covers(self, written: Written) -> bool:
        """Whether a record is applied; lanes are applied each in its own order."""
        return written.offset < self.ahead.get(_lane_of(written.heard), self.read_to)


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
    >>> from models.contract.breaches import Left
    >>> from models.contract.policy import Policy
    >>> context = DeskContext(2)
    >>> context.policy, context.time.joined = Policy(), [0, 1]
    >>> order = LaneOrder(context, Progress(0, 0, {}))
    >>> def next_after(*records: Heard) -> list[int]:
    ...     for each in records:
    ...         offset = order.progress().read_to
    ...         order.read(Written(offset, 10**9, each))
    ...         order.has_read(offset + 1)
    ...     found = []
    ...     while (each := order.next()) is not None:
    ...         order.pop()
    ...         found.append(each.clock)
    ...     return found
    >>> def left(lane: int, clock: int) -> Left:
    ...     return Left(lane=lane, clock=clock, subscriber_id="s-1", ts=clock, outcome="ported_out")
    >>> next_after(left(0, 7), left(0, 9))  # lane 1 may write something earlier
    []
    >>> next_after(left(1, 8)), next_after(Mark(lane=1, tick=0, clock=9))  # ties go by lane
    ([7, 8], [9])
    """

    def __init__(self, context: DeskContext, progress: Progress) -> None:
        self._context = context
        self._before = progress
        self._read_to = progress.next_offset
        self._terms: deque[Written] = deque()
        """What is of no lane's time: policies, and lanes that join."""
        self._at_once: deque[Written] = deque()
        self._queues: dict[int, deque[_Held]] = {}
        """Records of late lanes, each queue beginning with one; what a lane writes once it is not late follows them."""
        self._heads: list[tuple[int, int]] = []
        """Heap of the time and lane of each queue's first record."""
        self._held = 0
        self._times = dict(context.time.clocks)
        """Time of each lane's newest record read."""
        self._awaited = context.time.living()
        """Lanes that are late, or of which that is not known: what they write next may be old."""
        self._waking: dict[int, int] = {}
        """Marks since its rest of each lane that has had one only: its next transaction may follow at once."""
        self._generation = context.time.generation
        self._newest_ms = 0
        self._next: deque[Written] | int | None = None
        """Where the next record was found: in a list, or in this lane's queue."""

    # Reading

    def read(self, written: Written) -> None:
        """Take a record, in the order of the topic."""
        heard, lane = written.heard, _lane_of(written.heard)
        if self._before.covers(written):
            return
        if isinstance(heard, Governed | Joined):
            self._terms.append(written)
            return
        self._newest_ms = max(self._newest_ms, written.written_ms)
        time = self._times[lane] = max(self._times.get(lane, 0), _time_of(heard))
        late = self._is_late(lane, heard, written.written_ms - time)
        if isinstance(heard, Mark) and late and heard.generation is None:
            return
        queue = self._queues.get(lane)
        if queue is not None:
            queue.append(_Held(time, late, written))
            self._held += 1
        elif late:
            self._queues[lane] = deque([_Held(time, late, written)])
            heapq.heappush(self._heads, (time, lane))
            self._held += 1
        else:
            self._at_once.append(written)

    def has_read(self, offset: int) -> None:
        """Note the offset after everything read."""
        self._read_to = offset

    def _is_late(self, lane: int, heard: Heard, age_ms: int) -> bool:
        """Whether a record has to wait for its turn, noting what it tells of its lane."""
        if isinstance(heard, Idle | Excluded):
            known = lane in self._awaited
            self._awaited.discard(lane)
            self._waking.pop(lane, None)
            return known
        late = age_ms > LATE_MS
        if isinstance(heard, Mark) and heard.generation is not None:
            newer = self._generation is None or heard.generation > self._generation
            self._awaited |= set(range(self._context.lanes)) if newer else {lane}
            self._generation = heard.generation if newer else self._generation
            return late
        if not late:
            self._awaited.discard(lane)
            self._waking.pop(lane, None)
        elif lane not in self._awaited:
            self._awaited.add(lane)
            self._waking[lane] = 0
        if isinstance(heard, Mark) and lane in self._waking:
            self._waking[lane] += 1
            if self._waking[lane] > 1:
                del self._waking[lane]
        return late

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
        if at_once:
            return self._found(at_once)
        if not self._heads:
            return self._tick_before(min((self._time(each) for each in self._awaited), default=0))
        time, lane = self._heads[0]
        held = self._queues[lane][0]
        if not (waits := self._waited_for(time, lane)):
            if (tick := self._tick_before(time)) is not None:
                return tick
        elif self._held <= MOST_HELD and self._newest_ms - held.written.written_ms <= LONGEST_WAIT_MS:
            return self._tick_before(min(map(self._time, waits)))
        self._next = lane
        return held.written.heard

    def pop(self) -> None:
        """What was next is applied."""
        if isinstance(self._next, deque):
            self._next.popleft()
        elif self._next is not None:
            lane, queue = self._next, self._queues[self._next]
            heapq.heappop(self._heads)
            queue.popleft()
            self._held -= 1
            while queue and not queue[0].late:
                self._at_once.append(queue.popleft().written)
                self._held -= 1
            if queue:
                heapq.heappush(self._heads, (queue[0].time, lane))
            else:
                del self._queues[lane]
        self._next = None

    def _found(self, among: deque[Written]) -> Heard:
        self._next = among
        return among[0].heard

    def _time(self, lane: int) -> int:
        return self._times.get(lane, 0)

    def _waited_for(self, time: int, lane: int) -> list[int]:
        """The lanes that may still write something that comes before this."""
        return [each for each in self._awaited if each != lane and (self._time(each), each) <= (time, lane)]

    def _tick_before(self, time: int) -> Ticked | None:
        """The next tick of the late lanes if it is before `time`.

        A burst reaches several lanes at rest one after the other. Until the first has written twice, its ticks wait, so
        that its breaches do not take the capacity before those of the others.
        """
        lanes = self._awaited | self._queues.keys()
        marks = [mark for each in lanes if (mark := self._context.time.marks.get(each))]
        tick = floor_tick(min(marks)) + TICK_MS if marks else floor_tick(time - 1)
        return Ticked(tick, sorted(lanes)) if 0 < tick < time and not self._waking else None

    # What callers may read

    def progress(self) -> Progress:
        """How far the topic has been applied, without what is next."""
        if self._read_to < self._before.read_to:
            return self._before
        ahead = {_NO_LANE: self._terms[0].offset} if self._terms else {}
        for written in self._at_once:
            ahead.setdefault(_lane_of(written.heard), written.offset)
        for lane, queue in self._queues.items():
            ahead.setdefault(lane, queue[0].written.offset)
        return Progress(min(ahead.values(), default=self._read_to), self._read_to, ahead)

    def held_up_by(self) -> set[int]:
        """The lanes that the first record of a late lane waits for."""
        return set(self._waited_for(*self._heads[0])) if self._heads else set()


def _lane_of(heard: Heard) -> int:
    return _NO_LANE if isinstance(heard, Governed | Joined) else heard.lane


def _time_of(heard: Heard) -> int:
    """The lane's time in a record; 0 if it names none."""
    if isinstance(heard, OfSubscriber):
        return heard.clock
    return max(heard.tick, heard.clock or 0) if isinstance(heard, Mark) else 0
