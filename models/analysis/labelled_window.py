"""The latest labelled rows as columns: the risks of the served model and of the prior, and the outcome.

A quality figure over all time hides this month, and one over a day is noise. So figures are exact over a bounded
window, in which the newest row replaces the oldest. It is part of the checkpoint, so it survives a restart.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.arrays import Bools, Bytes, Floats, Ints
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example
from models.contract.vocabulary import SEGMENTS

SERVED: Final = "served"
PRIOR: Final = "prior"
"""The risks kept for each row: the served one, and that of the prior alone."""
_FACTS: Final = np.dtype(
    [("left", "?"), ("ts", "<i8"), ("segment", "u1"), ("marks", "u1"), ("who", "<u4"), ("delay", "<f4")]
)
_HOLD_OUT: Final = 1
_CONTACTED: Final = 2
_AT_RISK: Final = 4


class Judged(NamedTuple):
    """Rows of a window, the oldest first; NaN is a missing risk.

    ``who`` is a hash of the subscriber: rows of one subscriber are not independent. ``ts`` is when the vector was
    frozen. ``told`` holds the predicted risks, by :data:`SERVED` and :data:`PRIOR`.
    """

    left: Bools
    ts: Ints
    who: npt.NDArray[np.uint32]
    segment: Bytes
    hold_out: Bools
    contacted: Bools
    at_risk: Bools
    delay_days: Floats
    told: dict[str, Floats]

    def of(self, rows: Bools) -> Judged:
        """The selected rows."""
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
    """A window as bytes, little-endian."""

    rows: int
    filled: int
    facts: bytes
    told: dict[str, bytes]


class Window:
    """A bounded window of labelled rows.

    The served risk is kept in double precision, so that its figures are exact; the prior's in single precision.

    Parameters
    ----------
    capacity
        Rows at most.

    Examples
    --------
    >>> window = Window(2)
    >>> window.rows, len(window.latest().left)
    (0, 0)
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.rows = 0
        """Rows ever added: the number of the next one."""
        self._facts = np.zeros(capacity, dtype=_FACTS)
        self._told: dict[str, npt.NDArray[np.floating]] = {
            SERVED: np.full(capacity, np.nan, dtype="<f8"),
            PRIOR: np.full(capacity, np.nan, dtype="<f4"),
        }

    @property
    def filled(self) -> int:
        """Rows in the window."""
        return min(self.rows, self.capacity)

    def add(self, example: Example, who: int, prior: float) -> None:
        """Add a row, with the subscriber's hash and the prior's risk."""
        slot = self.rows % self.capacity
        marks = _HOLD_OUT * example.hold_out + _CONTACTED * example.contacted + _AT_RISK * (example.tier != "healthy")
        delay = example.delay_ms / DAY_MS
        segment = SEGMENTS.index(example.segment)
        self._facts[slot] = (example.label == "positive", example.ts, segment, marks, who & 0xFFFFFFFF, delay)
        self._told[SERVED][slot], self._told[PRIOR][slot] = example.risk, prior
        self.rows += 1

    def latest(self) -> Judged:
        """All rows in the window."""
        slots = np.arange(self.rows - self.filled, self.rows) % self.capacity
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

    def state(self) -> WindowState:
        """The window as bytes."""
        filled = self.filled
        return WindowState(
            rows=self.rows,
            filled=filled,
            facts=self._facts[:filled].tobytes(),
            told={name: column[:filled].tobytes() for name, column in self._told.items()},
        )

    @classmethod
    def resume(cls, state: WindowState, capacity: int) -> Self:
        """Restore a window from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes do not match the number of rows, or that number does not match `capacity`.
        """
        window = cls(capacity)
        if state.filled != min(state.rows, capacity):
            raise ValueError(f"a window of {state.filled} rows, settings say {capacity}")
        window.rows = state.rows
        window._facts[: state.filled] = np.frombuffer(state.facts, dtype=window._facts.dtype)
        for name, raw in state.told.items():
            column = window._told[name]
            column[: state.filled] = np.frombuffer(raw, dtype=column.dtype)
        return window
