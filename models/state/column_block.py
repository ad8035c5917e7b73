"""A group of columns of a lane's subscribers, and how it is read back from the state topic."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.kernel import compiled
from models.state.columns import BlockSpec

_LOAD_CHUNK: Final = 65_536
"""Records of a block collected before they are put into rows while the state is read back."""


class ColumnBlock:
    """A group of columns, with one row per subscriber.

    Attributes
    ----------
    data
        A view of the population's table, replaced whenever the table grows.
    """

    def __init__(self, spec: BlockSpec) -> None:
        self.spec = spec
        self.code = spec.code
        self.fill = np.array(spec.fill, dtype=spec.dtype)
        self.data: npt.NDArray[Any] = np.empty((0, len(spec.columns)), dtype=spec.dtype)
        self._read: tuple[list[int], list[bytes]] = ([], [])

    def column(self, name: str) -> npt.NDArray[Any]:
        """All rows of one column, a view."""
        return self.data[:, self.spec.index[name]]

    def read(self, row: int, value: bytes) -> bool:
        """Collect a row from the state topic, for :meth:`settle` to put in place; true if that must be called now."""
        rows, values = self._read
        rows.append(row)
        values.append(value)
        return len(rows) >= _LOAD_CHUNK

    def settle(self) -> int:
        """Put the collected rows in place; if a row was read twice, the last wins.

        Returns the row of a value with unknown version or size, or -1 if all could be read.
        """
        rows, values = self._read
        if not rows:
            return -1
        self._read = ([], [])
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
        whole = np.frombuffer(b"".join(values) or b"\0", dtype=np.uint8)
        columns, fill = self.data.view(np.uint64), self.fill.view(np.uint64)
        bad: int = compiled.read_rows(np.array(rows, dtype=np.int64), ends, whole, columns, fill)
        return -1 if bad < 0 else rows[bad]
