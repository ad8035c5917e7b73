"""The level of risks: a shift of all log-odds that leaves their order as it is."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from models.arrays import Floats

_NEVER_CERTAIN: Final = 1e-12
_MOST_SHIFT: Final = 20.0
"""Log-odds by which a level may be moved at most."""


def log_odds(risk: Floats) -> Floats:
    """Log-odds of risks; 0 and 1 are taken for nearly so.

    Examples
    --------
    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    sure = np.clip(risk, _NEVER_CERTAIN, 1.0 - _NEVER_CERTAIN)
    return np.asarray(np.log(sure / (1.0 - sure)))


def levelling(risk: Floats, rate: float) -> float:
    """By how much log-odds are to be moved so that these leave at this rate on average, as a fair sample does.

    Examples
    --------
    >>> round(levelling(np.array([0.5, 0.5]), 0.02), 6) == round(math.log(0.02 / 0.98), 6)
    True
    """
    odds = np.exp(log_odds(risk))
    low, high = -_MOST_SHIFT, _MOST_SHIFT
    for _ in range(60):
        middle = (low + high) / 2.0
        told = odds * math.exp(middle)
        low, high = (middle, high) if float((told / (1.0 + told)).mean()) < rate else (low, middle)
    return (low + high) / 2.0


def levelled(risk: Floats, rate: float) -> Floats:
    """Risks moved so that they are `rate` on average; their order stays.

    Examples
    --------
    >>> levelled(np.array([0.2, 0.4]), 0.05).round(3).tolist()
    [0.028, 0.072]
    """
    odds = np.exp(log_odds(risk) + levelling(risk, rate))
    return np.asarray(odds / (1.0 + odds))
