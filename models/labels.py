"""Labels: vectors frozen when they were scored, and what came of their subscribers, a month or more later.

Everybody's vector is frozen once a week at a phase of his own, a fair sample of all; and at each alert, for lead times
and for what a contact changes. A frozen vector is a state record of its own, written once, and gone with its label.

When the label is known
    A churn outcome says it of every vector before it: *positive* up to the horizon before he left, *negative* beyond. A
    lapse is declared long after it happened, so it is dated by its last activity, and a vector waits for its horizon
    and for the longest time that a lapse takes to be declared: then it is negative. Whoever was cut off, or had left
    already, tells nothing of who wants to leave: *void*. The first outcome decides; what comes later is counted.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from models.alerts import example_id
from models.book import Book
from models.cards import segment
from models.contact import held_out, passive
from models.decay import Floats
from models.events import Outcome
from models.example import WEEKLY, Example, Label
from models.features import catalogue_hash
from models.moment import Moment
from models.outbox import Outbox, Output
from models.pending import Pending
from models.policy import DAY_MS, Policy
from models.population import Population, Rows
from models.risk import Scorer
from models.tiers import TIERS

LEAVING: Final = frozenset({"ported_out", "disconnected", "lapsed"})
"""Active churn. What the operator ends himself is passive churn, and `migrated` is none."""
_SPOKEN: Final = frozenset({"contacted", "delivered", "read", "retained", "lost", "refused"})
"""Touches that reached the subscriber."""
_WEEK: Final = 7
_CATALOGUE: Final = catalogue_hash()


class Labels:
    """See the module.

    Parameters
    ----------
    population
        Keeps the frozen vectors that wait.
    outbox
        Takes the examples.
    scorer, policy
        In force; switched between transactions only.

    Attributes
    ----------
    due
        Of each row the time at which its oldest vector is labelled by time alone; infinity for none.
    """

    def __init__(self, population: Population, outbox: Outbox, scorer: Scorer, policy: Policy) -> None:
        self.scorer = scorer
        self.policy = policy
        self.due: Floats = np.empty(0)
        self._population = population
        self._outbox = outbox

    def loaded(self) -> None:
        """Find out anew what is due when: the state was read, or the policy changed."""
        self.due = np.full(len(self._population.ids), np.inf)
        for row in self._population.pending.rows():
            self._set_due(row)

    def forgotten(self, row: int) -> None:
        """A row is free."""
        if row < len(self.due):
            self.due[row] = np.inf

    def next_due(self) -> float:
        """The earliest time at which a vector is labelled by time alone."""
        return float(self.due.min(initial=np.inf))

    def weekly(self, rows: Rows, keys: npt.NDArray[np.int64], tick: int) -> npt.NDArray[np.bool_]:
        """Which of these rows have their weekly turn on the day of this tick; `keys` are hashes of their ids."""
        if not len(rows):
            return np.zeros(0, dtype=bool)
        turn: npt.NDArray[np.bool_] = (keys >> 16) % _WEEK == tick // DAY_MS % _WEEK
        return turn

    def sampled(self, subscriber_id: str) -> bool:
        """Whether his weekly vectors are kept at all: a share of a large population teaches as much."""
        return crc32(b"weekly\x1f" + subscriber_id.encode()) < self.policy.labels.weekly_share * 2**32

    def freeze(self, moment: Moment, origin: str, cause: str | None = None) -> None:
        """Keep the vector of this moment until its label is known; not of somebody who refuses profiling.

        Who is gone, or leaves by our will, has no label to wait for.
        """
        profile = moment.profile
        if moment.gone or not moment.profiled or passive(profile, moment.involuntary):
            return
        arpu = 0.0 if profile is None or profile.arpu is None else profile.arpu
        frozen = Pending(
            ts=moment.clock,
            origin=origin,
            risk=moment.risk,
            base_rate=self.scorer.base_rate,
            tier=TIERS[moment.tier],
            segment=segment(arpu, self.policy),
            model=self.scorer.version,
            policy=self.policy.version,
            hold_out=held_out(profile, moment.subscriber_id, self.policy.contact),
            cause=cause,
            x=moment.x.astype("<f4").tobytes(),
        )
        self._population.hold(moment.row, frozen)
        self._set_due(moment.row)
        self._outbox.wrote(len(frozen.x) * 2)

    def outcome(self, moment: Moment, event: Outcome) -> None:
        """An outcome came, newest or not: it labels whatever waits, unless an earlier one has."""
        book = self._population.books.get(moment.row)
        if event.outcome == "returned":
            if book is not None and book.left is not None:
                book.left = None
                self._population.mark_book(moment.row)
            return
        if event.outcome == "downgraded":
            self._downgraded(moment, event.ts)
            return
        if event.outcome != "involuntary" and event.outcome not in LEAVING:
            return
        if book is not None and book.left is not None:
            self._outbox.counts.later_outcomes += 1
            return
        book = self._population.book(moment.row)
        book.left = event.outcome
        self._population.mark_book(moment.row)
        ended = event.last_activity_ts if event.outcome == "lapsed" else None
        self._decided(moment, event, event.ts if ended is None else ended)

    def _decided(self, moment: Moment, event: Outcome, left_ts: int) -> None:
        policy, row = self.policy.labels, moment.row
        horizon = round(policy.horizon_days * DAY_MS)
        if moment.clock > left_ts + round(policy.lapse_days * DAY_MS):
            # So late that the oldest of the vectors it is about may have been labelled by time.
            self._outbox.counts.late_outcomes += 1
        waiting = self._population.pending.of(row)
        within = [p for p in waiting if p.ts <= left_ts <= p.ts + horizon]
        first_alert = min((p.ts for p in within if p.origin != WEEKLY and not p.hold_out), default=None)
        for pending in waiting:
            if pending.ts > left_ts:
                label: Label = "void"
            elif pending.ts + horizon < left_ts:
                label = "negative"
            else:
                label = "positive" if event.outcome in LEAVING else "void"
            self._tell(moment, pending, label, (event, left_ts), first_alert if label == "positive" else None)
        self._set_due(row)

    def _downgraded(self, moment: Moment, ts: int) -> None:
        """Keep when, as long as a vector may ask for it."""
        policy, book = self.policy.labels, self._population.book(moment.row)
        since = moment.clock - round((policy.horizon_days + policy.lapse_days) * DAY_MS)
        book.downgraded = sorted({*(t for t in book.downgraded if t >= since), ts})
        self._population.mark_book(moment.row)

    def expire(self, moment: Moment, at: float) -> None:
        """Time has passed, by the slowest usage feed up to `at`: who has not left by now did not."""
        term = self._term()
        for pending in self._population.pending.of(moment.row):
            if pending.ts + term <= at:
                # A profile may say that he is gone or cut off where no outcome ever did.
                gone = moment.gone or passive(moment.profile, moment.involuntary)
                self._tell(moment, pending, "void" if gone else "negative", None, None)
        self._set_due(moment.row)

    def _term(self) -> int:
        policy = self.policy.labels
        return round((policy.horizon_days + policy.lapse_days) * DAY_MS)

    def _set_due(self, row: int) -> None:
        if row >= len(self.due):
            self.due = np.concatenate([self.due, np.full(row + 1024 - len(self.due), np.inf)])
        waiting = self._population.pending.of(row)
        self.due[row] = min(p.ts for p in waiting) + self._term() if waiting else np.inf

    def _tell(
        self, moment: Moment, pending: Pending, label: Label, by: tuple[Outcome, int] | None, first_alert: int | None
    ) -> None:
        """Publish an example; its vector waits no more."""
        subscriber_id, end = moment.subscriber_id, pending.ts + round(self.policy.labels.horizon_days * DAY_MS)
        book = self._population.books.get(moment.row) or Book()
        until = end if by is None else min(end, by[1])
        touches = [t for t in book.touches if pending.ts <= t.ts <= until]
        example = Example(
            example_id=example_id(subscriber_id, pending.ts, pending.origin),
            subscriber_id=subscriber_id,
            ts=pending.ts,
            labelled_ts=moment.clock,
            origin=pending.origin,
            label=label,
            outcome=None if by is None else by[0].outcome,
            outcome_ts=None if by is None else by[1],
            leave_reason=None if by is None else by[0].leave_reason,
            downgraded=any(pending.ts <= ts <= end for ts in book.downgraded),
            first_alert_ts=first_alert,
            contacted=any(t.status in _SPOKEN for t in touches),
            hold_out=pending.hold_out,
            cause=pending.cause,
            offer_code=next((t.offer for t in reversed(touches) if t.offer is not None), None),
            tier=pending.tier,
            segment=pending.segment,
            risk=pending.risk,
            base_rate=pending.base_rate,
            model_version=pending.model,
            policy_version=pending.policy,
            catalogue=_CATALOGUE,
            x=pending.values(),
        )
        self._population.release(moment.row, pending)
        self._outbox.put(Output("example", subscriber_id, example, moment.ts, example.example_id, None))
