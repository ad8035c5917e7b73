"""Paired test of two models on the same rows: whether one is better beyond chance.

Weekly rows of one subscriber overlap: the subscriber leaves in all of them or in none. Treated as independent, they
would overstate the certainty, so differences are summed by subscriber before their spread is measured.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.analysis.score_metrics import log_losses
from models.arrays import Bools, Floats

Whos = npt.NDArray[np.uint32]


class Bounded(Struct, frozen=True):
    """A figure with its bounds."""

    value: float
    low: float
    high: float


class Comparison(Struct, frozen=True, kw_only=True):
    """One model against another on the same rows; a gain is positive where the first is better.

    ``auc_gain`` is None if nobody left or everybody did.
    """

    rows: int
    positives: int
    auc: float | None
    auc_against: float | None
    auc_gain: Bounded | None
    log_loss_gain: Bounded


def influence(risk: Floats, left: Bools) -> tuple[float, Floats]:
    """The ROC-AUC, and the influence of each row on it: DeLong's components [1]_, centred.

    References
    ----------
    .. [1] DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated
       receiver operating characteristic curves: a nonparametric approach. Biometrics 44(3).

    Examples
    --------
    >>> auc, moved = influence(np.array([0.2, 0.2, 0.9, 0.1]), np.array([True, False, True, False]))
    >>> auc, moved.tolist()
    (0.875, [-0.0625, -0.0625, 0.0625, 0.0625])
    """
    stayed = ~left
    above = _rank_among(risk[stayed], risk[left])
    below = 1.0 - _rank_among(risk[left], risk[stayed])
    auc = float(above.mean())
    moved = np.empty(len(risk))
    moved[left] = (above - auc) / len(above)
    moved[stayed] = (below - auc) / len(below)
    return auc, moved


def _rank_among(others: Floats, values: Floats) -> Floats:
    """Share of `others` below each value; equal ones count half."""
    ordered = np.sort(others)
    under = np.searchsorted(ordered, values, side="left")
    upto = np.searchsorted(ordered, values, side="right")
    return np.asarray((under + upto) / (2.0 * len(others)))


def standard_error(moved: Floats, who: Whos) -> float:
    """Standard error of a sum of influences, with the rows of one subscriber as a cluster [1]_.

    References
    ----------
    .. [1] Obuchowski, N. A. (1997). Nonparametric analysis of clustered ROC curve data. Biometrics 53(2).

    Examples
    --------
    >>> moved = np.array([0.1, 0.1, -0.1, -0.1])
    >>> alone = standard_error(moved, np.arange(4, dtype=np.uint32))
    >>> twice = standard_error(moved, np.array([1, 1, 2, 2], dtype=np.uint32))
    >>> round(alone, 3), round(twice, 3)
    (0.231, 0.4)
    """
    _, place = np.unique(who, return_inverse=True)
    sums = np.bincount(place, weights=moved)
    return float(np.sqrt((sums * sums).sum() * len(sums) / max(len(sums) - 1, 1)))


def auc_bounded(risk: Floats, left: Bools, who: Whos, z: float = 1.96) -> Bounded:
    """The ROC-AUC with its bounds; `left` must contain a leaver and a stayer."""
    auc, moved = influence(risk, left)
    reach = z * standard_error(moved, who)
    return Bounded(auc, max(auc - reach, 0.0), min(auc + reach, 1.0))


def compare(risk: Floats, against: Floats, left: Bools, who: Whos, z: float) -> Comparison:
    """Compare two models' risks for the same rows, at least one row.

    Examples
    --------
    >>> left = np.array([True, False] * 200)
    >>> good, blind = np.where(left, 0.8, 0.2), np.full(400, 0.5)
    >>> found = compare(good, blind, left, np.arange(400, dtype=np.uint32), 2.5)
    >>> found.auc, found.auc_against, found.auc_gain.low > 0.0, round(found.log_loss_gain.value, 3)
    (1.0, 0.5, True, 0.47)
    """
    rows, positives = len(left), int(left.sum())
    saved = log_losses(against, left) - log_losses(risk, left)
    mean = float(saved.mean())
    reach = z * standard_error((saved - mean) / rows, who)
    auc = auc_against = gain = None
    if 0 < positives < rows:
        auc, moved = influence(risk, left)
        auc_against, moved_against = influence(against, left)
        width = z * standard_error(moved - moved_against, who)
        difference = auc - auc_against
        gain = Bounded(difference, difference - width, difference + width)
    return Comparison(
        rows=rows,
        positives=positives,
        auc=auc,
        auc_against=auc_against,
        auc_gain=gain,
        log_loss_gain=Bounded(mean, mean - reach, mean + reach),
    )
