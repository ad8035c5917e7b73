"""What both voices learn on: each feature as a signed logarithm between frozen knots, and how that is spread.

Amounts and counts are skewed: from 1 to 2 calls is as much as from 50 to 100. Between two knots the logarithm is taken
for straight, so whatever is learned is a curve with these knots and is served as it was learned. Beyond the first and
the last knot it is constant: a value that nobody was seen with says no more than the largest that was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from msgspec import Struct

from models.arrays import Floats

KNOTS: Final = 12
_SMALL: Final = 1e-3
"""A feature whose logarithm is spread less is the same for everybody, and says nothing."""


class GroundState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

    knots: list[list[float]]
    mean: list[float]
    spread: list[float]


class Knots:
    """See the module.

    Parameters
    ----------
    names
        Of the features.
    knots
        Of each, rising.
    mean, spread
        Of each one's logarithm in the rows on which all this was frozen; a spread of 0 is a feature that says nothing.

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
        """The logarithm at each feature's knots."""
        self._mean, self._spread = mean, spread

    @classmethod
    def of(cls, names: Sequence[str], rows: Floats) -> Self:
        """Freeze on unlabelled rows, (F, n)."""
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
        """Everything that is needed to go on."""
        knots = [each.tolist() for each in self.knots]
        return GroundState(knots=knots, mean=self._mean.tolist(), spread=self._spread.tolist())

    @classmethod
    def resume(cls, names: Sequence[str], state: GroundState) -> Self:
        """Go on from :meth:`state`."""
        return cls(names, state.knots, np.array(state.mean), np.array(state.spread))


def knots_of(values: Floats, count: int = KNOTS) -> list[float]:
    """Knots for what was seen of a feature; NaN is a missing value.

    One with few values has a knot at each. Of many features half is zero: quantiles of all rows would spend most knots
    there, so a third as many are quantiles of the different values.

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
    # Six digits: knots nearer to each other than that hold no rows between them.
    return sorted({float(f"{knot:.6g}") for knot in found.tolist()}) or [0.0]
