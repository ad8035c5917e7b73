"""How often the lanes of a worker write: a transaction costs milliseconds of processor time, however little is in it.

With one event in each, 200 events a second over eight lanes were 200 transactions and half of a core. So lanes that
have something share a number of transactions a second among them, and an event waits a little longer the more of them
there are. A lane with a backlog fills its transactions and need not wait.
"""

from __future__ import annotations

from typing import Final

SHORTEST_S: Final = 0.02
"""Least time between the beginnings of two transactions of a lane: at low rates more of them only cost the broker."""
LONGEST_S: Final = 0.25
"""Most: past it the lanes are so many that their transactions are well filled."""
A_SECOND: Final = 120
"""Transactions of all lanes together, at 2.5 ms each less than a third of a core."""
_RECENT_S: Final = 1.0


class TransactionPace:
    """See the module. Times are of one monotonic clock, s.

    Examples
    --------
    >>> pace = TransactionPace()
    >>> for lane in range(12):
    ...     pace.began(lane, 100.0)
    >>> pace.between(100.5), pace.between(105.0)
    (0.1, 0.02)
    """

    def __init__(self) -> None:
        self._began: dict[int, float] = {}

    def began(self, lane: int, now: float) -> None:
        """A lane begins a transaction."""
        self._began[lane] = now

    def between(self, now: float) -> float:
        """Time between two transactions of a lane, by how many lanes wrote of late."""
        busy = sum(now - began < _RECENT_S for began in self._began.values())
        return min(max(busy / A_SECOND, SHORTEST_S), LONGEST_S)
