"""The voice that knows how sure it is: a Gaussian posterior over smooth curves, with the prior as its offset.

Each feature has a straight line and a bend at its mean, over the standardised logarithm; all begin at zero with little
leave to move, so a hundred leavers move what they speak of and the rest stays as the prior has it [1]_. One weight
more says how far the prior itself is to be trusted. Person-weeks are learned in lots: the loss of a lot is minimised
together with a quadratic memory of all before it, by Newton steps that are halved until they gain. Undamped steps broke
on person-weeks (AUC 0.57).

References
----------
.. [1] MacKay, D. J. C. (1992). The evidence framework applied to classification networks. Neural Computation 4(5).
   (A Gaussian about the minimum, whose precision is carried on.)
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.ground import Ground
from models.risk import Floats

_LINE: Final = 0.1
_BEND: Final = 0.05
_TRUST: Final = 0.3
_WEEK: Final = 1.0
"""Standard deviations beforehand: of a line a unit of its spread, of a bend, of the trust in the prior, and of a week's
level."""
_STEPS: Final = 20
_LEAST_GAIN: Final = 1e-6
_SHORTEST: Final = 1e-3


class Lot(Struct, frozen=True, kw_only=True):
    """Person-weeks: features (F, n), weeks from 0, whether they left."""

    x: Floats
    offset: Floats
    week: npt.NDArray[np.int64]
    left: npt.NDArray[np.bool_]


class PosteriorState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on; arrays as little-endian bytes, of the precision the upper triangle."""

    mean: float
    spread: float
    weeks: int
    weights: bytes
    pull: bytes
    precision: bytes


class Posterior:
    """See the module.

    Parameters
    ----------
    ground
        What it learns on.
    weeks
        How many weeks a look has.
    mean, spread
        Of the prior's log-odds in unlabelled rows.
    memory
        Person-weeks after which one counts a third: subscribers and offers change.
    """

    def __init__(self, ground: Ground, weeks: int, mean: float, spread: float, memory: int) -> None:
        self._ground, self._weeks, self._mean, self._spread, self._memory = ground, weeks, mean, spread, memory
        features = len(ground.names)
        lines = [ground.standard(f) for f in range(features)]
        self._shapes = [np.stack([line, np.maximum(line, 0.0)]) for line in lines]
        sure = (_WEEK, weeks), (_LINE, features), (_BEND, features), (_TRUST, 1)
        self._beforehand = np.concatenate([np.full(count, 1.0 / spread**2) for spread, count in sure])
        size = len(self._beforehand)
        self._precision, self._pull, self.weights = np.zeros((size, size)), np.zeros(size), np.zeros(size)

    def _design(self, lot: Lot) -> Floats:
        features = len(self._ground.names)
        found = np.zeros((len(lot.week), len(self.weights)))
        found[np.arange(len(lot.week)), lot.week] = 1.0
        for f, (row, knots) in enumerate(zip(lot.x, self._ground.knots, strict=True)):
            known = ~np.isnan(row)
            for j, shape in enumerate(self._shapes[f]):
                found[known, self._weeks + j * features + f] = np.interp(row[known], knots, shape)
        found[:, -1] = (lot.offset - self._mean) / self._spread
        return found

    def learn(self, lot: Lot) -> None:
        """Learn a lot of person-weeks; their offsets are the prior's log-odds of leaving in a week."""
        fade = max(0.0, 1.0 - len(lot.week) / self._memory)
        self._precision *= fade
        self._pull *= fade
        design, memory = self._design(lot), self._precision + np.diag(self._beforehand)
        weights, loss = self.weights, self._loss(self.weights, memory, design, lot)
        for _ in range(_STEPS):
            risk, certain = self._told(weights, design, lot)
            slope = memory @ weights - self._pull + design.T @ (risk - lot.left)
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
        # Exactly symmetric, since only a triangle of it goes into a checkpoint.
        self._precision = _mirrored(self._precision + (design * certain[:, None]).T @ design)
        self._pull += design.T @ (lot.left - risk + certain * (design @ weights))

    def _told(self, weights: Floats, design: Floats, lot: Lot) -> tuple[Floats, Floats]:
        risk = 1.0 / (1.0 + np.exp(-(lot.offset + design @ weights)))
        return risk, risk * (1.0 - risk)

    def _loss(self, weights: Floats, memory: Floats, design: Floats, lot: Lot) -> float:
        odds = lot.offset + design @ weights
        lost = float((np.logaddexp(0.0, odds) - lot.left * odds).sum())
        return 0.5 * float(weights @ memory @ weights) - float(self._pull @ weights) + lost

    @property
    def trust(self) -> float:
        """How much of itself the prior's curves are to be added once more."""
        return float(self.weights[-1]) / self._spread

    def curves(self) -> list[Floats]:
        """What each feature adds, at the ground's knots; a missing value adds nothing."""
        features = len(self._ground.names)
        lines, bends = self.weights[self._weeks : -1].reshape(2, features)
        return [line * shape[0] + bend * shape[1] for line, bend, shape in zip(lines, bends, self._shapes, strict=True)]

    def state(self) -> PosteriorState:
        """Everything that is needed to go on."""
        upper = self._precision[np.triu_indices(len(self.weights))]
        return PosteriorState(
            mean=self._mean,
            spread=self._spread,
            weeks=self._weeks,
            weights=self.weights.tobytes(),
            pull=self._pull.tobytes(),
            precision=upper.tobytes(),
        )

    @classmethod
    def resume(cls, ground: Ground, state: PosteriorState, memory: int) -> Self:
        """Go on from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes are not as many as the ground asks for.
        """
        found = cls(ground, state.weeks, state.mean, state.spread, memory)
        size = len(found.weights)
        found.weights = np.frombuffer(state.weights, dtype="<f8").reshape(size).copy()
        found._pull = np.frombuffer(state.pull, dtype="<f8").reshape(size).copy()
        upper = np.triu_indices(size)
        found._precision[upper] = np.frombuffer(state.precision, dtype="<f8")
        found._precision = _mirrored(found._precision)
        return found


def _mirrored(matrix: Floats) -> Floats:
    """The upper triangle, and the same below."""
    return np.asarray(np.triu(matrix) + np.triu(matrix, 1).T)
