"""State of the demonstration at one moment; the views read nothing else."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final, Literal

from app.demo.measured.pace_meter import PaceMeter
from app.demo.measured.recovery import Recovery
from app.demo.measured.stopwatch import Stopwatch
from app.demo.measured.tally import ExactnessTally
from app.demo.measured.ticker import Line, Ticker
from app.demo.measured.vitals import Known, WorkerVitals
from models.contract.alerts import Alert
from models.contract.policy import MANDATORY

Phase = Literal["starting", "past", "live", "ended"]
_KEPT_LINES: Final = 50


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything the demonstration shows. Times are seconds of one steady clock, except names ending in ``_ms``.

    Attributes
    ----------
    began
        Start of the demonstration, after the download of jars.
    simulated_ms
        Event time reached by the simulated population.
    event_ms
        Event time reached by the worker.
    card
        The alert shown in full: the first, or the newest of a story.
    """

    brokers: str
    subscribers: int
    seed: int
    began: float
    start_ms: int
    live_ms: int
    phase: Phase = "starting"
    simulated_ms: int | None = None
    event_ms: int | None = None
    lag: int = 0
    tiers: dict[str, int] = field(default_factory=dict)
    known: Known = field(default_factory=Known)
    """Outcomes of the tier alerts; a worker that has just started has none yet."""
    worker_pid: int | None = None
    deaths: int = 0
    """How often a worker ended by itself."""
    note: tuple[str, float] | None = None
    """Note on a key that could not act, and when it was pressed."""
    open_s: float | None = None
    """Seconds from ``began`` until every lane was open for the first time."""
    first_alert_s: float | None = None
    first_alert: Alert | None = None
    card: Alert | None = None
    alerts: int = 0
    alerts_by_kind: Counter[str] = field(default_factory=Counter)
    suppressions: Counter[str] = field(default_factory=Counter)
    tally: ExactnessTally = field(default_factory=ExactnessTally)
    pace: PaceMeter = field(default_factory=PaceMeter)
    watch: Stopwatch = field(default_factory=Stopwatch)
    ticker: Ticker = field(default_factory=Ticker)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    told: int = 0
    """Count of lines so far; ``lines`` keeps the newest."""
    kills: list[Recovery] = field(default_factory=list)

    def saw(self, alert: Alert, at: float) -> None:
        """Add a committed step of an alert: the first but for notices fills the card, a story's stops its clock."""
        self.tally.alert(alert.alert_id, alert.seq)
        self.alerts += 1
        self.alerts_by_kind[alert.kind] += 1
        if alert.event not in ("raised", "escalated"):
            self.ticker.put(alert)
            return
        lap = self.watch.alert(alert.subscriber_id, alert.kind, at)
        if self.first_alert is None:
            self.first_alert, self.first_alert_s = alert, round(at - self.began, 1)
        if (self.card is None and alert.kind not in MANDATORY) or (lap is not None and lap is self.watch.laps[0]):
            self.card = alert
        elif lap is None:
            self.ticker.put(alert)

    def look(self, at: float, lag: int) -> None:
        """Update the worker's lag."""
        self.lag = lag
        self.pace.look(at, self.tally.events)
        for kill in self.kills:
            kill.look(at, self.tally.openings, lag)

    def follow(self, vitals: WorkerVitals) -> None:
        """Update from the worker's metrics; a worker that has just started has none yet."""
        if sum(vitals.tiers.values()) and not (self.kills and self.kills[-1].reopened_s is None):
            self.tiers = vitals.tiers
        self.known = max(self.known, vitals.known, key=lambda known: known.raised + known.matured + known.leavers)
        self.event_ms = vitals.event_ms or self.event_ms

    def say(self, note: str, at: float) -> None:
        """Show a note on a key that could not act."""
        self.note = (note, at)

    def tick(self, at: float) -> None:
        """Show the line that is due, if there is one."""
        line = self.ticker.take(at)
        if line is not None:
            self.lines.append(line)
            self.told += 1
