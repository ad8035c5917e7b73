"""What a lane needs of others: a fold to fold into, a place in the consumer, and what all lanes of a worker share."""

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
    """What a fold made of the arrivals since the last time it was asked."""

    state: StateRecords
    """The lane adds its ledger."""
    outputs: Sequence[AnyRecord]
    counts: Commit
    triggers_ms: Sequence[int]
    """Record timestamps of the triggers of published alerts, from which latency is measured."""


class Fold(Protocol):
    """What a lane folds its records into. Pure: the same arrivals in the same order give the same bytes."""

    @property
    def versions(self) -> tuple[str, str]:
        """Model and policy in force; they change only between transactions."""

    @property
    def owed(self) -> bool:
        """Whether a sweep of the clock did not fit: to be applied again, if need be with nothing."""

    def renew(self) -> None:
        """Take into force what is to be from now on; called when a lane opens, and before the next :meth:`apply`.

        Never between an :meth:`apply` and its :meth:`take`: what a transaction decided, one model decided.
        """

    def load(self, records: list[StateRecord]) -> None:
        """Take up state records; called before :meth:`resume` only."""

    def resume(self, clock: Mapping[str, Any]) -> None:
        """Go on from the time in the ledger; called once, after the last :meth:`load`.

        Of a new lane again, before its first arrival, if a recorded history stands at its beginning: with when it ends.
        """

    def clock(self) -> dict[str, Any]:
        """What of time belongs into the ledger."""

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        """Apply in order; returns how many were applied, fewer than given when the output would grow too large."""

    def take(self) -> Folded:
        """What came of it since the last call."""

    def standing(self) -> Commit:
        """Watermark, tiers and rows as they stand; a restored lane may wait long for its next commit."""


class Place(Protocol):
    """The consumer as one lane sees it: its own partition, by topic without prefix."""

    async def logs(self) -> LaneLogs:
        """Ids, starts and ends of the inputs, and what the group has committed."""

    async def seek(self, offsets: Mapping[str, int]) -> Mapping[str, int]:
        """Seek; returns the epochs that fetches from there on carry."""

    def stable(self, topic: str, epoch: int) -> int | None:
        """Last stable offset that the newest fetch answer of `epoch` told; None before the first."""


async def _none() -> int | None:
    """Stand in where no recorded history is told of."""
    return None


def _nothing(*_: Any) -> None:
    """Stand in for a hook that is not set."""


@dataclass(frozen=True, kw_only=True)
class LaneSpec:
    """What all lanes of a worker share."""

    prefix: str
    group: str
    partitions: int
    client: Mapping[str, Any]
    report: LaneReport
    wall_s: Callable[[], float]
    """The wall clock, for metrics only: it never reaches a fold."""
    session_timeout_s: float = 10.0
    """How long a worker that says nothing keeps its lanes: shorter only in fault tests."""
    pace: TransactionPace = field(default_factory=TransactionPace)
    recorded_until: Callable[[], Awaitable[int | None]] = _none
    """Asked by a new lane that has its first record: the last moment of the recorded history that it begins with."""
    take_over: bool = False
    accept_loss: bool = False
    poison: Callable[[int, int], None] = _nothing
    """Told after each batch how many records it had and how many were poison; may raise to end the worker."""
    fail_at: Callable[[str], None] = _nothing
    """Fault tests: called at each step with its name, and may not return."""
