"""Who is to be looked at when: rows by time, the soonest first."""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf


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

    def clear(self) -> None:
        """Take out all."""
        self._entries.clear()
