"""What is already settled to happen later: the only memory that one span of a simulation hands to the next."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """At ``ts``, subscriber number ``who`` gets a record on ``topic`` with these fields.

    On the profiles' topic the fields are columns of the population that change; the whole profile follows from them.
    """

    ts: int
    number: int
    who: int
    topic: str
    fields: dict[str, Any]


class Agenda:
    """A heap of entries by time; entries of one instant come out as they were put in.

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
        """Settle that this happens; numbers make the order total, so no two entries ever compare their fields."""
        heapq.heappush(self._heap, Entry(int(ts), self._number, int(who), topic, fields))
        self._number += 1

    def until(self, end: int) -> Iterator[Entry]:
        """Take out what happens before ``end``, in order; entries put in meanwhile are seen if they are due."""
        while self._heap and self._heap[0].ts < end:
            yield heapq.heappop(self._heap)
