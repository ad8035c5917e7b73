"""The price list of the simulated operator."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FEES: Final[NDArray[np.float64]] = np.array([8, 19, 29, 39, 59, 79, 99, 129, 159, 199, 299, 399, 599], dtype=np.float64)
NAMES: Final = ("keep-number-8", *(f"{'5g' if fee > 100 else '4g'}-{fee:.0f}" for fee in FEES[1:]))
"""The lowest is the plan that only keeps the number: where a talk about leaving often ends."""


def fitting(arpu: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the largest plan that somebody of this revenue would have.

    >>> [NAMES[plan] for plan in fitting(np.array([5.0, 61.0, 700.0]))]
    ['keep-number-8', '4g-59', '5g-599']
    """
    return np.clip(np.searchsorted(FEES, arpu * 1.02, side="right") - 1, 0, len(FEES) - 1).astype(np.int64)
