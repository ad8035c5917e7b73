"""Port through which the desk reports counts: plain types, so that it does not depend on Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from models.desk.capacity import UnitProgress
from streams.lanes.ports import WrittenOutput


class DeskStanding(NamedTuple):
    """State of the desk after a commit, for gauges."""

    time_ms: int
    """The desk's time, ms; 0 before the first mark."""
    held_up_by: int
    """Number of lanes that its time waits for."""
    waiting: Mapping[str, int]
    """Breaches that wait for capacity, by unit."""
    success: Mapping[str, float]
    """Share of the settled contacts after which the customer stayed, by unit; units without any are left out."""
    today: Mapping[str, UnitProgress]
    """Today's contacts and saves of each unit of the policy."""


class DeskCommit(NamedTuple):
    """One committed transaction of the desk, in counts."""

    outputs: Sequence[WrittenOutput]
    breaches: Mapping[str, int]
    """Decisions by kind: each breach is raised, suppressed or waiting."""
    unknown: int
    """Steps of breaches that the desk does not know."""
    signs: Mapping[str, int]
    """New signs on corporate lines that their account leaves, by code."""
    settled: Mapping[tuple[str, str], int]
    """Settled contacts, by strategy and ``stayed`` or ``left``."""
    leavers: Mapping[tuple[str, str], int]
    """Customers who left of their own will, by reason and destination."""
    latencies_s: Sequence[float]
    """Time from the timestamp of an alert's trigger to the commit."""


class DeskReport(Protocol):
    """Port of the desk for metrics. No method may block or raise: a metric must not cost an alert."""

    def desk_opened(self, standing: DeskStanding) -> None:
        """Called when the desk is restored and reads breaches."""

    def desk_committed(self, commit: DeskCommit, standing: DeskStanding) -> None:
        """Called once for each transaction, after the broker has confirmed it."""

    def desk_closed(self) -> None:
        """Called after the last transaction; remove the desk's gauges, since another worker reports them now."""
