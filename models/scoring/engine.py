"""The compiled code applied to the rows of a lane, with the model and the policy in force.

It holds no state of its own: its results are overwritten by the next call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, get_args

import numpy as np

from models.arrays import Floats, Ints, Rows
from models.contract.events import Page
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import TIERS
from models.features.catalogue import NAMES
from models.kernel import compiled, places
from models.kernel.arrivals import Table
from models.scoring.scorer import Scorer
from models.scoring.tiers import cutoffs
from models.state.population import Population

FRESH_ROWS: Final = 1_024
"""Subscribers that may enter the calendar of silences before the walk stops."""
LOOKED_ROWS: Final = 256
"""Decisions collected by one look at most."""
_PAGES: Final = get_args(Page)


class ModelView(NamedTuple):
    """A subscriber as the model sees them, with the related columns of their row.

    The time of scoring, the risk, how long they have been known; the risk last published, the tier and the one that a
    daily look moves them to, whether they left; their features.
    """

    now: float
    risk: float
    history: float
    published: float
    tier: float
    reached: float
    left: float
    x: Floats


class Looked(NamedTuple):
    """A subscriber who needs a decision at a tick: their place in the queue, why, and the model's view."""

    place: int
    why: int
    view: ModelView


class Engine:
    """Calls the compiled code for one lane.

    Attributes
    ----------
    lane
        Numbers of the lane; see :mod:`models.kernel.places`. The caller sets watermark, ticks, feeds and room.
    counts
        Arrivals by outcome and kind, since the caller last reset them.
    x
        Features of the current subscriber.

    Parameters
    ----------
    population
        The subscribers of the lane.
    """

    def __init__(self, population: Population, scorer: Scorer, policy: Policy) -> None:
        self.lane: Floats = np.full(places.LANE, np.nan)
        self.lane[places.FRESH] = 0.0
        self.counts = np.zeros((places.COUNTS, places.KINDS), dtype=np.int64)
        self.x: Floats = np.empty(len(NAMES))
        self._population = population
        self._fresh = np.zeros(FRESH_ROWS, dtype=np.int64)
        self._found: Floats = np.empty((LOOKED_ROWS, places.LOOKED))
        self._found_x: Floats = np.empty((LOOKED_ROWS, len(NAMES)))
        self._model: tuple[Floats, Floats, Floats]
        self.bind(scorer, policy)

    def bind(self, scorer: Scorer, policy: Policy) -> None:
        """Put a model and a policy into force."""
        curves, empty = scorer.table(), np.zeros(2 * len(NAMES))
        blank = Population()
        nobody = blank.table[blank.seat("nobody")]
        for refused in (0, 1):
            nobody[places.BEHAVIOUR] = np.nan if refused == 0 else 0.0
            compiled.emptied(nobody, self.x, curves, refused, empty)
        self._model = curves, empty, parameters(scorer, policy)

    def walk(self, table: Table, begin: int) -> int:
        """Apply arrivals from `begin` on until one needs a decision; returns the place after it."""
        population, visits = self._population, self._population.visits
        end: int = compiled.walk(
            begin,
            len(table),
            (table.numbers, table.events),
            (population.table, population.ring, population.marks, population.dirty, population.touched),
            (visits.slot, visits.count, visits.visits),
            self._model,
            self.lane,
            self.counts,
            self._fresh,
            self.x,
        )
        return end

    def look(self, rows: Rows, flags: Ints, begin: int, tick: int, most: int) -> tuple[int, list[Looked]]:
        """Look at subscribers from `begin` on until `most` need a decision; returns the next place, and these."""
        population, x = self._population, self._found_x
        state = population.table, population.ring, population.marks, population.dirty, population.touched
        end, count = compiled.look(begin, rows, flags, float(tick), state, self._model, self._found[:most], x)
        return end, [
            Looked(int(at), int(why), ModelView(now, risk, history, published, tier, since, left, x[n]))
            for n, (at, why, now, risk, history, published, tier, since, left) in enumerate(
                self._found[:count].tolist()
            )
        ]

    def score(self, row: int, now: float) -> None:
        """Score one subscriber as of `now`."""
        compiled.score(self._population.table[row], now, self._model, self.x, self.lane)

    def view(self, row: int) -> ModelView:
        """The model's view of this row; only where the walk has just stopped, or that was just scored."""
        r = self._population.table[row]
        scored, tier = self.lane[places.NOW : places.HISTORY + 1].tolist(), float(r[places.TIER])
        return ModelView._make((*scored, float(r[places.PUBLISHED]), tier, tier, float(r[places.LEFT]), self.x))

    def silence_due(self, rows: Rows) -> list[float]:
        """When silence is due for each of the subscribers taken from its calendar; NaN if not before their next use."""
        population, due = self._population, np.empty(len(rows))
        compiled.silences(population.table, population.marks, rows, self._model[2], due)
        found: list[float] = due.tolist()
        return found

    def fresh(self) -> Rows:
        """Rows that must be entered into the calendar of silences, since the last call."""
        count, self.lane[places.FRESH] = int(self.lane[places.FRESH]), 0.0
        return self._fresh[:count]


