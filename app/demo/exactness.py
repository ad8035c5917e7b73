"""Count of lost and repeated events, from what the workers committed, not from their metrics.

The history record of a transaction holds the input offsets that it applied. Over the transactions of all workers
every offset must occur exactly once: a gap is a lost event, an overlap an event that was applied twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from streams.records.lane_history import HistoryRecord


class Coverage:
    """Set of whole numbers from `start` on, added as ranges in any order.

    Only gaps between the start and the highest number seen count as missing: later numbers may still come.

    Examples
    --------
    >>> offsets = Coverage(start=0)
    >>> offsets.add(0, 9); offsets.add(12, 19); offsets.seen, offsets.missing, offsets.again
    (18, 2, 0)
    >>> offsets.add(10, 13); offsets.seen, offsets.missing, offsets.again
    (20, 0, 2)
    """

    __slots__ = ("_runs", "again", "seen", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.seen = 0
        """Count of distinct numbers seen."""
        self.again = 0
        """Sightings beyond the first of a number."""
        self._runs: list[tuple[int, int]] = []  # disjoint, ascending, no two touching: (first, last)

    @property
    def missing(self) -> int:
        """Count of numbers below the highest seen that never came."""
        return self.next - self.start - self.seen

    @property
    def next(self) -> int:
        """The number after the highest seen."""
        return self._runs[-1][1] + 1 if self._runs else self.start

    def add(self, first: int, last: int) -> None:
        """Add the numbers from `first` to `last`, both included."""
        runs = self._runs
        if runs and runs[-1][1] + 1 == first:  # the common case: the next range of an undamaged log
            runs[-1] = (runs[-1][0], last)
            self.seen += last - first + 1
            return
        # All runs that overlap or touch [first, last] become one with it.
        begin = bisect_left(runs, first - 1, key=lambda run: run[1])
        end = begin
        known = 0
        low, high = first, last
        while end < len(runs) and runs[end][0] <= last + 1:
            start, stop = runs[end]
            known += max(0, min(stop, last) - max(start, first) + 1)
            low, high = min(low, start), max(high, stop)
            end += 1
        runs[begin:end] = [(low, high)]
        self.again += known
        self.seen += last - first + 1 - known


class ExactnessTally:
    """Lost and repeated events, from each record of ``churn.history.v1``.

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
        self.openings = 0
        """How often lanes were opened: each once when a worker starts, and again after the worker's end."""
        self._inputs: dict[tuple[str, int], Coverage] = {}

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

    def lag(self, ends: Mapping[tuple[str, int], int]) -> int:
        """Input records not applied yet, given the end of each (topic, partition)."""
        return sum(max(0, end - (self._inputs[at].next if at in self._inputs else 0)) for at, end in ends.items())
