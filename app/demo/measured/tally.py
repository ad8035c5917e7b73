"""Count of lost and repeated events, from what the workers committed and not from what they report.

The history record of a transaction holds the input offsets that it applied. Over the transactions of all workers
every offset must occur exactly once: a gap is a lost event, an overlap an event that was applied twice. An alert's
records carry a ``seq`` from 1 without gaps, which is tested the same way.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.demo.measured.coverage import Coverage
from streams.records.lane_history import HistoryRecord


class ExactnessTally:
    """Lost and repeated events, from each record of ``churn.history.v1`` and ``churn.retention-alerts.v1``.

    Inputs written in transactions or compacted skip offsets anyway, so they cannot be tallied.

    Examples
    --------
    >>> tally = ExactnessTally()
    >>> def transaction(*segments):
    ...     tally.transaction(HistoryRecord(0, list(segments), "m", "p", topics=["telecom.calls.v1"]))
    >>> transaction((0, 0, 99)); transaction((0, 100, 149))
    >>> tally.events, tally.lost_events, tally.twice_events
    (150, 0, 0)
    >>> transaction((0, 140, 159)); transaction((0, 165, 169))
    >>> tally.events, tally.lost_events, tally.twice_events
    (165, 5, 10)
    """

    def __init__(self) -> None:
        self.events = 0
        """Distinct events applied."""
        self.lost_events = 0
        self.twice_events = 0
        self.lost_alerts = 0
        """Alert steps that are missing before a later one."""
        self.twice_alerts = 0
        self.openings = 0
        """How often lanes were opened: each once when a worker starts, and again after the worker's end."""
        self._inputs: dict[tuple[str, int], Coverage] = {}
        self._alerts: dict[str, Coverage] = {}

    def transaction(self, record: HistoryRecord) -> None:
        """Add one committed transaction."""
        if record.opened is not None:
            self.openings += 1
        for number, first, last in record.segments:
            place = (record.topics[number], record.partition)
            seen = self._inputs.get(place)
            if seen is None:
                seen = self._inputs[place] = Coverage(start=0)
            self.events -= seen.seen
            self.lost_events -= seen.missing
            self.twice_events -= seen.again
            seen.add(first, last)
            self.events += seen.seen
            self.lost_events += seen.missing
            self.twice_events += seen.again

    def alert(self, alert_id: str, seq: int) -> None:
        """Add one published step of an alert's life."""
        seen = self._alerts.get(alert_id)
        if seen is None:
            seen = self._alerts[alert_id] = Coverage(start=1)
        self.lost_alerts -= seen.missing
        self.twice_alerts -= seen.again
        seen.add(seq, seq)
        self.lost_alerts += seen.missing
        self.twice_alerts += seen.again

    def lag(self, ends: Mapping[tuple[str, int], int]) -> int:
        """Input records not applied yet, given the end of each (topic, partition)."""
        return sum(max(0, end - (self._inputs[at].next if at in self._inputs else 0)) for at, end in ends.items())

    @property
    def lost(self) -> int:
        """Events and alert steps that are missing."""
        return self.lost_events + self.lost_alerts

    @property
    def twice(self) -> int:
        """Events and alert steps that occurred more than once."""
        return self.twice_events + self.twice_alerts
