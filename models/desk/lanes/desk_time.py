"""The desk's time: the smallest tick among the live lanes. It never goes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from models.state.lane_time import TICK_MS


class DeskTime(Struct):
    """Event time of each lane, and the desk's time that follows from them.

    A lane is live once it has joined; until its first mark it counts as 0, since it may be about to read years. While
    it rests, because it is idle or has been silent for too long, the desk does not wait for it. If all lanes rest,
    everything has been read, so the time is that of their furthest record.

    The first mark after a rest ends the rest, and does not move the lane's time yet: its next mark does, or its next
    rest. A burst reaches several lanes that are idle, and what the first of them brings would be decided on before the
    others are heard.

    With a new generation of the consumer group every lane opens again, and may find a backlog. So the first lane that
    opens ends the rest of all: otherwise its breaches would be decided on before those of lanes that open a little
    later.

    Examples
    --------
    >>> time = DeskTime()
    >>> time.mark(0, 900), time.now
    (None, 900)
    >>> time.mark(1, 300), time.mark(1, 600), time.now
    (None, None, 900)
    >>> time.mark(0, 1800), time.now, time.of([0]), time.of([1])
    (None, 900, 1800, 600)
    >>> time.rest(1), time.now
    (None, 1800)
    >>> time.note(0, 2000), time.rest(0), time.now
    (None, None, 2000)
    >>> time.join(2), time.mark(0, 2400), time.now, time.held_up_by()
    (None, None, 2000, {2})
    >>> time.mark(2, 2700), time.mark(1, 2400, 8), time.mark(0, 2700), time.now
    (None, None, None, 2400)
    >>> time.rest(1), time.now, time.mark(0, 2700, 8), time.now, time.held_up_by()
    (None, 2700, None, 2700, {0, 2})
    >>> time.rest(0), time.rest(2), time.mark(1, 3600), time.now, time.mark(2, 3600), time.rest(1), time.now
    (None, None, None, 2700, None, None, 2700)
    >>> time.rest(2), time.now
    (None, 3600)
    """

    now: int = 0
    marks: dict[int, int] = field(default_factory=dict)
    clocks: dict[int, int] = field(default_factory=dict)
    """The newest time in each lane's records."""
    rested: dict[int, int] = field(default_factory=dict)
    """Resting lanes, each with its newest time when it began to rest."""
    joined: list[int] = field(default_factory=list)
    generation: int | None = None
    """Highest generation of the consumer group in which a lane has opened."""

    def mark(self, lane: int, tick: int, generation: int | None = None) -> None:
        """A lane has finished a tick; with `generation`, it has just opened there."""
        # Only forward: an opening of an older generation that was late would end the rest of lanes which stay idle and
        # do not say so again. A group that was deleted counts from 1: then each lane ends only its own.
        if generation is not None and (self.generation is None or generation > self.generation):
            self.generation = generation
            self.rested.clear()
        self._finish(lane, tick)
        self._move()

    def tick(self, lanes: Iterable[int], tick: int) -> None:
        """Several lanes have finished a tick."""
        for lane in lanes:
            self._finish(lane, tick)
        self._move()

    def note(self, lane: int, clock: int) -> None:
        """A record of a lane has this time."""
        self.clocks[lane] = max(clock, self.clocks.get(lane, clock))

    def rest(self, lane: int) -> None:
        """Do not wait for this lane until its next mark."""
        self.rested[lane] = self.clocks.get(lane, 0)
        self._move()

    def join(self, lane: int) -> None:
        """A lane has joined: it has written what it knew from before the desk."""
        if lane not in self.joined:
            self.joined.append(lane)

    def of(self, lanes: Sequence[int]) -> int:
        """The time of some lanes: of the slowest live one; if none is live, of the furthest."""
        rested = self.rested
        living = [self.marks.get(lane, 0) for lane in lanes if lane not in rested and self._lives(lane)]
        return min(living) if living else max((rested[lane] for lane in lanes if lane in rested), default=0)

    def latest(self) -> int:
        """A time that no decision about a person is beyond: they are made as of records, or of a tick just passed."""
        return max(self.clocks.values(), default=0) + TICK_MS

    def furthest(self) -> int:
        """The time of the lane that is furthest ahead."""
        return max([*self.marks.values(), *self.rested.values()], default=0)

    def held_up_by(self) -> set[int]:
        """The slowest live lanes: the desk waits for them."""
        living = {lane: self.marks.get(lane, 0) for lane in self.living()}
        return {lane for lane, tick in living.items() if tick == min(living.values())}

    def living(self) -> set[int]:
        """The live lanes."""
        return {lane for lane in {*self.joined, *self.marks} if self._lives(lane)}

    def _lives(self, lane: int) -> bool:
        return lane not in self.rested and (lane in self.marks or lane in self.joined)

    def _finish(self, lane: int, tick: int) -> None:
        reached = self.rested.pop(lane, tick)
        self.marks[lane] = max(reached, self.marks.get(lane, reached))
        self.note(lane, tick)

    def _move(self) -> None:
        self.now = max(self.now, self.of([*self.joined, *self.marks, *self.rested]))
