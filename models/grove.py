"""Trees of several windows, averaged, beside the curves: what they are worth is told by labels that they had not seen.

One window of 8,000 rows makes trees that are mostly luck; those of four windows are lucky in different ways, and their
mean is worth nearly as much as trees over all rows at once (AUC 0.688 against 0.691 where one window has 0.675). So
rows are kept for as long as a window lasts, and forgotten. Adding trees to what the curves leave over was worth
nothing: the curves of the beginning leave over what they have not learned yet.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.boosting import Grown, grow
from models.newton import sigmoid

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WINDOW: Final = 8000
STEP: Final = 4000
"""Labels between two windows, once the first is full; before that, one set of trees is grown anew at each doubling."""
SPARSE: Final = 8
"""Of the labels so far, the least part between two windows: a million rows must not cost three hundred windows."""
FIRST: Final = 250
MOST: Final = 16
"""Sets of trees that have a voice; the oldest falls silent first."""
_DOUBT: Final = 10.0
"""How precisely the trees' share is known to be 0 before they have said anything that could be checked."""
_FADED: Final = 0.5
"""What was learned about fewer trees counts half of the more there are now."""


class Grove:
    """See the module.

    Examples
    --------
    >>> rows = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 250)
    >>> left = (rows[:, 0] > 0.5) ^ (rows[:, 1] > 0.5)
    >>> grove = Grove()
    >>> for start in range(0, 1000, 250):
    ...     part = slice(start, start + 250)
    ...     grove.learn(rows[part], left[part], np.zeros(250), grove.logit(rows[part]))
    >>> round(grove.share, 1), (grove.join(np.zeros(4), grove.logit(rows[:4])) > 0.0).tolist()
    (1.0, [False, True, True, False])
    """

    def __init__(self) -> None:
        self.share = 0.0
        self.rows = 0
        self.members: list[Grown] = []
        self._grown = 0
        self._kept: list[tuple[Floats, Bools]] = []
        self._pull, self._bend = 0.0, 0.0

    def logit(self, rows: Floats) -> Floats:
        """Mean log-odds of the trees; 0 before there are any."""
        told = np.zeros(len(rows))
        for member in self.members:
            told += member.logit(rows)
        return told / max(1, len(self.members))

    def join(self, curves: Floats, trees: Floats) -> Floats:
        """What is told where curves and trees have told this of the same rows: the trees by their share."""
        return np.asarray(curves + self.share * (trees - curves))

    def learn(self, rows: Floats, left: Bools, curves: Floats, trees: Floats) -> None:
        """Take in labelled rows, and the log-odds that curves and trees told of them before."""
        if self.members:
            self._judge(curves, trees, left)
        self._kept.append((rows, left))
        self.rows += len(left)
        while sum(len(old) for _, old in self._kept[1:]) >= WINDOW:
            self._kept.pop(0)
        if self.rows >= self._due():
            self._grow()

    def settle(self) -> None:
        """Let the last rows speak as well, where they are many beside what the trees were grown on."""
        waiting = self.rows - self._grown
        if waiting >= STEP // 2 or (waiting and self._grown < WINDOW):
            self._grow()

    def _due(self) -> int:
        if self._grown == 0:
            return FIRST
        return 2 * self._grown if 2 * self._grown <= WINDOW else self._grown + max(STEP, self._grown // SPARSE)

    def _grow(self) -> None:
        rows, left = (np.concatenate(each)[-WINDOW:] for each in zip(*self._kept, strict=True))
        if left.all() or not left.any():
            return
        young = self._grown < WINDOW
        self.members = [*([] if young else self.members), grow(rows, left, self.rows)][-MOST:]
        self._grown = self.rows
        self._pull, self._bend = self._pull * _FADED, self._bend * _FADED

    def _judge(self, curves: Floats, trees: Floats, left: Bools) -> None:
        """One Newton step for the share, towards what would have foreseen these labels best.

        The shares sum to 1. Free ones follow the trees of the beginning, which are fewer and so tell too much: on real
        data they ended a tenth too low (log-loss 0.5547 against 0.5542).
        """
        apart = trees - curves
        risk = sigmoid(self.join(curves, trees))
        bend = float((risk * (1.0 - risk) * apart * apart).sum())
        self._pull += float(((left - risk) * apart).sum()) + bend * self.share
        self._bend += bend
        self.share = min(1.0, max(0.0, self._pull / (self._bend + _DOUBT)))