def features_of(population: Population, rows: Rows, now: Floats) -> Floats:
    """Features of some subscribers, (F, n), each as of their own `now` (ms)."""
    x = np.empty((len(rows), len(NAMES)))
    compiled.of_each(population.table, np.asarray(rows, dtype=np.int64), np.asarray(now, dtype=np.float64), x)
    return np.ascontiguousarray(x.T)


def parameters(scorer: Scorer, policy: Policy) -> Floats:
    """Parameters of policy and model for the compiled code, besides the curves; see :mod:`models.kernel.places`."""
    cut, silence, browsing = cutoffs(policy.tiers, scorer), policy.silence, policy.browsing
    found = np.empty(places.PARAMETERS)
    found[places.INTERCEPT] = scorer.intercept
    found[places.CUT_WARNING] = cut.warning
    found[places.HIGH_ABOVE] = cut.high_above
    found[places.WARNING_LEFT] = cut.warning_left
    found[places.HIGH_LEFT] = cut.high_left
    found[places.SMOOTHING] = policy.tiers.smoothing
    found[places.CALM] = policy.tiers.calm_days * DAY_MS
    found[places.RAISES] = TIERS.index(policy.tiers.raises)
    found[places.MIN_HISTORY] = policy.tiers.min_history_days * DAY_MS
    found[places.SCORE_STEP] = policy.score_step
    found[places.SILENCE_FLOOR] = silence.floor_days * DAY_MS
    found[places.SILENCE_GAPS] = silence.usual_gaps
    found[places.SILENCE_PER_WEEK] = silence.min_per_week
    found[places.SILENCE_HISTORY] = silence.min_history_days * DAY_MS
    found[places.BROWSE_WINDOW] = browsing.window_days * DAY_MS
    found[places.BROWSE_VISITS] = browsing.visits
    found[places.BROWSE_DWELL] = browsing.dwell_s
    found[places.BROWSE_PAGE_DWELL] = browsing.page_dwell_s
    found[places.EXCLUDED_PAGES] = _bits(browsing.excluded_pages)
    found[places.STRONG_PAGES] = _bits(browsing.strong_pages)
    found[places.BROWSING_TTL] = round(policy.kind("competitor_browsing").ttl_days * DAY_MS)
    decline = policy.decline
    found[places.DECLINE_PLAN] = decline.plan_fall
    found[places.DECLINE_MONTH] = decline.month_fall
    found[places.DECLINE_SEGMENT] = decline.segment_fall
    found[places.DECLINE_HIGH] = policy.value.high_arpu
    found[places.DECLINE_CALLS] = decline.calls_fall
    found[places.DECLINE_DATA] = decline.data_fall
    found[places.DECLINE_OFF_NET] = decline.off_net_rise
    found[places.DECLINE_LEAST] = decline.least_calls
    found[places.DECLINE_QUIET] = decline.quiet_days * DAY_MS
    found[places.ACCOUNT_FORWARDED] = policy.accounts.forwarded_rise
    found[places.ACCOUNT_BILL] = policy.accounts.bill_fall
    found[places.ACCOUNT_LEAST] = policy.accounts.least_calls
    found[places.IDLE] = policy.retention.idle_days * DAY_MS
    return found


def _bits(pages: Iterable[Page]) -> float:
    return float(sum(1 << _PAGES.index(page) for page in set(pages)))
