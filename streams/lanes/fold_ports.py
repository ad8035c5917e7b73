"""Ports of a lane: its fold, its place in the consumer, and the values that all lanes of a worker share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from models.contract.events import Arrival
from models.state.state_records import StateRecord, StateRecords
from streams.lanes.lane_report import Commit, LaneReport
from streams.lanes.ledger import LaneLogs
from streams.lanes.pace import TransactionPace
from streams.records.out_record import AnyRecord


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
    recorded_until: Callable[[], Awaitable[int | None]] = _none
    """Called by a new lane with its first record: returns the end of the recorded history, if it begins with one."""
    take_over: bool = False
    accept_loss: bool = False
    poison: Callable[[int, int], None] = _nothing
    """Called after each batch with its counts of records and of poison; may raise to end the worker."""
    fail_at: Callable[[str], None] = _nothing
    """Fault tests: called at each step with its name, and may not return."""
