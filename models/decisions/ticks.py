"""The lane's time: what is kept of it in the ledger, and the arithmetic of ticks.

Time moves with the events alone. A tick is due when the watermark has reached it; it is swept right after the arrival
that did so, in as many transactions as it takes, and no other arrival is applied before it is done.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

TICK_MS: Final = 15 * 60_000
TICKS_A_DAY: Final = 96
SLICE_ROWS: Final = 5_000
"""A slice holds about so many subscribers: rescoring it does not hold up a batch."""


class Clock(Struct):
    """See the module; it goes into the ledger as JSON."""

    watermark: int | None = None
    feeds: dict[str, int] = field(default_factory=dict)
    """Largest ``ts`` of each topic that moves the watermark."""
    last_tick: int | None = None
    """The last tick whose sweep is done."""
    sweeping: int | None = None
    """The tick whose sweep is under way."""
    cursor: str = ""
    """The last subscriber that it has passed, in their order."""
    recorded_until: int | None = None
    """The last moment of the recorded history that the lane began with: nobody is contacted for what happened by then.
    Set before the first arrival and never again."""
    slices: int = 1
    """In how many hashed slices the subscribers are rescored over a day; set anew at the day's first tick."""


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
    """Slices that are rescored at a tick: each once a day, spread over its ticks.

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
    """The first tick past `after` at which a slice is due.

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
    """How many slices so many subscribers need: a power of two.

    Examples
    --------
    >>> slices_for(100), slices_for(20_001)
    (1, 8)
    """
    slices = 1
    while slices * SLICE_ROWS < rows:
        slices *= 2
    return slices
