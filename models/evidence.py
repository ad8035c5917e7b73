"""Is one model better than another, or was it luck? Both are judged on the same rows, and a subscriber counts once.

Weekly rows of one subscriber overlap: he leaves in all of them or in none. Taken as independent they would promise
twice the certainty that there is, so differences are summed by subscriber before their spread is measured.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.quality import Bools, log_losses
from models.risk import Floats

Whos = npt.NDArray[np.uint32]

Z: Final = 2.5
"""Width of the bounds in standard errors. One looks again and again, and at 1.96 one look in twenty is fooled by one of
the two figures."""


class Verdict(StrEnum):
    """What a comparison says."""

    TOO_FEW_LABELS = "too_few_labels"
    TOO_FEW_POSITIVES = "too_few_positives"
    BELOW_FLOOR = "below_floor"
    NOT_BETTER = "not_better"
    WORSE = "worse"
    NOT_WORSE = "not_worse"
    BETTER_RANKING = "better_ranking"
    BETTER_CALIBRATED = "better_calibrated"


WINS: Final = (Verdict.BETTER_RANKING, Verdict.BETTER_CALIBRATED)


class Bounded(Struct, frozen=True):
    """A figure with its bounds."""

    value: float
    low: float
    high: float


class Comparison(Struct, frozen=True, kw_only=True):
    """One model against another on the same rows; a gain is positive where the first is better.

    ``auc_gain`` is None where nobody left, or everybody did.
    """

    rows: int
    positives: int
    auc: float | None
    auc_against: float | None
    auc_gain: Bounded | None
    log_loss_gain: Bounded


class Demands(Struct, frozen=True, kw_only=True):
    """What a model must bring before it takes another's place."""

    labels: int
    positives: int
    floor: float
    margin: float


def influence(risk: Floats, left: Bools) -> tuple[float, Floats]:
    """The ROC-AUC, and how much each row moved it: the components of DeLong [1]_, less their mean.

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
    """Share of `others` that lie below each value, half of those that equal it."""
    ordered = np.sort(others)
    under = np.searchsorted(ordered, values, side="left")
    upto = np.searchsorted(ordered, values, side="right")
    return np.asarray((under + upto) / (2.0 * len(others)))


def standard_error(moved: Floats, who: Whos) -> float:
    """Of a sum of influences, where rows of one subscriber belong together [1]_.

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
    """The ROC-AUC with its bounds; at least one must have left and one stayed."""
    auc, moved = influence(risk, left)
    reach = z * standard_error(moved, who)
    return Bounded(auc, max(auc - reach, 0.0), min(auc + reach, 1.0))


def compare(risk: Floats, against: Floats, left: Bools, who: Whos, z: float = Z) -> Comparison:
    """Compare two risks that were told of the same rows, at least one row.

    Examples
    --------
    >>> left = np.array([True, False] * 200)
    >>> good, blind = np.where(left, 0.8, 0.2), np.full(400, 0.5)
    >>> found = compare(good, blind, left, np.arange(400, dtype=np.uint32))
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


def enough(found: Comparison, demands: Demands) -> Verdict | None:
    """Why nothing can be said yet, or None."""
    if found.rows < demands.labels:
        return Verdict.TOO_FEW_LABELS
    if found.positives < demands.positives or found.auc_gain is None:
        return Verdict.TOO_FEW_POSITIVES
    return None


def better(found: Comparison, demands: Demands) -> Verdict:
    """May the first model take the place of the second? Only if its gain cannot be luck.

    Ranking counts first: an operator has room for so many calls. With the same ranking the more honest risk wins.
    """
    early = enough(found, demands)
    if early is not None or found.auc is None or found.auc_gain is None:
        return early or Verdict.TOO_FEW_POSITIVES
    if found.auc < demands.floor:
        return Verdict.BELOW_FLOOR
    if found.auc_gain.high < 0.0:
        return Verdict.WORSE
    if found.auc_gain.low > 0.0 and found.log_loss_gain.high > 0.0:
        return Verdict.BETTER_RANKING
    if found.log_loss_gain.low > 0.0 and found.auc_gain.value > -demands.margin:
        return Verdict.BETTER_CALIBRATED
    return Verdict.NOT_BETTER


def not_worse(found: Comparison, demands: Demands) -> Verdict:
    """May a model that has learned on take its own place? It was promoted before, so it need not win again.

    What is served grows old, so it is for the one before to prove that it is better still.
    """
    verdict = better(found, demands)
    if verdict is not Verdict.NOT_BETTER:
        return verdict
    return Verdict.WORSE if found.log_loss_gain.high < 0.0 else Verdict.NOT_WORSE
