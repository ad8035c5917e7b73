"""The champion's rival: Newton steps over smooth curves, added to what was served when it began.

It keeps how certain it is of every weight, so a hundred labels move what they speak of and leave the rest as the prior
has it. ``deploy/adr/0011-evidence-of-the-time.md`` says what that is worth. Curves added to curves are curves, so it is
compiled as exactly as River's model is.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.basis import Basis, Hats, hats
from models.level import levelling
from models.newton import Newton, NewtonState, sigmoid
from models.risk import Floats, Scorer, logit
from models.snapshot import Curve, Snapshot

KNOTS: Final = 6
"""A feature: its certainty grows with the square. Four to eight were worth the same."""
STEPS: Final = 3


class SmoothState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

    prior: Snapshot
    base_rate: float
    knots: list[list[float]]
    newton: NewtonState
    examples: int
    positives: int


class Smooth:
    """See the module.

    Parameters
    ----------
    prior
        What is served: its curves stand, and what is learned is added to them.
    base_rate
        The operator's own, at which `prior` is served.
    knots
        Of each feature, rising.
    memory
        Labels after which a label counts about a third: subscribers and offers change.
    """

    def __init__(self, prior: Snapshot, base_rate: float, knots: Sequence[Sequence[float]], memory: int) -> None:
        self.examples = 0
        self.positives = 0
        self._prior = prior
        self._base_rate = base_rate
        self._memory = memory
        self._hats = [Hats(name, np.array(k)) for name, k in zip(prior.features, knots, strict=True)]
        self._newton = Newton(Basis(self._hats), STEPS)
        self._stands = Scorer(prior, base_rate)
        self._lift = 0.0

    @classmethod
    def of_prior(cls, prior: Snapshot, base_rate: float, rows: Floats, memory: int) -> Self:
        """Begin from what is served, with knots at the quantiles of unlabelled rows, (F, n)."""
        found = [hats(name, row, KNOTS).knots.tolist() for name, row in zip(prior.features, rows, strict=True)]
        return cls(prior, base_rate, found, memory)

    @classmethod
    def resume(cls, state: SmoothState, memory: int) -> Self:
        """Go on from :meth:`state`, to the same bits as without a break."""
        smooth = cls(state.prior, state.base_rate, state.knots, memory)
        smooth._newton = Newton.resume(smooth._newton.basis, state.newton, STEPS)
        smooth.examples, smooth.positives = state.examples, state.positives
        return smooth

    def state(self) -> SmoothState:
        """Everything that is needed to go on."""
        return SmoothState(
            prior=self._prior,
            base_rate=self._base_rate,
            knots=[each.knots.tolist() for each in self._hats],
            newton=self._newton.state(),
            examples=self.examples,
            positives=self.positives,
        )

    def learn(self, rows: Floats, left: npt.NDArray[np.bool_]) -> None:
        """Learn from a block of labelled rows, (F, n), none of them infinite."""
        if not len(left):
            return
        self._newton.forget(min(len(left) / self._memory, 1.0))
        self._newton.learn(self._newton.basis.place([*rows]), left, offset=self._standing(rows))
        self._newton.round()
        self.examples += len(left)
        self.positives += int(left.sum())

    def _standing(self, rows: Floats) -> Floats:
        return self._stands.score(rows).logit

    def predict(self, values: Sequence[float]) -> float:
        """Probability of leaving, by the prior and the weights themselves: what the compiled curves must equal."""
        row = np.array(values, dtype=np.float64)[:, None]
        added = self._newton.logit(self._newton.basis.place([*row]))
        return float(sigmoid(self._standing(row) + added + self._lift)[0])

    def calibrated(self, rows: Floats, rate: float) -> Self:
        """Make another at whose level `rows`, (F, n), leave at this rate on average. It is for telling only."""
        other = copy.copy(self)
        other._lift += levelling(Scorer(self.snapshot("", 0.5, "")).score(rows).risk, rate)
        return other

    def snapshot(self, version: str, base_rate: float, catalogue_hash: str) -> Snapshot:
        """The sum of both as curves, with knots wherever either has one."""
        weights, starts = self._newton.weights, self._newton.basis.starts
        curves = []
        for hat, start, curve in zip(self._hats, starts, self._prior.curves, strict=True):
            mine = weights[start : start + hat.width]
            knots = np.union1d(hat.knots, curve.knots)
            values = np.interp(knots, curve.knots, curve.values) + np.interp(knots, hat.knots, mine[:-1])
            missing = curve.missing + float(mine[-1])
            curves.append(
                Curve(feature=hat.feature, knots=knots.tolist(), values=values.tolist(), missing=missing, usual=None)
            )
        level = logit(self._base_rate) - logit(self._prior.base_rate) + self._lift
        return Snapshot(
            version=version,
            curves=curves,
            intercept=self._prior.intercept + level + float(weights[0]),
            base_rate=base_rate,
            catalogue_hash=catalogue_hash,
        )
