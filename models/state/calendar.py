"""A calendar of rows by the time at which to look at them, the soonest first."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

import numpy as np
import numpy.typing as npt


class Calendar:
    """A priority queue of rows by time.

    An entry is a lower bound: when it comes up, the owner checks whether something is due, and enters the row again if
    not. A term that moved leaves a stale entry behind, which this check ignores.

    Examples
    --------
    >>> calendar = Calendar()
    >>> calendar.put(30.0, 7), calendar.put(10.0, 3), calendar.put(10.0, 3)
    (None, None, None)
    >>> calendar.next(), calendar.pop(20.0), calendar.next()
    (10.0, [3], 30.0)
    """

    def __init__(self) -> None:
        self._entries: list[tuple[float, int]] = []

    def put(self, when: float, row: int) -> None:
        """Enter a row."""
        heappush(self._entries, (when, row))

    def next(self) -> float:
        """The earliest entry; infinity without one."""
        return self._entries[0][0] if self._entries else inf

    def pop(self, until: float) -> list[int]:
        """Remove and return the rows entered up to `until`, each once, in order."""
        rows = set()
        while self._entries and self._entries[0][0] <= until:
            rows.add(heappop(self._entries)[1])
        return sorted(rows)

    def fill(self, when: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> None:
        """Replace all entries with these rows."""
        self._entries = list(zip(when.tolist(), rows.tolist(), strict=True))
        heapify(self._entries)
