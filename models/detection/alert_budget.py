"""The budget of tier alerts of a lane: the front line can make few calls a day, for the best candidates.

The lane accrues an allowance, its share of the operator's budget per event day. A candidate passes if it stands at or
above the lane's cut-off and the allowance covers one alert. The cut-off is where the candidates of the last 28 days
above it would just use the budget; while they are few it is shrunk towards the model's own. Candidates are kept by
their :func:`models.scoring.tiers.standing`, which means the same under another model.
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
"""Key of the budget's state record, which the population does not handle."""
_WINDOW_DAYS: Final = 28
_FLOW_DAYS: Final = 7
"""Days of candidates observed before they move the cut-off; also the most days of allowance that accrue."""
_ENOUGH: Final = 50
_STEPS: Final = 20
"""Standings are counted in steps of one twentieth."""
_GOLDEN: Final = 0.6180339887498949


class BudgetState(Struct):
    """The state of the budget across restarts."""

    allowance: float
    since: int | None = None
    """Start of the lane's first day."""
    until: int = 0
    """Time up to which the allowance has accrued."""
    days: dict[int, dict[int, int]] = field(default_factory=dict)
    """Candidates of each event day, counted by standing."""


class AlertBudget:
    """Allowance and cut-off for the tier alerts of one lane.

    Parameters
    ----------
    partition
        The lane's partition. Each lane starts with another fraction of an alert: with equal starts, eight small lanes
        would all raise their first alert on one day, weeks after one large lane.

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
        """Accrue the allowance since the last call, and drop days beyond the window."""
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
        """Count a candidate; called the first time in its episode."""
        counts = self._kept.days.setdefault(tick // DAY_MS, {})
        step = round(standing * _STEPS)
        counts[step] = counts.get(step, 0) + 1
        self._dirty = True

    def cutoff(self, subscribers: int, policy: TierPolicy) -> float:
        """The least standing of a candidate; from earlier days only, so it is constant all day."""
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
        """Deduct one alert from the allowance."""
        self._kept.allowance -= 1.0
        self._dirty = True

    def take_changes(self) -> list[StateRecord]:
        """The budget's state record, if it changed."""
        dirty, self._dirty = self._dirty, False
        return [(BUDGET_KEY, msgspec.json.encode(self._kept))] if dirty else []

    def load(self, records: Iterable[StateRecord]) -> list[StateRecord]:
        """Read the budget's record among the state records, and return the others."""
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
