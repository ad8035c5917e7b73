"""A table as text, whole in memory, through the reader of ``holdfast replay``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from app.errors import Refused
from app.tables.recording import Recording


class Sheet(NamedTuple):
    """Columns of text, in the order of the file."""

    source: str
    columns: dict[str, list[str]]

    @property
    def rows(self) -> int:
        """How many rows, without the header."""
        return len(next(iter(self.columns.values()), []))

    def column(self, name: str) -> list[str]:
        """One column.

        Raises
        ------
        Refused
            If there is none of that name; the message lists those that are.
        """
        if name not in self.columns:
            raise Refused(f"{self.source} has no column {name!r}", f"it has: {', '.join(self.columns)}")
        return self.columns[name]


def read(path: Path, encoding: str | None = None) -> Sheet:
    """Read a whole file; its encoding is found out where none is given.

    Raises
    ------
    Refused
        If it cannot be read as a table, or a row of it cannot: the message says why.
    """
    recording, rows = Recording(path, encoding=encoding), []
    for row in recording.rows():
        if row.reject is not None:
            raise Refused(f"{path.name}, row {row.number}: {row.reject.detail}")
        rows.append(["" if cell is None else str(cell).strip() for cell in row.cells])
    return Sheet(path.name, dict(zip(recording.columns, map(list, zip(*rows, strict=True)), strict=True)))
