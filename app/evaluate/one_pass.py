"""One pass over labelled rows: every row is scored before its label is learned, and counts once in the curves.

What is read more than once is kept, and what is kept is bounded: the rows of a window, for trees; or, for surfaces of
pairs, the first rows, until the last choice of pairs, when a new learner that has them takes those rows in from its
beginning, and the one before is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from app.evaluate.recipe import Placed, Recipe
from models import crosses
from models.basis import Basis, Block
from models.grove import Grove
from models.newton import Newton, sigmoid
from models.online_logistic import OnlineLogistic

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

BLOCK: Final = 1000
"""Most rows that are scored together and then learned together: labels arrive late anyway."""
LEAST_BLOCK: Final = 200
KEPT: Final = 8000
"""Of the first rows, those that are kept to the end of their block to choose pairs; tables with no more than these
are weighed anew before they are scored."""
PAIRS_AT: Final = ((2000, 15), (KEPT, 40))
"""Labels after which pairs are chosen, and how many. Few rows choose by luck, and can bear few surfaces."""


class Learner(Protocol):
    """What learns from blocks of labels."""

    basis: Basis

    def learn(self, block: Block, left: Bools) -> None:
        """Take labelled rows in, once."""

    def logit(self, block: Block) -> Floats:
        """Tell the log-odds of rows as of now; changes nothing."""


class OnePass:
    """A learner on its way through a table.

    Parameters
    ----------
    recipe
        Made from the first rows.
    learner
        ``committee`` (curves as smooth as the labels speak for, and trees of windows), ``newton`` (the same curves,
        and surfaces of pairs), ``curves`` (alone) or ``river`` (AdaGrad, additive).
    """

    def __init__(self, recipe: Recipe, learner: str) -> None:
        self._recipe = recipe
        self._choices = list(PAIRS_AT) if learner == "newton" else []
        self.grove = Grove() if learner == "committee" else None
        self._seen = 0
        self.learner: Learner = OnlineLogistic(recipe.basis) if learner == "river" else Newton(recipe.basis)

    @property
    def trees_share(self) -> float | None:
        """How much of what is told comes from trees; None without any."""
        return None if self.grove is None else self.grove.share

    def learn(self, placed: Placed, rows: Rows, left: Bools, tick: Callable[[int], None]) -> Floats:
        """Score and learn `rows` in this order; returns what was told of each before its label was learned."""
        told = np.empty(len(rows))
        start = 0
        while start < len(rows):
            part = slice(start, start + min(BLOCK, max(LEAST_BLOCK, self._seen // 4)))
            block, answers = placed.block(rows[part]), left[rows[part]]
            curves = self.learner.logit(block)
            told[part] = sigmoid(curves)
            self.learner.learn(block, answers)
            if self.grove is not None:
                values = placed.matrix(rows[part])[0]
                trees = self.grove.logit(values)
                told[part] = sigmoid(self.grove.join(curves, trees))
                self.grove.learn(values, answers, curves, trees)
            tick(len(told[part]))
            self._seen += len(told[part])
            start = part.stop
            if self._choices and self._seen >= self._choices[0][0]:
                self._begin_anew(placed, rows[:start], left, self._choices.pop(0)[1])
        return told

    def settle(self, placed: Placed, rows: Rows, left: Bools) -> None:
        """Judge by all labels how smooth each curve should be, before the model is frozen.

        Where `rows`, which were learned, are few enough to be kept, they are also weighed anew, by what is known now.
        """
        if self.grove is not None:
            self.grove.settle()
        if not isinstance(self.learner, Newton):
            return
        self.learner.review()
        if len(rows) <= KEPT:
            self._begin_anew(placed, rows, left, 0)
        self._choices = []

    def score(self, placed: Placed, rows: Rows, tick: Callable[[int], None]) -> Floats:
        """Score without learning."""
        told = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            near = self.learner.logit(placed.block(rows[part]))
            if self.grove is not None:
                near = self.grove.join(near, self.grove.logit(placed.matrix(rows[part])[0]))
            told[part] = sigmoid(near)
            tick(len(told[part]))
        return told

    def _begin_anew(self, placed: Placed, rows: Rows, left: Bools, most: int) -> None:
        """Choose pairs by what the learner so far cannot foresee, and let one that has them take the kept rows in."""
        before = self.learner
        assert isinstance(before, Newton)  # noqa: S101 - River's rows are never kept
        before.review()
        parts = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        blocks = [placed.block(part) for part in parts]
        near = [before.logit(block) for block in blocks]
        if most:
            # By the curves alone, so that pairs which have a surface already stand trial again beside the others.
            told = sigmoid(np.concatenate([before.logit(self._recipe.curves_of(block)) for block in blocks]))
            columns = {name: values[rows] for name, values in placed.pairable.items()}
            self._recipe.pair(crosses.best(columns, left[rows] - told, told * (1.0 - told), most))
        self.learner = fresh = Newton(self._recipe.basis)
        for part, at in zip(parts, near, strict=True):
            fresh.learn(placed.block(part), left[part], at)
        fresh.review()
