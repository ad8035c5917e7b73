"""The time of a lane: its clock as kept in the ledger, the arithmetic of ticks, and calendars of the rows due at each.

Only events move time. A tick is due when the watermark reaches it. It is swept right after the arrival that moved the
watermark, in as many transactions as it takes, before any other arrival is applied.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from msgspec import Struct, field

from models.arrays import Floats, Ints

TICK_MS: Final = 15 * 60_000
TICKS_A_DAY: Final = 96
SLICE_ROWS: Final = 5_000
"""About this many subscribers in a slice at most, so that rescoring one does not delay a batch."""


class Clock(Struct):
    """The lane's time; it goes into the ledger as JSON."""

    watermark: int | None = None
    feeds: dict[str, int] = field(default_factory=dict)
    """Largest ``ts`` of each topic that moves the watermark."""
    last_tick: int | None = None
    """The last tick whose sweep is complete."""
    sweeping: int | None = None
    """The tick being swept."""
    cursor: str = ""
    """Id of the last subscriber visited in that sweep."""
    recorded_until: int | None = None
    """End of the recorded history that the lane began with: nothing before it leads to a contact. Set once, before the
    first arrival."""
    slices: int = 1
    """Number of hashed slices in which the subscribers are rescored over a day; set at the day's first tick."""


def floor_tick(ts: float) -> int:
    """The tick at or before `ts`.

    Examples
    --------
    >>> floor_tick(TICK_MS + 1) == TICK_MS, floor_tick(TICK_MS) == TICK_MS
    (True, True)
    """
    return int(ts // TICK_MS) * TICK_MS


def ceil_tick(ts: float) -> int:
    """The tick at or after `ts`."""
    return -int(-ts // TICK_MS) * TICK_MS


def slices_at(tick: int, slices: int) -> range:
    """Slices rescored at a tick; each comes once a day, spread over the ticks.

    Examples
    --------
    >>> list(slices_at(0, 1)), list(slices_at(TICK_MS, 1)), list(slices_at(48 * TICK_MS, 2))
    ([0], [], [1])
    >>> sum(len(slices_at(t * TICK_MS, 256)) for t in range(TICKS_A_DAY))
    256
    """
    place = tick // TICK_MS % TICKS_A_DAY
    return range(-(-place * slices // TICKS_A_DAY), -(-(place + 1) * slices // TICKS_A_DAY))


def next_slice_tick(after: int, slices: int) -> int:
    """The first tick after `after` at which a slice is due.

    Examples
    --------
    >>> next_slice_tick(0, 1) // TICK_MS, next_slice_tick(0, 2) // TICK_MS
    (96, 48)
    """
    step = max(1, TICKS_A_DAY // slices) * TICK_MS
    tick = (after // step + 1) * step
    while not slices_at(tick, slices):
        tick += TICK_MS
    return tick


def slices_for(rows: int) -> int:
    """Number of slices for `rows` subscribers: a power of two.

    Examples
    --------
    >>> slices_for(100), slices_for(20_001)
    (1, 8)
    """
    slices = 1
    while slices * SLICE_ROWS < rows:
        slices *= 2
    return slices


class Calendar:
    """A priority queue of rows by time.

    Only the last entry of a row counts. It is a lower bound: when it comes up, the caller checks whether something is
    due, and enters the row again if not.

    Examples
    --------
    >>> calendar = Calendar()
    >>> calendar.put(5.0, 7), calendar.put(10.0, 3), calendar.put(30.0, 7)
    (None, None, None)
    >>> calendar.next(), calendar.pop(20.0), calendar.next()
    (10.0, [3], 30.0)
    """

    def __init__(self) -> None:
        self._entries: list[tuple[float, int]] = []
        self._last: dict[int, float] = {}

    def put(self, when: float, row: int) -> None:
        """Enter a row."""
        self._last[row] = when
        heappush(self._entries, (when, row))

    def next(self) -> float:
        """The earliest entry; infinity without one."""
        entries, last = self._entries, self._last
        while entries and last.get(entries[0][1]) != entries[0][0]:
            heappop(entries)
        return entries[0][0] if entries else inf

    def pop(self, until: float) -> list[int]:
        """Take out the rows that are entered up to then, each once, in order."""
        rows = []
        while self.next() <= until and self._entries:
            row = heappop(self._entries)[1]
            del self._last[row]
            rows.append(row)
        return sorted(rows)

    def fill(self, when: Floats, rows: Ints) -> None:
        """Replace all entries with these rows."""
        self._entries = list(zip(when.tolist(), rows.tolist(), strict=True))
        self._last = {row: at for at, row in self._entries}
        heapify(self._entries)
