"""A batch learner on a stream: refitted now and then on all labels that are known by then, as batch systems are."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.evaluate.boosted import Boosted

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

EVERY: Final = 4
"""Snapshots between two fits."""


class Refitted:
    """See the module. It is fed and asked by the same hand as ours, so it cannot know more."""

    def __init__(self) -> None:
        self._rows: list[Floats] = []
        self._left: list[Bools] = []
        self._trees: Boosted | None = None
        self._asked = 0
        self.fits = 0

    @property
    def trees(self) -> int:
        """Of the last fit."""
        return 0 if self._trees is None else self._trees.count

    def learn(self, rows: Floats, left: Bools) -> None:
        """Keep a snapshot's labels, the later the later."""
        self._rows.append(rows)
        self._left.append(left)

    def risk(self, rows: Floats) -> Floats:
        """Score a snapshot; with every :data:`EVERY` of them the trees are grown anew. Even odds before any label."""
        if self._rows and (self._trees is None or self._asked >= EVERY):
            self._trees = Boosted(np.concatenate(self._rows), np.concatenate(self._left))
            self._asked = 0
            self.fits += 1
        self._asked += 1
        return np.full(len(rows), 0.5) if self._trees is None else self._trees.risk(rows)
