"""The columns of some subscribers as a feature sees them: decayed to their own now, a vector each.

What several features need (a sum of now, a rate, how long the last call is ago) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from models.columns import BLOCKS, RISK, SEEN_IDS, TAU_DAYS
from models.decay import Floats, factor, span_days
from models.events import DAY_MS
from models.population import Population, Rows

_INDEX = {spec.name: spec.index for spec in BLOCKS}


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


class View:
    """State of n subscribers (block name to (n, k) columns), each looked at from his own `now` (ms)."""

    def __init__(self, state: Mapping[str, Floats], now: Floats) -> None:
        self.now = now
        self._state = state
        self._columns: dict[str, Floats] = {}
        self._known: dict[tuple[str, str, str], Floats] = {}

    def _once(self, what: str, block: str, column: str, compute: Callable[[], Floats]) -> Floats:
        key = (what, block, column)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = compute()
        return found

    def column(self, block: str, name: str) -> Floats:
        """A column as it is kept."""
        columns = self._columns.get(block)
        if columns is None:
            columns = self._columns[block] = np.ascontiguousarray(self._state[block].T)
        found: Floats = columns[_INDEX[block][name]]
        return found

    def never(self, block: str) -> npt.NDArray[np.bool_]:
        """Who has nothing in this block at all."""
        return np.isnan(self.column(block, "ref_ts"))

    def elapsed(self, block: str) -> Floats:
        """Time since the block's last event, ms; 0 where there was none.

        A sweep may look from a tick before the subscriber's last event; time does not run backwards for a sum.
        """
        return self._once("elapsed", block, "", lambda: np.fmax(self.now - self.column(block, "ref_ts"), 0.0))

    def age(self, block: str) -> Floats:
        """Time since the block's first event, ms; NaN where there was none."""
        return self._once("age", block, "", lambda: np.maximum(self.now - self.column(block, "first_ts"), 0.0))

    def total(self, block: str, column: str) -> Floats:
        """A sum as of now; 0 where there was no event."""
        tau = tau_of(column)
        decay = self._once("decay", block, str(tau), lambda: factor(self.elapsed(block), tau))
        return self._once("total", block, column, lambda: self.column(block, column) * decay)

    def rate(self, block: str, column: str) -> Floats:
        """A sum per day of what it can have seen: comparable over time constants; NaN where there was no event."""
        tau = tau_of(column)
        span = self._once("span", block, str(tau), lambda: span_days(self.age(block), tau))
        return self._once("rate", block, column, lambda: self.total(block, column) / span)

    def days(self, since: Floats) -> Floats:
        """Days from a time to now."""
        found: Floats = (self.now - since) / DAY_MS
        return found
