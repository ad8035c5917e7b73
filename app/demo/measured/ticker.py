"""Alerts as lines that can be read: at most one in two seconds, whatever a burst brings."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from models.contract.alerts import Alert

EVERY_S: Final = 2.0
"""Least time between two lines; a history that is lived through in seconds raises hundreds of alerts."""
_NEWS: Final = frozenset({"raised", "escalated"})


class Line(NamedTuple):
    """One alert to show, and how many of which kind stand behind it."""

    alert: Alert
    others: Counter[str]


class Ticker:
    """Holds back alerts until a line is due, and shows the one that matters most: news first, then priority."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._best: Alert | None = None
        self._waiting: Counter[str] = Counter()
        self._shown_at: float | None = None

    def put(self, alert: Alert) -> None:
        """Let an alert wait for the next line."""
        self._waiting[alert.kind] += 1
        if self._best is None or _weight(alert) >= _weight(self._best):
            self._best = alert

    def take(self, at: float) -> Line | None:
        """The line that is due at `at` (seconds of a steady clock), if there is one."""
        best = self._best
        if best is None or (self._shown_at is not None and at - self._shown_at < self._every_s):
            return None
        others, self._waiting, self._best, self._shown_at = self._waiting, Counter(), None, at
        others[best.kind] -= 1
        return Line(best, +others)


def _weight(alert: Alert) -> tuple[bool, float, int]:
    return alert.event in _NEWS, alert.priority, alert.ts
