"""The latest fair rows themselves, a bounded number: knots are frozen on them, drift and medians are seen in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.decay import Floats

Bools = npt.NDArray[np.bool_]


class RecentState(Struct, frozen=True, kw_only=True):
    """Rows as bytes, single precision, little-endian, the oldest first."""

    x: bytes
    left: bytes


class Recent:
    """See the module.

    Rows are held in single precision, here and in the checkpoint alike: half the bytes, and the same bits after a
    restart as without one.

    Parameters
    ----------
    capacity
        Rows.
    width
        Features of a row.

    Examples
    --------
    >>> recent = Recent(2, 1)
    >>> for value in (1.0, 2.0, 3.0):
    ...     recent.add([value], left=value > 2)
    >>> recent.x.tolist(), recent.left.tolist()
    ([[2.0, 3.0]], [False, True])
    """

    def __init__(self, capacity: int, width: int) -> None:
        self.capacity = capacity
        self._x = np.zeros((capacity, width), dtype="<f4")
        self._left = np.zeros(capacity, dtype=bool)
        self._rows = 0

    def __len__(self) -> int:
        """Rows that are there."""
        return min(self._rows, self.capacity)

    def add(self, values: Sequence[float], *, left: bool) -> None:
        """Take a row in; NaN is a missing value."""
        slot = self._rows % self.capacity
        self._x[slot] = values
        self._left[slot] = left
        self._rows += 1

    def _order(self) -> npt.NDArray[np.int64]:
        return np.arange(self._rows - len(self), self._rows) % self.capacity

    @property
    def x(self) -> Floats:
        """(F, n), the oldest first."""
        return self._x[self._order()].T.astype(np.float64)

    @property
    def left(self) -> Bools:
        """Who left, the oldest first."""
        return self._left[self._order()]

    def shrunk(self, capacity: int) -> Recent:
        """The latest `capacity` rows."""
        fewer = Recent(capacity, self._x.shape[1])
        for slot in self._order()[-capacity:].tolist():
            fewer.add(self._x[slot].tolist(), left=bool(self._left[slot]))
        return fewer

    def state(self) -> RecentState:
        """As bytes."""
        order = self._order()
        return RecentState(x=self._x[order].tobytes(), left=self._left[order].tobytes())

    @classmethod
    def resume(cls, state: RecentState, capacity: int, width: int) -> Self:
        """Go on from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes do not make rows of this width, or there are more than `capacity`.
        """
        recent = cls(capacity, width)
        left = np.frombuffer(state.left, dtype=bool)
        x = np.frombuffer(state.x, dtype="<f4").reshape(len(left), width)
        recent._x[: len(left)], recent._left[: len(left)] = x, left
        recent._rows = len(left)
        return recent
