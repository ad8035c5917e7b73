"""Labels: frozen feature vectors, and the outcome of their subscribers a month or more later.

Each subscriber's vector is frozen once a week, each on their own day, as a fair sample; and at each alert, for lead
times and the effect of contact. A frozen vector is a state record of its own, rewritten when one more of its weeks is
known and deleted with its label.

When the label is known
    A churn outcome labels every earlier vector: *positive* if they left within the horizon, else *negative*. A
    subscriber who uses the service past the horizon did not leave within it: *negative*. A lapse is declared long after
    it happened and is dated by its last activity. So for a silent subscriber the label also waits for the longest time
    that a declaration takes; vectors frozen meanwhile are positive if a lapse is declared and negative if they come
    back, or silence would look safe. A subscriber who was cut off, or had already left, shows nothing about wanting to
    leave: *void*. The first outcome decides; later ones are only counted.

Week by week
    Besides its label, a weekly vector publishes for each of its weeks, as soon as it is known, whether its subscriber
    left in it: by the same rules, with the end of the week as the horizon. The learner learns these fates; the label
    serves the quality figures.

Negatives must not come much later than positives: a model trained on today's leavers and the stayers of a quarter ago
learns the season.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final
from zlib import crc32

import numpy as np

from models.contract.alerts import example_id
from models.contract.events import Outcome
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example, Fate, Label, week_ends
from models.contract.vocabulary import TIERS
from models.decisions.alert_body import segment
from models.decisions.contact_rules import held_out
from models.decisions.decision_context import DecisionContext
from models.decisions.outbox import Outbox, Output
from models.decisions.ticks import Clock
from models.features.catalogue import catalogue_hash
from models.scoring.scorer import Scorer
from models.state.calendar import Calendar
from models.state.columns import CALLS, DATA
from models.state.pending_labels import Pending
from models.state.population import Population
from models.state.subscriber_record import Book

LEAVING: Final = frozenset({"ported_out", "disconnected", "lapsed"})
"""Outcomes of active churn. `involuntary` is passive churn, and `migrated` is no churn."""
_SPOKEN: Final = frozenset({"contacted", "delivered", "read", "retained", "lost", "refused"})
"""Statuses of contacts that reached the subscriber."""
_CATALOGUE: Final = catalogue_hash()


class Labels:
    """Freezes vectors and publishes their fates and labelled examples.

    Parameters
    ----------
    population
        Keeps the frozen vectors that wait for a label.
    outbox
        Receives the examples.
    scorer, policy
        In force; replaced between transactions only.

    Attributes
    ----------
    due
        For each row the tick at which its vectors are checked next; infinity for none. From the end of its horizon on
        a vector is checked once a day, so after a restart the clock alone tells which checks were made.
    """

    def __init__(self, population: Population, outbox: Outbox, scorer: Scorer, policy: Policy) -> None:
        self.scorer = scorer
        self.policy = policy
        self.due = np.empty(0)
        self._verdicts = np.empty(0)  # for each row the tick from which labels are due
        self._calendar = Calendar()
        self._population = population
        self._outbox = outbox

    def loaded(self, clock: Clock) -> None:
        """Recompute all due times, after the state was read or the policy changed."""
        self.due = np.full(len(self._population.ids), np.inf)
        self._verdicts = self.due.copy()
        self._calendar.fill(np.empty(0), np.empty(0, dtype=np.int64))
        for row in self._population.pending.rows():
            passed = clock.sweeping is not None and self._population.id_of(row) <= clock.cursor
            self._set_due(row, clock.sweeping if passed else clock.last_tick)

    def forgotten(self, row: int) -> None:
        """Clear the due times of a freed row."""
        if row < len(self.due):
            self.due[row] = self._verdicts[row] = np.inf

    def next_due(self) -> float:
        """The earliest time at which a vector can be due."""
        return self._calendar.next()

    def due_by(self, tick: int) -> list[int]:
        """Rows whose vectors are due by this tick; the caller checks each with :meth:`look`."""
        return [row for row in self._calendar.pop(tick) if row < len(self.due) and self.due[row] <= tick]

    def sampled(self, subscriber_id: str) -> bool:
        """Whether a subscriber's weekly vectors are kept: for a large population a sample is enough."""
        return crc32(b"weekly\x1f" + subscriber_id.encode()) < self.policy.labels.weekly_share * 2**32

    def freeze(self, moment: DecisionContext, origin: str, cause: str | None = None) -> None:
        """Keep the current vector until its label is known.

        Not for subscribers who refuse profiling, nor for those who are gone or in passive churn: they get no label.
        """
        if moment.gone or moment.let_go or not moment.profiled:
            return
        x = moment.x.astype("<f4")
        x[np.isnan(x)] = np.nan  # one bit pattern: the sign of NaN depends on the processor, and these bytes are state
        known = moment.known
        arpu = 0.0 if known is None or known.arpu is None else known.arpu
        frozen = Pending(
            ts=moment.clock,
            origin=origin,
            risk=moment.risk,
            base_rate=self.scorer.base_rate,
            tier=TIERS[moment.tier],
            segment=segment(arpu, self.policy),
            model=self.scorer.version,
            policy=self.policy.version,
            hold_out=held_out(moment.profile, moment.subscriber_id, self.policy.contact),
            cause=cause,
            x=x.tobytes(),
        )
        self._population.hold(moment.row, frozen)
        self._room_for(moment.row)
        end = float(frozen.ts + self._horizon())
        self._verdicts[moment.row] = min(float(self._verdicts[moment.row]), end)
        self._enter(moment.row, min(float(self.due[moment.row]), float(self._next_end(frozen))))
        self._outbox.wrote(len(frozen.x) * 2)

    def outcome(self, moment: DecisionContext, event: Outcome) -> None:
        """Label all waiting vectors by an outcome, the newest or not, unless an earlier outcome already did."""
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

    def _decided(self, moment: DecisionContext, event: Outcome, left_ts: int) -> None:
        horizon = self._horizon()
        if moment.clock > left_ts + round(self.policy.labels.lapse_days * DAY_MS):
            # So late that its oldest vectors may already have been labelled as negative.
            self._outbox.counts.late_outcomes += 1
        waiting = self._population.pending.of(moment.row)
        within = [p for p in waiting if p.ts <= left_ts <= p.ts + horizon]
        alerts = [p for p in within if p.origin != WEEKLY and not p.hold_out]
        first_alert = min((p.ts for p in alerts), default=None)
        if event.outcome in LEAVING and waiting:
            self._left(alerts, left_ts)
        for pending in waiting:
            if pending.ts > left_ts and event.outcome != "lapsed":
                label: Label = "void"
            elif pending.ts + horizon < left_ts:
                label = "negative"
            else:
                label = "positive" if event.outcome in LEAVING else "void"
            outcome = event.outcome if label == "positive" else None
            known = pending if label == "void" else self._tell_weeks(moment, pending, left_ts, outcome)
            self._tell(moment, known, label, (event, left_ts), first_alert if label == "positive" else None)
        self.forgotten(moment.row)

    def _left(self, alerts: list[Pending], left_ts: int) -> None:
        """Count a leaver by the kind of alert that came before."""
        foretold = [p.ts for p in alerts if p.origin == "risk_tier"]
        counts = self._outbox.counts
        counts.add("leavers", "risk_tier" if foretold else "signal" if alerts else "none")
        if foretold:
            counts.leads_ms.append(left_ts - min(foretold))

    def _downgraded(self, moment: DecisionContext, ts: int) -> None:
        """Remember the time of a downgrade as long as a waiting vector may need it."""
        book, lapse = self._population.book(moment.row), round(self.policy.labels.lapse_days * DAY_MS)
        since = moment.clock - self._horizon() - lapse
        book.downgraded = sorted({*(t for t in book.downgraded if t >= since), ts})
        self._population.mark_book(moment.row)

    def look(self, moment: DecisionContext, tick: int, used_ts: float) -> None:
        """Check a subscriber's vectors at a tick.

        They stayed if they used the service past the horizon, or if the time for declaring a lapse has passed.

        Parameters
        ----------
        used_ts
            Time of the slowest usage feed: while it stands still, nobody counts as silent.
        """
        horizon, lapse = self._horizon(), round(self.policy.labels.lapse_days * DAY_MS)
        blocks, row = self._population.blocks, moment.row
        last_use = float(np.fmax(blocks[CALLS.name].data[row, 0], blocks[DATA.name].data[row, 0]))
        # A profile may show that they left or were cut off without any outcome.
        gone = moment.gone or moment.let_go
        # They stayed until their last use; and until `lapse` ago, since no lapse was declared.
        stayed = min(float(tick), float(np.fmax(last_use, used_ts - lapse)))
        for pending in self._population.pending.of(row):
            end = pending.ts + horizon
            known = pending if gone else self._tell_weeks(moment, pending, stayed, None)
            if end <= stayed and self._verdicts[row] <= tick:
                self._tell(moment, known, "void" if gone else "negative", None, None)
        self._set_due(row, tick)

    def _tell_weeks(self, moment: DecisionContext, pending: Pending, until: float, outcome: str | None) -> Pending:
        """Publish the weeks of a vector that are known: they stayed `until` then, and left by `outcome`, if any."""
        if pending.origin != WEEKLY:
            return pending
        ends = _ends(self.policy.labels.horizon_days)
        stayed = sum(pending.ts + end <= until for end in ends)
        known = min(stayed + (outcome is not None), len(ends))
        if known <= pending.weeks:
            return pending
        subscriber_id = moment.subscriber_id
        fate = Fate(
            fate_id=f"{example_id(subscriber_id, pending.ts, pending.origin)}-{known}",
            subscriber_id=subscriber_id,
            ts=pending.ts,
            known_ts=moment.clock,
            first=pending.weeks + 1,
            last=known,
            left=outcome is not None,
            outcome=outcome,
            segment=pending.segment,
            risk=pending.risk,
            base_rate=pending.base_rate,
            model_version=pending.model,
            catalogue=_CATALOGUE,
            x=pending.values(),
        )
        self._outbox.put(Output("fate", subscriber_id, fate, moment.ts, fate.fate_id, None))
        return self._population.know(moment.row, pending, known)

    def _horizon(self) -> int:
        return _ends(self.policy.labels.horizon_days)[-1]

    def _next_end(self, pending: Pending) -> int:
        """When a weekly vector's first unknown week ends; for a vector taken at an alert, the end of its horizon."""
        ends = _ends(self.policy.labels.horizon_days)
        return pending.ts + (ends[min(pending.weeks, len(ends) - 1)] if pending.origin == WEEKLY else ends[-1])

    def _room_for(self, row: int) -> None:
        if row >= len(self.due):
            more = np.full(row + 1024 - len(self.due), np.inf)
            self.due, self._verdicts = np.concatenate([self.due, more]), np.concatenate([self._verdicts, more])

    def _set_due(self, row: int, looked: int | None) -> None:
        """Set the next check after the one at the tick `looked`."""
        self._room_for(row)
        waiting, horizon = self._population.pending.of(row), self._horizon()
        self._verdicts[row] = verdict = min((_next(p.ts + horizon, looked) for p in waiting), default=math.inf)
        self._enter(row, min((_next(self._next_end(p), looked) for p in waiting), default=verdict))

    def _enter(self, row: int, due: float) -> None:
        self.due[row] = due
        if due < math.inf:
            self._calendar.put(due, row)

    def _tell(
        self,
        moment: DecisionContext,
        pending: Pending,
        label: Label,
        by: tuple[Outcome, int] | None,
        first_alert: int | None,
    ) -> None:
        """Publish a labelled example and release its vector."""
        subscriber_id, end = moment.subscriber_id, pending.ts + self._horizon()
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


@lru_cache(maxsize=8)
def _ends(horizon_days: float) -> tuple[int, ...]:
    """Milliseconds after a vector at which its weeks end; cached, since every check needs it."""
    return tuple(round(days * DAY_MS) for days in week_ends(horizon_days))


def _next(end: int, looked: int | None) -> float:
    """The next check after the one at `looked`: at `end`, and then once a day."""
    if looked is None or end > looked:
        return float(end)
    return float(end + (looked - end) // DAY_MS * DAY_MS + DAY_MS)
