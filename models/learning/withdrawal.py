"""Whether what is served is worse than the prior alone: a bet against it, week by week.

Each week's labels are a round: what the prior's log-loss is below that of what was served, in nats a leaver, wins or
loses a share of the stake. Who bets against a model that is not worse wins no more on average than they stake, so a
stake that has grown two-hundredfold is reason enough to withdraw, whenever one looks [1]_. It never falls below what it
began with: a model that was good for a year and then turns bad is found as soon as one that is new.

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
from models.learning.person_weeks import Fates
from models.scoring.calibration import levelled

SHARES: Final = np.array([0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8])
"""Of the stake that are bet, each beside the others: nobody knows beforehand how much worse a model is."""
ENOUGH: Final = 200.0
_LEAST: Final = 2


def untouched() -> Floats:
    """The stakes before any bet."""
    return np.ones(len(SHARES))


def bet(stakes: Floats, round_: Fates) -> Floats:
    """The stakes after a week's person-weeks, which were served by something learned.

    Examples
    --------
    >>> left = np.array([True, False] * 50)
    >>> prior, served = np.where(left, 0.6, 0.4), np.where(left, 0.4, 0.6)
    >>> week = Fates(np.zeros(100, int), prior, served, left, np.ones(100, int), np.arange(100, dtype=np.uint32))
    >>> stakes = untouched()
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
    """Whether the prior has won enough."""
    return bool(stakes.mean() >= ENOUGH)
