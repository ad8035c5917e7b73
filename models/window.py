"""The latest labelled rows as columns: what was said of each, by whom, and what came of it.

A quality figure over all time hides this month, and one over a day is noise; so figures are exact over a bounded
window, whose oldest row gives way to the newest. It is part of the checkpoint: evidence must survive a kill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.events import DAY_MS
from models.example import Example
from models.risk import Floats
from models.words import SEGMENTS

Bools = npt.NDArray[np.bool_]

SERVED: Final = "served"
_FACTS: Final = np.dtype(
    [("left", "?"), ("ts", "<i8"), ("segment", "u1"), ("marks", "u1"), ("who", "<u4"), ("delay", "<f4")]
)
_HOLD_OUT: Final = 1
_CONTACTED: Final = 2
_AT_RISK: Final = 4


class Judged(NamedTuple):
    """Rows of a window, the oldest first; NaN is a risk that was not told.

    ``who`` is a hash of the subscriber: rows of one subscriber are no independent evidence. ``ts`` is when the vector
    was frozen.
    """

    left: Bools
    ts: npt.NDArray[np.int64]
    who: npt.NDArray[np.uint32]
    segment: npt.NDArray[np.uint8]
    hold_out: Bools
    contacted: Bools
    at_risk: Bools
    delay_days: Floats
    told: dict[str, Floats]

    def of(self, rows: Bools) -> Judged:
        """Some of the rows."""
        return Judged(
            self.left[rows],
            self.ts[rows],
            self.who[rows],
            self.segment[rows],
            self.hold_out[rows],
            self.contacted[rows],
            self.at_risk[rows],
            self.delay_days[rows],
            {name: risk[rows] for name, risk in self.told.items()},
        )


class WindowState(Struct, frozen=True, kw_only=True):
    """A window as bytes, little-endian; risks that only live in memory are left out."""

    rows: int
    filled: int
    facts: bytes
    told: dict[str, bytes]


class Window:
    """See the module.

    Parameters
    ----------
    capacity
        Rows.
    names
        Of those whose risks are kept besides the served one, as single precision: seven digits. The served risk is
        kept in full, and so are the figures of what was served.

    Examples
    --------
    >>> window = Window(2, ())
    >>> window.rows, len(window.latest().left)
    (0, 0)
    """

    def __init__(self, capacity: int, names: Sequence[str]) -> None:
        self.capacity = capacity
        self.rows = 0
        """How many rows were ever added: the number of the next one."""
        self._facts = np.zeros(capacity, dtype=_FACTS)
        self._told: dict[str, npt.NDArray[np.floating]] = {SERVED: np.full(capacity, np.nan, dtype="<f8")}
        for name in names:
            self._told[name] = np.full(capacity, np.nan, dtype="<f4")

    @property
    def filled(self) -> int:
        """Rows that are still there."""
        return min(self.rows, self.capacity)

    def add(self, example: Example, who: int) -> int:
        """Take a row in; returns its number, by which risks are told of it."""
        slot = self.rows % self.capacity
        marks = _HOLD_OUT * example.hold_out + _CONTACTED * example.contacted + _AT_RISK * (example.tier != "healthy")
        delay = example.delay_ms / DAY_MS
        segment = SEGMENTS.index(example.segment)
        self._facts[slot] = (example.label == "positive", example.ts, segment, marks, who & 0xFFFFFFFF, delay)
        for risk in self._told.values():
            risk[slot] = np.nan
        self._told[SERVED][slot] = example.risk
        self.rows += 1
        return self.rows - 1

    def tell(self, row: int, name: str, risk: float) -> None:
        """Note what `name` said of a row before it learned the label."""
        if row >= self.rows - self.capacity:
            self._told[name][row % self.capacity] = risk

    def tell_all(self, rows: Sequence[int], name: str, risks: Floats) -> None:
        """Note what `name` said of several rows."""
        for row, risk in zip(rows, risks.tolist(), strict=True):
            self.tell(row, name, risk)

    def clear(self, name: str) -> None:
        """Forget what `name` said: somebody else has the name from now on."""
        self._told[name][:] = np.nan

    def swap(self, name: str, other: str) -> None:
        """Two have changed names."""
        self._told[name], self._told[other] = self._told[other], self._told[name]

    def latest(self, most: int | None = None) -> Judged:
        """The rows that are there, or the latest `most` of them."""
        first = max(self.rows - self.filled, self.rows - (self.rows if most is None else most))
        slots = np.arange(first, self.rows) % self.capacity
        facts = self._facts[slots]
        marks = facts["marks"]
        return Judged(
            facts["left"],
            facts["ts"].astype(np.int64),
            facts["who"],
            facts["segment"],
            (marks & _HOLD_OUT) > 0,
            (marks & _CONTACTED) > 0,
            (marks & _AT_RISK) > 0,
            facts["delay"].astype(np.float64),
            {name: risk[slots].astype(np.float64) for name, risk in self._told.items()},
        )

    def state(self, durable: Sequence[str]) -> WindowState:
        """As bytes, with the risks of `durable` besides the served ones."""
        filled = self.filled
        return WindowState(
            rows=self.rows,
            filled=filled,
            facts=self._facts[:filled].tobytes(),
            told={name: self._told[name][:filled].tobytes() for name in (SERVED, *durable)},
        )

    @classmethod
    def resume(cls, state: WindowState, capacity: int, names: Sequence[str]) -> Self:
        """Go on from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes do not make so many rows, or the window was larger then.
        """
        window = cls(capacity, names)
        if state.filled != min(state.rows, capacity):
            raise ValueError(f"a window of {state.filled} rows, settings say {capacity}")
        window.rows = state.rows
        window._facts[: state.filled] = np.frombuffer(state.facts, dtype=window._facts.dtype)
        for name, raw in state.told.items():
            column = window._told[name]
            column[: state.filled] = np.frombuffer(raw, dtype=column.dtype)
        return window
