"""Age of the first record not applied yet, estimated from the log's end offsets alone.

Kafka reports how many records a reader is behind, not for how long. The ends seen so far, with their times, show when
the log grew past the ledger; between two looks even growth is assumed.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

KEPT_LOOKS: Final = 360
"""An hour at one look in 10 s; for older lag the record itself is read."""


class _Look(NamedTuple):
    at: float
    end: int


class EndHistory:
    """The ends of one partition with the times they were seen.

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
        """Add the end seen at `at`."""
        if len(self._looks) > 1 and self._looks[-1].end == self._looks[-2].end == end:
            # A quiet log: the oldest and the newest look are enough to know when it grew.
            self._looks[-1] = _Look(at, end)
        else:
            self._looks.append(_Look(at, end))

    def bounded(self, position: int) -> bool:
        """Whether some look found the log's end at or before `position`."""
        return any(look.end <= position for look in self._looks)

    def behind_since(self, position: int) -> float | None:
        """When the record at `position` arrived, on the clock of the looks; None if the log ends there."""
        before: _Look | None = None
        for look in self._looks:
            if look.end > position:
                if before is None:
                    return look.at
                grown = (position - before.end) / (look.end - before.end)
                return before.at + grown * (look.at - before.at)
            before = look
        return None
