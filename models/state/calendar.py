"""Who is to be looked at when: rows by time, the soonest first."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

import numpy as np
import numpy.typing as npt


class Calendar:
    """See the module.

    An entry is a lower bound: when it comes up, whoever keeps the calendar knows whether something is due by then, and
    enters the row again if not. A term that moved leaves its former entry behind, which then says nothing.

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
        """Take out the rows that are entered up to then, each once, in order."""
        rows = set()
        while self._entries and self._entries[0][0] <= until:
            rows.add(heappop(self._entries)[1])
        return sorted(rows)

    def fill(self, when: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> None:
        """Enter these rows in place of all others."""
        self._entries = list(zip(when.tolist(), rows.tolist(), strict=True))
        heapify(self._entries)
