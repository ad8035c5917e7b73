"""Port through which lanes report counts: plain types, so that no lane depends on Prometheus.

All of it is called from the event loop's thread, except :meth:`Report.lag`, which the watchdog's thread calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from streams.records.dead_letter_reasons import DeadLetterReason


class WrittenOutput(Protocol):
    """The parts of an output that are counted; ``models`` has the whole type."""

    @property
    def kind(self) -> str:
        """Which of ``models.decisions.outbox.OutputKind``."""
        ...

    @property
    def body(self) -> object:
        """The value as a struct: an alert's has kind, event and tier, a suppression's has its reason."""
        ...


class Commit(NamedTuple):
    """One committed transaction of a lane, in counts.

    It is made while the batch is folded but reported only after the commit, so that no count runs ahead of what a
    ``read_committed`` reader can see.
    """

    events: Mapping[str, int] = {}
    """Valid events applied, by topic without prefix; duplicates and poison are counted apart."""
    duplicates: Mapping[str, int] = {}
    rejected: Mapping[tuple[str, DeadLetterReason], int] = {}
    misplaced: Mapping[str, int] = {}
    """Keys that murmur2 puts into another partition, by topic; each is counted once."""
    late: Mapping[str, int] = {}
    """Events too late to trigger anything; they are in ``events`` too."""
    ignored: Mapping[str, int] = {}
    """Events older than their subscriber's erasure: not applied."""
    unknown_feedback: int = 0
    """Feedback for an alert that is unknown or closed."""
    outcomes_ignored: Mapping[str, int] = {}
    """Outcomes that could not set all their labels: ``later`` than a deciding outcome, or ``late``."""
    outputs: Sequence[WrittenOutput] = ()
    breaches: Mapping[str, int] = {}
    """Breaches withheld by the lane, by kind; the desk reports all others."""
    examples: Mapping[str, int] = {}
    """Training examples by label."""
    matured: Mapping[tuple[str, str], int] = {}
    """Alerts with a known outcome, by kind and label."""
    leavers: Mapping[str, int] = {}
    """Leavers by the alert raised before: ``risk_tier``, ``signal`` or ``none``."""
    leads_s: Sequence[float] = ()
    """Seconds from the first tier alert to leaving."""
    recovered: Mapping[str, int] = {}
    """Tier episodes that ended by themselves: ``short`` or ``longer``."""
    migrations: int = 0
    """Subscribers who moved to another product or number of the operator's: no churn."""
    migrated_revenue: float = 0.0
    """Monthly revenue that this may cost."""
    consent_absent: Mapping[str, int] = {}
    """Profiles without a stated consent, for which the policy decides, by use."""
    label_delays_s: Sequence[float] = ()
    batch_s: float = 0.0
    transaction_s: float = 0.0
    watermark_ms: int | None = None
    tiers: Mapping[str, int] = {}
    """Subscribers of the lane by tier after the commit."""
    state_rows: int = 0
    state_bytes: Mapping[str, int] = {}
    """Memory of the lane by part."""
    now_s: float = 0.0
    """Wall clock of the commit."""


NOTHING: Final = Commit()
"""Counts of a lane that has committed nothing yet."""


class LaneReport(Protocol):
    """Port of the lanes for metrics. No method may block or raise: a metric must not cost an alert."""

    def lane_opened(self, partition: int, found: Commit = NOTHING) -> None:
        """Called when the lane is restored and takes events; `found` has its watermark, tiers and rows."""

    def lane_closed(self, partition: int) -> None:
        """Called after the lane's last transaction; its series are removed, since another worker reports them now."""

    def committed(self, partition: int, commit: Commit) -> None:
        """Called once for each transaction, after the broker has confirmed it."""

    def restore_remaining(self, partition: int, records: int) -> None:
        """Called while a lane is restored, with the number of records left to read; 0 at the end."""

    def lag(self, topic: str, partition: int, records: int, seconds: float) -> None:
        """Lag of the ledger behind the end of an input, in records and time; called from the watchdog's thread."""
