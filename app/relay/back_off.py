"""Time to wait before another attempt: exponential back-off with an upper bound and jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.5
LONGEST_S: Final = 60.0
LONGEST_ASKED_S: Final = 300.0
"""Bound of what an endpoint asks for by Retry-After: a wrong date must not stop deliveries for ever."""


def pause_s(attempts: int, asked_s: float | None = None, draw: Callable[[], float] = random.random) -> float:
    """Seconds until the next attempt: half of the step is fixed, the other half random.

    Parameters
    ----------
    attempts
        Number of failed attempts, at least 1.
    asked_s
        Least seconds to wait, as the endpoint asked; up to :data:`LONGEST_ASKED_S`.
    draw
        A number from 0 to 1.

    Examples
    --------
    >>> [pause_s(attempts, draw=lambda: 1.0) for attempts in (1, 2, 3, 8, 99)]
    [0.5, 1.0, 2.0, 60.0, 60.0]
    >>> pause_s(1, draw=lambda: 0.0), pause_s(1, 7.0, lambda: 0.0), pause_s(1, 86_400.0, lambda: 0.0)
    (0.25, 7.0, 300.0)
    """
    step = min(LONGEST_S, FIRST_S * 2.0 ** min(attempts - 1, 20))
    own = step * (0.5 + 0.5 * draw())
    return own if asked_s is None else max(own, min(asked_s, LONGEST_ASKED_S))
