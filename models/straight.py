"""A straight line in the logarithms of what is counted: the learner for streams whose world changes.

Where labels come weeks late and the base rate moves from a tenth to a half, curves with hundreds of weights learn what
is over (AUC 0.753 on real messages); a line has little to unlearn (0.763 to 0.769). Two opinions of the same line are
averaged in log-odds: AdaGrad, which never quite settles and so follows (best at the end), and the normal posterior of
:mod:`models.newton`, which uses few labels best (best at the beginning).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.newton import sigmoid

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RATE: Final = 0.05
"""AdaGrad's first step."""
RIDGE: Final = 3.0
FADE: Final = 0.02
"""Share of what is known that is forgotten with each batch of labels."""
STEP: Final = 250
"""Rows of a Newton step: fewer than a model of curves needs, since these weights are few."""
_MOST_SPREADS: Final = 8.0
"""An amount a thousand times the usual one must not decide alone."""


class Scale:
    """Means and spreads of what was seen so far, without its labels.

    Parameters
    ----------
    width
        How many features.

    References
    ----------
    .. [1] Chan, T. F., Golub, G. H., LeVeque, R. J. (1983). Algorithms for computing the sample variance: analysis and
       recommendations. The American Statistician 37(3). (Merging batches.)

    Examples
    --------
    >>> scale = Scale(1)
    >>> scale.see(np.array([[1.0], [3.0]])), scale.see(np.array([[5.0], [np.nan]]))
    (None, None)
    >>> scale.mean.tolist(), scale.spread.round(3).tolist()
    ([3.0], [1.633])
    """

    def __init__(self, width: int) -> None:
        self._count = np.zeros(width)
        self.mean = np.zeros(width)
        self._squares = np.zeros(width)

    @property
    def spread(self) -> Floats:
        """Standard deviations; 1 where nothing varies."""
        spread = np.sqrt(self._squares / np.maximum(self._count, 1.0))
        return np.where(spread > 1e-9, spread, 1.0)

    def see(self, rows: Floats) -> None:
        """Take rows in; NaN counts for nothing."""
        known = ~np.isnan(rows)
        count = known.sum(axis=0)
        mean = np.where(known, rows, 0.0).sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(known, rows - mean, 0.0) ** 2).sum(axis=0)
        total = self._count + count
        apart = mean - self.mean
        self.mean = self.mean + apart * count / np.maximum(total, 1.0)
        self._squares += squares + apart**2 * self._count * count / np.maximum(total, 1.0)
        self._count = total


class Straight:
    """See the module.

    Parameters
    ----------
    width
        How many features.

    Examples
    --------
    >>> line = Straight(1)
    >>> rows = np.array([[9.0], [1.0]] * 200)
    >>> line.see(rows)
    >>> line.learn(rows, np.array([True, False] * 200))
    >>> low, high = line.risk(np.array([[1.0], [9.0]])).tolist()
    >>> low < 0.2 < 0.8 < high
    True
    """

    def __init__(self, width: int) -> None:
        self._scale = Scale(width)
        weights = 1 + 2 * width
        self._following = np.zeros(weights)
        self._steps = np.full(weights, 1e-8)
        self._settled = np.zeros(weights)
        self._precision: Floats = np.eye(weights) * RIDGE

    def see(self, rows: Floats) -> None:
        """Look at rows before they are scored: scales need no labels."""
        self._scale.see(_small(rows))

    def risk(self, rows: Floats) -> Floats:
        """Probability of leaving; changes nothing."""
        seen = self._lay_out(rows)
        return sigmoid((seen @ self._following + seen @ self._settled) / 2.0)

    def learn(self, rows: Floats, left: Bools) -> None:
        """Learn a batch of labels, once."""
        seen = self._lay_out(rows)
        self._follow(seen, left)
        kept = 1.0 - FADE
        self._precision = self._precision * kept + np.eye(len(self._settled)) * (RIDGE * FADE)
        for start in range(0, len(left), STEP):
            part = seen[start : start + STEP]
            told = sigmoid(part @ self._settled)
            self._precision += part.T @ (part * (told * (1.0 - told))[:, None])
            self._settled += np.linalg.solve(self._precision, part.T @ (left[start : start + STEP] - told))

    def _follow(self, seen: Floats, left: Bools) -> None:
        for row, answer in zip(seen, left, strict=True):
            slope = (1.0 / (1.0 + np.exp(-min(40.0, max(-40.0, float(row @ self._following))))) - answer) * row
            self._steps += slope * slope
            self._following -= RATE * slope / np.sqrt(self._steps)

    def _lay_out(self, rows: Floats) -> Floats:
        """An intercept, each feature in spreads from its mean (0 where missing), and a flag for each missing one."""
        small = _small(rows)
        missing = np.isnan(small)
        known = np.where(missing, 0.0, (small - self._scale.mean) / self._scale.spread)
        known = np.clip(known, -_MOST_SPREADS, _MOST_SPREADS)
        return np.concatenate([np.ones((len(rows), 1)), known, missing.astype(np.float64)], axis=1)


def _small(rows: Floats) -> Floats:
    return np.asarray(np.sign(rows) * np.log1p(np.abs(rows)))
