"""How long a killed worker's lanes stand still, told by what is committed and not by the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_AS_BEFORE: Final = 200
"""Records of lag that a demonstration at its usual pace has anyway."""


@dataclass(slots=True)
class Recovery:
    """One kill and what came after. Seconds are counted from the kill.

    Attributes
    ----------
    reopened_s
        When every lane was open again: another process has restored the state and goes on.
    caught_up_s
        When the lag was no more than before.
    """

    began: float
    openings: int
    lag: int
    lanes: int
    reopened_s: float | None = None
    caught_up_s: float | None = None

    def look(self, at: float, openings: int, lag: int) -> None:
        """Compare with how things stand now.

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
