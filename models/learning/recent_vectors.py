"""The latest weekly vectors, without labels: knots, level, cut-offs and medians are computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from msgspec import Struct

from models.arrays import Bytes, Floats, Ints


class RecentVector(NamedTuple):
    """A vector: its features, NaN where missing, and the number of the value segment."""

    values: Sequence[float]
    segment: int


class RecentState(Struct, frozen=True, kw_only=True):
    """Rows as bytes, single precision, little-endian, the oldest first."""

    x: bytes
    segment: bytes


class Recent:
    """A bounded window of vectors.

    Rows are held in single precision, as in the checkpoint: half the bytes, and a restart does not change a bit.

    Parameters
    ----------
    capacity
        Rows at most.
    width
        Features of a row.

    Examples
    --------
    >>> recent = Recent(2, 1)
    >>> for value in (1.0, 2.0, 3.0):
    ...     recent.add(RecentVector([value], 0))
    >>> recent.x.tolist()
    [[2.0, 3.0]]
    """

    def __init__(self, capacity: int, width: int) -> None:
        self.capacity = capacity
        self._x = np.zeros((capacity, width), dtype="<f4")
        self._segment = np.zeros(capacity, dtype="u1")
        self._added = 0

    def __len__(self) -> int:
        """Rows in the window."""
        return min(self._added, self.capacity)

    def add(self, row: RecentVector) -> None:
        """Add a row; the oldest is overwritten when the window is full."""
        slot = self._added % self.capacity
        self._x[slot], self._segment[slot] = row
        self._added += 1

    def _order(self) -> Ints:
        return np.arange(self._added - len(self), self._added) % self.capacity

    @property
    def x(self) -> Floats:
        """The vectors, (F, n), the oldest first."""
        return self._x[self._order()].T.astype(np.float64)

    @property
    def segment(self) -> Bytes:
        """Number of the value segment of each row, the oldest first."""
        return self._segment[self._order()]

    def state(self) -> RecentState:
        """The window as bytes."""
        order = self._order()
        return RecentState(x=self._x[order].tobytes(), segment=self._segment[order].tobytes())

    @classmethod
    def resume(cls, state: RecentState, capacity: int, width: int) -> Self:
        """Restore from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes do not make rows of this width, or there are more than `capacity`.
        """
        recent = cls(capacity, width)
        segment = np.frombuffer(state.segment, dtype="u1")
        recent._x[: len(segment)] = np.frombuffer(state.x, dtype="<f4").reshape(len(segment), width)
        recent._segment[: len(segment)] = segment
        recent._added = len(segment)
        return recent
