"""The breaches that wait for capacity, and the pass in which they are decided on, best first."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import Literal

from models.desk.desk_context import DeskContext
from models.desk.persons import PersonFile, Standing

Rank = tuple[bool, float, str]
"""Sort key: not urgent, negative priority, alert id."""


class WaitingList:
    """The waiting breaches. The end of a transaction may interrupt a pass anywhere; the next one resumes it.

    A breach for which there was no capacity *sleeps*: it is not tried again until time, its person, its account or its
    unit may have changed that. In a backlog of a month, 2,880 passes over 2,000 waiting breaches took a minute. Which
    ones sleep is not kept: to try one again changes nothing.

    Attributes
    ----------
    releasing
        The pass that is under way: over all, or over those not tried yet (``late``); None if there is none.
    passed
        Rank of the last breach that the pass has reached.
    """

    def __init__(self, context: DeskContext) -> None:
        self.releasing: Literal["all", "late"] | None = None
        self.passed: Rank | None = None
        self._context = context
        self._waiting: dict[str, Standing] = {}
        self._awake: dict[str, None] = {}
        """Those to be tried, by alert id, in the order in which they woke."""
        self._alarms: list[tuple[int, str]] = []
        """Heap of the times at which those that sleep wake by themselves, some of which were woken before."""
        self._queue: list[Rank] | None = None
        """Heap of what is left of the pass; None until it is built."""

    def __contains__(self, standing: Standing) -> bool:
        return standing.alert.alert_id in self._waiting

    def units(self) -> Counter[str]:
        """Number of waiting breaches by unit."""
        return Counter(standing.unit for standing in self._waiting.values())

    def put(self, standing: Standing) -> None:
        """Add a breach, also to a running pass, so that the pass is the same wherever transactions cut it."""
        self._waiting[standing.alert.alert_id] = standing
        self._wake([standing.alert.alert_id])

    def drop(self, standing: Standing) -> None:
        """Remove a breach, if it is there."""
        self._waiting.pop(standing.alert.alert_id, None)
        self._awake.pop(standing.alert.alert_id, None)

    # Sleeping

    def sleep(self, standing: Standing, until: int) -> None:
        """Do not try a breach again until then, unless it is woken."""
        self._awake.pop(standing.alert.alert_id, None)
        heapq.heappush(self._alarms, (until, standing.alert.alert_id))

    def wake(self, file: PersonFile) -> None:
        """A person has changed."""
        self._wake(name for name, standing in file.breaches.items() if standing.state == "waiting")

    def wake_unit(self, unit: str) -> None:
        """A unit has capacity again."""
        self._wake(name for name, standing in self._waiting.items() if standing.unit == unit)

    def wake_account(self, account_id: str) -> None:
        """An account has changed."""
        self._wake(name for name, standing in self._waiting.items() if standing.alert.account_id == account_id)

    def wake_all(self) -> None:
        """The policy has changed."""
        self._wake(self._waiting)

    def _wake(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._waiting or name in self._awake:
                continue
            self._awake[name] = None
            if self._queue is None:
                continue
            standing = self._waiting[name]
            rank = self._rank(standing)
            if (self.passed is None or rank > self.passed) and self._ripe(standing):
                heapq.heappush(self._queue, rank)

    # The pass

    def next(self) -> Standing | None:
        """The next breach of the pass, best first, ties by alert id; None at its end."""
        if self._queue is None:
            latest = self._context.time.latest()
            while self._alarms and self._alarms[0][0] <= latest:
                self._wake([heapq.heappop(self._alarms)[1]])
            awake = (self._waiting[name] for name in self._awake)
            ranks = [self._rank(standing) for standing in awake if self._ripe(standing)]
            self._queue = [rank for rank in ranks if self.passed is None or rank > self.passed]
            heapq.heapify(self._queue)
        while self._queue:
            self.passed = heapq.heappop(self._queue)
            standing = self._waiting.get(self.passed[2])
            if standing is not None:
                return standing
        self.releasing, self.passed, self._queue = None, None, None
        return None

    def _ripe(self, standing: Standing) -> bool:
        """Whether the desk's time has reached a breach, so that no earlier one of another lane can follow."""
        tried_now = self.releasing == "all" or not standing.tried
        return tried_now and (standing.since <= self._context.time.now or self._context.urgent(standing.alert.kind))

    def _rank(self, standing: Standing) -> Rank:
        return not self._context.urgent(standing.alert.kind), -standing.alert.priority, standing.alert.alert_id
