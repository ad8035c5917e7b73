"""What a batch decided, collected until its transaction: outputs in order, counts, and how large it has grown."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from msgspec import Struct, field

from models.contract.alerts import Alert, Receipt, Score, Suppression
from models.contract.training_example import Example, Fate
from models.state.state_records import StateRecords

OutputKind = Literal["alert", "score", "suppression", "receipt", "example", "fate"]
Body = Alert | Score | Suppression | Receipt | Example | Fate

MAX_OUTPUTS: Final = 8_000
MAX_BYTES: Final = 4 << 20
"""Of state records and outputs together, by estimate: half of what a transaction may hold."""
_CARD_BYTES: Final = 4_000
_EXAMPLE_BYTES: Final = 2_500
_SHORT_BYTES: Final = 900


class Output(NamedTuple):
    """A record to publish. ``body`` is None for a tombstone: the latest risk of somebody who was forgotten."""

    kind: OutputKind
    key: str
    body: Body | None
    ts: int
    ce_id: str
    trigger_record_ts: int | None
    """The trigger's record timestamp, from which the time to the alert is measured; None after a tick."""


CountName = Literal["applied", "duplicates", "late", "ignored", "breaches", "leavers", "recovered", "consent_absent"]


class Counts(Struct):
    """What happened since the last take, in numbers; the outputs count themselves."""

    applied: dict[str, int] = field(default_factory=dict)
    """Valid events applied, by topic."""
    duplicates: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    """Applied, but too late to trigger anything."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Older than an erasure whose stop mark still stands: not applied."""
    breaches: dict[str, int] = field(default_factory=dict)
    """Decisions on a breach, by kind: each was raised or suppressed."""
    unknown_feedback: int = 0
    """Feedback for an alert that is unknown or closed; kept as contact history."""
    later_outcomes: int = 0
    """Outcomes of somebody who had left already: the first one decided."""
    late_outcomes: int = 0
    """Outcomes that came when some of what they are about may have been labelled by time."""
    leavers: dict[str, int] = field(default_factory=dict)
    """Who left, by the alert that was raised of them within the horizon before: ``risk_tier``, ``signal`` or ``none``.
    """
    leads_ms: list[int] = field(default_factory=list)
    """From the first tier alert within the horizon to the leaving."""
    recovered: dict[str, int] = field(default_factory=dict)
    """Tier episodes that ended by themselves: ``short``, of two days or less, or ``longer``."""
    consent_absent: dict[str, int] = field(default_factory=dict)
    """Profiles that leave a consent to the policy, by what it is for."""
    forgotten: int = 0
    """Idle subscribers who were let go."""

    def add(self, name: CountName, key: str, n: int = 1) -> None:
        """Count `n` more of `key`."""
        counts: dict[str, int] = getattr(self, name)
        counts[key] = counts.get(key, 0) + n


class Changes(NamedTuple):
    """What one transaction is to write, and what it will have meant."""

    records: StateRecords
    outputs: list[Output]
    counts: Counts


class Outbox:
    """See the module.

    Attributes
    ----------
    outputs
        In the order of the decisions.
    counts
        Of the same decisions.
    """

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.counts = Counts()
        self._bytes = 0

    def put(self, output: Output) -> None:
        """Publish with the batch."""
        self.outputs.append(output)
        full = output.kind in ("alert", "suppression") and getattr(output.body, "action", None) is not None
        self._bytes += _CARD_BYTES if full else _EXAMPLE_BYTES if output.kind in ("example", "fate") else _SHORT_BYTES

    def wrote(self, size: int) -> None:
        """Count so many bytes of state records."""
        self._bytes += size

    @property
    def room(self) -> int:
        """Bytes left; none when there are as many outputs as a transaction should have."""
        return 0 if len(self.outputs) >= MAX_OUTPUTS else max(0, MAX_BYTES - self._bytes)

    def take(self) -> tuple[list[Output], Counts]:
        """What was collected, and start anew."""
        taken = self.outputs, self.counts
        self.__init__()  # type: ignore[misc]  # the same fields, empty
        return taken
