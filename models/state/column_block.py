"""One group of columns of a lane's subscribers, and its bytes in the state topic."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.state.columns import BIT, BlockSpec

StateRecord = tuple[bytes, bytes | None]

ROW_VERSION: Final = b"\x01\x00"
"""Leads every block's bytes. A reader that does not know it stops, naming the key."""
_VERSION_SIZE: Final = len(ROW_VERSION)
_LOAD_CHUNK: Final = 65_536
"""So many records of a block are put into its rows at once while a state is read back."""


class Block:
    """One group of columns, a row a subscriber.

    Attributes
    ----------
    data
        Its part of the population's table, a view: set anew whenever the table grows.
    bit
        What it is in a row's `dirty`.
    """

    def __init__(self, spec: BlockSpec) -> None:
        self.spec = spec
        self.code = spec.code
        self.bit = BIT[spec.name]
        self.fill = np.array(spec.fill, dtype=spec.dtype)
        self.data: npt.NDArray[Any] = np.empty((0, len(spec.columns)), dtype=spec.dtype)
        self.size = _VERSION_SIZE + len(spec.columns) * self.data.itemsize
        self._read: tuple[list[int], list[bytes]] = ([], [])

    def column(self, name: str) -> npt.NDArray[Any]:
        """All rows of one column, a view."""
        return self.data[:, self.spec.index[name]]

    def records(self, rows: npt.NDArray[np.int64], keys: list[bytes]) -> list[StateRecord]:
        """State records of these rows; `keys` are the subscribers' by row."""
        if not len(rows):
            return []
        size, code = self.size, self.code
        image = np.empty((len(rows), size), dtype=np.uint8)
        image[:, :_VERSION_SIZE] = np.frombuffer(ROW_VERSION, dtype=np.uint8)
        image[:, _VERSION_SIZE:] = np.ascontiguousarray(self.data[rows]).view(np.uint8)
        raw = image.tobytes()
        starts = range(0, len(raw), size)
        return [(code + keys[row], raw[at : at + size]) for row, at in zip(rows.tolist(), starts, strict=True)]

    def read(self, row: int, value: bytes) -> None:
        """Take note of a row as the state topic holds it; it stands after :meth:`settle`."""
        missing = self.size - len(value)
        if not value.startswith(ROW_VERSION) or missing < 0 or missing % self.data.itemsize:
            raise ValueError(f"{len(value)} bytes of row version {value[:_VERSION_SIZE]!r}")
        if missing:  # written before a column was appended
            value += self.fill.tobytes()[-missing:]
        rows, values = self._read
        rows.append(row)
        values.append(value)
        if len(rows) >= _LOAD_CHUNK:
            self.settle()

    def settle(self) -> None:
        """Put the rows read so far in place; of one row read twice the last stands."""
        rows, values = self._read
        if rows:
            image = np.frombuffer(b"".join(values), dtype=np.uint8).reshape(len(rows), self.size)
            self.data[rows] = np.ascontiguousarray(image[:, _VERSION_SIZE:]).view(self.data.dtype)
            self._read = ([], [])
