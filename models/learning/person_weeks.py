"""The latest person-weeks with the prior's and the served risks, for guard and withdrawal."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.arrays import Bools, Floats

CAPACITY: Final = 8_000
_ROW: Final = np.dtype(
    [("ts", "<i8"), ("prior", "<f4"), ("served", "<f4"), ("left", "?"), ("weeks", "u1"), ("who", "<u4")]
)


class PersonWeekRow(NamedTuple):
    """A weekly label as a row: one or more person-weeks; fields as in :class:`PersonWeeks`."""

    ts: int
    prior: float
    served: float
    left: bool
    weeks: int
    who: int


class PersonWeeks(NamedTuple):
    """Rows of the window, the oldest first; ``ts`` is when the label was known, ``weeks`` how many weeks it covers."""

    ts: npt.NDArray[np.int64]
    prior: Floats
    served: Floats
    left: Bools
    weeks: npt.NDArray[np.int64]
    who: npt.NDArray[np.uint32]

    def of(self, rows: Bools) -> PersonWeeks:
        """The selected rows."""
        return PersonWeeks(
            self.ts[rows], self.prior[rows], self.served[rows], self.left[rows], self.weeks[rows], self.who[rows]
        )


class PersonWeekWindowState(Struct, frozen=True, kw_only=True):
    """The full state of :class:`PersonWeekWindow`."""

    added: int
    rows: bytes


class PersonWeekWindow:
    """The latest person-weeks, :data:`CAPACITY` rows at most.

    Examples
    --------
    >>> window = PersonWeekWindow()
    >>> window.add(PersonWeekRow(5, 0.1, 0.2, True, 2, 7))
    >>> found = window.latest()
    >>> found.left.tolist(), found.served.round(6).tolist(), found.weeks.tolist()
    ([True], [0.2], [2])
    """

    def __init__(self) -> None:
        self._rows = np.zeros(CAPACITY, dtype=_ROW)
        self._added = 0

    def add(self, row: PersonWeekRow) -> None:
        """Add a row; the oldest is overwritten when the window is full."""
        self._rows[self._added % CAPACITY] = tuple(row)
        self._added += 1

    def latest(self) -> PersonWeeks:
        """All rows in the window."""
        rows = self._rows[np.arange(max(0, self._added - CAPACITY), self._added) % CAPACITY]
        prior, served = rows["prior"].astype(np.float64), rows["served"].astype(np.float64)
        return PersonWeeks(
            rows["ts"].copy(), prior, served, rows["left"].copy(), rows["weeks"].astype(np.int64), rows["who"].copy()
        )

    def state(self) -> PersonWeekWindowState:
        """The window as bytes."""
        return PersonWeekWindowState(added=self._added, rows=self._rows[: min(self._added, CAPACITY)].tobytes())

    @classmethod
    def resume(cls, state: PersonWeekWindowState) -> Self:
        """Restore from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes do not match the number of rows.
        """
        window, rows = cls(), np.frombuffer(state.rows, dtype=_ROW)
        if len(rows) != min(state.added, CAPACITY):
            raise ValueError(f"{len(rows)} person-weeks, expected {min(state.added, CAPACITY)}")
        window._rows[: len(rows)] = rows
        window._added = state.added
        return window
