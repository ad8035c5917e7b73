"""Withdrawal of a learned model: a weekly bet that the served model is worse than the prior alone.

Each week is a round. The stake wins or loses a share in proportion to the prior's log-loss advantage over the served
model, in nats a leaver. Against a model that is not worse, the bet gains nothing on average, so a stake that has grown
two-hundredfold is reason enough to withdraw, whenever it is checked [1]_. The stake never falls below its start, so a
model that turns bad after a good year is found as soon as a new one.

References
----------
.. [1] Shin, J., Ramdas, A., Rinaldo, A. (2024). E-detectors: a nonparametric framework for sequential change detection.
   The New England Journal of Statistics in Data Science 2(2). (The largest of restarted stakes; the bound is the mean
   number of rounds until a false alarm.)
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.analysis.score_metrics import log_losses
from models.arrays import Floats
from models.learning.person_weeks import PersonWeeks
from models.scoring.calibration import levelled

SHARES: Final = np.array([0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8])
"""Shares of the stake, bet in parallel: how much worse a model is, is not known beforehand."""
ENOUGH: Final = 200.0
_LEAST: Final = 2


def first_stakes() -> Floats:
    """The stakes before any bet."""
    return np.ones(len(SHARES))


def bet(stakes: Floats, round_: PersonWeeks) -> Floats:
    """The stakes after one week of person-weeks scored by a learned model.

    Examples
    --------
    >>> left = np.array([True, False] * 50)
    >>> prior, served = np.where(left, 0.6, 0.4), np.where(left, 0.4, 0.6)
    >>> week = PersonWeeks(np.zeros(100, int), prior, served, left, np.ones(100, int), np.arange(100, dtype=np.uint32))
    >>> stakes = first_stakes()
    >>> for _ in range(20):
    ...     stakes = bet(stakes, week)
    >>> bool(worse(stakes)), bool(worse(bet(stakes, week.of(left))))
    (True, True)
    """
    left = round_.left
    if not _LEAST <= int(left.sum()) <= len(left) - _LEAST:
        return stakes
    rate = float(left.mean())
    saved = log_losses(levelled(round_.served, rate), left) - log_losses(levelled(round_.prior, rate), left)
    gain = min(max(float(saved.sum()) / int(left.sum()), -1.0), 1.0)
    return np.maximum(stakes, 1.0) * (1.0 + SHARES * gain)


def worse(stakes: Floats) -> bool:
    """Whether the mean stake has reached :data:`ENOUGH`."""
    return bool(stakes.mean() >= ENOUGH)
