"""The model that learns each person-week on arrival: River's scaler and logistic regression with AdaGrad.

It adapts to change as fast as AdaGrad's shrinking steps allow. It starts without the prior;
:mod:`models.learning.blend` keeps the served curves near it.

A learner restarted from its checkpoint must hold exactly the weights it would have had without the restart. So River's
model is stored as plain data and rebuilt to the last bit; a pickle would run code from the topic.
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
"""Learning rate of AdaGrad. On real data the choice of optimiser changed the AUC by less than 0.01."""


class LogisticState(Struct, frozen=True, kw_only=True):
    """The state of River's logistic regression with AdaGrad.

    Attributes
    ----------
    weights, g2
        Weight of each input, and the sum of its squared gradients: AdaGrad's step is the rate divided by the root of
        that sum. In River's order, since a sum of floats depends on the order.
    iterations
        Steps taken.
    """

    weights: dict[str, float]
    g2: dict[str, float]
    intercept: float
    iterations: int
    l2: float


def begin(base_rate: float, l2: float) -> LogisticState:
    """The state before learning. The intercept is the base rate's, so it need not be learned first."""
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
    """The full state: the scaler's counts, means and variances by input, and the model."""

    counts: dict[str, int]
    means: dict[str, float]
    variances: dict[str, float]
    model: LogisticState


class RiverLogistic:
    """River's online logistic regression over standardised logarithms.

    Parameters
    ----------
    ground
        Knots of the features.
    rate
        Initial risk: the share of person-weeks with a leaver.

    Examples
    --------
    >>> ground = Knots.of(("silent_days",), np.array([[0.0, 1.0, 9.0]]))
    >>> river = RiverLogistic(ground, 0.5)
    >>> for _ in range(200):
    ...     river.learn([2.2], 1, left=True)
    ...     river.learn([0.1], 1, left=False)
    >>> curve = river.curves()[0]
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
        """Learn whether a subscriber with these logarithms left in that week after their vector was frozen."""
        found = self._inputs(logs, week)
        self._scaler.learn_one(found)  # type: ignore[no-untyped-call]
        self._model.learn_one(self._scaler.transform_one(found), left)  # type: ignore[no-untyped-call]

    def risk(self, logs: Sequence[float], week: int) -> float:
        """River's own prediction; it may round to 0 or 1."""
        found = self._scaler.transform_one(self._inputs(logs, week))  # type: ignore[no-untyped-call]
        return float(self._model.predict_proba_one(found)[True])  # type: ignore[no-untyped-call]

    def log_odds(self, logs: Sequence[float], week: int) -> float:
        """The prediction in log-odds: the sum of curves, week and intercept."""
        return logit(self.risk(logs, week))

    def level(self, week: int) -> float:
        """Log-odds of a subscriber with all features missing."""
        return self.log_odds([math.nan] * len(self._ground.names), week)

    def curves(self) -> list[Floats]:
        """Log-odds that each feature adds at its knots; a missing value adds nothing."""
        found = []
        for name, logs in zip(self._ground.names, self._ground.logs_at, strict=True):
            weight = float(self._model.weights.get(name, 0.0))
            spread = math.sqrt(self._scaler.vars.get(name, 0.0))
            found.append(
                np.asarray(weight * (logs - self._scaler.means.get(name, 0.0)) / spread if spread else 0 * logs)
            )
        return found

    def state(self) -> RiverState:
        """The full state, for a checkpoint."""
        scaler = self._scaler
        return RiverState(
            counts=dict(scaler.counts), means=dict(scaler.means), variances=dict(scaler.vars), model=take(self._model)
        )

    @classmethod
    def resume(cls, ground: Knots, state: RiverState) -> Self:
        """Restore from :meth:`state`; later results are the same to the last bit."""
        river = cls(ground, 0.5)
        river._scaler.counts.update(state.counts)
        river._scaler.means.update(state.means)
        river._scaler.vars.update(state.variances)
        river._model = put(state.model)
        return river
