"""How many tier alerts a lane may raise: a front line can make so many calls a day, and the best should get them.

The lane saves an allowance: its share of the operator's budget, an event day at a time. A candidate passes if it stands
at or above the lane's own cut-off, and the allowance has one alert left. The cut-off is where, of the candidates of the
last 28 days, as many stood above as the budget has room for; while they are few it is drawn towards the model's own.
What is kept of a candidate is its :func:`models.scoring.tiers.standing`, which means the same under another model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct, field

from models.contract.policy import TierPolicy
from models.contract.time_units import DAY_MS
from models.state.population import StateMalformedError, StateRecord

BUDGET_KEY: Final = b"G"
"""Of its state record; the population knows nothing of it."""
_WINDOW_DAYS: Final = 28
_FLOW_DAYS: Final = 7
"""So long the flow of candidates is watched before it moves the cut-off; and so many days' allowance is saved."""
_ENOUGH: Final = 50
_STEPS: Final = 20
"""Standings are kept in twentieths."""
_GOLDEN: Final = 0.6180339887498949


class BudgetState(Struct):
    """What the budget has to know after a restart."""

    allowance: float
    since: int | None = None
    """When the lane's first day began."""
    until: int = 0
    """Up to when the allowance was saved."""
    days: dict[int, dict[int, int]] = field(default_factory=dict)
    """Of each event day, how many candidates stood how high."""


class AlertBudget:
    """See the module.

    Parameters
    ----------
    partition
        Of the lane. Lanes begin with different fractions of an alert: with one and the same, eight small lanes would
        raise their first alerts on one day, weeks after one large lane.

    Examples
    --------
    >>> policy, day = TierPolicy(budget=1.0), 86_400_000
    >>> budget = AlertBudget(partition=0)
    >>> for n in range(10):
    ...     budget.save(n * day, 1000, policy)
    >>> round(budget.allowance, 2), budget.cutoff(1000, policy)
    (7.0, 1.0)
    """

    def __init__(self, partition: int) -> None:
        self._kept = BudgetState((partition + 1) * _GOLDEN % 1.0)
        self._dirty = False

    @property
    def allowance(self) -> float:
        """Alerts that may be raised now."""
        return self._kept.allowance

    def save(self, tick: int, subscribers: int, policy: TierPolicy) -> None:
        """Save what the time since the last call allows, and forget the days that are over."""
        kept = self._kept
        daily = subscribers / 1000 * policy.budget
        if kept.since is None:
            kept.since = kept.until = tick
        kept.allowance += daily * (tick - kept.until) / DAY_MS
        kept.allowance = min(kept.allowance, max(1.0, _FLOW_DAYS * daily))
        kept.until = tick
        kept.days = {day: counts for day, counts in kept.days.items() if day > tick // DAY_MS - _WINDOW_DAYS}
        self._dirty = True

    def heard(self, tick: int, standing: float) -> None:
        """A candidate came for the first time in its episode."""
        counts = self._kept.days.setdefault(tick // DAY_MS, {})
        step = round(standing * _STEPS)
        counts[step] = counts.get(step, 0) + 1
        self._dirty = True

    def cutoff(self, subscribers: int, policy: TierPolicy) -> float:
        """How high a candidate must stand: by those of the days before, so that it is one cut-off all day."""
        kept, published = self._kept, 0.0 if policy.raises == "warning" else 1.0
        days = 0.0 if kept.since is None else min((kept.until - kept.since) / DAY_MS, float(_WINDOW_DAYS))
        counts: Counter[int] = Counter()
        for day, of_day in kept.days.items():
            if day < kept.until // DAY_MS:
                counts.update(of_day)
        room, own = subscribers / 1000 * policy.budget * days, published
        if days < _FLOW_DAYS or counts.total() <= room:
            return published
        passed = 0
        for step in sorted(counts, reverse=True):
            own = step / _STEPS
            passed += counts[step]
            if passed >= room:
                break
        return published + (max(own, published) - published) * min(1.0, counts.total() / _ENOUGH)

    def admits(self, standing: float, cutoff: float) -> bool:
        """Whether a candidate may be raised."""
        return self._kept.allowance >= 1.0 and round(standing * _STEPS) / _STEPS >= cutoff

    def spend(self) -> None:
        """An alert was raised."""
        self._kept.allowance -= 1.0
        self._dirty = True

    def take_changes(self) -> list[StateRecord]:
        """Its state record, if anything changed."""
        dirty, self._dirty = self._dirty, False
        return [(BUDGET_KEY, msgspec.json.encode(self._kept))] if dirty else []

    def load(self, records: Iterable[StateRecord]) -> list[StateRecord]:
        """Take up its record from among the state records, and give back the others."""
        others = []
        for key, value in records:
            if key != BUDGET_KEY:
                others.append((key, value))
            elif value is not None:
                try:
                    self._kept = msgspec.json.decode(value, type=BudgetState)
                except msgspec.MsgspecError as error:
                    raise StateMalformedError(f"state record {key!r}: {error}") from error
        return others
