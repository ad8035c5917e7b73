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
        """Number of rows, without the header."""
        return len(next(iter(self.columns.values()), []))

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


def read(path: Path, encoding: str | None = None) -> Sheet:
    """Read a whole file; its encoding is detected if none is given.

    Raises
    ------
    Refused
        If the file or a row of it cannot be read; the message says why.
    """
    recording, rows = Recording(path, encoding=encoding), []
    for row in recording.rows():
        if row.reject is not None:
            raise Refused(f"{path.name}, row {row.number}: {row.reject.detail}")
        rows.append(["" if cell is None else str(cell).strip() for cell in row.cells])
    return Sheet(path.name, dict(zip(recording.columns, map(list, zip(*rows, strict=True)), strict=True)))
