"""One pass over labelled rows: every row is scored before its label is learned, and counts once in what is known.

Which pairs of features get a surface is decided from the first rows, which are kept until the last decision: a new
learner that has the surfaces takes them in from its beginning, and the one before is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from app.evaluate.recipe import Placed, Recipe
from models import crosses
from models.basis import Basis, Block
from models.learner import OnlineLogistic
from models.newton import Newton

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

BLOCK: Final = 1000
"""Scored together, then learned together: labels arrive late anyway."""
PAIRS_AT: Final = ((2000, 15), (8000, 40))
"""Labels after which pairs are chosen, and how many. Few rows choose by luck, and can bear few surfaces."""


class Learner(Protocol):
    """What learns from blocks of labels."""

    basis: Basis

    def learn(self, block: Block, left: Bools) -> None:
        """Take labelled rows in, once."""

    def risk(self, block: Block) -> Floats:
        """Tell the risk of rows as of now; changes nothing."""


class OnePass:
    """A learner on its way through a table.

    Parameters
    ----------
    recipe
        Made from the first rows.
    learner
        ``newton`` (curves as smooth as the labels speak for, and surfaces of pairs), ``curves`` (the same without
        pairs) or ``river`` (AdaGrad, additive).
    """

    def __init__(self, recipe: Recipe, learner: str) -> None:
        self._recipe = recipe
        self._choices = list(PAIRS_AT) if learner == "newton" else []
        self.learner: Learner = OnlineLogistic(recipe.basis) if learner == "river" else Newton(recipe.basis)

    def learn(self, placed: Placed, rows: Rows, left: Bools, tick: Callable[[int], None]) -> Floats:
        """Score and learn `rows` in this order; returns what was told of each before its label was learned."""
        told = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            block = placed.block(rows[part])
            told[part] = self.learner.risk(block)
            self.learner.learn(block, left[rows[part]])
            tick(len(told[part]))
            if self._choices and start + BLOCK >= self._choices[0][0]:
                self._add_pairs(placed, rows[: start + BLOCK], left, self._choices.pop(0)[1])
        return told

    def settle(self) -> None:
        """Let the labels so far judge how smooth each curve should be, before the model is frozen."""
        if isinstance(self.learner, Newton):
            self.learner.review()

    def score(self, placed: Placed, rows: Rows, tick: Callable[[int], None]) -> Floats:
        """Score without learning."""
        told = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            told[part] = self.learner.risk(placed.block(rows[part]))
            tick(len(told[part]))
        return told

    def _add_pairs(self, placed: Placed, rows: Rows, left: Bools, most: int) -> None:
        self.settle()
        told = self.score(placed, rows, lambda _: None)
        columns = {name: values[rows] for name, values in placed.pairable.items()}
        pairs = crosses.best(columns, left[rows] - told, told * (1.0 - told), most)
        self.learner = fresh = Newton(self._recipe.pair(pairs))
        near = np.log(told) - np.log1p(-told)
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            fresh.learn(placed.block(rows[part]), left[rows[part]], near[part])
        self.settle()
