"""What stands in the columns of a file: all different cells with their numbers, over the whole file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from app.tables.fields import is_nothing
from app.tables.recording import SAMPLE, Recording

_DIFFERENT: Final = 1_000
"""Different cells kept of a column: a column of words has fewer."""
_SHAPES: Final = 10_000
"""Kept in all. A column with more holds free text, and none of its cells decides anything."""
_LONGEST: Final = 200
_DIGITS: Final = str.maketrans("123456789", "0" * 9)


class ColumnCells:
    """The cells of one column, in bounded memory.

    From the thousandth different cell on, cells that differ in their digits only are counted as the first of them:
    that is enough to find a date among days of a spreadsheet, or a word that comes late.

    Examples
    --------
    >>> column = ColumnCells()
    >>> for cell in (*map(str, range(10_000, 20_000)), "", "late", "late"):
    ...     column.look(cell)
    >>> len(column.seen), column.seen["10000"], column.seen["late"], column.blanks
    (1001, 9001, 2, 1)
    """

    def __init__(self) -> None:
        self.seen: dict[object, int] = {}
        """Each cell with its number, in the order of the file."""
        self.blanks = 0
        self._alike: dict[str, object] = {}

    def look(self, cell: object) -> None:
        """Count one cell."""
        if is_nothing(cell):
            self.blanks += 1
            return
        if not isinstance(cell, dict | list):
            cell = cell[:_LONGEST] if isinstance(cell, str) else cell
            if cell not in self.seen and len(self.seen) >= _DIFFERENT:
                cell = self._like(cell)
            self.seen[cell] = self.seen.get(cell, 0) + 1

    def _like(self, cell: object) -> object:
        if not self._alike:
            for known in self.seen:
                self._alike.setdefault(shape(known), known)
        if self.crowded:
            return self._alike.get(shape(cell), next(iter(self.seen)))
        return self._alike.setdefault(shape(cell), cell)

    @property
    def crowded(self) -> bool:
        """Whether it has too many different cells to keep even one of each form."""
        return len(self.seen) >= _SHAPES

    def mostly(self, holds: Callable[[object], object]) -> bool:
        """Whether something holds for more than half of the cells."""
        return 2 * sum(count for cell, count in self.seen.items() if holds(cell)) > sum(self.seen.values())


def shape(cell: object) -> str:
    """A cell with its digits made equal, which shows how it is written.

    Examples
    --------
    >>> shape("+86 138-0013"), shape("01-MAY-26"), shape(1.5) == shape("1.5")
    ('+00 000-0000', '00-MAY-00', False)
    """
    text = cell if isinstance(cell, str) else f"{type(cell).__name__} {cell}"
    return text.translate(_DIGITS)


def cells_of(
    recording: Recording, places: Collection[int], progress: Callable[[int], None]
) -> Mapping[int, ColumnCells]:
    """Read a whole file for what stands in some of its columns."""
    found = {place: ColumnCells() for place in places}
    for count, row in enumerate(recording.sample if len(recording.sample) < SAMPLE else recording.rows()):
        if row.reject is None:
            for place, column in found.items():
                column.look(row.cells[place])
        if count % 4_096 == 0:
            progress(count)
    return found
