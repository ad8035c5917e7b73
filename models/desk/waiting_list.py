"""The breaches that wait for capacity, and the pass in which they are decided on, best first."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Literal

from models.desk.desk_context import DeskContext
from models.desk.persons import Standing

Rank = tuple[bool, float, str]
"""Sort key: not urgent, negative priority, alert id."""


class WaitingList:
    """The waiting breaches. The end of a transaction may interrupt a pass anywhere; the next one resumes it.

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
        if self._queue is None:
            return
        rank = self._rank(standing)
        if (self.passed is None or rank > self.passed) and self._ripe(standing):
            heapq.heappush(self._queue, rank)

    def drop(self, standing: Standing) -> None:
        """Remove a breach, if it is there."""
        self._waiting.pop(standing.alert.alert_id, None)

    def next(self) -> Standing | None:
        """The next breach of the pass, best first, ties by alert id; None at its end."""
        if self._queue is None:
            ranks = [self._rank(standing) for standing in self._waiting.values() if self._ripe(standing)]
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
