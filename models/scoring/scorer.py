"""Risks of many subscribers at once: an additive logistic model with one curve a feature.

A score is a sum of interpolations between knots, and a reason is how far a feature's curve is above its value for the
usual subscriber. Nothing here learns; the numbers come from :mod:`models.scoring.snapshot`.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Floats
from models.contract.vocabulary import SEGMENTS, Segment
from models.scoring.snapshot import Curve, Snapshot, SnapshotRefusedError

_STRIP: Final = 128
"""Subscribers interpolated at once, so that intermediate arrays stay in the processor's cache."""
_MAX_LOGIT: Final = 40.0
"""Clip of the log-odds: beyond it a risk is 0 or 1 to the last bit, and the exponential cannot overflow."""

_PARITY: Final = 1e-9


def logit(risk: float) -> float:
    """Log-odds of a probability.

    Examples
    --------
    >>> logit(0.5), round(logit(0.015), 3)
    (0.0, -4.185)
    """
    return math.log(risk) - math.log1p(-risk)


def sigmoid(z: float) -> float:
    """Probability of log-odds, the inverse of :func:`logit`.

    Examples
    --------
    >>> sigmoid(0.0), round(sigmoid(logit(0.015)), 12)
    (0.5, 0.015)
    """
    return 1.0 / (1.0 + math.exp(-min(max(z, -_MAX_LOGIT), _MAX_LOGIT)))


class Risks(NamedTuple):
    """Risk and log-odds of each subscriber scored."""

    risk: Floats
    logit: Floats


class Scorer:
    """A snapshot as arrays, shifted to the operator's base rate.

    A model trained where 5 % leave predicts 5 % on average. Where only 1.5 % leave, all log-odds are shifted by the
    difference of the two base rates' log-odds [1]_. The order of the subscribers stays.

    Parameters
    ----------
    snapshot
        The model.
    base_rate
        The operator's monthly share of subscribers who leave; ``None`` means the snapshot's.

    References
    ----------
    .. [1] Saerens, M., Latinne, P., Decaestecker, C. (2002). Adjusting the outputs of a classifier to new a priori
       probabilities. Neural Computation 14(1).

    Examples
    --------
    >>> from models.scoring.snapshot import Curve, Snapshot
    >>> curve = Curve(feature="days_silent", knots=[0.0, 10.0], values=[-1.0, 1.0], missing=0.25, usual=5.0)
    >>> scorer = Scorer(Snapshot(version="m-1", curves=[curve], intercept=0.0, base_rate=0.5))
    >>> scorer.score(np.array([[0.0, 5.0, 99.0, np.nan]])).logit.tolist()
    [-1.0, 0.0, 1.0, 0.25]
    >>> scorer.contributions(np.array([[10.0]])).tolist()
    [[1.0]]
    """

    def __init__(self, snapshot: Snapshot, base_rate: float | None = None) -> None:
        self.snapshot = snapshot
        self.version = snapshot.version
        self.base_rate = snapshot.base_rate if base_rate is None else base_rate
        self.shift = logit(self.base_rate) - logit(snapshot.base_rate)
        curves = snapshot.curves
        segments = max((len(c.knots) for c in curves), default=1)
        # A curve with fewer knots than the longest is padded with knots that no value reaches.
        self._inner = np.full((len(curves), max(segments - 2, 0)), np.inf)
        self._left = np.zeros((len(curves), segments))
        self._value = np.zeros((len(curves), segments))
        self._slope = np.zeros((len(curves), segments))
        for f, curve in enumerate(curves):
            knots, values = np.array(curve.knots), np.array(curve.values)
            self._inner[f, : max(len(knots) - 2, 0)] = knots[1:-1]
            self._left[f, : len(knots)] = knots
            self._value[f, : len(knots)] = values
            self._slope[f, : len(knots) - 1] = np.diff(values) / np.diff(knots)
        self._low = np.array([c.knots[0] for c in curves])[:, None]
        self._high = np.array([c.knots[-1] for c in curves])[:, None]
        self._missing = np.array([c.missing for c in curves])[:, None]
        self._offset = (np.arange(len(curves)) * segments)[:, None]
        self.intercept = snapshot.intercept + self.shift
        self._usual = {worth: _usual(curves, worth) for worth in (None, *SEGMENTS)}
        self._usual_curve = {worth: self._curves(usual[:, None]) for worth, usual in self._usual.items()}

    def table(self) -> Floats:
        """The curves as the compiled code reads them; see ``curves`` in :mod:`models.kernel.compiled`."""
        segments = max((len(c.knots) - 1 for c in self.snapshot.curves), default=1) or 1
        found = np.zeros((len(self.snapshot.curves), 4 + 3 * segments))
        for row, curve in zip(found, self.snapshot.curves, strict=True):
            n = max(len(curve.knots) - 1, 1)
            row[:4] = curve.knots[0], curve.knots[-1], curve.missing, n
            row[4 : 4 + n] = curve.knots[:n]
            row[4 + n : 4 + 2 * n] = curve.values[:n]
            row[4 + 2 * n : 3 + 2 * n + len(curve.knots)] = np.diff(curve.values) / np.diff(curve.knots)
        return found

    def cutoff(self, share: float) -> float:
        """The risk that this share of all subscribers exceeds, at the operator's base rate."""
        return sigmoid(logit(self.snapshot.cutoff(share)) + self.shift)

    def score(self, x: Floats) -> Risks:
        """Score the columns of `x` (features by subscribers; NaN is missing)."""
        z = self._sum(self._curves(x))
        # Not `sigmoid`, whose last bit does not depend on the processor: there are too many for a call each.
        risk = 1.0 / (1.0 + np.exp(-np.clip(z, -_MAX_LOGIT, _MAX_LOGIT)))
        return Risks(risk, z)

    def usual(self, worth: Segment | None = None) -> Floats:
        """Usual value of each feature, among all subscribers or one value segment; NaN if usually missing."""
        return self._usual[worth]

    def baseline(self, worth: Segment | None = None) -> float:
        """Log-odds of the usual subscriber, to which contributions are added."""
        return float(self._sum(self._usual_curve[worth])[0])

    def usual_curves(self, worth: Segment | None = None) -> Floats:
        """Value of each curve for the usual subscriber of that segment."""
        return self._usual_curve[worth][:, 0]

    def contributions(self, x: Floats, worth: Segment | None = None) -> Floats:
        """Log-odds that each feature adds to those of the segment's usual subscriber (:meth:`baseline`)."""
        return self._curves(x) - self._usual_curve[worth]

    def _curves(self, x: Floats) -> Floats:
        y = np.empty(x.shape)
        for start in range(0, x.shape[1], _STRIP):
            y[:, start : start + _STRIP] = self._strip(x[:, start : start + _STRIP])
        return y

    def _strip(self, x: Floats) -> Floats:
        inside = np.minimum(np.maximum(x, self._low), self._high)
        passed = np.zeros(inside.shape, dtype=np.int8)
        for k in range(self._inner.shape[1]):
            passed += inside >= self._inner[:, k : k + 1]
        segment = passed + self._offset
        y = inside - self._left.take(segment)
        y *= self._slope.take(segment)
        y += self._value.take(segment)
        return np.where(np.isnan(inside), self._missing, y)

    def _sum(self, curves: Floats) -> Floats:
        # One feature after the other: np.sum changes its order with the number of columns, so the same subscriber
        # would differ in the last bit from batch to batch.
        z = np.full(curves.shape[1], self.intercept)
        for row in curves:
            z += row
        return z


