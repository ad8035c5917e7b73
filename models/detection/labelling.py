"""Labels: frozen feature vectors, and the outcome of their subscribers a month or more later.

The vector of each subscriber is frozen once a week, each at their own phase, which makes a fair sample; and at each
alert, to measure lead times and what a contact changes. A frozen vector is a state record of its own, written once and
deleted with its label.

When the label is known
    A churn outcome labels every earlier vector: *positive* if they left within the horizon, else *negative*. A
    subscriber who uses the service past the horizon did not leave within it: *negative*. A lapse is declared long after
    it happened and is dated by its last activity. So for a silent subscriber the label also waits for the longest time
    that a declaration takes; vectors frozen meanwhile are positive if a lapse is declared and negative if they come
    back, or silence would look safe. A subscriber who was cut off, or had already left, shows nothing about wanting to
    leave: *void*. The first outcome decides; later ones are only counted.

Week by week
    Besides its label, a weekly vector publishes for each of its weeks, as soon as it is known, whether its subscriber
    left in it: by the same rules, with the end of the week as the horizon. The learner learns these weekly labels; that
    of the whole horizon serves the quality figures.

Negatives must not come much later than positives: a model trained on today's leavers and the stayers of a quarter ago
learns the season.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import lru_cache
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from models.contract.alerts import example_id
from models.contract.events import LEAVING, REACHED, Outcome
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example, Label, WeeklyLabel, week_ends
from models.contract.vocabulary import TIERS
from models.detection.alert_body import segment
from models.detection.contact_rules import held_out
from models.detection.decision_context import DecisionContext
from models.detection.outbox import Outbox, Output
from models.features.catalogue import catalogue_hash
from models.kernel import places
from models.scoring.scorer import Scorer
from models.state.columns import RISK
from models.state.lane_time import Calendar, Clock
from models.state.population import Population
from models.state.subscriber_record import Book, Pending

_CATALOGUE: Final = catalogue_hash()


class _Due(NamedTuple):
    """When the vectors of a row are looked at next, and from when on for a verdict.

    From the end of its horizon on a vector is looked at once a day, so that a restart knows from the clock alone which
    looks were made. ``unpublished`` is the first end of a week, or of a horizon, that nothing was published about.
    """

    look: float
    verdict: float
    unpublished: float


_NEVER: Final = _Due(math.inf, math.inf, math.inf)


class Labels:
    """Freezes vectors and publishes their weekly labels and labelled examples.

    Parameters
    ----------
    population
        Keeps the frozen vectors that wait for a label.
    outbox
        Receives the examples.
    scorer, policy
        In force; replaced between transactions only.

    """

    def __init__(self, population: Population, outbox: Outbox, scorer: Scorer, policy: Policy) -> None:
        self.scorer = scorer
        self.policy = policy
        self._due: dict[int, _Due] = {}
        self._calendar = Calendar()
        self._population = population
        self._outbox = outbox

    def loaded(self, clock: Clock) -> None:
        """Rebuild the due times after the state was read, or the policy changed."""
        self._due.clear()
        self._calendar.fill(np.empty(0), np.empty(0, dtype=np.int64))
        for row in self._population.pending.rows():
            self._read_weeks(row)
            passed = clock.sweeping is not None and self._population.id_of(row) <= clock.cursor
            self._set_due(row, clock.sweeping if passed else clock.last_tick)

    def _read_weeks(self, row: int) -> None:
        """Take over from vectors of a former release which of their weeks it had published."""
        ends, columns = _ends(self.policy.labels.horizon_days), self._population.table[row]
        for pending in self._population.pending.of(row):
            if pending.weeks:
                published = pending.ts + ends[min(pending.weeks, len(ends)) - 1]
                columns[places.STAYED_TS] = np.fmax(columns[places.STAYED_TS], published)

    def forgotten(self, row: int) -> None:
        """Drop what is kept of a row that was freed."""
        self._due.pop(row, None)

    def next_due(self) -> float:
        """Earliest time at which a vector can be due."""
        return self._calendar.next()

    def due_by(self, tick: int, used_ts: float) -> list[int]:
        """Rows with vectors about which something is known by this tick; call :meth:`look` for each.

        Parameters
        ----------
        used_ts
            Time of the slowest usage feed: while it stands still no subscriber counts as silent.
        """
        found = []
        for row in self._calendar.pop(tick):
            due = self._due.get(row, _NEVER)
            if due.look <= tick and due.unpublished <= self._stayed(row, tick, used_ts):
                found.append(row)
            elif due.look <= tick:
                self._set_due(row, tick)
        return found

    def _stayed(self, row: int, tick: int, used_ts: float) -> float:
        """Until when a subscriber is known to have stayed.

        Their last use of the service, or, if later, the time before which a lapse would have been declared by now.
        """
        columns, silent = self._population.table[row], used_ts - round(self.policy.labels.lapse_days * DAY_MS)
        # NaN, which is no use at all, is never larger.
        return min(float(tick), max(silent, float(columns[places.CALLS_REF]), float(columns[places.DATA_REF])))

    def sampled(self, subscriber_id: str) -> bool:
        """Whether a subscriber's weekly vectors are kept: for a large population a sample is enough."""
        return crc32(b"weekly\x1f" + subscriber_id.encode()) < self.policy.labels.weekly_share * 2**32

    def freeze(self, moment: DecisionContext, origin: str, cause: str | None = None) -> None:
        """Keep the current vector until its label is known.

        Not for subscribers who refuse profiling, have left or are in passive churn: they get no label.
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
        ends, due = _ends(self.policy.labels.horizon_days), self._due.get(moment.row, _NEVER)
        first, last = float(frozen.ts + ends[0 if origin == WEEKLY else -1]), float(frozen.ts + ends[-1])
        self._enter(moment.row, _Due(min(due.look, first), min(due.verdict, last), min(due.unpublished, first)))
        self._outbox.wrote(len(frozen.x) * 2)

    def outcome(self, moment: DecisionContext, event: Outcome) -> bool:
        """Label all waiting vectors by an outcome, even one out of order, unless an earlier outcome already did.

        Returns whether it is the one by which they left.
        """
        book = self._population.books.get(moment.row)
        if event.outcome == "returned":
            if book is not None and book.left is not None:
                book.left = None
                self._population.mark_book(moment.row)
            return False
        if event.outcome == "downgraded":
            self._downgraded(moment, event.ts)
            return False
        if event.outcome != "involuntary" and event.outcome not in LEAVING:
            return False
        if book is not None and book.left is not None:
            self._outbox.counts.later_outcomes += 1
            return False
        book = self._population.book(moment.row)
        book.left = event.outcome
        self._population.mark_book(moment.row)
        ended = event.last_activity_ts if event.outcome == "lapsed" else None
        self._decided(moment, event, event.ts if ended is None else ended)
        return event.outcome in LEAVING

    def _decided(self, moment: DecisionContext, event: Outcome, left_ts: int) -> None:
        horizon = self._horizon()
        if moment.clock > left_ts + round(self.policy.labels.lapse_days * DAY_MS):
            # So late that its oldest vectors may already have been labelled as negative.
            self._outbox.counts.late_outcomes += 1
        waiting, published = self._population.pending.of(moment.row), self._published(moment.row)
        labels = [_label(pending.ts, event.outcome, left_ts, horizon) for pending in waiting]
        # An alert that is right by its own label has foretold the leaving, so precision and recall use the same alerts.
        right = [p for p, of in zip(waiting, labels, strict=True) if of == "positive" and p.origin != WEEKLY]
        alerts = [p for p in right if not p.hold_out]
        first_alert = min((p.ts for p in alerts), default=None)
        if event.outcome in LEAVING and waiting:
            self._left(alerts, left_ts)
        for pending, label in zip(waiting, labels, strict=True):
            outcome = event.outcome if label == "positive" else None
            if label != "void":
                self._publish_weeks(moment, pending, published, left_ts, outcome)
            self._publish(moment, pending, label, (event, left_ts), first_alert if label == "positive" else None)
        self.forgotten(moment.row)

    def _left(self, alerts: list[Pending], left_ts: int) -> None:
        """Count a leaver by the kind of alert that came before."""
        foretold = [p.ts for p in alerts if p.origin == "risk_tier"]
        counts = self._outbox.counts
        counts.add("leavers", "risk_tier" if foretold else "signal" if alerts else "none")
        if foretold:
            counts.leads_ms.append(max(0, left_ts - min(foretold)))

    def _downgraded(self, moment: DecisionContext, ts: int) -> None:
        """Remember the time of a downgrade as long as a waiting vector may need it."""
        book, lapse = self._population.book(moment.row), round(self.policy.labels.lapse_days * DAY_MS)
        since = moment.clock - self._horizon() - lapse
        book.downgraded = sorted({*(t for t in book.downgraded if t >= since), ts})
        self._population.mark_book(moment.row)

    def look(self, moment: DecisionContext, tick: int, used_ts: float) -> None:
        """Publish what is known of a row's vectors at a tick at which :meth:`due_by` returned it."""
        row, horizon, stayed = moment.row, self._horizon(), self._stayed(moment.row, tick, used_ts)
        # A profile may say that they are gone or cut off where no outcome ever did.
        gone = moment.gone or moment.let_go
        published, news, verdicts = self._published(row), False, self._due.get(row, _NEVER).verdict <= tick
        for pending in self._population.pending.of(row):
            news |= not gone and self._publish_weeks(moment, pending, published, stayed, None)
            if verdicts and pending.ts + horizon <= stayed:
                self._publish(moment, pending, "void" if gone else "negative", None, None)
        if news:
            self._population.table[row, places.STAYED_TS] = stayed
            self._population.touch(row, RISK.name)
        self._set_due(row, tick)

    def _published(self, row: int) -> float:
        """Until when it has been published that they stayed."""
        published = float(self._population.table[row, places.STAYED_TS])
        return -math.inf if math.isnan(published) else published

    def _publish_weeks(
        self, moment: DecisionContext, pending: Pending, published: float, until: float, outcome: str | None
    ) -> bool:
        """Publish the weeks that became known: they stayed `until` then, or left by `outcome`.

        Returns whether there were any.
        """
        if pending.origin != WEEKLY:
            return False
        ends = _ends(self.policy.labels.horizon_days)
        before = bisect_right(ends, published - pending.ts)
        known = min(bisect_right(ends, until - pending.ts) + (outcome is not None), len(ends))
        if known <= before:
            return False
        subscriber_id = moment.subscriber_id
        label = WeeklyLabel(
            fate_id=f"{example_id(subscriber_id, pending.ts, pending.origin)}-{known}",
            subscriber_id=subscriber_id,
            ts=pending.ts,
            known_ts=moment.clock,
            first=before + 1,
            last=known,
            left=outcome is not None,
            outcome=outcome,
            segment=pending.segment,
            risk=pending.risk,
            base_rate=pending.base_rate,
            model_version=pending.model,
            catalogue=_CATALOGUE,
            x=pending.x,
        )
        self._outbox.put(Output("fate", subscriber_id, label, moment.ts, label.fate_id, None))
        return True

    def _horizon(self) -> int:
        return _ends(self.policy.labels.horizon_days)[-1]

    def _set_due(self, row: int, looked: int | None) -> None:
        """Set the time of the next look, after the one at the tick `looked`."""
        published, ends = self._published(row), _ends(self.policy.labels.horizon_days)
        look = verdict = unpublished = math.inf
        for pending in self._population.pending.of(row):
            weeks = bisect_right(ends, published - pending.ts, 0, len(ends) - 1) if pending.origin == WEEKLY else -1
            end = pending.ts + ends[weeks]
            look, unpublished = min(look, _next(end, looked)), min(unpublished, end)
            verdict = min(verdict, _next(pending.ts + ends[-1], looked))
        self._enter(row, _Due(look, verdict, unpublished))

    def _enter(self, row: int, due: _Due) -> None:
        if due.look < math.inf:
            self._due[row] = due
            self._calendar.put(due.look, row)
        else:
            self._due.pop(row, None)

    def _publish(
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
            contacted=any(t.status in REACHED for t in touches),
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
            x=pending.x,
        )
        self._population.release(moment.row, pending)
        self._outbox.put(Output("example", subscriber_id, example, moment.ts, example.example_id, None))


def _label(ts: int, outcome: str, left_ts: int, horizon: int) -> Label:
    """The label of a vector that was waiting when an outcome came."""
    if ts > left_ts and outcome != "lapsed":
        return "void"
    if ts + horizon < left_ts:
        return "negative"
    return "positive" if outcome in LEAVING else "void"


@lru_cache(maxsize=8)
def _ends(horizon_days: float) -> tuple[int, ...]:
    """Milliseconds after a vector at which its weeks end; cached, since every check needs it."""
    return tuple(round(days * DAY_MS) for days in week_ends(horizon_days))


def _next(end: int, looked: int | None) -> float:
    """The next check after the one at `looked`: at `end`, and then once a day."""
    if looked is None or end > looked:
        return float(end)
    return float(end + (looked - end) // DAY_MS * DAY_MS + DAY_MS)
