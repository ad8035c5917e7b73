"""Exact quality metrics of risks: ranking, lift, calibration.

A model that gives everybody the same risk must not look good because the leavers happen to come first. So a tie counts
as the average over all its orders, and no figure depends on the order of rows.
"""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Bools, Floats

BINS: Final = 10
"""Bins of the calibration error, of equal width as in the paper."""
_NEVER_CERTAIN: Final = 1e-12
"""Least probability: a wrong risk of exactly 0 would make the log-loss infinite and hide every other row."""
Z_95: Final = 1.959963984540054


class OneClassError(ValueError):
    """Nobody left or everybody did, so ranking is undefined."""


class ScoreMetrics(NamedTuple):
    """The figures by which a model is judged."""

    roc_auc: float
    pr_auc: float
    lift_top_decile: float
    precision_top_5pct: float
    log_loss: float
    ece: float


def measure(risk: Floats, left: Bools) -> ScoreMetrics:
    """All figures at once.

    Raises
    ------
    OneClassError
        If there is no leaver or no stayer.

    Examples
    --------
    >>> quality = measure(np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, True, False]))
    >>> quality.roc_auc, round(quality.log_loss, 4)
    (0.75, 0.5108)
    """
    if len(left) == 0 or left.all() or not left.any():
        raise OneClassError(f"{int(left.sum())} of {len(left)} left: nothing to tell apart")
    return ScoreMetrics(
        roc_auc(risk, left),
        pr_auc(risk, left),
        lift(risk, left, 0.10),
        precision_at(risk, left, 0.05),
        log_loss(risk, left),
        calibration_error(risk, left),
    )


def roc_auc(risk: Floats, left: Bools) -> float:
    """Probability that a leaver had a higher risk than a stayer; a tie counts half [1]_.

    References
    ----------
    .. [1] Hanley, J. A., McNeil, B. J. (1982). The meaning and use of the area under a receiver operating
       characteristic (ROC) curve. Radiology 143(1).

    Examples
    --------
    >>> roc_auc(np.array([0.2, 0.2, 0.9, 0.1]), np.array([True, False, True, False]))
    0.875
    """
    _, tie, size = np.unique(risk, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2.0)[tie]
    positives = int(left.sum())
    above = float(ranks[left].sum()) - positives * (positives + 1) / 2.0
    return above / (positives * (len(left) - positives))


def pr_auc(risk: Floats, left: Bools) -> float:
    """Average precision: the precision at each cut, weighted by the recall that the cut adds [1]_.

    References
    ----------
    .. [1] Davis, J., Goadrich, M. (2006). The relationship between Precision-Recall and ROC curves. ICML. (Straight
       lines between the points would be too optimistic; the sum of steps is not.)

    Examples
    --------
    >>> round(pr_auc(np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, True, False])), 4)
    0.8333
    """
    hits, rows = _cuts(risk, left)
    found, taken = np.cumsum(hits), np.cumsum(rows)
    return float((hits * found / taken).sum() / found[-1])


def precision_at(risk: Floats, left: Bools, share: float) -> float:
    """Share of leavers among the riskiest `share` of rows, at least one row; a tie at the cut counts by its average.

    Examples
    --------
    >>> precision_at(np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False]), 0.25)
    0.5
    """
    hits, rows = _cuts(risk, left)
    wanted = max(1, int(len(risk) * share + 1e-9))
    before = np.concatenate([[0.0], np.cumsum(rows)[:-1]])
    taken = np.clip(wanted - before, 0.0, rows)
    return float((hits * taken / rows).sum() / wanted)


def lift(risk: Floats, left: Bools, share: float) -> float:
    """Rate of leavers among the riskiest `share` of rows, divided by the rate among all rows.

    Examples
    --------
    >>> lift(np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, False, False]), 0.25)
    4.0
    """
    return precision_at(risk, left, share) / float(left.mean())


def log_loss(risk: Floats, left: Bools) -> float:
    """Mean log-loss in nats; lowest for risks that are both sharp and calibrated.

    Examples
    --------
    >>> round(log_loss(np.array([0.5, 0.5]), np.array([True, False])), 4)
    0.6931
    """
    return float(log_losses(risk, left).mean())


def log_losses(risk: Floats, left: Bools) -> Floats:
    """Log-loss of each row, in nats."""
    return np.asarray(-np.log(np.clip(np.where(left, risk, 1.0 - risk), _NEVER_CERTAIN, 1.0)))


def calibration_error(risk: Floats, left: Bools, bins: int = BINS) -> float:
    """Expected calibration error: mean distance between the risk and the share that leaves at that risk [1]_.

    References
    ----------
    .. [1] Naeini, M. P., Cooper, G., Hauskrecht, M. (2015). Obtaining well calibrated probabilities using Bayesian
       binning. AAAI.

    Examples
    --------
    >>> round(calibration_error(np.array([0.25, 0.25, 0.25, 0.25]), np.array([True, False, False, False])), 4)
    0.0
    >>> round(calibration_error(np.array([0.9, 0.9]), np.array([False, False])), 4)
    0.9
    """
    place = np.minimum((risk * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, weights=risk - left, minlength=bins)
    return float(np.abs(gap).sum() / len(risk))


def _cuts(risk: Floats, left: Bools) -> tuple[Floats, Floats]:
    """For each distinct risk, the highest first: leavers and rows."""
    _, tie, size = np.unique(-risk, return_inverse=True, return_counts=True)
    hits = np.bincount(tie, weights=left.astype(np.float64), minlength=len(size))
    return hits.astype(np.float64), size.astype(np.float64)


class Proportion(NamedTuple):
    """A share with its 95 % interval; of zero cases the interval is 0 to 1."""

    hits: int
    of: int
    rate: float
    low: float
    high: float


def proportion(hits: int, of: int) -> Proportion:
    """Wilson's score interval [1]_: unlike Wald's it stays within 0 and 1, and is right for small counts.

    References
    ----------
    .. [1] Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
       American Statistical Association 22(158).

    Examples
    --------
    >>> found = proportion(8, 10)
    >>> found.rate, round(found.low, 3), round(found.high, 3)
    (0.8, 0.49, 0.943)
    >>> proportion(0, 0)
    Proportion(hits=0, of=0, rate=0.0, low=0.0, high=1.0)
    """
    if of == 0:
        return Proportion(0, 0, 0.0, 0.0, 1.0)
    rate, z2 = hits / of, Z_95 * Z_95
    middle = (rate + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 * sqrt(rate * (1 - rate) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Proportion(hits, of, rate, max(0.0, middle - half), min(1.0, middle + half))
