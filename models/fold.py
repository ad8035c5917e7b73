"""A piece of a lane's events into the population: the hot path.

The piece is lined up by subscriber once. Then each block is moved on by its own events, all subscribers side by side,
in rounds (see :mod:`models.rounds` and :mod:`models.sums`). Blocks do not look at each other, with two exceptions that
are settled in this order: the ids seen decide what is applied at all, and a profile decides whether the visits of its
subscriber may be used.

Afterwards the columns right after each arrival are laid out side by side, since features and scores are computed once
for the whole piece and not in every round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from models import amounts
from models.billing import take_billing
from models.block import Block
from models.care import take_care
from models.columns import ACTIVITY, BILLING, BLOCKS, CALLS, CARE, DATA, OUTCOME, PROFILE, RISK, SEEN_IDS, VISITS
from models.decay import Floats
from models.events import (
    LATE_MS,
    Arrival,
    Billing,
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
from models.population import Population
from models.profile_columns import take_outcome, take_profile
from models.rounds import MAX_PIECE, Bools, Ints, Lineup
from models.seen import admit, hashes
from models.sums import accumulate, after_sums, put
from models.visits import forget_visits, take_touch, take_visit

_CALL, _DATA, _VISIT, _CARE, _BILLING, _CONTACT, _FEEDBACK, _OUTCOME, _PROFILE, _DELETION, _ERASURE = range(11)
_KINDS: Final[dict[type, int]] = {
    Call: _CALL,
    DataUsage: _DATA,
    SiteVisit: _VISIT,
    CareContact: _CARE,
    Billing: _BILLING,
    Contact: _CONTACT,
    Feedback: _FEEDBACK,
    Outcome: _OUTCOME,
    Profile: _PROFILE,
    Deletion: _DELETION,
    Erasure: _ERASURE,
}
_LAST_ACTIVITY: Final = _BILLING
"""Kinds up to this one are something the subscriber did; they move his clock and the lane's watermark."""
_LAST_CREATING: Final = _PROFILE
"""Kinds beyond this one (deletion, erasure) do not make a subscriber known."""
_BEHAVIOUR: Final = PROFILE.index["behaviour"]
STATE_BLOCKS: Final = tuple(spec.name for spec in BLOCKS if spec not in (RISK, SEEN_IDS))
"""The blocks that a :class:`Trace` shows: those that features are made of."""

Step = Callable[[Population, int, list[float], Any], None]


@dataclass(slots=True)
class Trace:
    """What folding a piece did, an entry for each arrival, in their order.

    Attributes
    ----------
    rows
        Row of the subscriber; -1 where there is none (deletion or erasure of somebody unknown).
    applied
        False for a duplicate: it changed nothing.
    now
        The subscriber's own clock after the event, ms: the largest ``ts`` of what he did so far. Who never did
        anything (only a profile is known) stands at the event's own ``ts``.
    late
        Whether the event lay more than `LATE_MS` behind the lane's watermark. Only what moves the watermark can be
        late: a profile or an outcome is told when it is told.
    state
        Block name to its columns right after the event, (n, k).
    """

    rows: Ints
    applied: Bools
    now: Floats
    late: Bools
    state: dict[str, Floats]


def fold(population: Population, arrivals: Sequence[Arrival], watermark: float) -> Trace:
    """Apply the arrivals in their order.

    `watermark` is the lane's before the piece (NaN or -inf while unset); it moves with every call, data session,
    visit, care contact and billing event of the piece, duplicates included, so that the caller can move his own
    before he folds. An erasure changes nothing here: the caller ends the piece with it and deletes the subscriber.
    """
    kinds = np.array([_KINDS[type(a.event)] for a in arrivals], dtype=np.int64)
    times = np.array([a.record_ts if isinstance(a.event, Deletion) else a.event.ts for a in arrivals], dtype=np.float64)
    bounds = [0, *_cuts(population, arrivals, kinds), len(arrivals)]
    traces = [
        _fold_piece(population, arrivals[begin:end], kinds[begin:end], times[begin:end])
        for begin, end in pairwise(bounds)
    ]
    trace = traces[0] if len(traces) == 1 else _joined(traces)
    trace.late = _late(kinds, times, watermark)
    return trace


