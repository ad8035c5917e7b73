"""Challengers that River learns: what was best on some data, beside the champion that is best on most.

``log1p`` is the scaled logarithm of each value into the same logistic regression: 0.77 against the champion's 0.765 on
CollegeMsg, 0.61 against 0.67 on Cell2Cell. Between knots its curve bends, so it cannot be served exactly. ``forest``
is River's adaptive random forest, bounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Self

from msgspec import Struct
from river import forest, preprocessing

from models.river_state import LogisticState, begin, put, take

TREES: Final = 5
DEPTH: Final = 6
"""Five trees of this depth hold some hundred nodes: bounded memory, and 1 ms a row."""
FOREST_EVERY: Final = 5
"""The forest is shown one row in five: it costs more than all the others together."""


class LogScaledState(Struct, frozen=True, kw_only=True):
    """River's scaler and regression as plain data."""

    counts: dict[str, int]
    means: dict[str, float]
    vars: dict[str, float]
    model: LogisticState


class LogScaled:
    """Signed log1p, scaled to unit variance, into River's logistic regression; a missing value is a flag.

    Parameters
    ----------
    names
        Of the features.
    base_rate
        Where it begins.

    Examples
    --------
    >>> challenger = LogScaled(("silent_days",), 0.5)
    >>> for _ in range(200):
    ...     challenger.learn([9.0], left=True)
    ...     challenger.learn([1.0], left=False)
    >>> challenger.predict([9.0]) > 0.6 > 0.4 > challenger.predict([1.0])
    True
    >>> LogScaled.resume(("silent_days",), challenger.state()).predict([3.0]) == challenger.predict([3.0])
    True
    """

    def __init__(self, names: Sequence[str], base_rate: float) -> None:
        self._names = tuple(names)
        self._scaler = preprocessing.StandardScaler()
        self._model = put(begin(base_rate, 0.0))

    def _known(self, values: Sequence[float]) -> dict[str, float]:
        return {
            name: math.copysign(math.log1p(abs(value)), value)
            for name, value in zip(self._names, values, strict=True)
            if not math.isnan(value)
        }

    def _inputs(self, known: dict[str, float]) -> dict[str, float]:
        scaled: dict[str, float] = self._scaler.transform_one(known)  # type: ignore[no-untyped-call]
        return scaled | {f"{name}#na": 1.0 for name in self._names if name not in known}

    def predict(self, values: Sequence[float]) -> float:
        """Probability of leaving; `values` are finite or NaN."""
        found = self._model.predict_proba_one(self._inputs(self._known(values)))  # type: ignore[no-untyped-call]
        return float(found.get(True, 0.0))

    def learn(self, values: Sequence[float], *, left: bool) -> None:
        """Learn from one labelled row."""
        known = self._known(values)
        self._scaler.learn_one(known)  # type: ignore[no-untyped-call]
        self._model.learn_one(self._inputs(known), left)

    def state(self) -> LogScaledState:
        """Everything that is needed to go on."""
        return LogScaledState(
            counts=dict(self._scaler.counts),
            means=dict(self._scaler.means),
            vars=dict(self._scaler.vars),
            model=take(self._model),
        )

    @classmethod
    def resume(cls, names: Sequence[str], state: LogScaledState) -> Self:
        """Go on from :meth:`state`, to the same bits as without a break."""
        challenger = cls(names, 0.5)
        challenger._scaler.counts.update(state.counts)
        challenger._scaler.means.update(state.means)
        challenger._scaler.vars.update(state.vars)
        challenger._model = put(state.model)
        return challenger


class Forest:
    """River's adaptive random forest [1]_, of few and shallow trees; in memory only.

    References
    ----------
    .. [1] Gomes, H. M. et al. (2017). Adaptive random forests for evolving data stream classification. Machine
       Learning 106.

    Parameters
    ----------
    names
        Of the features.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._model = forest.ARFClassifier(n_models=TREES, max_depth=DEPTH, seed=1)
        self._shown = 0

    def add(self, row: int, values: Sequence[float], *, left: bool) -> list[tuple[int, float]]:
        """Score and learn one row in :data:`FOREST_EVERY`; returns the row's number and risk, or nothing."""
        self._shown += 1
        if self._shown % FOREST_EVERY:
            return []
        known = {n: v for n, v in zip(self._names, values, strict=True) if not math.isnan(v)}
        told = self._model.predict_proba_one(known)
        self._model.learn_one(known, left)
        return [(row, float(told.get(True, 0.0)))] if told else []
