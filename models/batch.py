"""Arrivals in numbers: where a batch must be cut, seen without looking at each event again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from models.clock import TICK_MS
from models.columns import BLOCKS
from models.decay import Floats
from models.erasure import StopMarks
from models.events import (
    BILLING,
    CALLS,
    DATA_USAGE,
    ERASURES,
    MOVES_WATERMARK,
    SITE_VISITS,
    SUBSCRIBERS,
    Arrival,
    CareContact,
    Deletion,
    Feedback,
)
from models.policy import DAY_MS
from models.rounds import Bools, Ints

MAX_PIECE: Final = 4_096
_USAGE_TOPICS: Final = frozenset({CALLS, DATA_USAGE})
_USAGE_BYTES: Final = sum(8 * len(spec.columns) + 60 for spec in BLOCKS if spec.name in ("activity", "seen", "calls"))
_STATE_BYTES: Final = {
    CALLS: _USAGE_BYTES,
    DATA_USAGE: _USAGE_BYTES,
    SITE_VISITS: _USAGE_BYTES + 2_000,
    BILLING: _USAGE_BYTES,
    SUBSCRIBERS: 1_500,
}
"""State that an arrival rewrites, by estimate; the other topics write a book."""
_BOOK_BYTES: Final = _USAGE_BYTES + 1_500


@dataclass(slots=True)
class Batch:
    """Some arrivals, an entry for each.

    Attributes
    ----------
    applied
        False where a stop mark keeps the arrival away.
    clocks
        The lane's time right after it; NaN before the first.
    terms
        Earliest time at which something that it sets can be due.
    sizes
        Bytes of state that it rewrites, by estimate.
    """

    times: Floats
    applied: Bools
    usage: Bools
    erasures: Bools
    clocks: Floats
    terms: Floats
    sizes: Floats

    @classmethod
    def of(cls, arrivals: Sequence[Arrival], watermark: int | None, marks: StopMarks) -> Batch:
        """Arrivals that come to a lane whose watermark stands there."""
        topics = [a.topic for a in arrivals]
        times = np.array(
            [a.record_ts if isinstance(a.event, Deletion) else a.event.ts for a in arrivals], dtype=np.float64
        )
        applied = np.ones(len(arrivals), dtype=bool)
        erasures = np.array([t == ERASURES for t in topics], dtype=bool)
        if marks:
            for i in np.flatnonzero(~erasures).tolist():
                applied[i] = not marks.stops(arrivals[i].event.subscriber_id, times[i])
        moves = np.array([t in MOVES_WATERMARK for t in topics], dtype=bool) & applied
        usage = np.array([t in _USAGE_TOPICS for t in topics], dtype=bool)
        clocks = np.fmax.accumulate(np.where(moves, times, np.nan))
        clocks = np.fmax(clocks, np.nan if watermark is None else float(watermark))
        # No term of the policy is shorter than a day. It runs from the lane's time; silence runs from the use itself,
        # however late that is told.
        terms = np.where(usage | np.isnan(clocks), times, clocks) + DAY_MS
        for i in np.flatnonzero(~usage).tolist():
            terms[i] = min(terms[i], _named_term(arrivals[i].event))
        sizes = np.array([_STATE_BYTES.get(t, _BOOK_BYTES) for t in topics], dtype=np.float64)
        return cls(times, applied, usage, erasures, clocks, terms, sizes)

    def part(self, which: slice | Bools) -> Batch:
        """Some of the arrivals."""
        return Batch(*(getattr(self, field.name)[which] for field in fields(self)))

    def piece_end(self, start: int, last_tick: int | None, next_live: float, room: int) -> int:
        """Where the piece that begins at `start` ends.

        It ends behind the arrival with which the lane reaches a tick that can bring anything about, behind an
        erasure, and where the transaction is full. Into one with any room a single arrival fits, whatever its size.
        """
        stop = min(len(self.times), start + MAX_PIECE)
        if last_tick is None:
            # The first event that moves the lane's time begins its ticks.
            cuts: Ints = np.flatnonzero(~np.isnan(self.clocks[start:stop]))
        else:
            terms = np.ceil(np.minimum.accumulate(self.terms[start:stop]) / TICK_MS) * TICK_MS
            live = np.maximum(np.minimum(terms, next_live), last_tick + TICK_MS)
            cuts = np.flatnonzero(self.clocks[start:stop] >= live)
        erasures = np.flatnonzero(self.erasures[start:stop])
        for found in (cuts, erasures):
            if len(found):
                stop = min(stop, start + int(found[0]) + 1)
        fits = int(np.searchsorted(np.cumsum(self.sizes[start:stop]), room, side="right"))
        return start + (fits or int(room > 0))


def _named_term(event: object) -> float:
    """A time that the event itself names, at which something is to happen."""
    named = event.appointment_ts if isinstance(event, CareContact) else None
    named = event.until_ts if isinstance(event, Feedback) else named
    return np.inf if named is None else float(named)
