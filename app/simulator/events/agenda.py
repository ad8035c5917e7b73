"""Events already settled for later: the only memory that one span of a simulation passes to the next."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A record on ``topic`` with these fields, for subscriber number ``who`` at ``ts``.

    On the profiles' topic the fields are the changed columns of the population; the profile is built from them.
    """

    ts: int
    number: int
    who: int
    topic: str
    fields: dict[str, Any]


class Agenda:
    """A heap of entries by time; entries of the same time come out in the order they were put in.

    >>> agenda = Agenda()
    >>> agenda.put(20, 7, "b", {}); agenda.put(10, 7, "a", {}); agenda.put(20, 8, "c", {})
    >>> [entry.topic for entry in agenda.until(21)], len(agenda)
    (['a', 'b', 'c'], 0)
    """

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, ts: int, who: int, topic: str, fields: dict[str, Any]) -> None:
        """Add an entry; a running number makes the order total, so fields are never compared."""
        heapq.heappush(self._heap, Entry(int(ts), self._number, int(who), topic, fields))
        self._number += 1

    def until(self, end: int) -> Iterator[Entry]:
        """Take out the entries before ``end``, in order; due entries put in meanwhile are included."""
        while self._heap and self._heap[0].ts < end:
            yield heapq.heappop(self._heap)
