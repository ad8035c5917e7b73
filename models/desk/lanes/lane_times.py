"""Which lanes are late, and how far the topic has been applied: what follows from the records read alone."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct, field

from models.contract.breaches import LANE_LATE_MS, Excluded, Governed, Heard, Idle, Joined, Mark, OfSubscriber
from models.contract.time_units import MINUTE_MS

LONGEST_WAIT_MS: Final = 2 * MINUTE_MS
"""A record that was written so long before the newest one does not wait for slower lanes any more."""
NO_LANE: Final = -1
"""Stands for the lane of a record that is of no lane's time."""


class Written(NamedTuple):
    """A record in the topic."""

    offset: int
    written_ms: int
    """When it was written: its timestamp."""
    heard: Heard


class LaneTimes(Struct):
    """Which lanes are late, and how far each is, by the records read."""

    times: dict[int, int] = {}
    """Time of each lane's newest record."""
    awaited: set[int] = set()
    """Lanes that are late, or of which that is not known: what they write next may be old."""
    late: set[int] = set()
    """Lanes that were late when last heard; their marks are replaced by ticks."""
    waking: dict[int, int] = {}
    """Marks since its rest of each late lane that has had one only: its next transaction may follow at once."""
    last_late_ms: dict[int, int] = {}
    """When each lane wrote its newest late record about a subscriber."""
    generation: int | None = None
    """Highest generation of the consumer group in which a lane has opened."""
    newest_ms: int = 0
    """Timestamp of the newest record."""

    def of(self, lane: int) -> int:
        """The lane's time; 0 before its first record."""
        return self.times.get(lane, 0)

    def note(self, written: Written, lanes: int) -> bool:
        """Note what a record says of its lane; returns whether it has to wait for its turn."""
        heard = written.heard
        self.newest_ms = max(self.newest_ms, written.written_ms)
        if isinstance(heard, Governed):
            return False
        lane = heard.lane
        if isinstance(heard, Joined):
            self.awaited |= set() if lane in self.times else {lane}
            return False
        if isinstance(heard, Idle | Excluded):
            late = lane in self.awaited and written.written_ms - self.of(lane) > LANE_LATE_MS
            self.awaited.discard(lane)
            self.waking.pop(lane, None)
            return late
        self.times[lane] = max(self.of(lane), time_of(heard))
        late = written.written_ms - self.times[lane] > LANE_LATE_MS
        if isinstance(heard, Mark) and heard.generation is not None:
            # With a new generation each lane may find a backlog, not only this one.
            newer = self.generation is None or heard.generation > self.generation
            self.awaited |= set(range(lanes)) if newer else {lane}
            self.late |= {lane} if late else set()
            self.generation = heard.generation if newer else self.generation
        elif not late:
            self.awaited.discard(lane)
            self.late.discard(lane)
            self.waking.pop(lane, None)
        else:
            if lane not in self.awaited:
                self.awaited.add(lane)
                self.waking[lane] = 0
            self.late.add(lane)
            if isinstance(heard, OfSubscriber):
                self.last_late_ms[lane] = written.written_ms
            elif lane in self.waking:
                self.waking[lane] += 1
                if self.waking[lane] > 1:
                    del self.waking[lane]
        return late

    def standing(self, lane: int) -> tuple[bool, bool]:
        """Whether the lane is awaited, and whether it is late."""
        return lane in self.awaited, lane in self.late

    def holds_nothing_of(self, lane: int) -> bool:
        """Whether the lane has written nothing late about a subscriber that can still be held."""
        last_ms = self.last_late_ms.get(lane)
        return last_ms is None or self.newest_ms - last_ms > LONGEST_WAIT_MS

    def copy(self) -> LaneTimes:
        """A copy that goes its own way."""
        sets = set(self.awaited), set(self.late)
        dicts = dict(self.waking), dict(self.last_late_ms)
        return LaneTimes(dict(self.times), *sets, *dicts, self.generation, self.newest_ms)


class Progress(Struct, frozen=True):
    """How far the topic has been applied."""

    next_offset: int = 0
    """All records before it are applied."""
    read_to: int = 0
    """Offset after the last record read."""
    ahead: dict[int, int] = {}
    """Offset of the first record of each lane that was read and not applied yet."""
    times: LaneTimes = field(default_factory=LaneTimes)
    """As of the next offset."""

    def covers(self, written: Written) -> bool:
        """Whether a record is applied; lanes are applied each in its own order."""
        return written.offset < self.ahead.get(lane_of(written.heard), self.read_to)


def lane_of(heard: Heard) -> int:
    """The lane in whose order a record stands."""
    return NO_LANE if isinstance(heard, Governed | Joined) else heard.lane


def time_of(heard: Heard) -> int:
    """The lane's time in a record, which never goes back; 0 if it names none.

    An event that takes the lane past a tick is decided on before what is due at that tick.
    """
    if isinstance(heard, OfSubscriber):
        return heard.clock if heard.crossed is None else heard.crossed
    return max(heard.tick, heard.clock or 0) if isinstance(heard, Mark) else 0
