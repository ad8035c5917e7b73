"""Forward-decayed sums: counters that forget, and that late events cannot harm.

A window of exactly 30 days needs every event kept; a sum whose terms fade needs one number. The sum of a column with
time constant *tau*, as of a reference time *R*, is ``sum(x_i * exp(-(R - t_i) / tau))``. Moving the reference forward
multiplies the whole sum by one factor, and an event older than the reference just enters with its smaller weight,
so the value does not depend on the order in which events arrive (up to rounding).

References
----------
G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward Decay: A Practical Time Decay Model for Streaming Systems",
ICDE 2009.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.columns import TAU_DAYS
from models.events import DAY_MS

Floats = npt.NDArray[np.float64]

TAU_MS: Final[Floats] = np.array(TAU_DAYS, dtype=np.float64) * DAY_MS
_MINUS_TAU: Final[tuple[float, ...]] = tuple((-TAU_MS).tolist())


def factors(elapsed_ms: Floats) -> Floats:
    """Decay over the time elapsed, a column for each time constant.

    The array handed to ``np.exp`` is always fresh and contiguous: on other layouts NumPy may take another loop, whose
    last bit differs, and then a cut of the batch would show in the state's bytes.

    Examples
    --------
    >>> factors(np.array([0.0, 86_400_000.0])).round(3).tolist()
    [[1.0, 1.0, 1.0, 1.0], [0.368, 0.867, 0.967, 0.989]]
    """
    weights: Floats = np.exp(elapsed_ms[:, None] / -TAU_MS)
    return weights


def factor(elapsed_ms: Floats, tau: int) -> Floats:
    """Decay over the time elapsed for the time constant at place `tau` of `TAU_DAYS`."""
    weights: Floats = np.exp(elapsed_ms / _MINUS_TAU[tau])
    return weights


def span_days(age_ms: Floats, tau: int) -> Floats:
    """How many days' worth of events a sum holds whose subscriber has been watched for `age_ms`.

    It is *tau* for an old acquaintance and less for a new one: the sum of a steady rate *r* is ``r * span``. Dividing
    by it makes sums of different time constants comparable from the first week on.

    Examples
    --------
    >>> span_days(np.array([86_400_000.0, 1e12]), TAU_DAYS.index(30)).round(2).tolist()
    [0.98, 30.0]
    """
    days: Floats = TAU_DAYS[tau] * -np.expm1(age_ms / _MINUS_TAU[tau])
    return days
