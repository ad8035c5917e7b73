"""Calibration of the mean risk: a shift of all log-odds, which keeps their order."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from models.arrays import Floats

_NEVER_CERTAIN: Final = 1e-12
_MOST_SHIFT: Final = 20.0
"""Largest shift, in log-odds."""


def log_odds(risk: Floats) -> Floats:
    """Log-odds of risks, clipped just inside 0 and 1.

    Examples
    --------
    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    sure = np.clip(risk, _NEVER_CERTAIN, 1.0 - _NEVER_CERTAIN)
    return np.asarray(np.log(sure / (1.0 - sure)))


def levelling(risk: Floats, rate: float) -> float:
    """The shift in log-odds at which the mean of these risks is `rate`.

    Examples
    --------
    >>> round(levelling(np.array([0.5, 0.5]), 0.02), 6) == round(math.log(0.02 / 0.98), 6)
    True
    """
    odds = np.exp(log_odds(risk))
    low, high = -_MOST_SHIFT, _MOST_SHIFT
    for _ in range(60):
        middle = (low + high) / 2.0
        moved = odds * math.exp(middle)
        low, high = (middle, high) if float((moved / (1.0 + moved)).mean()) < rate else (low, middle)
    return (low + high) / 2.0


def levelled(risk: Floats, rate: float) -> Floats:
    """Risks shifted so that their mean is `rate`; their order stays.

    Examples
    --------
    >>> levelled(np.array([0.2, 0.4]), 0.05).round(3).tolist()
    [0.028, 0.072]
    """
    odds = np.exp(log_odds(risk) + levelling(risk, rate))
    return np.asarray(odds / (1.0 + odds))
