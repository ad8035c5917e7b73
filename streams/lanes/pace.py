"""Pace of transactions: each costs milliseconds of processor time, however few events it holds.

With one event in each, 200 events a second over eight lanes took 200 transactions and half a core. So the active lanes
share a fixed number of transactions a second, and with more active lanes an event waits a little longer. A lane with
a backlog fills its transactions and need not wait.
"""

from __future__ import annotations

from typing import Final

SHORTEST_S: Final = 0.02
"""Shortest time between the starts of two transactions of a lane: at low rates more would only load the broker."""
LONGEST_S: Final = 0.25
"""Longest time: with so many lanes that it is reached, transactions are well filled."""
A_SECOND: Final = 64
"""Transactions a second of all lanes, at 2.5 ms each a sixth of a core."""
_RECENT_S: Final = 1.0


class TransactionPace:
    """Pace shared by the lanes of a worker. Times are of one monotonic clock, s.

    Examples
    --------
    >>> pace = TransactionPace()
    >>> for lane in range(12):
    ...     pace.began(lane, 100.0)
    >>> pace.between(100.5), pace.between(105.0)
    (0.1875, 0.02)
    """

    def __init__(self) -> None:
        self._began: dict[int, float] = {}

    def began(self, lane: int, now: float) -> None:
        """Record the start of a lane's transaction."""
        self._began[lane] = now

    def between(self, now: float) -> float:
        """Time between two transactions of a lane, by the number of lanes that wrote recently."""
        busy = sum(now - began < _RECENT_S for began in self._began.values())
        return min(max(busy / A_SECOND, SHORTEST_S), LONGEST_S)
