"""A calendar of rows by the time at which to look at them, the soonest first."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

import numpy as np
import numpy.typing as npt


class Calendar:
    """A priority queue of rows by time.

    Only the last entry of a row counts. It is a lower bound: when it comes up, the caller checks whether something is
    due, and enters the row again if not.

    Examples
    --------
    >>> calendar = Calendar()
    >>> calendar.put(5.0, 7), calendar.put(10.0, 3), calendar.put(30.0, 7)
    (None, None, None)
    >>> calendar.next(), calendar.pop(20.0), calendar.next()
    (10.0, [3], 30.0)
    """

    def __init__(self) -> None:
        self._entries: list[tuple[float, int]] = []
        self._last: dict[int, float] = {}

    def put(self, when: float, row: int) -> None:
        """Enter a row."""
        self._last[row] = when
        heappush(self._entries, (when, row))

    def next(self) -> float:
        """The earliest entry; infinity without one."""
        entries, last = self._entries, self._last
        while entries and last.get(entries[0][1]) != entries[0][0]:
            heappop(entries)
        return entries[0][0] if entries else inf

    def pop(self, until: float) -> list[int]:
        """Take out the rows that are entered up to then, each once, in order."""
        rows = []
        while self.next() <= until and self._entries:
            row = heappop(self._entries)[1]
            del self._last[row]
            rows.append(row)
        return sorted(rows)

    def fill(self, when: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> None:
        """Replace all entries with these rows."""
        self._entries = list(zip(when.tolist(), rows.tolist(), strict=True))
        self._last = {row: at for at, row in self._entries}
        heapify(self._entries)
