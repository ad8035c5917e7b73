"""The challengers in the shadow: each scores every row before it learns it, and none is ever served.

Only ``log1p`` is small enough for a checkpoint. The others live in memory: after a restart they begin anew, and so
does the evidence on them; nothing that is published depends on them, so a restart still gives the same snapshots.

They are asked between labels. Where leavers and stayers come in heaps they follow the level and look better than they
are (see :mod:`models.lineages`), so a verdict that one is better is a reason to try it off-line, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, Self

import numpy as np

from models import crosses
from models.basis import Basis, Block, Hats, Pair, hats
from models.challengers import Forest, LogScaled, LogScaledState
from models.newton import Newton, sigmoid
from models.quality import Bools
from models.risk import Floats
from models.smooth import STEPS
from models.window import Window

LOG1P: Final = "log1p"
PAIRS: Final = "pairs"
FOREST: Final = "forest"
SHADOWS: Final = (LOG1P, PAIRS, FOREST)
DURABLE: Final = (LOG1P,)

WHY_NOT_SERVED: Final = {
    LOG1P: "its curves bend between knots",
    PAIRS: "a snapshot has curves, not surfaces",
    FOREST: "a forest is no sum of curves",
}

_BLOCK: Final = 500
"""Newton scores and learns so many rows at once: one step costs the cube of the number of weights."""
_KNOTS: Final = 6
_SCREEN_AT: Final = 4_000
"""Rows after which pairs are chosen; fewer choose by luck."""
_PAIRS: Final = 8


class InMemory(Protocol):
    """A challenger that takes rows one by one and tells their risks when it likes, but before learning them."""

    def add(self, row: int, values: Sequence[float], *, left: bool) -> list[tuple[int, float]]:
        """Take a row in; returns numbers and risks of rows that were scored now."""


class Blocks:
    """Online Newton over smooth curves, block by block, with surfaces of screened pairs if asked.

    Parameters
    ----------
    names
        Of the features.
    rows
        (F, n), on which knots are frozen.
    pairs
        How many at most, after :data:`_SCREEN_AT` rows.
    """

    def __init__(self, names: Sequence[str], rows: Floats, pairs: int = 0) -> None:
        self._hats = [hats(name, row, _KNOTS) for name, row in zip(names, rows, strict=True)]
        self._newton = Newton(Basis(self._hats), STEPS)
        self._pairs = pairs
        self._chosen: list[Pair] = []
        self._waiting: list[tuple[int, Sequence[float], bool]] = []
        self._kept: list[tuple[Floats, Bools]] = []

    def add(self, row: int, values: Sequence[float], *, left: bool) -> list[tuple[int, float]]:
        """Keep a row; with a block of them, score all, then learn all."""
        self._waiting.append((row, values, left))
        if len(self._waiting) < _BLOCK:
            return []
        waiting, self._waiting = self._waiting, []
        x = np.array([values for _, values, _ in waiting], dtype=np.float64).T
        answers = np.array([answer for _, _, answer in waiting], dtype=bool)
        block = self._place(x)
        told = self._newton.risk(block)
        self._newton.learn(block, answers)
        if self._pairs:
            self._keep(x, answers)
        return list(zip([row for row, _, _ in waiting], told.tolist(), strict=True))

    def _place(self, x: Floats) -> Block:
        pairs = [(x[self._at(pair.first)], x[self._at(pair.second)]) for pair in self._chosen]
        return self._newton.basis.place([*x, *pairs])

    def _at(self, hat: Hats) -> int:
        return [h.feature for h in self._hats].index(hat.feature)

    def _keep(self, x: Floats, left: Bools) -> None:
        """Rows until pairs are chosen by what the curves cannot foresee; then one that has them takes the rows in."""
        self._kept.append((x, left))
        if len(self._kept) * _BLOCK < _SCREEN_AT:
            return
        x, left = (np.concatenate(parts, axis=-1) for parts in zip(*self._kept, strict=True))
        near = self._newton.logit(self._place(x))
        told = sigmoid(near)
        # A feature that nobody has says nothing, alone or with another.
        columns = {h.feature: row for h, row in zip(self._hats, x, strict=True) if not np.isnan(row).all()}
        self._chosen = crosses.best(columns, left - told, told * (1.0 - told), self._pairs)
        self._newton = Newton(Basis([*self._hats, *self._chosen]), STEPS)
        self._newton.learn(self._place(x), left, near)
        self._pairs, self._kept = 0, []


class Shadow:
    """All challengers.

    Parameters
    ----------
    names
        Of the features.
    rows
        (F, n), on which the knots of those that have any are frozen.
    base_rate
        Where they begin.
    wanted
        Some of :data:`SHADOWS`.
    """

    def __init__(self, names: Sequence[str], rows: Floats, base_rate: float, wanted: Sequence[str]) -> None:
        self._log1p = LogScaled(names, base_rate) if LOG1P in wanted else None
        self._in_memory: dict[str, InMemory] = {}
        if PAIRS in wanted:
            self._in_memory[PAIRS] = Blocks(names, rows, _PAIRS)
        if FOREST in wanted:
            self._in_memory[FOREST] = Forest(names)

    def learn(self, window: Window | None, row: int, values: Sequence[float], *, left: bool) -> None:
        """Score a row for all, then learn it; without a window nothing is noted."""
        if self._log1p is not None:
            if window is not None:
                window.tell(row, LOG1P, self._log1p.predict(values))
            self._log1p.learn(values, left=left)
        for name, challenger in self._in_memory.items():
            told = challenger.add(row, values, left=left)
            if window is not None:
                window.tell_all([number for number, _ in told], name, np.array([risk for _, risk in told]))

    def state(self) -> LogScaledState | None:
        """Of the one that is small enough."""
        return None if self._log1p is None else self._log1p.state()

    @classmethod
    def resume(
        cls,
        names: Sequence[str],
        rows: Floats,
        base_rate: float,
        wanted: Sequence[str],
        state: LogScaledState | None,
    ) -> Self:
        """Go on with the durable one; the others begin anew."""
        shadow = cls(names, rows, base_rate, wanted)
        if state is not None and shadow._log1p is not None:
            shadow._log1p = LogScaled.resume(names, state)
        return shadow
