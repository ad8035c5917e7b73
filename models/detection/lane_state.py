"""The state that the decisions of one lane share: subscribers, model and policy in force, outbox."""

from __future__ import annotations

from math import inf, isnan

import numpy as np

from models.contract.alerts import alert_id
from models.contract.policy import Policy
from models.contract.vocabulary import HEALTHY, HIGH_RISK, TIERS, WARNING
from models.detection.alert_body import Cards
from models.detection.alert_budget import AlertBudget
from models.detection.breach_lifecycle import BreachLifecycle
from models.detection.decision_context import DecisionContext
from models.detection.labelling import Labels
from models.detection.outbox import Outbox, Output
from models.detection.signals import Signal
from models.kernel import places
from models.scoring.engine import Engine
from models.scoring.scorer import Scorer
from models.scoring.tiers import cutoffs
from models.state.columns import RISK, SILENT
from models.state.lane_time import Clock
from models.state.population import Population
from models.state.record_updates import consent_by
from models.state.subscriber_record import Book


class LaneState:
    """The shared state of a lane. Apart from the population it holds caches, rebuilt from the state records.

    Attributes
    ----------
    engine
        The compiled code, bound to this model and policy.
    cut
        Cut-offs of the tiers for this model and policy.
    budget
        The lane's budget of tier alerts.
    candidates
        Rows on whose alerts the budget decides at the end of the current tick.
    silent
        Row to the last sign of life, for subscribers whose silence was reported.
    terms_of
        Version of the policy by which the terms in the state were set; after a restart it may not be the one in force.
    """

    def __init__(self, scorer: Scorer, policy: Policy, partition: int) -> None:
        self.population = Population()
        self.population.consent = policy.consent_default
        self.outbox = Outbox()
        self.scorer = scorer
        self.policy = policy
        self.terms_of = policy.version
        self.partition = partition
        self.labels = Labels(self.population, self.outbox, scorer, policy)
        self.episodes = BreachLifecycle(
            self.population, self.outbox, Cards(scorer, policy), policy, self.labels, self.nominate
        )
        self.engine = Engine(self.population, scorer, policy)
        self.cut = cutoffs(policy.tiers, scorer)
        self.budget = AlertBudget(partition)
        self.candidates: set[int] = set()
        self.silent: dict[int, int] = {}
        # Counted as they change: they are reported after every transaction, and a scan of all rows would be slow.
        self._raised_tiers = [0, 0]

    def switch(self, scorer: Scorer, policy: Policy, clock: Clock) -> None:
        """Put another model or policy into force, at this time of the lane.

        A new model changes no stored state: each tier is judged again at the subscriber's next daily look. A new policy
        sets terms and default consents again, from stored state only: so a restart with another model or policy, which
        also calls this before its first event, equals a switch to it.
        """
        self.scorer = scorer
        self.episodes.cards = Cards(scorer, policy)
        self.engine.bind(scorer, policy)
        self.cut = cutoffs(policy.tiers, scorer)
        self.labels.scorer = scorer
        changed = policy != self.policy or policy.version != self.terms_of
        self.policy = self.episodes.policy = self.labels.policy = policy
        if changed:
            self.terms_of = policy.version
            self.episodes.rearm(clock)
            self.loaded(clock)

    def loaded(self, clock: Clock) -> None:
        """Rebuild the caches after the state was read, or the policy changed; `clock` is the ledger's."""
        if self.terms_of == self.policy.version:
            # Not before that: a consent default deletes data for good, and a third policy may come before the first
            # event.
            consent_by(self.population, self.policy.consent_default)
        books = self.population.books
        tier = self.population.blocks[RISK.name].column("tier")
        self._raised_tiers = [int(np.count_nonzero(tier == WARNING)), int(np.count_nonzero(tier == HIGH_RISK))]
        self.labels.loaded(clock)
        self.episodes.recorded_until = -inf if clock.recorded_until is None else clock.recorded_until
        self.silent = {row: book.silent_since for row, book in books.items() if book.silent_since is not None}
        self.population.marks[list(self.silent)] |= SILENT
        self.candidates = set(np.flatnonzero(~np.isnan(self.population.table[:, places.CANDIDATE_TS])).tolist())
        if clock.watermark is not None and self.terms_of == self.policy.version:
            self.episodes.complete(clock.watermark)
        due = self.population.blocks[RISK.name].column("due_ts")
        rows = np.flatnonzero(~np.isnan(due))
        self.population.terms.fill(due[rows], rows)

    def fall_silent(self, row: int, last_ts: int) -> Book:
        """Note a silence, so that it is reported once."""
        book = self.population.book(row)
        self.silent[row] = book.silent_since = last_ts
        self.population.marks[row] |= SILENT
        self.population.mark_book(row)
        return book

    def wakes(self, row: int, ts: int) -> bool:
        """Whether use at `ts` ends a silence, which is then cleared."""
        since = self.silent.get(row)
        if since is None or ts <= since:
            return False
        del self.silent[row]
        self.population.marks[row] &= ~SILENT
        return True

    def declined(self, moment: DecisionContext, signal: Signal) -> None:
        """Handle a decline of the subscriber's value: a breach, and none again for a while."""
        self.population.table[moment.row, places.DECLINED_TS] = moment.clock
        self.population.touch(moment.row, RISK.name)
        if not moment.gone:
            self.episodes.breach(moment, signal)

    def signed(self, moment: DecisionContext, found: list[Signal]) -> None:
        """Handle signs that the account of a line leaves; signs in recorded history are too old to count."""
        if not moment.gone and moment.clock > self.episodes.recorded_until:
            for signal in found:
                self.episodes.breach(moment, signal)

    def forget(self, moment: DecisionContext) -> None:
        """Delete a subscriber, and withdraw their published risk with a tombstone."""
        columns = self.population.table[moment.row]
        self._count_tier(int(columns[places.TIER]), -1)
        if not isnan(columns[places.PUBLISHED]):
            self._take_back(moment)
        self.silent.pop(moment.row, None)
        self.candidates.discard(moment.row)
        self.labels.forgotten(moment.row)
        self.population.delete(moment.row)

    def _take_back(self, moment: DecisionContext) -> None:
        ce_id = alert_id("forgotten", moment.subscriber_id, moment.trigger)
        self.outbox.put(Output("score", moment.subscriber_id, None, moment.ts, ce_id, None))

    def rescore(self, moment: DecisionContext, *, news: bool) -> None:
        """Publish a risk that has changed enough, and move the tier to what the daily look has reached.

        Subscribers who left of their own will or refuse profiling count as healthy.
        """
        before, row = moment.tier, moment.row
        tier = moment.reached if moment.profiled and not moment.gone else HEALTHY
        if not moment.profiled:
            self.episodes.unprofiled(moment, HEALTHY if moment.gone else moment.reached)
        news = self._shown_again(moment) or news
        if tier == before and (not news or moment.gone or isnan(moment.history)):
            return
        columns = self.population.table[row]
        columns[places.PUBLISHED] = columns[places.RISK_] = moment.risk
        columns[places.SCORED_TS] = moment.now
        self.population.touch(row, RISK.name)
        if tier != before:
            self._enter(moment, tier)
        if moment.profiled:
            self._publish(moment)
        if tier != before:
            self.episodes.tier_moved(moment, before)

    def nominate(self, row: int, tick: int) -> None:
        """Make a subscriber a candidate: the budget decides at the end of the tick."""
        self.candidates.add(row)
        self.population.table[row, places.CANDIDATE_TS] = tick
        self.population.touch(row, RISK.name)

    def nominees(self) -> list[int]:
        """The candidates, best first: signals by their propensity, then tiers by risk."""
        table, ids = self.population.table, self.population.ids

        def rank(row: int) -> tuple[float, float, str | None]:
            above = float(table[row, places.ABOVE])
            return -self.episodes.urgency(row), inf if isnan(above) else -above, ids[row]

        return sorted(self.candidates, key=rank)

    def decided(self, row: int) -> None:
        """Remove a candidate after the budget's decision."""
        self.candidates.discard(row)
        self.population.table[row, places.CANDIDATE_TS] = np.nan
        self.population.touch(row, RISK.name)

    def _shown_again(self, moment: DecisionContext) -> bool:
        """Whether the subscriber allows profiling again; if they have refused it, withdraw their published risk."""
        book = self.population.books.get(moment.row)
        if moment.profiled == (book is None or not book.risk_hidden):
            return False
        book = self.population.book(moment.row)
        book.risk_hidden = not moment.profiled
        self.population.mark_book(moment.row)
        if book.risk_hidden and not isnan(moment.published):
            self._take_back(moment)
        return moment.profiled

    def _enter(self, moment: DecisionContext, tier: int) -> None:
        self._count_tier(moment.tier, -1)
        self._count_tier(tier, 1)
        columns = self.population.table[moment.row]
        columns[places.TIER], columns[places.TIER_TS] = tier, moment.now
        book = self.population.book(moment.row)
        book.previous_tier = moment.previous = moment.tier
        moment.tier = tier
        self.population.mark_book(moment.row)

    def _count_tier(self, tier: int, change: int) -> None:
        if tier != HEALTHY:
            self._raised_tiers[tier - 1] += change

    def _publish(self, moment: DecisionContext) -> None:
        score = self.episodes.cards.score(moment)
        # One trigger moves a subscriber's score at most once, so its coordinates identify the record.
        ce_id = alert_id("score", moment.subscriber_id, moment.trigger)
        self.outbox.put(Output("score", moment.subscriber_id, score, moment.ts, ce_id, moment.record_ts))

    def in_service(self) -> int:
        """Number of subscribers who have not left; the budget is per subscriber in service."""
        rows = self.population.live_rows()
        return len(rows) - int(np.count_nonzero(self.population.table[rows, places.LEFT] == 1.0))

    def tiers_count(self) -> dict[str, int]:
        """Subscribers by tier."""
        return {
            "healthy": len(self.population) - sum(self._raised_tiers),
            **dict(zip(TIERS[1:], self._raised_tiers, strict=True)),
        }
