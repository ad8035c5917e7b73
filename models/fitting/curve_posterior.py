"""The Bayesian one of the two models: a Gaussian posterior over smooth curves, with the prior's log-odds as offset.

Each feature has a straight line over the standardised logarithm and a bend at each inner knot. All weights start at
zero with narrow priors, so a hundred leavers move only the features they are evidence for. The labels set the widths:
bends that moved less than allowed get a narrower prior, in the end zero, and those that moved more a wider one [1]_.
One more weight says how far to trust the prior itself. Person-weeks are learned in lots: the loss of a lot is minimised
together with a quadratic approximation of all earlier lots, by Newton steps halved until they improve. Undamped steps
diverged on person-weeks (AUC 0.57).

References
----------
.. [1] MacKay, D. J. C. (1992). The evidence framework applied to classification networks. Neural Computation 4(5).
   (A Gaussian about the minimum, whose precision is carried on; strengths by the number of weights well determined.)
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Self

import numpy as np
from msgspec import Struct
from scipy.linalg import lapack
from scipy.special import expit

from models.arrays import Bools, Floats, Ints
from models.fitting.knots import Knots

_LINE: Final = 0.1
_BEND: Final = 0.05
_TRUST: Final = 0.3
_WEEK: Final = 1.0
"""Prior standard deviations: of a line per unit of its spread, of a bend, of the trust in the prior, of a week's
level."""
_OVERLAP: Final = 0.7
"""Weight of a person-week where weekly looks overlap: up to four report the leaving of one subscriber. At 1, a hundred
of them moved curves further than they are evidence for."""
_NARROWEST: Final = 0.05
_TIGHTEST: Final = 1e5
_LOOSEST: Final = 1.0
"""Bounds of the prior precision of lines and bends."""
_FASTEST: Final = 5.0
"""Largest change of a precision in one step of a review; a larger one would be based on curves that do not exist yet.
"""
_REVIEWS: Final = 5
_STEPS: Final = 20
_LEAST_GAIN: Final = 1e-6
_SHORTEST: Final = 1e-3


class Lot(Struct, frozen=True, kw_only=True):
    """Person-weeks: features (F, n), weeks from 0, whether they left."""

    x: Floats
    offset: Floats
    week: Ints
    left: Bools


class PosteriorState(Struct, frozen=True, kw_only=True):
    """The full state; arrays as little-endian bytes, of the precision matrix the upper triangle."""

    mean: float
    spread: float
    weeks: int
    weights: bytes
    pull: bytes
    precision: bytes
    strengths: bytes


class Posterior:
    """A Gaussian posterior over the weights of lines and bends.

    Parameters
    ----------
    ground
        Knots and scaling of the features.
    weeks
        Number of weeks of a vector's horizon.
    mean, spread
        Mean and standard deviation of the prior's log-odds in unlabelled rows.
    memory
        Person-weeks after which one weighs a third: subscribers and offers change.
    """

    def __init__(self, ground: Knots, weeks: int, mean: float, spread: float, memory: int) -> None:
        self._ground, self.weeks, self._mean, self._spread, self._memory = ground, weeks, mean, spread, memory
        self._worth = 1.0 if weeks == 1 else _OVERLAP
        self._shapes = [_shapes(line) for line in map(ground.standard, range(len(ground.names)))]
        ends = weeks + np.cumsum([0, *map(len, self._shapes)])
        self._parts = [slice(*each) for each in pairwise(ends.tolist())]
        """Slice of each feature's weights, the line first; the weeks' weights stand before them, the trust's last."""
        size = int(ends[-1]) + 1
        self._first = np.full(size, 1.0 / _BEND**2)
        self._first[:weeks], self._first[-1] = 1.0 / _WEEK**2, 1.0 / _TRUST**2
        self._first[[part.start for part in self._parts]] = 1.0 / _LINE**2
        self._strengths = self._first
        self._reviewed = True
        self._precision, self._pull, self.weights = np.zeros((size, size)), np.zeros(size), np.zeros(size)

    def _design(self, lot: Lot) -> Floats:
        found = np.zeros((len(lot.week), len(self.weights)))
        found[np.arange(len(lot.week)), lot.week] = 1.0
        for row, knots, shapes, part in zip(lot.x, self._ground.knots, self._shapes, self._parts, strict=True):
            known = ~np.isnan(row)
            found[known, part] = _between(row[known], knots, shapes)
        found[:, -1] = (lot.offset - self._mean) / self._spread
        return found

    def told(self, lot: Lot) -> Floats:
        """Current risks of leaving in the week."""
        return self._told(self.weights, self._design(lot), lot)[0]

    def review(self) -> None:
        """Set the prior precision of each line and each feature's bends by all labels so far, and refit the weights.

        Each review starts from the same precisions: otherwise a weight shrunk to zero by few labels would stay there.
        """
        if self._reviewed:
            return
        self._reviewed = True
        lines = [slice(part.start, part.start + 1) for part in self._parts]
        bends = [slice(part.start + 1, part.stop) for part in self._parts if part.stop > part.start + 1]
        self._strengths = strengths = self._first.copy()
        for _ in range(_REVIEWS):
            weights, left = _solved(self._precision + np.diag(strengths), self._pull)
            for group in (*lines, *bends):
                held = strengths[group.start]
                used = group.stop - group.start - held * float(left[group].sum())
                change = max(used, 1e-6) / (held * float(weights[group] @ weights[group]) + 1e-12)
                strengths[group] = np.clip(held * np.clip(change, 1.0 / _FASTEST, _FASTEST), _LOOSEST, _TIGHTEST)
        self.weights = np.asarray(np.linalg.solve(self._precision + np.diag(strengths), self._pull), dtype=np.float64)

    def learn(self, lot: Lot) -> None:
        """Learn a lot of person-weeks; their offsets are the prior's log-odds of leaving in a week."""
        self._reviewed = False
        fade = max(0.0, 1.0 - len(lot.week) / self._memory)
        self._precision *= fade
        self._pull *= fade
        design, memory = self._design(lot), self._precision + np.diag(self._strengths)
        weights, loss = self.weights, self._loss(self.weights, memory, design, lot)
        for _ in range(_STEPS):
            risk, certain = self._told(weights, design, lot)
            slope = memory @ weights - self._pull + self._worth * (design.T @ (risk - lot.left))
            step = np.linalg.solve(memory + (design * certain[:, None]).T @ design, slope)
            length = 1.0
            while length > _SHORTEST and self._loss(weights - length * step, memory, design, lot) > loss:
                length /= 2.0
            weights = weights - length * step
            before, loss = loss, self._loss(weights, memory, design, lot)
            if before - loss < _LEAST_GAIN * max(1.0, abs(loss)):
                break
        risk, certain = self._told(weights, design, lot)
        self.weights = weights
        # Symmetric and rounded to single precision, exactly as the checkpoint stores it.
        precision = self._precision + (design * certain[:, None]).T @ design
        self._precision = _mirrored(precision.astype("<f4").astype(np.float64))
        self._pull += design.T @ (self._worth * (lot.left - risk) + certain * (design @ weights))

    def _told(self, weights: Floats, design: Floats, lot: Lot) -> tuple[Floats, Floats]:
        """Risks of leaving in the week, and the weight of each person-week as evidence: the curvature of its loss."""
        risk: Floats = expit(lot.offset + design @ weights)
        return risk, self._worth * risk * (1.0 - risk)

    def _loss(self, weights: Floats, memory: Floats, design: Floats, lot: Lot) -> float:
        odds = lot.offset + design @ weights
        lost = self._worth * float((np.logaddexp(0.0, odds) - lot.left * odds).sum())
        return 0.5 * float(weights @ memory @ weights) - float(self._pull @ weights) + lost

    @property
    def trust(self) -> float:
        """Factor by which the prior's curves are added once more."""
        return float(self.weights[-1]) / self._spread

    def curves(self) -> list[Floats]:
        """Log-odds that each feature adds at its knots; a missing value adds nothing."""
        return [self.weights[part] @ shapes for part, shapes in zip(self._parts, self._shapes, strict=True)]

    def state(self) -> PosteriorState:
        """The full state, for a checkpoint."""
        upper = self._precision[np.triu_indices(len(self.weights))]
        return PosteriorState(
            mean=self._mean,
            spread=self._spread,
            weeks=self.weeks,
            weights=self.weights.tobytes(),
            pull=self._pull.tobytes(),
            precision=upper.astype("<f4").tobytes(),
            strengths=self._strengths.tobytes(),
        )

    @classmethod
    def resume(cls, ground: Knots, state: PosteriorState, memory: int) -> Self:
        """Restore from :meth:`state`.

        Raises
        ------
        ValueError
            If the number of bytes does not fit the ground.
        """
        found = cls(ground, state.weeks, state.mean, state.spread, memory)
        size = len(found.weights)
        found.weights = np.frombuffer(state.weights, dtype="<f8").reshape(size).copy()
        found._pull = np.frombuffer(state.pull, dtype="<f8").reshape(size).copy()
        found._reviewed = False  # another review of the same evidence gives the same weights
        found._strengths = np.frombuffer(state.strengths, dtype="<f8").reshape(size).copy()
        upper = np.triu_indices(size)
        found._precision[upper] = np.frombuffer(state.precision, dtype="<f4")
        found._precision = _mirrored(found._precision)
        return found


