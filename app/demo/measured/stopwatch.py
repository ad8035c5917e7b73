"""Stopwatch from the last event of a story to its alert, by the wall clock."""

from __future__ import annotations

from dataclasses import dataclass


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
        """Start when the story's last event is handed to Kafka."""
        lap = Lap(story, subscriber_id, at)
        self.laps.insert(0, lap)
        self._running[subscriber_id] = lap

    def alert(self, subscriber_id: str | None, kind: str, at: float) -> Lap | None:
        """Stop at an alert; returns the lap if one was running. A later alert replaces a decision to withhold."""
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
