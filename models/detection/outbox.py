"""The outbox: outputs and counts of a batch, collected until its transaction, and their size."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from msgspec import Struct, field

from models.contract.alerts import Alert, Receipt, Score, Suppression
from models.contract.breaches import Breach, Heard
from models.contract.training_example import Example, WeeklyLabel
from models.contract.work_orders import WorkOrder
from models.state.state_records import StateRecords

OutputKind = Literal["alert", "heard", "work_order", "score", "suppression", "receipt", "example", "fate"]
"""``heard`` is a record for the desk; alerts and work orders are published by the desk only."""
Body = Alert | Heard | WorkOrder | Score | Suppression | Receipt | Example | WeeklyLabel

MAX_OUTPUTS: Final = 8_000
MAX_BYTES: Final = 4 << 20
"""Estimated size of state records and outputs together: half of what a transaction may hold."""
_CARD_BYTES: Final = 4_000
_EXAMPLE_BYTES: Final = 2_500
_SHORT_BYTES: Final = 900


class Output(NamedTuple):
    """A record to publish. ``body`` is None for a tombstone, which withdraws a subscriber's latest risk."""

    kind: OutputKind
    key: str
    body: Body | None
    ts: int
    ce_id: str
    trigger_record_ts: int | None
    """The trigger's record timestamp, from which the time to the alert is measured; None after a tick."""


CountName = Literal["applied", "duplicates", "late", "ignored", "breaches", "leavers", "recovered", "consent_absent"]


class Counts(Struct):
    """Counts since the last take; outputs are counted by their list."""

    applied: dict[str, int] = field(default_factory=dict)
    """Valid events applied, by topic."""
    duplicates: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    """Events applied, but too late to trigger anything."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Events not applied, because they are not newer than an erasure whose stop mark still stands."""
    breaches: dict[str, int] = field(default_factory=dict)
    """Breaches withheld here, by kind; the desk counts those that are sent to it."""
    unknown_feedback: int = 0
    """Feedback for an alert that is unknown or closed, kept as contact history, and for the account of a line that has
    none."""
    later_outcomes: int = 0
    """Outcomes of subscribers who had already left: the first one decided."""
    late_outcomes: int = 0
    """Outcomes so late that some of the subscriber's vectors may already have been labelled as negative."""
    leavers: dict[str, int] = field(default_factory=dict)
    """Leavers by the alert raised within the horizon before they left: ``risk_tier``, ``signal`` or ``none``."""
    leads_ms: list[int] = field(default_factory=list)
    """Time from the first tier alert within the horizon to leaving."""
    recovered: dict[str, int] = field(default_factory=dict)
    """Tier episodes that ended by themselves: ``short``, of two days or less, or ``longer``."""
    consent_absent: dict[str, int] = field(default_factory=dict)
    """Profiles without a stated consent, by its purpose; the policy's default applies."""
    forgotten: int = 0
    """Idle subscribers who were deleted."""
    migrations: int = 0
    """Subscribers who moved to another product or number of ours: no churn."""
    migrated_revenue: float = 0.0
    """What migrated subscribers paid a month, less the fee of their new plan where that is known."""

    def add(self, name: CountName, key: str, n: int = 1) -> None:
        """Count `n` more of `key`."""
        counts: dict[str, int] = getattr(self, name)
        counts[key] = counts.get(key, 0) + n

    def migrated(self, revenue: float) -> None:
        """Count a subscriber who migrated internally, and their revenue."""
        self.migrations += 1
        self.migrated_revenue += revenue


class Changes(NamedTuple):
    """Everything one transaction must write, with its counts."""

    records: StateRecords
    outputs: list[Output]
    counts: Counts


class Outbox:
    """Collects the outputs and counts of a transaction.

    Attributes
    ----------
    outputs
        In the order of the decisions.
    counts
        Counts of the same decisions.
    """

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.counts = Counts()
        self._bytes = 0

    def put(self, output: Output) -> None:
        """Add an output, published with the batch."""
        self.outputs.append(output)
        card = output.body.alert if isinstance(output.body, Breach) else output.body
        full = output.kind in ("heard", "suppression") and getattr(card, "action", None) is not None
        self._bytes += _CARD_BYTES if full else _EXAMPLE_BYTES if output.kind in ("example", "fate") else _SHORT_BYTES

    def tell(self, heard: Heard, ts: int) -> None:
        """Send a record to the desk; it needs no id, since its offset is its place in history."""
        self.put(Output("heard", getattr(heard, "subscriber_id", ""), heard, ts, "", None))

    def wrote(self, size: int) -> None:
        """Add `size` bytes of state records to the estimate."""
        self._bytes += size

    @property
    def room(self) -> int:
        """Bytes left; 0 when the number of outputs has reached its limit."""
        return 0 if len(self.outputs) >= MAX_OUTPUTS else max(0, MAX_BYTES - self._bytes)

    def take(self) -> tuple[list[Output], Counts]:
        """Return what was collected, and start empty."""
        taken = self.outputs, self.counts
        self.__init__()  # type: ignore[misc]  # the same fields, empty
        return taken
