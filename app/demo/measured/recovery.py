"""How long the lanes of a killed worker stand still, measured by what is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_AS_BEFORE: Final = 200
"""Lag in records that a demonstration has at its usual pace."""


@dataclass(slots=True)
class Recovery:
    """One kill and the recovery from it. Seconds are counted from the kill.

    Attributes
    ----------
    reopened_s
        When every lane was open again: another process has restored the state and continues.
    caught_up_s
        When the lag was back at its level before the kill.
    """

    began: float
    openings: int
    lag: int
    lanes: int
    reopened_s: float | None = None
    caught_up_s: float | None = None

    def look(self, at: float, openings: int, lag: int) -> None:
        """Update from the current openings and lag.

        Examples
        --------
        >>> recovery = Recovery(began=100.0, openings=4, lag=50, lanes=4)
        >>> recovery.look(105.0, openings=4, lag=900)
        >>> recovery.look(111.5, openings=8, lag=900); recovery.reopened_s, recovery.caught_up_s
        (11.5, None)
        >>> recovery.look(112.0, openings=8, lag=20); recovery.caught_up_s
        12.0
        """
        if self.reopened_s is None and openings >= self.openings + self.lanes:
            self.reopened_s = round(at - self.began, 1)
        if self.reopened_s is not None and self.caught_up_s is None and lag <= max(self.lag, _AS_BEFORE):
            self.caught_up_s = round(at - self.began, 1)
