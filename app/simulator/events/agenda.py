"""Events already settled for later, cases of care among them: all that one span of a simulation passes to the next.

A case has a promised limit, and a resolution in time or late.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from models.contract.events import CARE_CONTACTS
from models.contract.time_units import HOUR_MS

LIMIT_MS: Final = 48 * HOUR_MS
"""Time limits that the hotline promises for a complaint, a fault or a dispute."""
CASE_REASONS: Final = frozenset({"complaint", "fault", "billing_dispute"})
_DEPARTMENTS: Final = {"complaint": "service", "fault": "network", "billing_dispute": "billing"}
_IN_TIME: Final = 0.88


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


class Cases:
    """Numbers the cases and puts their opening and resolution into the agenda.

    >>> agenda = Agenda()
    >>> Cases(np.random.default_rng(1), agenda).open(0, 7, "fault", "hotline", late=True)
    >>> opened, resolved = agenda.until(10**12)
    >>> opened.fields["case_id"] == resolved.fields["case_id"], resolved.ts > opened.fields["due_ts"]
    (True, True)
    """

    __slots__ = ("_agenda", "_number", "_rng")

    def __init__(self, rng: np.random.Generator, agenda: Agenda) -> None:
        self._rng = rng
        self._agenda = agenda
        self._number = 0

    def contact(self, ts: int, who: int, reason: str, channel: str, **more: Any) -> None:
        """Add a contact without a case."""
        self._agenda.put(ts, who, CARE_CONTACTS, {"reason": reason, "channel": channel, **more})

    def open(self, ts: int, who: int, reason: str, channel: str, *, late: bool) -> None:
        """Add a contact that opens a case; one in eight is resolved after its limit, or every one with ``late``."""
        self._number += 1
        case = {"case_id": f"case-{self._number:06d}", "department": _DEPARTMENTS[reason], "due_ts": ts + LIMIT_MS}
        self.contact(ts, who, reason, channel, **case)
        in_time = not late and self._rng.random() < _IN_TIME
        took = self._rng.uniform(0.05, 0.95) if in_time else self._rng.uniform(1.1, 4.0)
        self.contact(ts + int(LIMIT_MS * took), who, reason, channel, status="resolved", **case)
