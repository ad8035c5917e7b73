"""Healthy, warning, high risk: the model's risk in the three words that the front line knows.

Cut-offs are relative to the base rate, since true monthly churn is 1-2 %: a risk of 8 % is eight times the usual, and
a fixed 50 % would ring for nobody. A tier rises at once; it falls only clearly below the cut-off and after a while.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple

from models.policy import DAY_MS, HOUR_MS, TierPolicy
from models.risk import Scorer

Tier = Literal["healthy", "warning", "high_risk"]
TIERS: Final[tuple[Tier, ...]] = ("healthy", "warning", "high_risk")
HEALTHY: Final = 0
WARNING: Final = 1
HIGH_RISK: Final = 2


class Reason(Enum):
    """Why a subscriber has the tier that he has."""

    SAME = "same"
    ROSE = "rose"
    FELL = "fell"
    TOO_YOUNG = "too_young"
    NOT_CLEARLY_BELOW = "not_clearly_below"
    TOO_SOON = "too_soon"


class Cutoffs(NamedTuple):
    """From which risk a tier is entered, below which share of that it is left, and how long it must have lasted."""

    warning: float
    high_risk: float
    fall_below: float
    min_dwell_ms: float
    min_history_ms: float


def cutoffs(policy: TierPolicy, scorer: Scorer) -> Cutoffs:
    """Cut-offs for a model, at the operator's base rate."""
    base = scorer.base_rate
    high = policy.high_risk_from
    if high is None:
        high = max(scorer.cutoff(policy.high_risk_share), policy.high_risk_times_base * base)
    warning = policy.warning_from
    if warning is None:
        warning = max(scorer.cutoff(policy.warning_share), policy.warning_times_base * base)
    return Cutoffs(
        # Cut-offs set by hand may cross: then there is no warning, and nobody is healthy above high_risk.
        min(warning, high),
        high,
        policy.fall_below,
        policy.min_dwell_hours * HOUR_MS,
        policy.min_history_days * DAY_MS,
    )


def next_tier(tier: int, risk: float, held_ms: float, history_ms: float, cut: Cutoffs) -> tuple[int, Reason]:
    """Tier after a score, and why.

    Parameters
    ----------
    held_ms
        How long the present tier has lasted.
    history_ms
        How long the subscriber has been observed; NaN is not at all.

    Examples
    --------
    >>> cut = Cutoffs(warning=0.03, high_risk=0.10, fall_below=0.8, min_dwell_ms=100, min_history_ms=1000)
    >>> next_tier(HEALTHY, 0.2, 0, 5000, cut)
    (2, <Reason.ROSE: 'rose'>)
    >>> next_tier(HEALTHY, 0.2, 0, 999, cut)
    (0, <Reason.TOO_YOUNG: 'too_young'>)
    >>> next_tier(HIGH_RISK, 0.09, 500, 5000, cut)
    (2, <Reason.NOT_CLEARLY_BELOW: 'not_clearly_below'>)
    >>> next_tier(HIGH_RISK, 0.079, 50, 5000, cut)
    (2, <Reason.TOO_SOON: 'too_soon'>)
    >>> next_tier(HIGH_RISK, 0.079, 500, 5000, cut)
    (1, <Reason.FELL: 'fell'>)
    """
    if not history_ms >= cut.min_history_ms:
        return (tier, Reason.TOO_YOUNG)
    reached = HIGH_RISK if risk >= cut.high_risk else WARNING if risk >= cut.warning else HEALTHY
    if reached > tier:
        return (reached, Reason.ROSE)
    if reached == tier:
        return (tier, Reason.SAME)
    if not risk < cut.fall_below * (cut.high_risk if tier == HIGH_RISK else cut.warning):
        return (tier, Reason.NOT_CLEARLY_BELOW)
    if held_ms < cut.min_dwell_ms:
        return (tier, Reason.TOO_SOON)
    # From high risk the warning's own hysteresis decides how far the fall goes.
    if tier == HIGH_RISK and risk >= cut.fall_below * cut.warning:
        return (WARNING, Reason.FELL)
    return (HEALTHY, Reason.FELL)
