"""What the decisions of one lane share: its subscribers, the model and the policy in force, and where outputs go."""

from __future__ import annotations

from math import inf, isnan

import numpy as np

from models.alerts import Score, alert_id
from models.book import Book
from models.cards import Cards
from models.clock import Clock
from models.decisions.context import Moment
from models.episodes import Episodes
from models.kernel import places
from models.kernel.engine import Engine
from models.labels import Labels
from models.outbox import Outbox, Output
from models.policy import Policy
from models.risk import Scorer
from models.state.columns import RISK, SILENT
from models.state.population import Population
from models.tiers import HEALTHY, HIGH_RISK, TIERS, WARNING, cutoffs, next_tier


class LaneState:
    """See the module. Beside the population it holds caches only: all of it is rebuilt from the state records.

    Attributes
    ----------
    engine
        Folds, scores and looks, with this model and policy.
    cut
        Cut-offs of the tiers, for both.
    silent
        Row to the last sign of life, of subscribers whose silence was told.
    """

    def __init__(self, scorer: Scorer, policy: Policy, partition: int) -> None:
        self.population = Population()
        self.outbox = Outbox()
        self.scorer = scorer
        self.policy = policy
        self.partition = partition
        self.labels = Labels(self.population, self.outbox, scorer, policy)
        self.episodes = Episodes(self.population, self.outbox, Cards(scorer, policy), policy, self.labels)
        self.engine = Engine(self.population, scorer, policy)
        self.cut = cutoffs(policy.tiers, scorer)
        self.silent: dict[int, int] = {}
        # Counted as they change: the lane tells them after every transaction, and its subscribers are many.
        self._raised_tiers = [0, 0]

    def switch(self, scorer: Scorer, policy: Policy, clock: Clock) -> None:
        """Take another model or policy into force, at this time of the lane.

        A model changes nothing that is kept: everybody's tier is judged anew at his next event or his daily look, so
        a restart with another model and a switch to it are the same.
        """
        self.scorer = scorer
        self.episodes.cards = Cards(scorer, policy)
        self.engine.bind(scorer, policy)
        self.cut = cutoffs(policy.tiers, scorer)
        self.labels.scorer = scorer
        if policy != self.policy:
            self.policy = self.episodes.policy = self.labels.policy = policy
            self.episodes.rearm(clock.watermark or 0)
            self.labels.loaded(clock)

    def loaded(self, clock: Clock) -> None:
        """Rebuild the caches after the state was read; `clock` is the ledger's."""
        books = self.population.books
        tier = self.population.blocks[RISK.name].column("tier")
        self._raised_tiers = [int(np.count_nonzero(tier == WARNING)), int(np.count_nonzero(tier == HIGH_RISK))]
        self.labels.loaded(clock)
        self.silent = {row: book.silent_since for row, book in books.items() if book.silent_since is not None}
        self.population.marks[list(self.silent)] |= SILENT
        due = self.population.blocks[RISK.name].column("due_ts")
        rows = np.flatnonzero(~np.isnan(due))
        self.population.terms.fill(due[rows], rows)

    def fall_silent(self, row: int, last_ts: int) -> Book:
        """Note a silence, so that it is told once."""
        book = self.population.book(row)
        self.silent[row] = book.silent_since = last_ts
        self.population.marks[row] |= SILENT
        self.population.mark_book(row)
        return book

    def wakes(self, row: int, ts: int) -> bool:
        """Whether use at `ts` ends a silence."""
        since = self.silent.get(row)
        if since is None or ts <= since:
            return False
        del self.silent[row]
        self.population.marks[row] &= ~SILENT
        return True

    def forget(self, moment: Moment) -> None:
        """Delete a subscriber, and take back the latest risk that was published of him."""
        columns = self.population.table[moment.row]
        self._count_tier(int(columns[places.TIER]), -1)
        if not isnan(columns[places.PUBLISHED]):
            self._take_back(moment)
        self.silent.pop(moment.row, None)
        self.labels.forgotten(moment.row)
        self.population.delete(moment.row)

    def _take_back(self, moment: Moment) -> None:
        ce_id = alert_id("forgotten", moment.subscriber_id, moment.trigger)
        self.outbox.put(Output("score", moment.subscriber_id, None, moment.ts, ce_id, None))

    def rescore(self, moment: Moment) -> bool:
        """Move the tier by the moment's risk and publish what moved; whether anything did.

        Who has left of his own will has no tier to speak of. Before the minimum history only the first score of a
        subscriber is published: the risk of somebody unknown moves with every event and says little.
        """
        before, row = moment.tier, moment.row
        held = inf if isnan(moment.since) else moment.now - moment.since
        reached = HEALTHY if moment.gone else next_tier(before, moment.risk, held, moment.history, self.cut)[0]
        tier = reached if moment.profiled else HEALTHY
        if not moment.profiled:
            self.episodes.unprofiled(moment, reached)
        moved = self._shown_again(moment) or (moment.trigger.topic is None and self._moved(moment))
        moved = moved and not (moment.gone or isnan(moment.history))
        if tier == before and not moved:
            return False
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
        return True

    def _shown_again(self, moment: Moment) -> bool:
        """Whether the subscriber allows profiling again; of one who no longer does, the latest risk is taken back."""
        book = self.population.books.get(moment.row)
        if moment.profiled == (book is None or not book.risk_hidden):
            return False
        book = self.population.book(moment.row)
        book.risk_hidden = not moment.profiled
        self.population.mark_book(moment.row)
        if book.risk_hidden and not isnan(moment.published):
            self._take_back(moment)
        return moment.profiled

    def _moved(self, moment: Moment) -> bool:
        """Whether a daily look has anything to publish."""
        published = moment.published
        if isnan(published):
            return True
        moved = abs(moment.risk - published) >= self.policy.score_step * published
        return moved and moment.history >= self.cut.min_history_ms

    def _enter(self, moment: Moment, tier: int) -> None:
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

    def _publish(self, moment: Moment) -> None:
        score = Score(
            subscriber_id=moment.subscriber_id,
            ts=moment.ts,
            risk=round(moment.risk, 6),
            base_rate=self.scorer.base_rate,
            tier=TIERS[moment.tier],
            previous_tier=None if moment.previous is None else TIERS[moment.previous],
            model_version=self.scorer.version,
            policy_version=self.policy.version,
        )
        # One trigger moves a subscriber's score once, so its coordinates name it.
        ce_id = alert_id("score", moment.subscriber_id, moment.trigger)
        self.outbox.put(Output("score", moment.subscriber_id, score, moment.ts, ce_id, moment.record_ts))

    def tiers_count(self) -> dict[str, int]:
        """Subscribers by tier."""
        return {
            "healthy": len(self.population) - sum(self._raised_tiers),
            **dict(zip(TIERS[1:], self._raised_tiers, strict=True)),
        }
