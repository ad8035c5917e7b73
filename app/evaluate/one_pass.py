"""One pass over labelled rows: every row is scored before its label is learned, and no row is learned twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from app.evaluate.recipe import Placed, Recipe
from models import crosses
from models.basis import Basis, Block
from models.champion import OnlineLogistic
from models.newton import Newton

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

BLOCK: Final = 500
"""Scored together, then learned together: labels arrive late anyway."""
SCREEN_AT: Final = 8000
"""Labels after which pairs are chosen. Fewer rows choose by luck."""
PAIRS: Final = 60
_SETTLED: Final = 1000
"""The first surprises are those of a model that knows nothing yet: they say nothing about pairs."""


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
        ``newton`` (smooth curves, with surfaces of pairs after :data:`SCREEN_AT` labels), ``curves`` (the same without
        pairs) or ``river`` (AdaGrad, additive).
    """

    def __init__(self, recipe: Recipe, learner: str) -> None:
        self._recipe = recipe
        self._pairs = PAIRS if learner == "newton" else 0
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
            if self._pairs and start + BLOCK >= SCREEN_AT:
                self._add_pairs(placed, rows[_SETTLED : start + BLOCK], told[_SETTLED : start + BLOCK], left)
        return told

    def score(self, placed: Placed, rows: Rows, tick: Callable[[int], None]) -> Floats:
        """Score without learning."""
        told = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            told[part] = self.learner.risk(placed.block(rows[part]))
            tick(len(told[part]))
        return told

    def _add_pairs(self, placed: Placed, rows: Rows, told: Floats, left: Bools) -> None:
        columns = {name: values[rows] for name, values in placed.numbers.items()}
        pairs = crosses.best(columns, left[rows] - told, told * (1.0 - told), self._pairs)
        self._pairs = 0
        assert isinstance(self.learner, Newton)  # noqa: S101 - only it is given pairs
        self.learner.widen(self._recipe.widen(pairs))
