"""Healthy, warning, high risk: the model's risk in the three words that the front line knows.

Cut-offs are relative to the base rate, since true monthly churn is 1-2 %: a risk of 8 % is eight times the usual, and
a fixed 50 % would ring for nobody. The tier itself is moved by the daily look, in :mod:`models.kernel.walk`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from models.contract.policy import TierPolicy
from models.scoring.scorer import Scorer, logit

_LEAST_DISTANCE: Final = 0.01


class Cutoffs(NamedTuple):
    """In log-odds: where warning begins, and how far above that high risk does and each of the two is left.

    What is above is counted from the warning cut-off on, in log-odds: so it can be kept when the model changes.
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
    """From which risk on a subscriber is at warning, and at high risk."""
    base = scorer.base_rate
    high = policy.high_risk_from
    if high is None:
        high = max(scorer.cutoff(policy.high_risk_share), policy.high_risk_times_base * base)
    warning = policy.warning_from
    if warning is None:
        warning = max(scorer.cutoff(policy.warning_share), policy.warning_times_base * base)
    # A multiple of a high base rate is no risk any more. Cut-offs set by hand may cross: then there is no warning, and
    # nobody is healthy above high_risk.
    high = min(high, _HIGHEST)
    return min(warning, high), high


_HIGHEST: Final = 0.99


def standing(above: float, cut: Cutoffs) -> float:
    """How a subscriber stands among those at risk: 0 at the warning cut-off, 1 at high risk, and on at that scale.

    The two cut-offs are shares of all subscribers, so this is a rank, which means the same under another model;
    log-odds do not.

    Examples
    --------
    >>> cut = Cutoffs(-3.0, 2.0, -0.2, 1.8)
    >>> standing(0.0, cut), standing(2.0, cut), standing(3.0, cut)
    (0.0, 1.0, 1.5)
    """
    return above / max(cut.high_above, _LEAST_DISTANCE)
