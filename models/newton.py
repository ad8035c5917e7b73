"""The learner behind the curves: one Newton step a block of labels, towards smooth curves.

AdaGrad moves each weight by itself and forgets how certain it is, so neighbouring knots disagree by noise and the last
rows count most. Here the learner keeps what is known as a normal distribution: a mean for each weight, and how
precisely each combination of weights is known. A block of labels sharpens it, nothing is read twice, and the beginning
says what is likely: weights near 0, neighbouring knots near each other. On real data that is worth 0.0085 AUC over
AdaGrad on the same rows, and the result is the same additive model, one curve a feature.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models import smoothing
from models.basis import Basis, Block, Floats

ROWS: Final = 1000
"""Most rows of a step: a step costs the cube of the number of weights whatever its rows."""
FIRST_REVIEW: Final = 4000
"""Labels after which curves are drawn tighter or looser for the first time; then whenever there are twice as many."""
REVIEWS: Final = 4
"""Steps of each review: four are worth 0.0055 AUC, ten 0.0058."""
_MOST_LOGIT: Final = 40.0


class NewtonState(Struct, frozen=True, kw_only=True):
    """What a learner knows, little-endian: evidence as the upper triangle in single precision."""

    rows: int
    reviewed_at: int
    weights: bytes
    pull: bytes
    evidence: bytes
    strengths: list[list[float]]


class Newton:
    """Weights over a basis, and how precisely they are known.

    Parameters
    ----------
    basis
        Frozen.
    steps
        Newton steps a block. One is enough where a block looks like the others; several keep a block that is all
        leavers from throwing the weights far past what it says.

    References
    ----------
    .. [1] Spiegelhalter, D. J., Lauritzen, S. L. (1990). Sequential updating of conditional probabilities on directed
       graphical structures. Networks 20(5). (The posterior as a normal distribution, one step after the other.)
    .. [2] Eilers, P. H. C., Marx, B. D. (1996). Flexible smoothing with B-splines and penalties. Statistical Science
       11(2). (Differences of neighbouring weights as the penalty; its strength: see :mod:`models.smoothing`.)

    Examples
    --------
    >>> from models.basis import Hats
    >>> newton = Newton(Basis([Hats("silent_days", np.array([0.0, 5.0, 10.0]))]))
    >>> block = newton.basis.place([np.array([9.0, 1.0] * 200)])
    >>> newton.learn(block, np.array([True, False] * 200))
    >>> low, high = newton.risk(newton.basis.place([np.array([0.0, 10.0])])).tolist()
    >>> low < 0.4 < 0.6 < high
    True
    """

    def __init__(self, basis: Basis, steps: int = 1) -> None:
        self.basis = basis
        self._steps = steps
        self.weights: Floats = np.zeros(basis.width)
        self.rows = 0
        self._reviewed_at = FIRST_REVIEW // 2
        # What the labels said, apart from what was known before: so that the latter may still be judged by them.
        self._evidence: Floats = np.zeros((basis.width, basis.width))
        self._pull: Floats = np.zeros(basis.width)
        self._held = smoothing.penalties(basis)
        self._hold([np.array(each.strengths) for each in self._held])

    def logit(self, block: Block) -> Floats:
        """Log-odds of many rows."""
        return np.asarray((self.weights[block.places] * block.shares).sum(axis=1))

    def risk(self, block: Block) -> Floats:
        """Probability of leaving, of many rows."""
        return sigmoid(self.logit(block))

    def learn(
        self,
        block: Block,
        left: npt.NDArray[np.bool_],
        near: Floats | None = None,
        offset: Floats | None = None,
    ) -> None:
        """Learn from labelled rows, :data:`ROWS` at a time; fewer at the beginning, when each step changes much.

        Parameters
        ----------
        block, left
            The rows, and who of them left.
        near
            Log-odds near the truth, where another model knows better than this one does yet: a label weighs by how
            uncertain it was, and a beginner, to whom all are, would weigh every one alike.
        offset
            Log-odds that stand already: the weights learn what is to be added to them.
        """
        start = 0
        while start < len(left):
            rows = min(ROWS, max(250, self.rows // 8))
            part = slice(start, start + rows)
            at = None if near is None else near[part]
            stands = 0.0 if offset is None else offset[part]
            self._step(Block(block.places[part], block.shares[part]), left[part], at, stands)
            start += rows
            if self.rows >= 2 * self._reviewed_at:
                self.review()

    def forget(self, share: float) -> None:
        """Count what the labels said so far for so much less; what was known before stays as it is."""
        self._evidence *= 1.0 - share
        self._pull *= 1.0 - share

    def review(self) -> None:
        """Judge by all labels so far how smooth each curve should be, and tell the weights anew."""
        if self.rows == self._reviewed_at:
            return
        # From the beginning each time: what few labels drew to nothing would stay there, since it can no longer move.
        strengths = [np.array(each.strengths) for each in self._held]
        self._hold(strengths)
        for _ in range(REVIEWS):
            # Half the digits are enough for strengths, and take half the time.
            covariance = np.linalg.inv((self._evidence + self.known_before).astype(np.float32)).astype(np.float64)
            weights = covariance @ self._pull
            strengths = smoothing.review(self._held, strengths, weights, covariance)
            self._hold(strengths)
        self._tell()
        self._reviewed_at = max(self.rows, FIRST_REVIEW // 2)

    def _step(self, block: Block, left: npt.NDArray[np.bool_], near: Floats | None, offset: Floats | float) -> None:
        dense = self._dense(block)
        evidence, pull = self._evidence, self._pull
        at = dense @ self.weights + offset if near is None else near
        for _ in range(self._steps):
            told = sigmoid(at)
            weight = told * (1.0 - told)
            root = (dense * np.sqrt(weight)[:, None]).astype(np.float32)
            self._evidence = evidence + (root.T @ root).astype(np.float64)
            self._pull = pull + dense.T @ (left - told + weight * (at - offset))
            self._tell()
            at = dense @ self.weights + offset
        self.rows += len(left)

    def _tell(self) -> None:
        self.weights = np.asarray(np.linalg.solve(self._evidence + self.known_before, self._pull), dtype=np.float64)

    def _hold(self, strengths: list[Floats]) -> None:
        self._strengths = strengths
        self.known_before = smoothing.prior(self.basis.width, self._held, strengths)

    def round(self) -> None:
        """Hold the evidence in single precision, as :meth:`state` keeps it: half the bytes, and lost is one in 10^7."""
        self._evidence = self._evidence.astype(np.float32).astype(np.float64)

    def state(self) -> NewtonState:
        """Everything that is needed to go on, to the same bits if it was rounded before."""
        upper = np.triu_indices(self.basis.width)
        return NewtonState(
            rows=self.rows,
            reviewed_at=self._reviewed_at,
            weights=self.weights.astype("<f8").tobytes(),
            pull=self._pull.astype("<f8").tobytes(),
            evidence=self._evidence[upper].astype("<f4").tobytes(),
            strengths=[each.tolist() for each in self._strengths],
        )

    @classmethod
    def resume(cls, basis: Basis, state: NewtonState, steps: int = 1) -> Self:
        """Go on from :meth:`state`, over the same basis.

        Raises
        ------
        ValueError
            If it is of another basis.
        """
        newton = cls(basis, steps)
        upper = np.triu_indices(basis.width)
        newton._evidence[upper] = np.frombuffer(state.evidence, dtype="<f4")
        newton._evidence = newton._evidence + np.triu(newton._evidence, 1).T
        newton.weights = _floats(state.weights, basis.width)
        newton._pull = _floats(state.pull, basis.width)
        newton.rows, newton._reviewed_at = state.rows, state.reviewed_at
        newton._hold([np.array(each) for each in state.strengths])
        return newton

    def _dense(self, block: Block) -> Floats:
        rows = len(block.places)
        flat = (block.places + np.arange(rows)[:, None] * self.basis.width).ravel()
        size = rows * self.basis.width
        return np.bincount(flat, weights=block.shares.ravel(), minlength=size).astype(np.float64).reshape(rows, -1)


def _floats(raw: bytes, width: int) -> Floats:
    return np.frombuffer(raw, dtype="<f8").reshape(width).astype(np.float64)


def sigmoid(z: Floats) -> Floats:
    """Probabilities of log-odds.

    Examples
    --------
    >>> sigmoid(np.array([0.0, -1e9])).round(6).tolist()
    [0.5, 0.0]
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -_MOST_LOGIT, _MOST_LOGIT))))
