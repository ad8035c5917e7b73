"""The inputs of both learning models: each feature as a signed logarithm, linear between frozen knots, with its spread.

Amounts and counts are skewed: from 1 to 2 calls matters as much as from 50 to 100. Between two knots the logarithm is
interpolated linearly, so each learned effect is a curve with these knots and is served exactly as learned. Beyond the
outer knots it is constant: unseen values count as the largest seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from msgspec import Struct

from models.arrays import Floats

KNOTS: Final = 12
_SMALL: Final = 1e-3
"""Least standard deviation of a feature's logarithm: with less, it is the same for everybody and is ignored."""


class GroundState(Struct, frozen=True, kw_only=True):
    """The full state of :class:`Knots`."""

    knots: list[list[float]]
    mean: list[float]
    spread: list[float]


class Knots:
    """Frozen knots of all features, and the mean and spread of their logarithms.

    Parameters
    ----------
    names
        Names of the features.
    knots
        Knots of each feature, rising.
    mean, spread
        Mean and standard deviation of each logarithm in the rows used for freezing; spread 0 means an ignored feature.

    Examples
    --------
    >>> ground = Knots.of(("calls",), np.array([[0.0, 1.0, 3.0, np.nan]]))
    >>> ground.knots[0].tolist(), ground.logs(np.array([[3.0, 99.0, np.nan]])).round(3).tolist()
    ([0.0, 1.0, 3.0], [[1.386, 1.386, nan]])
    """

    def __init__(self, names: Sequence[str], knots: Sequence[Sequence[float]], mean: Floats, spread: Floats) -> None:
        self.names = tuple(names)
        self.knots = [np.array(each, dtype=np.float64) for each in knots]
        self.logs_at = [np.sign(each) * np.log1p(np.abs(each)) for each in self.knots]
        """Logarithms at each feature's knots."""
        self._mean, self._spread = mean, spread

    @classmethod
    def of(cls, names: Sequence[str], rows: Floats) -> Self:
        """Freeze knots, mean and spread on unlabelled rows, (F, n)."""
        knots = [knots_of(row) for row in rows]
        nothing = np.zeros(len(names))
        logs = cls(names, knots, nothing, nothing).logs(rows)
        known = [row[~np.isnan(row)] for row in logs]
        mean = np.array([float(row.mean()) if len(row) else 0.0 for row in known])
        spread = np.array([float(row.std()) if len(row) else 0.0 for row in known])
        return cls(names, knots, mean, np.where(spread > _SMALL, spread, 0.0))

    def logs(self, rows: Floats) -> Floats:
        """Logarithms, (F, n); NaN where a value is missing."""
        pairs = zip(rows, self.knots, self.logs_at, strict=True)
        found = np.array([np.interp(row, knots, logs) for row, knots, logs in pairs])
        return np.where(np.isnan(rows), np.nan, found)

    def standard(self, f: int) -> Floats:
        """The standardised logarithm at a feature's knots."""
        spread = float(self._spread[f])
        return np.asarray((self.logs_at[f] - self._mean[f]) / spread if spread else np.zeros(len(self.knots[f])))

    def state(self) -> GroundState:
        """The full state, for a checkpoint."""
        knots = [each.tolist() for each in self.knots]
        return GroundState(knots=knots, mean=self._mean.tolist(), spread=self._spread.tolist())

    @classmethod
    def resume(cls, names: Sequence[str], state: GroundState) -> Self:
        """Restore from :meth:`state`."""
        return cls(names, state.knots, np.array(state.mean), np.array(state.spread))


def knots_of(values: Floats, count: int = KNOTS) -> list[float]:
    """Knots for the observed values of a feature; NaN is a missing value.

    A feature with few distinct values has a knot at each. Many features are zero in half of the rows, where quantiles
    of all rows would put most knots; so a third as many are added at quantiles of the distinct values.

    Examples
    --------
    >>> knots_of(np.array([1.0, 2.0, 1.0, np.nan])), len(knots_of(np.arange(1000.0), 10))
    ([1.0, 2.0], 10)
    """
    known = values[~np.isnan(values)]
    found = np.unique(known)
    if len(found) > count:
        mass = np.quantile(known, np.linspace(0.01, 0.99, count))
        spread = np.quantile(found, np.linspace(0.01, 0.99, count)[::3])
        found = np.concatenate([mass, spread])
    # Six digits: no rows lie between knots closer than that.
    return sorted({float(f"{knot:.6g}") for knot in found.tolist()}) or [0.0]