def _usual(curves: list[Curve], worth: Segment | None) -> Floats:
    found = [c.usual if worth is None else c.usual_of.get(worth, c.usual) for c in curves]
    return np.array([np.nan if usual is None else usual for usual in found])


def check_examples(snapshot: Snapshot) -> Scorer:
    """A scorer for a snapshot, if it reproduces the trained model's risk for each of its examples.

    The checksum proves that the bytes are intact, the catalogue's hash that the features are the same; only this proves
    that serving computes what was trained.

    Raises
    ------
    SnapshotRefusedError
        With the first example that differs, or whose length is not the number of curves.

    Examples
    --------
    >>> from models.scoring.snapshot import Curve, ScoredVector
    >>> curve = Curve(feature="days_silent", knots=[0.0, 10.0], values=[-1.0, 1.0])
    >>> wrong = ScoredVector(x=[5.0], risk=0.9)
    >>> check_examples(Snapshot(version="m-1", curves=[curve], intercept=0.0, base_rate=0.5, examples=[wrong]))
    Traceback (most recent call last):
    models.scoring.snapshot.SnapshotRefusedError: example 1 had a risk of 0.9 when trained, here it is 0.5
    """
    scorer = Scorer(snapshot)
    for number, example in enumerate(snapshot.examples, 1):
        if len(example.x) != len(snapshot.curves):
            raise SnapshotRefusedError(
                f"example {number} has {len(example.x)} values for {len(snapshot.curves)} curves"
            )
        values = [[np.nan if value is None else value] for value in example.x]
        risk = float(scorer.score(np.array(values)).risk[0])
        if not abs(risk - example.risk) <= _PARITY:
            raise SnapshotRefusedError(
                f"example {number} had a risk of {example.risk:.9g} when trained, here it is {risk:.9g}"
            )
    return scorer
