"""When a tier moves, and that the walk stops exactly there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.detecting import CARE_MODEL

from models.kernel import places
from models.kernel.compiled import tier_moves
from models.policy import DAY_MS, HOUR_MS, TierPolicy
from models.risk import Scorer
from models.tiers import HEALTHY, HIGH_RISK, WARNING, Cutoffs, Reason, cutoffs, next_tier

CUT = Cutoffs(warning=0.03, high_risk=0.10, fall_below=0.8, min_dwell_ms=24 * HOUR_MS, min_history_ms=7 * DAY_MS)
LONG = 30.0 * DAY_MS


@pytest.mark.parametrize(
    ("tier", "risk", "held", "history", "expected"),
    [
        (HEALTHY, 0.0299, LONG, LONG, (HEALTHY, Reason.SAME)),
        (HEALTHY, 0.03, 0.0, LONG, (WARNING, Reason.ROSE)),
        (HEALTHY, 0.10, 0.0, LONG, (HIGH_RISK, Reason.ROSE)),
        (WARNING, 0.10, 0.0, LONG, (HIGH_RISK, Reason.ROSE)),
        (HEALTHY, 0.9, 0.0, 7 * DAY_MS - 1, (HEALTHY, Reason.TOO_YOUNG)),
        (HEALTHY, 0.9, 0.0, float("nan"), (HEALTHY, Reason.TOO_YOUNG)),
        (HIGH_RISK, 0.0801, LONG, LONG, (HIGH_RISK, Reason.NOT_CLEARLY_BELOW)),
        (HIGH_RISK, 0.0799, LONG, LONG, (WARNING, Reason.FELL)),
        (HIGH_RISK, 0.0799, 24 * HOUR_MS - 1, LONG, (HIGH_RISK, Reason.TOO_SOON)),
        (HIGH_RISK, 0.025, LONG, LONG, (WARNING, Reason.FELL)),
        (HIGH_RISK, 0.0239, LONG, LONG, (HEALTHY, Reason.FELL)),
        (WARNING, 0.0241, LONG, LONG, (WARNING, Reason.NOT_CLEARLY_BELOW)),
        (WARNING, 0.0239, LONG, LONG, (HEALTHY, Reason.FELL)),
    ],
)
def test_next_tier(tier: int, risk: float, held: float, history: float, expected: tuple[int, Reason]) -> None:
    assert next_tier(tier, risk, held, history, CUT) == expected


@given(
    st.integers(0, 2),
    st.floats(0, 1),
    st.sampled_from([0.0, 24.0 * HOUR_MS, LONG]),
    st.sampled_from([float("nan"), 0.0, 7.0 * DAY_MS, LONG]),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
)
def test_walk_stops_exactly_where_the_tier_moves(
    tier: int, risk: float, held: float, history: float, one: float, other: float
) -> None:
    cut = CUT._replace(warning=min(one, other), high_risk=max(one, other))
    moved = next_tier(tier, risk, held, history, cut)[0] != tier
    policy = np.zeros(places.PARAMETERS)
    policy[places.CUT_WARNING], policy[places.CUT_HIGH] = cut.warning, cut.high_risk
    policy[places.FALL_BELOW], policy[places.MIN_DWELL] = cut.fall_below, cut.min_dwell_ms
    policy[places.MIN_HISTORY] = cut.min_history_ms
    assert tier_moves(float(tier), risk, held, history, policy) == moved


def test_cutoffs_are_the_larger_of_share_and_multiple() -> None:
    scorer = Scorer(CARE_MODEL, 0.015)  # its top 2 % begin at 0.075, its top 10 % at 0.03: five and two times the base
    cut = cutoffs(TierPolicy(), scorer)
    assert (cut.high_risk, cut.warning) == (pytest.approx(0.075), pytest.approx(0.03))
    steep = cutoffs(TierPolicy(high_risk_times_base=10.0, warning_times_base=4.0), scorer)
    assert (steep.high_risk, steep.warning) == (pytest.approx(0.15), pytest.approx(0.06))
    flat = cutoffs(TierPolicy(high_risk_times_base=0.1, warning_times_base=0.1), scorer)
    assert (flat.high_risk, flat.warning) == (pytest.approx(0.075), pytest.approx(0.03))


def test_absolute_risks_override_share_and_multiple_and_never_cross() -> None:
    scorer = Scorer(CARE_MODEL, 0.015)
    cut = cutoffs(TierPolicy(high_risk_from=0.2, warning_from=0.4), scorer)
    assert (cut.high_risk, cut.warning) == (0.2, 0.2)
