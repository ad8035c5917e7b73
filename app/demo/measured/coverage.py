"""Which numbers of a run have been seen: none missing is "lost 0", none seen again is "twice 0"."""

from __future__ import annotations

from bisect import bisect_left


class Coverage:
    """Whole numbers from `start` on, taken in as ranges in any order.

    What is missing lies between the start and the highest number seen: what has not come yet is not lost.

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
        """Different numbers seen."""
        self.again = 0
        """Sightings beyond the first of a number."""
        self._runs: list[tuple[int, int]] = []  # disjoint, ascending, no two touching: (first, last)

    @property
    def missing(self) -> int:
        """Numbers below the highest seen that never came."""
        return self.next - self.start - self.seen

    @property
    def next(self) -> int:
        """The number after the highest seen."""
        return self._runs[-1][1] + 1 if self._runs else self.start

    def add(self, first: int, last: int) -> None:
        """Take in the numbers from `first` to `last`, both included."""
        runs = self._runs
        if runs and runs[-1][1] + 1 == first:  # the common case: the next of a log without damage
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
