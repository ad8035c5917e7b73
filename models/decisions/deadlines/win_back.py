"""Win-back: asking subscribers who left to return, once, within a window some months later.

A number that was ported cannot move again for 120 days, so to ask earlier would only disturb.
"""

from __future__ import annotations

from math import inf
from typing import Final

from models.arrays import Floats
from models.contract.policy import WinBackPolicy
from models.contract.time_units import DAY_MS
from models.decisions.signals import ORDINARY, Signal
from models.decisions.ticks import TICK_MS
from models.kernel.places import LEFT, LEFT_TS, OUTCOME_CODE
from models.state.columns import OUTCOME_CODES

LEAVINGS: Final = frozenset({"ported_out", "disconnected", "lapsed"})
"""Ways to leave of one's own will."""


def _asking_ts(columns: Floats, policy: WinBackPolicy) -> float:
    """When a leaver is asked; infinity for subscribers who have not left, or not of their own will."""
    if columns[LEFT] != 1.0 or OUTCOME_CODES[int(columns[OUTCOME_CODE])] not in LEAVINGS:
        return inf
    return float(columns[LEFT_TS]) + policy.after_days * DAY_MS


def next_asking(columns: Floats, policy: WinBackPolicy, after: float) -> float:
    """When to ask, if that is in the future; infinity otherwise.

    Examples
    --------
    >>> from models.state.population import Population
    >>> columns = Population().table[0]
    >>> columns[LEFT], columns[LEFT_TS], columns[OUTCOME_CODE] = 1.0, 0.0, OUTCOME_CODES.index("ported_out")
    >>> next_asking(columns, WinBackPolicy(), 0.0) / DAY_MS
    110.0
    """
    at = _asking_ts(columns, policy)
    return at if at > after else inf


def due_asking(columns: Floats, policy: WinBackPolicy, tick: int) -> Signal | None:
    """The signal, at the tick at which the subscriber is to be asked and at no other."""
    if not tick - TICK_MS < _asking_ts(columns, policy) <= tick:
        return None
    left = float(columns[LEFT_TS])
    until = int(left + policy.until_days * DAY_MS)
    code = OUTCOME_CODES[int(columns[OUTCOME_CODE])]
    return Signal("win_back", ORDINARY, code, (tick - left) / DAY_MS, until)
