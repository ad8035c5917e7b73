"""River's logistic regression over frozen knots, row by row: what the one pass over a table is compared with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from river import linear_model, optim

from models.basis import Basis, Block
from models.level import log_odds
from models.risk import Floats
from models.river_state import LEARNING_RATE


class OnlineLogistic:
    """River's logistic regression over a :class:`~models.basis.Basis`, row by row.

    Parameters
    ----------
    basis
        Frozen.

    Examples
    --------
    >>> from models.basis import Basis, Hats
    >>> basis = Basis([Hats("silent_days", np.array([0.0, 10.0]))])
    >>> model = OnlineLogistic(basis)
    >>> model.learn(basis.place([np.array([9.0, 1.0] * 200)]), np.array([True, False] * 200))
    >>> low, high = model.risk(basis.place([np.array([1.0, 9.0])])).tolist()
    >>> low < 0.4 < 0.6 < high
    True
    """

    def __init__(self, basis: Basis) -> None:
        self.basis = basis
        self._model = linear_model.LogisticRegression(optimizer=optim.AdaGrad(LEARNING_RATE), l2=0.0)

    def learn(self, block: Block, left: npt.NDArray[np.bool_]) -> None:
        """Learn from labelled rows, one after the other."""
        for row, answer in zip(self._rows(block), left.tolist(), strict=True):
            self._model.learn_one(row, answer)

    def logit(self, block: Block) -> Floats:
        """Log-odds of many rows."""
        return log_odds(self.risk(block))

    def risk(self, block: Block) -> Floats:
        """Probability of leaving, of many rows."""
        told = [self._model.predict_proba_one(row).get(True, 0.0) for row in self._rows(block)]  # type: ignore[no-untyped-call]
        return np.array(told, dtype=np.float64)

    @staticmethod
    def _rows(block: Block) -> Iterator[dict[int, float]]:
        for places, shares in zip(block.places.tolist(), block.shares.tolist(), strict=True):
            # Place 0 is the basis's own intercept; River has one too.
            yield {place: share for place, share in zip(places[1:], shares[1:], strict=True) if share}