def _late(kinds: Ints, times: Floats, watermark: float) -> Bools:
    moves = kinds <= _LAST_ACTIVITY
    if not moves.any():
        return np.zeros(len(kinds), dtype=bool)
    moved = np.fmax.accumulate(np.where(moves, times, np.nan))
    late: Bools = moves & (times < np.fmax(moved, watermark) - LATE_MS)
    return late


def _cuts(population: Population, arrivals: Sequence[Arrival], kinds: Ints) -> list[int]:
    """Where to cut: after `MAX_PIECE` arrivals, and after a refusal of behavioural use by somebody with visits.

    His visits are dropped there, before his next event. A cut is free to be made anywhere, since it cannot show.
    """
    cuts = set(range(MAX_PIECE, len(arrivals), MAX_PIECE))
    refs = population.blocks[VISITS.name].data[:, 0]
    for index in np.flatnonzero(kinds == _PROFILE).tolist():
        event = arrivals[index].event
        if isinstance(event, Profile) and not event.consent.behaviour:
            row = population.find(event.subscriber_id)
            visited = row >= 0 and not np.isnan(refs[row])
            if visited or any(
                arrivals[i].event.subscriber_id == event.subscriber_id
                for i in np.flatnonzero(kinds[:index] == _VISIT).tolist()
            ):
                cuts.add(index + 1)
    cuts.discard(len(arrivals))
    return sorted(cuts)


def _joined(traces: list[Trace]) -> Trace:
    return Trace(
        np.concatenate([t.rows for t in traces]),
        np.concatenate([t.applied for t in traces]),
        np.concatenate([t.now for t in traces]),
        np.concatenate([t.late for t in traces]),
        {name: np.concatenate([t.state[name] for t in traces]) for name in STATE_BLOCKS},
    )


def _fold_piece(population: Population, arrivals: Sequence[Arrival], kinds: Ints, times: Floats) -> Trace:
    piece = _Piece(population, [a.event for a in arrivals], kinds, times)
    piece.fold_columns(PROFILE.name, (_PROFILE, _DELETION), take_profile)
    piece.fold_columns(OUTCOME.name, (_OUTCOME,), take_outcome)
    piece.refuse_visits()
    piece.fold_sums(CALLS.name, _CALL, amounts.of_calls)
    piece.fold_sums(DATA.name, _DATA, amounts.of_data)
    piece.fold_sums(VISITS.name, _VISIT, amounts.of_visits, take_visit)
    piece.fold_sums(CARE.name, _CARE, amounts.of_care, take_care)
    piece.fold_sums(BILLING.name, _BILLING, amounts.of_billing, take_billing)
    piece.fold_touches()
    piece.fold_activity()
    piece.drop_refused_visits()
    last = piece.state[ACTIVITY.name][:, ACTIVITY.index["last_ts"]]
    now = np.where(np.isnan(last), times, last)
    state = {name: piece.state[name] for name in STATE_BLOCKS}
    return Trace(piece.rows, piece.applied, now, np.zeros(len(arrivals), dtype=bool), state)


