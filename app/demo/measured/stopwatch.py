"""From the last event of a story to the alert that it raises, on a wall clock that somebody can watch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Lap:
    """One story told. ``seconds`` is None while nothing has come of it.

    Attributes
    ----------
    outcome
        The kind of the alert, or after ``withheld`` the reason why there is none.
    """

    story: int
    subscriber_id: str
    began: float
    seconds: float | None = None
    outcome: str = ""
    withheld: bool = False


class Stopwatch:
    """Laps by subscriber: each story is told of a new one, so their first alert is the story's.

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
        """The newest first."""
        self._running: dict[str, Lap] = {}

    def start(self, story: int, subscriber_id: str, at: float) -> None:
        """Start as the story's last event is handed to Kafka."""
        lap = Lap(story, subscriber_id, at)
        self.laps.insert(0, lap)
        self._running[subscriber_id] = lap

    def alert(self, subscriber_id: str | None, kind: str, at: float) -> Lap | None:
        """Stop at an alert; the lap if there was one running. A decision to withhold gives way to a later alert."""
        lap = self._running.pop(subscriber_id or "", None)
        if lap is not None:
            lap.seconds, lap.outcome, lap.withheld = round(at - lap.began, 3), kind, False
        return lap

    def withheld(self, subscriber_id: str | None, reason: str, at: float) -> Lap | None:
        """Note that the breach was seen and not raised; the clock stands unless an alert comes all the same."""
        lap = self._running.get(subscriber_id or "")
        if lap is not None and not lap.withheld:
            lap.seconds, lap.outcome, lap.withheld = round(at - lap.began, 3), reason, True
        return lap
