"""Fair rows between two looks: they are told of, and learned as a block, when there are enough of them."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.quality import Bools
from models.recent import Row
from models.risk import Floats


class LotState(Struct, frozen=True, kw_only=True):
    """Rows as bytes, little-endian, features in single precision."""

    numbers: list[int]
    times: list[int]
    left: list[bool]
    learned: list[bool]
    x: bytes


class LotRows(NamedTuple):
    """The rows of a lot as columns: numbers in the window, times of the vectors, who left, (F, n) features.

    ``learned`` is False where a guard forbade it.
    """

    numbers: list[int]
    times: list[int]
    left: Bools
    learned: Bools
    x: Floats


class Lot:
    """See the module.

    Examples
    --------
    >>> lot = Lot(2)
    >>> lot.add(7, 1_000, Row([1.0, float("nan")], True, 0), learned=True)
    >>> lot.rows().numbers, lot.rows().x.tolist(), Lot.resume(lot.state(), 2).state() == lot.state()
    ([7], [[1.0], [nan]], True)
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._numbers: list[int] = []
        self._times: list[int] = []
        self._left: list[bool] = []
        self._learned: list[bool] = []
        self._x: list[npt.NDArray[np.float32]] = []

    def __len__(self) -> int:
        """How many rows."""
        return len(self._numbers)

    def add(self, number: int, ts: int, row: Row, *, learned: bool) -> None:
        """Take a row in, whose vector was frozen at `ts`."""
        self._numbers.append(number)
        self._times.append(ts)
        self._left.append(row.left)
        self._learned.append(learned)
        # In single precision, here and in the checkpoint alike: the same bits with a restart as without.
        self._x.append(np.array(row.values, dtype="<f4"))

    def rows(self) -> LotRows:
        """As columns."""
        x = np.array(self._x, dtype="<f4").reshape(len(self), self._width).T.astype(np.float64)
        return LotRows(self._numbers, self._times, np.array(self._left, bool), np.array(self._learned, bool), x)

    def clear(self) -> None:
        """All of them were told of and learned."""
        self._numbers, self._times, self._left, self._learned, self._x = [], [], [], [], []

    def state(self) -> LotState:
        """As bytes."""
        x = np.array(self._x, dtype="<f4").tobytes()
        numbers, times = list(self._numbers), list(self._times)
        return LotState(numbers=numbers, times=times, left=list(self._left), learned=list(self._learned), x=x)

    @classmethod
    def resume(cls, state: LotState, width: int) -> Self:
        """Go on from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes do not make rows of this width.
        """
        lot = cls(width)
        lot._numbers, lot._times = list(state.numbers), list(state.times)
        lot._left, lot._learned = list(state.left), list(state.learned)
        lot._x = list(np.frombuffer(state.x, dtype="<f4").reshape(len(lot), width))
        return lot
