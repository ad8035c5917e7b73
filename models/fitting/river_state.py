"""River's logistic regression as plain data and back, to the last bit.

A learner that is killed goes on from its checkpoint, and must then hold the very weights that it would have held
without the kill. A pickle would do that too, and would run whatever code a record of a topic holds.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from river import linear_model, optim, utils

from models.scoring.scorer import logit

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
