"""What was lost and what came twice, counted from what the worker committed and not from what it says of itself.

A transaction's history record tells which offsets of each input it applied. Held together over all transactions,
whoever wrote them, every offset must be there exactly once: a hole is a lost event, an overlap one that was applied
twice. An alert's records carry a ``seq`` from 1 without gaps: the same test again.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.demo.measured.coverage import Coverage
from streams.records.lane_history import HistoryRecord


class ExactnessTally:
    """See the module; every record of ``churn.history.v1`` and ``churn.retention-alerts.v1`` goes in once.

    Only good for inputs that no transaction wrote and no cleaner compacts: those skip offsets by nature.

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
        """Different events applied."""
        self.lost_events = 0
        self.twice_events = 0
        self.lost_alerts = 0
        """Steps of alerts that are missing below a later one."""
        self.twice_alerts = 0
        self.openings = 0
        """How often a lane was opened: once for each when a worker starts, and again after its end."""
        self._inputs: dict[tuple[str, int], Coverage] = {}
        self._alerts: dict[str, Coverage] = {}

    def transaction(self, record: HistoryRecord) -> None:
        """Take in one committed transaction."""
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
        """Take in one published step of an alert's life."""
        seen = self._alerts.get(alert_id)
        if seen is None:
            seen = self._alerts[alert_id] = Coverage(start=1)
        self.lost_alerts -= seen.missing
        self.twice_alerts -= seen.again
        seen.add(seq, seq)
        self.lost_alerts += seen.missing
        self.twice_alerts += seen.again

    def lag(self, ends: Mapping[tuple[str, int], int]) -> int:
        """Records that stand in the inputs and are not applied yet, given the end of each (topic, partition)."""
        return sum(max(0, end - (self._inputs[at].next if at in self._inputs else 0)) for at, end in ends.items())

    @property
    def lost(self) -> int:
        """Events and alert steps that are missing."""
        return self.lost_events + self.lost_alerts

    @property
    def twice(self) -> int:
        """Events and alert steps that came more than once."""
        return self.twice_events + self.twice_alerts
