"""A table as text, whole in memory, through the reader of ``holdfast replay``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import Refused
from app.tables.recording import Recording


class Sheet(NamedTuple):
    """Columns of text, in the order of the file."""

    source: str
    columns: dict[str, list[str]]
    numbers: Sequence[int] = ()
    """Where each row stands in the file; none: one behind the other."""
    commas: bool = True
    """Whether these separate the columns, or nothing does."""

    @property
    def rows(self) -> int:
        """Number of rows, without the header."""
        return len(next(iter(self.columns.values()), []))

    @property
    def lines(self) -> Sequence[int]:
        """Where each row stands in the file."""
        return self.numbers or range(1, self.rows + 1)

    def column(self, name: str) -> list[str]:
        """One column.

        Raises
        ------
        Refused
            If there is no such column; the message lists the existing ones.
        """
        if name not in self.columns:
            raise Refused(f"{self.source} has no column {name!r}", f"it has: {', '.join(self.columns)}")
        return self.columns[name]


def read(recording: Recording) -> Sheet:
    """All rows of a file.

    Raises
    ------
    Refused
        If a row cannot be read; the message says why.
    """
    name, rows, numbers = recording.path.name, list[list[str]](), list[int]()
    for row in recording.rows():
        if row.reject is not None:
            raise Refused(f"{name}, row {row.number}: {row.reject.detail}")
        numbers.append(row.number)
        rows.append(["" if cell is None else str(cell).strip() for cell in row.cells])
    columns = dict(zip(recording.columns, map(list, zip(*rows, strict=True)), strict=True))
    return Sheet(name, columns, numbers, recording.separator in (",", ""))
