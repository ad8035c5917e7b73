"""How old the first record is that is not applied yet, told from the ends of the log alone.

Kafka tells how many records are behind, not for how long. The ends seen so far, with their times, say when the log
grew past the ledger; between two looks it is taken to have grown evenly.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

KEPT_LOOKS: Final = 360
"""An hour at one look in 10 s; what is older than that is asked of the record itself."""


class _Look(NamedTuple):
    at: float
    end: int


class EndHistory:
    """The ends of one partition as they were seen.

    Examples
    --------
    >>> history = EndHistory()
    >>> history.saw(0.0, end=100); history.saw(10.0, end=200)
    >>> history.behind_since(position=200) is None
    True
    >>> history.behind_since(position=150)
    5.0
    >>> history.bounded(position=40)
    False
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=KEPT_LOOKS)

    def saw(self, at: float, end: int) -> None:
        """Keep what a look at `at` found."""
        if len(self._looks) > 1 and self._looks[-1].end == self._looks[-2].end == end:
            # A quiet log: one look from before and the newest are enough to tell when it grew.
            self._looks[-1] = _Look(at, end)
        else:
            self._looks.append(_Look(at, end))

    def bounded(self, position: int) -> bool:
        """Whether some look found the log no longer than `position`."""
        return any(look.end <= position for look in self._looks)

    def behind_since(self, position: int) -> float | None:
        """When the record at `position` came, on the clock of the looks; None if the log ends there."""
        before: _Look | None = None
        for look in self._looks:
            if look.end > position:
                if before is None:
                    return look.at
                grown = (position - before.end) / (look.end - before.end)
                return before.at + grown * (look.at - before.at)
            before = look
        return None
