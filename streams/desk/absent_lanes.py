"""Lanes of which the desk has read nothing for too long, counting only time in which it could have read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

GAP_S: Final = 30.0
"""If the desk was not up to date for longer, it was behind, asleep or cut off, and so may the lanes have been."""


class AbsentLanes:
    """How long each lane has been silent.

    Examples
    --------
    >>> silence = AbsentLanes()
    >>> silence.absent({0, 1}, 100.0, after_s=60.0)
    []
    >>> silence.heard(1, 120.0)
    >>> [silence.absent({0, 1}, now, after_s=60.0) for now in (120.0, 140.0, 160.0)]
    [[], [], [0]]
    >>> silence.absent({0, 1}, 500.0, after_s=60.0)  # after a gap everybody has the whole time again
    []
    """

    def __init__(self) -> None:
        self._heard: dict[int, float] = {}
        self._since = self._asked = float("-inf")

    def heard(self, lane: int, now: float) -> None:
        """Note that a record of this lane was read."""
        self._heard[lane] = now

    def absent(self, lanes: Iterable[int], now: float, after_s: float) -> list[int]:
        """Those of `lanes` that have been silent for `after_s`; call only when everything has been read."""
        if now - self._asked > GAP_S:
            self._since = now
        self._asked = now
        return sorted(lane for lane in lanes if now - max(self._since, self._heard.get(lane, self._since)) >= after_s)
