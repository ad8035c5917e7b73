"""All that a demonstration shows at one moment; whoever draws it reads nothing else."""

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

Phase = Literal["starting", "past", "live", "ended"]
_KEPT_LINES: Final = 50


@dataclass(slots=True, kw_only=True)
class Scene:
    """What there is to show. Times are those of one steady clock, in seconds, but for what ends in ``_ms``.

    Attributes
    ----------
    began
        When the demonstration was called, the download of jars apart.
    simulated_ms
        How far the simulated population has lived.
    event_ms
        How far the worker has followed it.
    card
        The alert that is shown in full: the first, or the newest of a story.
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
    """What became of the tier alerts; a worker that has just started knows of none yet."""
    worker_pid: int | None = None
    deaths: int = 0
    """Ends of a worker that nobody asked for."""
    note: tuple[str, float] | None = None
    """What a key could not do, and when it was pressed."""
    open_s: float | None = None
    """When every lane was open for the first time, in seconds after ``began``."""
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
    """Lines so far; ``lines`` keeps the newest of them."""
    kills: list[Recovery] = field(default_factory=list)

    def saw(self, alert: Alert, at: float) -> None:
        """Take in a committed step of an alert: the first fills the card, a story's stops its clock."""
        self.tally.alert(alert.alert_id, alert.seq)
        self.alerts += 1
        self.alerts_by_kind[alert.kind] += 1
        if alert.event not in ("raised", "escalated"):
            self.ticker.put(alert)
            return
        told = self.watch.alert(alert.subscriber_id, alert.kind, at)
        if self.first_alert is None:
            self.first_alert, self.first_alert_s = alert, round(at - self.began, 1)
        elif told is None:
            self.ticker.put(alert)
        if self.card is None or (told is not None and told is self.watch.laps[0]):
            self.card = alert

    def look(self, at: float, lag: int) -> None:
        """Take in how far the worker is behind."""
        self.lag = lag
        self.pace.look(at, self.tally.events)
        for kill in self.kills:
            kill.look(at, self.tally.openings, lag)

    def follow(self, vitals: WorkerVitals) -> None:
        """Take in what the worker says of itself; one that has just started knows nothing yet."""
        if sum(vitals.tiers.values()) and not (self.kills and self.kills[-1].reopened_s is None):
            self.tiers = vitals.tiers
        self.known = max(self.known, vitals.known, key=lambda known: known.raised + known.matured + known.leavers)
        self.event_ms = vitals.event_ms or self.event_ms

    def say(self, note: str, at: float) -> None:
        """Answer a key that could not do what it should."""
        self.note = (note, at)

    def tick(self, at: float) -> None:
        """Take the line that is due, if there is one."""
        line = self.ticker.take(at)
        if line is not None:
            self.lines.append(line)
            self.told += 1
