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
    INPUTS,
    SUBSCRIBERS,
    Arrival,
    Call,
    CareContact,
    Contact,
    DataUsage,
    Deletion,
    Erasure,
    Feedback,
    Outcome,
    Profile,
    SiteVisit,
)
from models.events import Billing as Bill
from models.policy import DAY_MS
from models.rounds import Bools, Ints

MAX_PIECE: Final = 4_096
CALL, DATA, BILL, VISIT, CARE, CONTACT, FEEDBACK, OUTCOME, PROFILE, DELETION, ERASURE = range(11)
KINDS: Final[dict[type, int]] = {
    Call: CALL,
    DataUsage: DATA,
    Bill: BILL,
    SiteVisit: VISIT,
    CareContact: CARE,
    Contact: CONTACT,
    Feedback: FEEDBACK,
    Outcome: OUTCOME,
    Profile: PROFILE,
    Deletion: DELETION,
    Erasure: ERASURE,
}
"""Events as numbers: up to `DATA` the service is used, up to `CARE` the lane's time moves."""
_TOPIC_OF: Final = {kind: topic for topic, kind in INPUTS.items()} | {Deletion: SUBSCRIBERS}
TOPICS: Final = tuple(_TOPIC_OF[kind] for kind in KINDS)
"""The topic of each kind."""
_USAGE_BYTES: Final = sum(8 * len(spec.columns) + 60 for spec in BLOCKS if spec.name in ("activity", "seen", "calls"))
_STATE_BYTES: Final = np.full(len(KINDS), _USAGE_BYTES + 1_500.0)
"""State that an arrival rewrites, by estimate; most beside use and bills write a book."""
_STATE_BYTES[[CALL, DATA, BILL]] = _USAGE_BYTES
_STATE_BYTES[VISIT] = _USAGE_BYTES + 2_000.0


@dataclass(slots=True)
class Batch:
    """Some arrivals, an entry for each.

    Attributes
    ----------
    kinds
        See `KINDS`.
    applied
        False where a stop mark keeps the arrival away.
    clocks
        The lane's time right after it; NaN before the first.
    terms
        Earliest time at which something that it sets can be due.
    sizes
        Bytes of state that it rewrites, by estimate.
    """

    kinds: Ints
    times: Floats
    applied: Bools
    clocks: Floats
    terms: Floats
    sizes: Floats

    @classmethod
    def of(cls, arrivals: Sequence[Arrival], watermark: int | None, marks: StopMarks) -> Batch:
        """Arrivals that come to a lane whose watermark stands there."""
        kinds = np.array([KINDS[type(a.event)] for a in arrivals], dtype=np.int64)
        times = np.array(
            [a.record_ts if isinstance(a.event, Deletion) else a.event.ts for a in arrivals], dtype=np.float64
        )
        applied = np.ones(len(arrivals), dtype=bool)
        if marks:
            for i in np.flatnonzero(kinds != ERASURE).tolist():
                applied[i] = not marks.stops(arrivals[i].event.subscriber_id, times[i])
        clocks = np.fmax.accumulate(np.where((kinds <= CARE) & applied, times, np.nan))
        clocks = np.fmax(clocks, np.nan if watermark is None else float(watermark))
        # No term of the policy is shorter than a day. It runs from the lane's time; silence runs from the use itself,
        # however late that is told.
        terms = np.where((kinds <= DATA) | np.isnan(clocks), times, clocks) + DAY_MS
        for i in np.flatnonzero((kinds == CARE) | (kinds == FEEDBACK)).tolist():
            terms[i] = min(terms[i], _named_term(arrivals[i].event))
        return cls(kinds, times, applied, clocks, terms, _STATE_BYTES[kinds])

    def part(self, which: slice | Bools) -> Batch:
        """Some of the arrivals."""
        return Batch(*(getattr(self, field.name)[which] for field in fields(self)))

    def piece_end(self, start: int, last_tick: int | None, next_live: float, room: int) -> int:
        """Where the piece that begins at `start` ends.

        It ends behind the arrival with which the lane reaches a tick that can bring anything about, behind an
        erasure, behind an outcome where there are contacts, and where the transaction is full. Into one with any room
        a single arrival fits, whatever its size.
        """
        stop = min(len(self.times), start + MAX_PIECE)
        if last_tick is None:
            # The first event that moves the lane's time begins its ticks.
            cuts: Ints = np.flatnonzero(~np.isnan(self.clocks[start:stop]))
        else:
            terms = np.ceil(np.minimum.accumulate(self.terms[start:stop]) / TICK_MS) * TICK_MS
            live = np.maximum(np.minimum(terms, next_live), last_tick + TICK_MS)
            cuts = np.flatnonzero(self.clocks[start:stop] >= live)
        kinds = self.kinds[start:stop]
        erasures = np.flatnonzero(kinds == ERASURE)
        # A label says whether he was contacted until then, and contacts are folded a piece at a time.
        outcomes = np.flatnonzero((kinds == OUTCOME) & ((kinds == CONTACT) | (kinds == FEEDBACK)).any())
        for found in (cuts, erasures, outcomes):
            if len(found):
                stop = min(stop, start + int(found[0]) + 1)
        fits = int(np.searchsorted(np.cumsum(self.sizes[start:stop]), room, side="right"))
        return start + (fits or int(room > 0))


def _named_term(event: object) -> float:
    """A time that the event itself names, at which something is to happen."""
    if isinstance(event, CareContact):
        named = event.appointment_ts if event.reason == "disconnect_appointment" else None
    elif isinstance(event, Feedback):
        # The peace after a refusal runs from when it was said, which may be long before it is told.
        named = event.ts if event.status == "refused" else event.until_ts
    else:
        named = None
    return np.inf if named is None else float(named)
