"""The arrivals of a piece, lined up by subscriber, and walked in rounds.

A round is the k-th event of every subscriber: no subscriber is in it twice, so it is one vectorised step, and every
subscriber's own events still come in their order. That is why a cut of the batch cannot change the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from models.decay import Floats
from models.events import MAX_TS

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_PIECE: Final = 1 << 15
"""A piece has at most so many arrivals: a subscriber's place among them and a time share one 63-bit integer."""
_TIME_BITS: Final = 48
_TIME_MASK: Final = (1 << _TIME_BITS) - 1


class Lineup:
    """Arrivals sorted by row, each subscriber's in their order of arrival.

    Attributes
    ----------
    order
        Index in the piece of each place in the line.
    rows
        Row of the subscriber at each place.
    start
        Whether the place is its subscriber's first.
    head
        The place of its subscriber's first.

    Examples
    --------
    >>> line = Lineup.of(np.array([7, 3, 7, 3, 7]))
    >>> line.order.tolist()
    [1, 3, 0, 2, 4]
    >>> [line.order[places].tolist() for places in line.rounds()]
    [[1, 0], [3, 2], [4]]
    """

    def __init__(self, order: Ints, rows: Ints) -> None:
        self.order = order
        self.rows = rows
        size = len(rows)
        self.place: Ints = np.arange(size)
        self.start: Bools = np.ones(size, dtype=bool)
        np.not_equal(rows[1:], rows[:-1], out=self.start[1:])
        self.head: Ints = np.maximum.accumulate(np.where(self.start, self.place, 0))

    @classmethod
    def of(cls, rows: Ints) -> Lineup:
        """Line up all arrivals of a piece."""
        if len(rows) > MAX_PIECE:
            raise ValueError(f"a piece of {len(rows)} arrivals is longer than {MAX_PIECE}")
        order = np.argsort(rows, kind="stable")
        return cls(order, rows[order])

    def only(self, mask: Bools) -> Lineup:
        """The same line with those arrivals alone whose `mask` (by index in the piece) is set."""
        kept = mask[self.order]
        return Lineup(self.order[kept], self.rows[kept])

    def rounds(self) -> Iterator[Ints]:
        """Places of the first event of every subscriber, then of the second, and so on."""
        rank = self.place - self.head
        by_rank = np.argsort(rank, kind="stable")
        begin = 0
        for end in np.cumsum(np.bincount(rank)).tolist():
            yield by_rank[begin:end]
            begin = end

    def ends(self) -> Ints:
        """Index in the piece of each subscriber's last arrival."""
        last = np.ones(len(self.rows), dtype=bool)
        last[:-1] = self.start[1:]
        return self.order[last]

    def latest(self, at: Ints) -> Ints:
        """For every arrival, which of those `at` these indices was its subscriber's last so far, itself included.

        The answer is a position in `at`, by index in the piece; -1 where there was none yet.

        Examples
        --------
        >>> Lineup.of(np.array([7, 3, 7, 3, 7])).latest(np.array([2, 3])).tolist()
        [-1, -1, 0, 1, 0]
        """
        which = np.full(len(self.order), -1, dtype=np.int64)
        which[at] = np.arange(len(at))
        which = which[self.order]
        place = np.maximum.accumulate(np.where(which >= 0, self.place, -1))
        answer = np.empty_like(which)
        answer[self.order] = np.where(place >= self.head, which[place], -1)
        return answer

    def largest(self, times: Floats, initial: Floats) -> Floats:
        """Largest time of the subscriber so far, place by place; NaN counts for nothing.

        `initial` is what he came with, read at his first place.

        Examples
        --------
        >>> line, never = Lineup.of(np.array([1, 1, 1, 2])), np.full(4, np.nan)
        >>> line.largest(np.array([5.0, 9.0, 7.0, np.nan]), never).tolist()
        [5.0, 9.0, 9.0, nan]
        """
        times = np.where(self.start, np.fmax(times, initial), times)
        # One running maximum over all subscribers at once: the number of the subscriber in the high bits lets every
        # one of them start anew. Zero stands for NaN.
        keys = np.where(np.isnan(times), 0.0, times + 1.0).astype(np.int64)
        keys += np.cumsum(self.start) << _TIME_BITS
        found = np.maximum.accumulate(keys) & _TIME_MASK
        return np.where(found == 0, np.nan, found - 1.0)

    def smallest(self, times: Floats, initial: Floats) -> Floats:
        """Smallest time of the subscriber so far, place by place; NaN counts for nothing."""
        return MAX_TS - self.largest(MAX_TS - times, MAX_TS - initial)