class _Piece:
    """The arrivals of a piece, lined up, and the state after each of them as far as it is known."""

    def __init__(self, population: Population, events: list[Any], kinds: Ints, times: Floats) -> None:
        self.population = population
        self.events = events
        self.kinds = kinds
        self.times = times
        self.rows = self._find_rows()
        self.line = Lineup.of(self.rows)
        self.present = frozenset(kinds.tolist())
        names = [e.event_id if k <= _LAST_CREATING else None for e, k in zip(events, kinds.tolist(), strict=True)]
        self.applied = admit(population.blocks[SEEN_IDS.name], self.line, hashes(names))
        unknown = self.rows < 0
        self.unknown = unknown if unknown.any() else None
        self.effective = self.applied & ~unknown
        self.state: dict[str, Floats] = {}

    def _find_rows(self) -> Ints:
        row, find = self.population.row, self.population.find
        if not len(self.kinds) or int(self.kinds.max()) <= _LAST_CREATING:
            return np.array([row(e.subscriber_id) for e in self.events], dtype=np.int64)
        rows = [
            row(e.subscriber_id) if k <= _LAST_CREATING else find(e.subscriber_id)
            for e, k in zip(self.events, self.kinds.tolist(), strict=True)
        ]
        return np.array(rows, dtype=np.int64)

    def fold_sums(
        self,
        name: str,
        kind: int,
        amounts_of: Callable[[Any], dict[str, Floats]],
        step: Step | None = None,
    ) -> None:
        """Move on a block with decayed sums; `step` does the columns behind them, one event at a time."""
        block, own = self.population.blocks[name], self._own((kind,))
        if own is None:
            return self._as_it_stands(block)
        after = accumulate(block, own, self.times[own.order], amounts_of([self.events[i] for i in own.order.tolist()]))
        if step is not None:
            behind = after_sums(block.spec)
            after[:, behind:] = self._stepped(block, own, step)[:, behind:]
        return self._put(block, own, after)

    def fold_columns(self, name: str, kinds: tuple[int, ...], step: Step) -> None:
        """Move on a block that has no sums, one event at a time."""
        block, own = self.population.blocks[name], self._own(kinds)
        if own is None:
            return self._as_it_stands(block)
        return self._put(block, own, self._stepped(block, own, step))

    def refuse_visits(self) -> None:
        """Visits of who refused the use of his behaviour have no effect at all."""
        if _VISIT in self.present:
            refused = self.state[PROFILE.name][:, _BEHAVIOUR] == 0.0
            self.effective &= ~(refused & (self.kinds == _VISIT))

    def _own(self, kinds: tuple[int, ...]) -> Lineup | None:
        """Those arrivals of the line that move a block on; ``None`` for none, which is common in small pieces."""
        if self.present.isdisjoint(kinds):
            return None
        mask = self.kinds == kinds[0]
        for kind in kinds[1:]:
            mask |= self.kinds == kind
        own = self.line.only(mask & self.effective)
        return own if len(own.rows) else None

    def _stepped(self, block: Block, own: Lineup, step: Step) -> Floats:
        population, held = self.population, []
        after = np.empty((len(own.rows), len(block.spec.columns)))
        walk = zip(own.order.tolist(), own.rows.tolist(), own.start.tolist(), strict=True)
        for place, (index, row, first) in enumerate(walk):
            if first:
                held = block.data[row].tolist()
            step(population, row, held, self.events[index])
            after[place] = held
        return after

    def _as_it_stands(self, block: Block) -> None:
        self._note(block, block.data[self.rows])

    def _put(self, block: Block, own: Lineup, after: Floats) -> None:
        self._note(block, put(block, self.rows, self.line, own.order, after))

    def _note(self, block: Block, state: Floats) -> None:
        if self.unknown is not None:
            state[self.unknown] = block.fill
        self.state[block.spec.name] = state

    def fold_touches(self) -> None:
        """Contacts and feedback live in the book alone."""
        if self.present.isdisjoint((_CONTACT, _FEEDBACK)):
            return
        contact = (self.kinds == _CONTACT) | (self.kinds == _FEEDBACK)
        for index in np.flatnonzero(contact & self.effective).tolist():
            take_touch(self.population, int(self.rows[index]), self.events[index])

    def fold_activity(self) -> None:
        """When the subscriber first and last did anything."""
        block = self.population.blocks[ACTIVITY.name]
        own = self.line.only((self.kinds <= _LAST_ACTIVITY) & self.effective)
        if not len(own.rows):
            return self._as_it_stands(block)
        times, after = self.times[own.order], block.data[own.rows]
        after[:, 0] = own.smallest(times, after[:, 0])
        after[:, 1] = own.largest(times, after[:, 1])
        return self._put(block, own, after)

    def drop_refused_visits(self) -> None:
        """Forget the visits of who refused their use with the last arrival of the piece."""
        if not len(self.kinds) or self.kinds[-1] != _PROFILE:
            return
        row, block = int(self.rows[-1]), self.population.blocks[VISITS.name]
        if self.state[PROFILE.name][-1, _BEHAVIOUR] == 0.0 and not np.isnan(block.data[row, 0]):
            forget_visits(self.population, row)
            self.state[VISITS.name][-1] = block.fill
