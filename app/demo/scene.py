"""State of the demonstration at one moment; the views read nothing else."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.demo.clocks import Line, PaceMeter, Recovery, Stopwatch, Ticker
from app.demo.desk_tally import DeskTally
from app.demo.exactness import ExactnessTally
from app.demo.front_desk import FrontDesk
from app.demo.vitals import Known, WorkerVitals
from app.orders.order_book import OrderLife
from models.contract.alerts import Alert
from models.contract.policy import MANDATORY
from models.contract.work_orders import WorkOrder

Phase = Literal["starting", "past", "live", "ended"]
_KEPT_LINES: Final = 50
_NEWS: Final = frozenset({"raised", "escalated"})
_PASSED: Final = ("breaches", "alerts", "orders")
"""What passes through the desk and is counted."""


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
        The alert shown in full: the first, then the first of the present, or the newest of a story.
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
    passed: DeskTally = field(default_factory=DeskTally)
    desk: FrontDesk = field(default_factory=FrontDesk)
    pace: PaceMeter = field(default_factory=PaceMeter)
    watch: Stopwatch = field(default_factory=Stopwatch)
    ticker: Ticker = field(default_factory=Ticker)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    told: int = 0
    """Number of lines shown so far; ``lines`` keeps the newest."""
    kills: list[Recovery] = field(default_factory=list)

    def saw(self, alert: Alert, at: float) -> None:
        """Add a committed step of an alert: the first that is no notice fills the card; a story's stops its clock."""
        self.passed.alert(alert.alert_id, alert.seq, raised=alert.event in _NEWS)
        self.alerts += 1
        self.alerts_by_kind[alert.kind] += 1
        if alert.event not in _NEWS:
            self.ticker.put(alert)
            return
        lap = self.watch.alert(alert.subscriber_id, alert.kind, at)
        if self.first_alert is None:
            self.first_alert, self.first_alert_s = alert, round(at - self.began, 1)
        if (self._to_be_carded(alert) and alert.kind not in MANDATORY) or (
            lap is not None and lap is self.watch.laps[0]
        ):
            self.card = alert
        elif lap is None:
            self.ticker.put(alert)

    def _to_be_carded(self, alert: Alert) -> bool:
        """Whether an alert takes the card: the first, or the first live one once a past card's order has ended."""
        card = self.card
        if card is None:
            return True
        past = not self.watch.laps and card.ts < self.live_ms <= alert.ts
        return past and (self.followed is None or not self.followed.open)

    @property
    def followed(self) -> OrderLife | None:
        """The work order of the card."""
        return None if self.card is None else self.desk.answering(self.card.alert_id)

    def ordered(self, order: WorkOrder, value: bytes, at: float) -> None:
        """Add a committed step of a work order."""
        self.passed.order(order.order_id, order.seq, order.alert_ids if order.step == "dispatched" else ())
        self.desk.ordered(order, value, at)

    @property
    def lost(self) -> int:
        """Events and outputs of the desk that are missing."""
        return self.tally.lost_events + self.passed.lost

    @property
    def twice(self) -> int:
        """Events and outputs of the desk that occurred more than once."""
        return self.tally.twice_events + self.passed.twice

    def look(self, at: float, lag: int) -> None:
        """Update the worker's lag."""
        self.lag = lag
        self.pace.look(at, self.tally.events)
        self.passed.look(at)
        for kill in self.kills:
            kill.look(at, self.tally.openings, lag)

    def follow(self, vitals: WorkerVitals) -> None:
        """Update from the worker's metrics; a worker that has just started has none yet."""
        if sum(vitals.tiers.values()) and not (self.kills and self.kills[-1].reopened_s is None):
            self.tiers = vitals.tiers
        self.known = max(self.known, vitals.known, key=lambda known: known.raised + known.matured + known.leavers)
        self.event_ms = vitals.event_ms or self.event_ms
        self.desk.waiting = vitals.waiting or self.desk.waiting

    def say(self, note: str, at: float) -> None:
        """Show a note on a key that could not act."""
        self.note = (note, at)

    def tick(self, at: float) -> None:
        """Show the line that is due, if there is one."""
        line = self.ticker.take(at)
        if line is not None:
            self.lines.append(line)
            self.told += 1


def summary(scene: Scene, at: float) -> dict[str, Any]:
    """Facts about the simulated data; none is a figure of a model's quality."""
    tally, passed = scene.tally, scene.passed
    return {
        "simulated": True,
        "seed": scene.seed,
        "subscribers": scene.subscribers,
        "seconds": round(at - scene.began, 1),
        "open_s": scene.open_s,
        "first_alert_s": scene.first_alert_s,
        "events": tally.events,
        "events_per_s": round(scene.pace.overall),
        "events_per_s_peak": round(scene.pace.peak),
        "lag_records": scene.lag,
        "alerts": scene.alerts,
        "alerts_by_kind": dict(sorted(scene.alerts_by_kind.items())),
        "suppressions_by_reason": dict(sorted(scene.suppressions.items())),
        "subscribers_by_tier": dict(scene.tiers),
        "tier_alerts_known": scene.known._asdict(),
        "lost_events": tally.lost_events,
        "twice_events": tally.twice_events,
        "orders": passed.orders,
        "orders_by_step": dict(sorted(scene.desk.orders.steps().items())),
        "waiting": sum(scene.desk.waiting.values()),
        **{f"{what}_{of}": getattr(passed, f"{what}_{of}") for of in _PASSED for what in ("lost", "twice")},
        "stories": [
            {"story": lap.story, "seconds": lap.seconds, "outcome": lap.outcome, "withheld": lap.withheld}
            for lap in reversed(scene.watch.laps)
        ],
        "kills": [{"reopened_s": kill.reopened_s, "caught_up_s": kill.caught_up_s} for kill in scene.kills],
        "worker_deaths": scene.deaths,
    }
