"""The level of risks: a shift of all log-odds that leaves their order as it is."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from models.decay import Floats

_NEVER_CERTAIN: Final = 1e-12
_MOST_SHIFT: Final = 20.0
"""Log-odds by which a level may be moved at most."""


def levelling(risk: Floats, rate: float) -> float:
    """By how much log-odds are to be moved so that these leave at this rate on average, as a fair sample does.

    Examples
    --------
    >>> round(levelling(np.array([0.5, 0.5]), 0.02), 6) == round(math.log(0.02 / 0.98), 6)
    True
    """
    odds = _odds(risk)
    low, high = -_MOST_SHIFT, _MOST_SHIFT
    for _ in range(60):
        middle = (low + high) / 2.0
        told = odds * math.exp(middle)
        low, high = (middle, high) if float((told / (1.0 + told)).mean()) < rate else (low, middle)
    return (low + high) / 2.0


def levelled(risk: Floats, rate: float) -> Floats:
    """Risks of a fair sample, moved so that they are `rate` on average.

    Examples
    --------
    >>> levelled(np.array([0.2, 0.4]), 0.05).round(3).tolist()
    [0.027, 0.073]
    """
    told = _odds(risk) * math.exp(levelling(risk, rate))
    return np.asarray(told / (1.0 + told))


def _odds(risk: Floats) -> Floats:
    sure = np.clip(risk, _NEVER_CERTAIN, 1.0 - _NEVER_CERTAIN)
    return np.asarray(sure / (1.0 - sure))
