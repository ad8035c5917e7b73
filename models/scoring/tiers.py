"""The tiers healthy, warning and high risk: cut-offs of the model's risk.

Cut-offs are relative to the base rate, since true monthly churn is 1-2 %: a risk of 8 % can be eight times the usual,
and a fixed cut-off of 50 % would never be reached. The daily look in :mod:`models.kernel.walk` moves the tier itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from models.contract.policy import TierPolicy
from models.scoring.scorer import Scorer, logit

_LEAST_DISTANCE: Final = 0.01


class Cutoffs(NamedTuple):
    """Cut-offs in log-odds: ``warning`` is absolute, the others count from it.

    Counting from the warning cut-off keeps stored values valid when the model changes.
    """

    warning: float
    high_above: float
    warning_left: float
    high_left: float


def cutoffs(policy: TierPolicy, scorer: Scorer) -> Cutoffs:
    """Cut-offs for a model, at the operator's base rate.

    Examples
    --------
    >>> from models.scoring.snapshot import Snapshot
    >>> scorer = Scorer(Snapshot(version="m-1", curves=[], intercept=0.0, base_rate=0.015))
    >>> cut = cutoffs(TierPolicy(), scorer)
    >>> [round(at, 2) for at in cut]
    [-3.48, 0.96, -0.23, 0.72]
    """
    warning, high = risks(policy, scorer)
    start = logit(warning)
    return Cutoffs(
        start,
        logit(high) - start,
        logit(policy.fall_below * warning) - start,
        logit(policy.fall_below * high) - start,
    )


def risks(policy: TierPolicy, scorer: Scorer) -> tuple[float, float]:
    """The risks at which warning and high risk begin."""
    base = scorer.base_rate
    high = policy.high_risk_from
    if high is None:
        high = max(scorer.cutoff(policy.high_risk_share), policy.high_risk_times_base * base)
    warning = policy.warning_from
    if warning is None:
        warning = max(scorer.cutoff(policy.warning_share), policy.warning_times_base * base)
    # A multiple of a high base rate may exceed 1. Cut-offs set by hand may cross: then there is no warning tier, and
    # nobody above high_risk counts as healthy.
    high = min(high, _HIGHEST)
    return min(warning, high), high


_HIGHEST: Final = 0.99


def standing(above: float, cut: Cutoffs) -> float:
    """Rank of a subscriber among those at risk: 0 at the warning cut-off, 1 at high risk, linear beyond.

    The two cut-offs are shares of all subscribers, so the rank means the same under another model; log-odds do not.

    Examples
    --------
    >>> cut = Cutoffs(-3.0, 2.0, -0.2, 1.8)
    >>> standing(0.0, cut), standing(2.0, cut), standing(3.0, cut)
    (0.0, 1.0, 1.5)
    """
    return above / max(cut.high_above, _LEAST_DISTANCE)
