"""The voice that learns every person-week as it comes: River's scaler, and its logistic regression with AdaGrad.

It follows what changes, and forgets no faster than AdaGrad's steps shrink. On person-weeks it needs no prior to begin
with; what keeps it near one is how it is served (:mod:`models.learning.blend`).

A learner that is killed goes on from its checkpoint, and must then hold the very weights that it would have held
without the kill. So River's model is kept as plain data and made again of it, to the last bit; a pickle would run
whatever code a record of a topic holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from msgspec import Struct
from river import linear_model, optim, preprocessing, utils

from models.arrays import Floats
from models.fitting.knots import Knots
from models.scoring.scorer import logit

_WEEK: Final = "#week"
LEARNING_RATE: Final = 0.05
"""Of AdaGrad. On real data the optimiser was worth less than 0.01 AUC."""


class LogisticState(Struct, frozen=True, kw_only=True):
    """What River's logistic regression with AdaGrad knows.

    Attributes
    ----------
    weights, g2
        Of each input, and the sum of its squared gradients: AdaGrad's step is the rate by the root of that sum.
        In the order in which River holds them, since a sum of floats depends on the order.
    iterations
        Steps taken.
    """

    weights: dict[str, float]
    g2: dict[str, float]
    intercept: float
    iterations: int
    l2: float


def begin(base_rate: float, l2: float) -> LogisticState:
    """Nothing learned yet. At the base rate, the weights need not first learn that few people leave."""
    return LogisticState(weights={}, g2={}, intercept=logit(base_rate), iterations=0, l2=l2)


def put(state: LogisticState) -> linear_model.LogisticRegression:
    """River's model with this state.

    Examples
    --------
    >>> model = put(begin(0.5, 0.0))
    >>> model.learn_one({"silent": 1.0}, True)
    >>> again = put(take(model))
    >>> again.learn_one({"silent": 0.3}, False)
    >>> model.learn_one({"silent": 0.3}, False)
    >>> take(again) == take(model)
    True
    """
    model = linear_model.LogisticRegression(
        optimizer=optim.AdaGrad(LEARNING_RATE), l2=state.l2, intercept_init=state.intercept
    )
    model._weights = utils.VectorDict(dict(state.weights), model.initializer)
    model.optimizer.g2.update(state.g2)
    model.optimizer.n_iterations = state.iterations
    return model


def take(model: linear_model.LogisticRegression) -> LogisticState:
    """The state of a model that :func:`put` made."""
    return LogisticState(
        weights={str(name): float(weight) for name, weight in model.weights.items()},
        g2={str(name): float(sum_) for name, sum_ in model.optimizer.g2.items()},
        intercept=float(model.intercept),
        iterations=int(model.optimizer.n_iterations),
        l2=float(model.l2),
    )


class RiverState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on; the scaler's counts, means and variances by input."""

    counts: dict[str, int]
    means: dict[str, float]
    variances: dict[str, float]
    model: LogisticState


class RiverVoice:
    """See the module.

    Parameters
    ----------
    ground
        What it learns on.
    rate
        Share of person-weeks in which somebody leaves, with which it begins.

    Examples
    --------
    >>> ground = Knots.of(("silent_days",), np.array([[0.0, 1.0, 9.0]]))
    >>> voice = RiverVoice(ground, 0.5)
    >>> for _ in range(200):
    ...     voice.learn([2.2], 1, left=True)
    ...     voice.learn([0.1], 1, left=False)
    >>> curve = voice.curves()[0]
    >>> bool(curve[-1] > 0.0 > curve[0])
    True
    """

    def __init__(self, ground: Knots, rate: float) -> None:
        self._ground = ground
        self._scaler = preprocessing.StandardScaler()
        self._model = put(begin(rate, 0.0))

    def _inputs(self, logs: Sequence[float], week: int) -> dict[str, float]:
        pairs = zip(self._ground.names, logs, strict=True)
        return {name: value for name, value in pairs if value == value} | {_WEEK: float(week)}  # noqa: PLR0124 - NaN

    def learn(self, logs: Sequence[float], week: int, *, left: bool) -> None:
        """Learn whether somebody with these logarithms left in that week after they were looked at."""
        found = self._inputs(logs, week)
        self._scaler.learn_one(found)  # type: ignore[no-untyped-call]
        self._model.learn_one(self._scaler.transform_one(found), left)  # type: ignore[no-untyped-call]

    def risk(self, logs: Sequence[float], week: int) -> float:
        """River's own prediction; 0 or 1 where it is beyond all doubt."""
        found = self._scaler.transform_one(self._inputs(logs, week))  # type: ignore[no-untyped-call]
        return float(self._model.predict_proba_one(found)[True])  # type: ignore[no-untyped-call]

    def log_odds(self, logs: Sequence[float], week: int) -> float:
        """The same in log-odds: what the curves, the week and the intercept must add up to."""
        return logit(self.risk(logs, week))

    def level(self, week: int) -> float:
        """Log-odds of somebody of whom nothing is known."""
        return self.log_odds([math.nan] * len(self._ground.names), week)

    def curves(self) -> list[Floats]:
        """What each feature adds, at the ground's knots; a missing value adds nothing."""
        found = []
        for name, logs in zip(self._ground.names, self._ground.logs_at, strict=True):
            weight = float(self._model.weights.get(name, 0.0))
            spread = math.sqrt(self._scaler.vars.get(name, 0.0))
            found.append(
                np.asarray(weight * (logs - self._scaler.means.get(name, 0.0)) / spread if spread else 0 * logs)
            )
        return found

    def state(self) -> RiverState:
        """Everything that is needed to go on."""
        scaler = self._scaler
        return RiverState(
            counts=dict(scaler.counts), means=dict(scaler.means), variances=dict(scaler.vars), model=take(self._model)
        )

    @classmethod
    def resume(cls, ground: Knots, state: RiverState) -> Self:
        """Go on from :meth:`state`, to the same bits as without a break."""
        voice = cls(ground, 0.5)
        voice._scaler.counts.update(state.counts)
        voice._scaler.means.update(state.means)
        voice._scaler.vars.update(state.variances)
        voice._model = put(state.model)
        return voice
