"""Clocks of the demonstration: event rate, story to alert, recovery after a kill, and lines of alerts."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from models.contract.alerts import Alert

_WINDOW_S: Final = 3.0
"""Commits come in bursts; a shorter window would flicker."""
_AS_BEFORE: Final = 200
"""Lag in records that a demonstration has at its usual pace."""
EVERY_S: Final = 2.0
"""Least time between two lines; a history processed in seconds raises hundreds of alerts."""
_NEWS: Final = frozenset({"raised", "escalated"})


class PaceMeter:
    """Rate of a running total, from occasional samples.

    Examples
    --------
    >>> meter = PaceMeter()
    >>> for at, total in ((0.0, 0), (1.0, 5000), (2.0, 12000), (6.0, 12000)):
    ...     meter.look(at, total)
    >>> meter.now, meter.peak, meter.overall
    (0.0, 6000.0, 6000.0)
    """

    def __init__(self, window_s: float = _WINDOW_S) -> None:
        self.now = 0.0
        self.peak = 0.0
        self._window_s = window_s
        self._looks: deque[tuple[float, int]] = deque()
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None

    def look(self, at: float, total: int) -> None:
        """Add a sample of the total."""
        looks = self._looks
        if self._first is None:
            self._first = (at, total)
        if self._last is None or total > self._last[1]:
            self._last = (at, total)
        looks.append((at, total))
        while len(looks) > 2 and looks[1][0] <= at - self._window_s:
            looks.popleft()
        (before, less), (_, more) = looks[0], looks[-1]
        if at - before >= 1.0:  # closer samples may both fall between two commits
            self.now = (more - less) / (at - before)
            self.peak = max(self.peak, self.now)

    @property
    def overall(self) -> float:
        """Mean rate from the first sample to the last one that found more."""
        if self._first is None or self._last is None or self._last[0] <= self._first[0]:
            return 0.0
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])


@dataclass(slots=True)
class Recovery:
    """One kill and the recovery from it. Seconds are counted from the kill.

    Attributes
    ----------
    reopened_s
        When every lane was open again, with its state restored by another process.
    caught_up_s
        When the lag was back at its level before the kill.
    """

    began: float
    openings: int
    lag: int
    lanes: int
    reopened_s: float | None = None
    caught_up_s: float | None = None

    def look(self, at: float, openings: int, lag: int) -> None:
        """Update from the current openings and lag.

        Examples
        --------
        >>> recovery = Recovery(began=100.0, openings=4, lag=50, lanes=4)
        >>> recovery.look(105.0, openings=4, lag=900)
        >>> recovery.look(111.5, openings=8, lag=900); recovery.reopened_s, recovery.caught_up_s
        (11.5, None)
        >>> recovery.look(112.0, openings=8, lag=20); recovery.caught_up_s
        12.0
        """
        if self.reopened_s is None and openings >= self.openings + self.lanes:
            self.reopened_s = round(at - self.began, 1)
        if self.reopened_s is not None and self.caught_up_s is None and lag <= max(self.lag, _AS_BEFORE):
            self.caught_up_s = round(at - self.began, 1)


@dataclass(slots=True)
class Lap:
    """One story and its time. ``seconds`` is None until there is an outcome.

    Attributes
    ----------
    outcome
        The kind of the alert, or with ``withheld`` the reason why there is none.
    """

    story: int
    subscriber_id: str
    began: float
    seconds: float | None = None
    outcome: str = ""
    withheld: bool = False


class Stopwatch:
    """Laps by subscriber: each story has a new subscriber, so their first alert belongs to the story.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> watch.start(2, "s-story-2", at=10.0)
    >>> watch.alert("s-000001", "silence", at=10.2) is None
    True
    >>> watch.alert("s-story-2", "leave_intent", at=10.4).seconds
    0.4
    >>> watch.laps[0].outcome
    'leave_intent'
    """

    def __init__(self) -> None:
        self.laps: list[Lap] = []
        """Laps, newest first."""
        self._running: dict[str, Lap] = {}

    def start(self, story: int, subscriber_id: str, at: float) -> None:
        """Start the clock when the story's last event is handed to Kafka."""
        lap = Lap(story, subscriber_id, at)
        self.laps.insert(0, lap)
        self._running[subscriber_id] = lap

    def alert(self, subscriber_id: str | None, kind: str, at: float) -> Lap | None:
        """Stop the lap at an alert and return it, if one was running. A later alert replaces a decision to withhold."""
        lap = self._running.pop(subscriber_id or "", None)
        if lap is not None:
            lap.seconds, lap.outcome, lap.withheld = round(at - lap.began, 3), kind, False
        return lap

    def withheld(self, subscriber_id: str | None, reason: str, at: float) -> Lap | None:
        """Record a breach that raised no alert; the clock stops unless an alert still comes."""
        lap = self._running.get(subscriber_id or "")
        if lap is not None and not lap.withheld:
            lap.seconds, lap.outcome, lap.withheld = round(at - lap.began, 3), reason, True
        return lap


class Line(NamedTuple):
    """One alert to show, and how many others of each kind wait behind it."""

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
        """Queue an alert for the next line."""
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
