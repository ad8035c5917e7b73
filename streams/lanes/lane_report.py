"""What the lanes tell the outside: pure types, so that no lane knows of Prometheus.

Everything here is called from the event loop's thread, except :meth:`Report.lag`, which the watchdog's thread calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from streams.records.wire import Poison


class WrittenOutput(Protocol):
    """What of an output the counts are made of; ``models`` has the whole."""

    @property
    def kind(self) -> str:
        """One of ``alert score suppression receipt example``."""
        ...

    @property
    def body(self) -> object:
        """The value as a struct: an alert's has kind, event and tier, a suppression's has its reason."""
        ...


class Commit(NamedTuple):
    """One committed transaction of a lane, in counts.

    It is made while the batch is folded and told only when the commit is known, so that no count runs ahead of what
    a ``read_committed`` reader can see.
    """

    events: Mapping[str, int] = {}
    """Valid events applied, by topic without prefix; duplicates and poison have their own."""
    duplicates: Mapping[str, int] = {}
    rejected: Mapping[tuple[str, Poison], int] = {}
    misplaced: Mapping[str, int] = {}
    """Keys that murmur2 would put into another partition, by topic; each is counted once."""
    late: Mapping[str, int] = {}
    """Events too late to trigger anything; they are in ``events`` too."""
    ignored: Mapping[str, int] = {}
    """Events older than the erasure of their subscriber: not applied."""
    unknown_feedback: int = 0
    """Feedback for an alert that is unknown or closed."""
    outcomes_ignored: Mapping[str, int] = {}
    """Outcomes that could not label all that they are about: ``later`` than one that had decided, or ``late``."""
    outputs: Sequence[WrittenOutput] = ()
    breaches: Mapping[str, int] = {}
    """New breaches by kind: each is raised, suppressed or waiting."""
    examples: Mapping[str, int] = {}
    """Training examples by label."""
    matured: Mapping[tuple[str, str], int] = {}
    """Alerts of which it is known by now whether the subscriber left, by kind and label."""
    leavers: Mapping[str, int] = {}
    """Who left, by the alert that was raised before: ``risk_tier``, ``signal`` or ``none``."""
    leads_s: Sequence[float] = ()
    """From the first tier alert to the leaving."""
    recovered: Mapping[str, int] = {}
    """Tier episodes that ended by themselves: ``short`` or ``longer``."""
    consent_absent: Mapping[str, int] = {}
    """Profiles that leave a consent to the policy, by what it is for."""
    latencies_s: Sequence[float] = ()
    """From the timestamp of an alert's trigger to the commit."""
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
"""A lane of which nothing is known yet."""


class LaneReport(Protocol):
    """Port of the lanes to whoever counts. No method may block or raise: a metric must not cost an alert."""

    def lane_opened(self, partition: int, found: Commit = NOTHING) -> None:
        """After the lane is restored and takes events; `found` tells watermark, tiers and rows as they stand."""

    def lane_closed(self, partition: int) -> None:
        """After the last transaction of the lane; its series go, since another worker reports them from now on."""

    def committed(self, partition: int, commit: Commit) -> None:
        """After the broker confirmed the transaction, once for each."""

    def restore_remaining(self, partition: int, records: int) -> None:
        """While a lane is restored: how many records are still to be read; 0 at the end."""

    def lag(self, topic: str, partition: int, records: int, seconds: float) -> None:
        """How far the ledger is behind the end of an input, in records and in time; from the watchdog's thread."""
