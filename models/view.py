"""The columns of some subscribers as a feature sees them: decayed to their own now, a vector each.

Small pieces are the common case of a lane that keeps up, and there the number of NumPy calls is the cost. So the sums
of a block are decayed together, and what several features need is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from models.columns import BLOCKS, CARE, RISK, SEEN_IDS, TAU_DAYS, VISITS, BlockSpec
from models.decay import Floats, factor, span_days
from models.events import DAY_MS
from models.population import Population, Rows
from models.sums import FIRST_SUM

T = TypeVar("T")

_SPECS: Final = {spec.name: spec for spec in BLOCKS}
_TRUE_ZEROS: Final = frozenset({CARE.name, VISITS.name})
"""Blocks in which no event at all is a zero: who has no complaint leaves no event that says so."""


def state_of(population: Population, rows: Rows) -> dict[str, Floats]:
    """Columns of these subscribers as they stand, in the form of ``Trace.state``: for sweeps."""
    return {spec.name: population.blocks[spec.name].data[rows] for spec in BLOCKS if spec not in (RISK, SEEN_IDS)}


def tau_of(column: str) -> int:
    """Place in `TAU_DAYS` of a sum's time constant.

    Examples
    --------
    >>> TAU_DAYS[tau_of("minutes_30")]
    30
    """
    return TAU_DAYS.index(int(column.rpartition("_")[2]))


def _spans(spec: BlockSpec) -> tuple[tuple[int, slice], ...]:
    """The sums of a block by time constant: they stand together."""
    return tuple(
        (tau, slice(spec.taus.index(tau), len(spec.taus) - spec.taus[::-1].index(tau))) for tau in set(spec.taus)
    )


_BY_TAU: Final = {spec.name: _spans(spec) for spec in BLOCKS}


class View:
    """State of n subscribers (block name to (n, k) columns), each looked at from his own `now` (ms)."""

    def __init__(self, state: Mapping[str, Floats], now: Floats) -> None:
        self.now = now
        self._state = state
        self._columns: dict[str, Floats] = {}
        self._known: dict[Hashable, Any] = {}

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What `compute` answers, computed at the first call with this `key`."""
        if key not in self._known:
            self._known[key] = compute()
        found: T = self._known[key]
        return found

    def column(self, block: str, name: str) -> Floats:
        """A column as it is kept."""
        found: Floats = self._all(block)[_SPECS[block].index[name]]
        return found

    def _all(self, block: str) -> Floats:
        columns = self._columns.get(block)
        if columns is None:
            columns = self._columns[block] = np.ascontiguousarray(self._state[block].T)
        return columns

    def never(self, block: str) -> npt.NDArray[np.bool_]:
        """Who has nothing in this block at all."""
        return np.isnan(self.column(block, "ref_ts"))

    def elapsed(self, block: str) -> Floats:
        """Time since the block's last event, ms; NaN where there was none.

        A sweep may look from a tick before the subscriber's last event; time does not run backwards for a sum.
        """
        return self.once(("elapsed", block), lambda: np.maximum(self.now - self.column(block, "ref_ts"), 0.0))

    def age(self, block: str) -> Floats:
        """Time since the block's first event, ms; NaN where there was none."""
        return self.once(("age", block), lambda: np.maximum(self.now - self.column(block, "first_ts"), 0.0))

    def total(self, block: str, column: str) -> Floats:
        """A sum as of now. Who never had such an event: NaN, but 0 in care and visits."""
        totals = self.once(("totals", block), lambda: self._totals(block))
        found: Floats = totals[_SPECS[block].index[column] - FIRST_SUM]
        return found

    def _totals(self, block: str) -> Floats:
        elapsed = self.elapsed(block)
        if block in _TRUE_ZEROS:
            elapsed = np.where(np.isnan(elapsed), 0.0, elapsed)
        kept = self._all(block)[FIRST_SUM : FIRST_SUM + len(_SPECS[block].taus)]
        totals = np.empty(kept.shape)
        for tau, sums in _BY_TAU[block]:
            np.multiply(kept[sums], factor(elapsed, tau), out=totals[sums])
        return totals

    def rate(self, block: str, column: str) -> Floats:
        """A sum per day of what it can have seen: comparable over time constants; NaN where there was no event."""
        rates = self.once(("rates", block), lambda: self._rates(block))
        found: Floats = rates[_SPECS[block].index[column] - FIRST_SUM]
        return found

    def _rates(self, block: str) -> Floats:
        totals, age = self.once(("totals", block), lambda: self._totals(block)), self.age(block)
        rates = np.empty(totals.shape)
        for tau, sums in _BY_TAU[block]:
            np.divide(totals[sums], span_days(age, tau), out=rates[sums])
        return rates

    def days(self, since: Floats) -> Floats:
        """Days from a time to now."""
        found: Floats = (self.now - since) / DAY_MS
        return found
