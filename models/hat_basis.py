"""The piecewise-linear basis of the champion: a value becomes the weights of its two neighbouring knots."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import numpy as np

from models.risk import Floats
from models.snapshot import Snapshot

KNOTS: Final = 10


class HatBasis:
    """Frozen knots of every feature.

    Parameters
    ----------
    names
        Of the features.
    knots
        Rising, at least one for each feature.
    usual
        Medians, NaN where a feature is usually missing.

    Examples
    --------
    >>> basis = HatBasis(("arpu",), [[0.0, 50.0, 100.0]], np.array([50.0]))
    >>> basis.weights([75.0])
    {'arpu#1': 0.5, 'arpu#2': 0.5}
    >>> basis.weights([float("nan")]), basis.weights([-7.0])
    ({'arpu#na': 1.0}, {'arpu#0': 1.0})
    """

    def __init__(self, names: Sequence[str], knots: Sequence[Sequence[float]], usual: Floats) -> None:
        self.names = tuple(names)
        self.knots = [list(k) for k in knots]
        self.usual = usual
        self._keys = [[f"{name}#{k}" for k in range(len(found))] for name, found in zip(names, knots, strict=True)]
        self._missing = [f"{name}#na" for name in names]

    @classmethod
    def of(cls, names: Sequence[str], x: Floats, count: int = KNOTS) -> HatBasis:
        """Knots at the quantiles of unlabelled rows `x`, (F, n); a feature with a few values has a knot at each."""
        knots, usual = [], []
        for row in x:
            known = row[np.isfinite(row)]
            usual.append(float(np.median(known)) if 2 * len(known) > len(row) else float("nan"))
            found = np.unique(known)
            if len(found) > count:
                # Half of many features is zero: quantiles of the whole would spend most knots on it.
                spread = np.quantile(found, np.linspace(0.01, 0.99, count))
                mass = np.quantile(known, np.linspace(0.01, 0.99, count))
                found = np.concatenate([spread[::3], mass])
            knots.append(sorted({float(f"{v:.6g}") for v in found.tolist()}) or [0.0])
        return cls(names, knots, np.array(usual))

    def weights(self, values: Sequence[float]) -> dict[str, float]:
        """A subscriber's features as weights of knots."""
        found: dict[str, float] = {}
        for keys, missing, knots, value in zip(self._keys, self._missing, self.knots, values, strict=True):
            if value != value:  # noqa: PLR0124 - NaN, without a call: this runs ninety times a row
                found[missing] = 1.0
            elif value <= knots[0]:
                found[keys[0]] = 1.0
            elif value >= knots[-1]:
                found[keys[-1]] = 1.0
            else:
                right = bisect_right(knots, value)
                share = (value - knots[right - 1]) / (knots[right] - knots[right - 1])
                found[keys[right - 1]] = 1.0 - share
                if share > 0.0:
                    found[keys[right]] = share
        return found

    def interpolated(self, prior: Snapshot) -> dict[str, float]:
        """A snapshot's curves at these knots: the weights that come nearest to it, in the order of the features."""
        found: dict[str, float] = {}
        for keys, missing, knots, curve in zip(self._keys, self._missing, self.knots, prior.curves, strict=True):
            found |= dict(zip(keys, np.interp(knots, curve.knots, curve.values).tolist(), strict=True))
            found[missing] = curve.missing
        return found
