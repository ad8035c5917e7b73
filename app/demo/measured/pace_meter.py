"""How many a second, over the last few seconds and over all."""

from __future__ import annotations

from collections import deque
from typing import Final

_WINDOW_S: Final = 3.0
"""Commits come in lumps; a shorter window would flicker."""


class PaceMeter:
    """A running total, looked at now and then.

    Examples
    --------
    >>> meter = PaceMeter()
    >>> for at, total in ((0.0, 0), (1.0, 5000), (2.0, 12000), (6.0, 12000)):
    ...     meter.look(at, total)
    >>> meter.now, meter.peak, meter.overall
    (0.0, 6000.0, 6000.0)
    """

    def __init__(self, window_s: float = _WINDOW_S) -> None:
        self.now = 0.0
        self.peak = 0.0
        self._window_s = window_s
        self._looks: deque[tuple[float, int]] = deque()
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None

    def look(self, at: float, total: int) -> None:
        """Take a look at the total."""
        looks = self._looks
        if self._first is None:
            self._first = (at, total)
        if self._last is None or total > self._last[1]:
            self._last = (at, total)
        looks.append((at, total))
        while len(looks) > 2 and looks[1][0] <= at - self._window_s:
            looks.popleft()
        (before, less), (_, more) = looks[0], looks[-1]
        if at - before >= 1.0:  # two looks in one commit's wake tell nothing
            self.now = (more - less) / (at - before)
            self.peak = max(self.peak, self.now)

    @property
    def overall(self) -> float:
        """Mean pace from the first look to the last that found more."""
        if self._first is None or self._last is None or self._last[0] <= self._first[0]:
            return 0.0
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])