def _shapes(line: Floats) -> Floats:
    """The line and the bends of a feature, at its knots; bends are scaled to the spread of a line."""
    bends = np.maximum(line - line[1:-1, None], 0.0)
    spread = np.maximum(bends.std(axis=1, keepdims=True), _NARROWEST)
    return np.vstack([line, bends / spread]) if line.any() else line[None]


def _between(values: Floats, knots: Floats, shapes: Floats) -> Floats:
    """Each shape interpolated at each value, (n, shapes); constant beyond the outer knots."""
    if len(knots) == 1:
        return np.repeat(shapes.T, len(values), axis=0)
    right = np.clip(np.searchsorted(knots, values, side="right"), 1, len(knots) - 1)
    share = np.clip((values - knots[right - 1]) / (knots[right] - knots[right - 1]), 0.0, 1.0)[:, None]
    return np.asarray((1.0 - share) * shapes.T[right - 1] + share * shapes.T[right])


def _solved(precision: Floats, pull: Floats) -> tuple[Floats, Floats]:
    """Mean and variances of a Gaussian, by a Cholesky factor: a third of the time of the general inverse.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the precision is not positive definite.
    """
    factor, _ = lapack.dtrtri(np.linalg.cholesky(precision), lower=True)
    return factor.T @ (factor @ pull), (factor * factor).sum(axis=0)


def _mirrored(matrix: Floats) -> Floats:
    """The symmetric matrix with this upper triangle."""
    return np.asarray(np.triu(matrix) + np.triu(matrix, 1).T)
