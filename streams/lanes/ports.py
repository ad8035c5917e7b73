"""Ports of the lanes: fold, place in the consumer, report, the desk beside them; and what all lanes of a worker share.

The report takes counts as plain types, so that no lane depends on Prometheus. All of it is called from the event loop's
thread, except :meth:`LaneReport.lag`, which the watchdog's thread calls.

The lanes of a worker share a pace of transactions: each costs milliseconds of processor time, however few events it
holds. With one event in each, 200 events a second over eight lanes took 200 transactions and half a core. So the active
lanes share a fixed number of transactions a second, and with more active lanes an event waits a little longer. A lane
with a backlog fills its transactions and need not wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from models.contract.events import Arrival
from models.state.state_records import StateRecord, StateRecords
from streams.kafka.key_placement import PlacementWarning
from streams.lanes.ledger import LaneLogs
from streams.records.out_records import AnyRecord
from streams.records.record_columns import Records
from streams.records.wire import DeadLetterReason

SHORTEST_S: Final = 0.02
"""Shortest time between the starts of two transactions of a lane: at low rates more would only load the broker."""
LONGEST_S: Final = 0.25
"""Longest time: with so many lanes that it is reached, transactions are well filled."""
A_SECOND: Final = 64
"""Transactions a second of all lanes, at 2.5 ms each a sixth of a core."""
_RECENT_S: Final = 1.0


class WrittenOutput(Protocol):
    """The parts of an output that are counted; ``models`` has the whole type."""

    @property
    def kind(self) -> str:
        """Which of ``models.detection.outbox.OutputKind``."""
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


class Folded(NamedTuple):
    """Results of a fold since the last :meth:`Fold.take`."""

    state: StateRecords
    """State records; the lane adds its ledger."""
    outputs: Sequence[AnyRecord]
    counts: Commit
    late: bool = False
    """Whether its time is long ago, so that the desk waits to hear how far it is."""


class Fold(Protocol):
    """Port of the state that a lane folds its records into. Pure: equal arrivals in equal order give equal bytes."""

    @property
    def versions(self) -> tuple[str, str]:
        """Model and policy in force; they change only between transactions."""

    @property
    def owed(self) -> bool:
        """Whether a sweep of the clock did not fit: call :meth:`apply` again, if need be without arrivals."""

    def renew(self) -> None:
        """Switch to the model and policy now in force; called before each :meth:`apply`, and at no other time.

        So one transaction's decisions come from one model and one policy, and a switch changes state in the transaction
        whose history names the new version, once.
        """

    def load(self, records: list[StateRecord]) -> None:
        """Load state records; called only before :meth:`resume`."""

    def resume(self, clock: Mapping[str, Any], policy: str = "") -> None:
        """Continue from clock and policy in the ledger; called once, after the last :meth:`load`.

        A new lane that begins with a recorded history calls it again before its first arrival, with the history's end.
        """

    def clock(self) -> dict[str, Any]:
        """The clock to keep in the ledger."""

    def joining(self) -> Sequence[AnyRecord]:
        """Records that announce the lane to the desk; written once in the life of its state, as it was restored."""

    def opening(self, generation: int) -> Sequence[AnyRecord]:
        """Records for the desk that this lane has opened; written before any other of this opening but `joining`."""

    def idling(self) -> Sequence[AnyRecord]:
        """Records for the desk that this lane has read everything, so that the desk need not wait for it."""

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        """Apply in order; returns how many were applied, fewer than given when the output would grow too large."""

    def take(self, now_ms: int | None = None) -> Folded:
        """The results since the last call; `now_ms` is the time at which they are written, None if they are not."""

    def standing(self) -> Commit:
        """Present watermark, tiers and rows; a restored lane may wait long for its next commit."""


class Fetch(NamedTuple):
    """New records of one partition from one poll, in offset order, in blocks as they were written.

    There may be none. Then only the position has moved, over aborted records and markers; or it has not moved, and
    this is the first answer since a seek.

    ``epoch`` counts the seeks of the partition: a fetch of an older epoch was under way when the lane sought another
    offset, and taking it as the answer would skip records. ``start`` and ``end`` are the consumer's positions before
    and after: offsets may be missing inside (compaction, markers and aborted records of transactions), but the next
    fetch starts where this one ended, unless something was lost between.
    """

    epoch: int
    start: int
    end: int
    blocks: Sequence[Records]


class Place(Protocol):
    """The consumer as one lane sees it: its own partition, by topic without prefix."""

    @property
    def generation(self) -> int:
        """Generation of the consumer group in which the partition was assigned."""

    async def logs(self) -> LaneLogs:
        """Ids, starts and ends of the inputs, and the group's committed offsets."""

    async def seek(self, offsets: Mapping[str, int]) -> Mapping[str, int]:
        """Seek; returns the epochs that fetches carry from then on."""

    def stable(self, topic: str, epoch: int) -> int | None:
        """Last stable offset in the newest fetch answer of `epoch`; None before the first answer."""


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


class WorkerDesk(Protocol):
    """Port of the desk, which runs in the worker that holds lane 0."""

    @property
    def ready(self) -> bool:
        """Whether it is open."""

    @property
    def running(self) -> bool:
        """Whether it opens or is open."""

    @property
    def read_to(self) -> int | None:
        """Offset after the breaches that are read; None while the desk is not open."""

    def start(self, failed: Callable[[BaseException], None]) -> None:
        """Called when the worker gets lane 0; `failed` is called with an error that ends the desk before a close."""

    async def close(self) -> None:
        """Called at each rebalance and at the end; after this returns the desk writes nothing more."""

    def forget(self) -> None:
        """Called when another worker got lane 0: state kept for reopening is dropped."""


class TransactionPace:
    """Pace shared by the lanes of a worker. Times are of one monotonic clock, s.

    Examples
    --------
    >>> pace = TransactionPace()
    >>> for lane in range(12):
    ...     pace.began(lane, 100.0)
    >>> pace.between(100.5), pace.between(105.0)
    (0.1875, 0.02)
    """

    def __init__(self) -> None:
        self._began: dict[int, float] = {}

    def began(self, lane: int, now: float) -> None:
        """Record the start of a lane's transaction."""
        self._began[lane] = now

    def between(self, now: float) -> float:
        """Time between two transactions of a lane, by the number of lanes that wrote recently."""
        busy = sum(now - began < _RECENT_S for began in self._began.values())
        return min(max(busy / A_SECOND, SHORTEST_S), LONGEST_S)


async def _none() -> int | None:
    """Default where there is no recorded history."""
    return None


def _nothing(*_: Any) -> None:
    """Default for a hook that is not set."""


@dataclass(frozen=True, kw_only=True)
class LaneSpec:
    """Values that all lanes of a worker share."""

    prefix: str
    group: str
    partitions: int
    client: Mapping[str, Any]
    report: LaneReport
    wall_s: Callable[[], float]
    """The wall clock, for metrics only: it never reaches a fold."""
    session_timeout_s: float = 10.0
    """Session timeout: how long a silent worker keeps its lanes; shorter only in fault tests."""
    pace: TransactionPace = field(default_factory=TransactionPace)
    placement: PlacementWarning = field(default_factory=PlacementWarning)
    recorded_until: Callable[[], Awaitable[int | None]] = _none
    """Called by a new lane with its first record: returns the end of the recorded history, if it begins with one."""
    take_over: bool = False
    accept_loss: bool = False
    poison: Callable[[int, int], None] = _nothing
    """Called after each batch with its counts of records and of poison; may raise to end the worker."""
    fail_at: Callable[[str], None] = _nothing
    """Fault tests: called at each step with its name, and may not return."""
