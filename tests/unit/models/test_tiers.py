"""Cut-offs, and how the daily looks move a tier between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.detecting import CARE_MODEL, DAY

from models.contract.policy import Policy, TierPolicy
from models.kernel import places
from models.kernel.walk import tier_after
from models.scoring.engine import parameters
from models.scoring.scorer import Scorer, logit
from models.scoring.tiers import Cutoffs, cutoffs, risks, standing
from models.state.columns import WIDTH

SHARP = Policy(tiers=TierPolicy(smoothing=1.0))
"""Looks at today alone, so that a risk is a tier."""
SCORER = Scorer(CARE_MODEL, 0.015)
"""Warning from 3 %, high risk from 7.5 %."""
LOW, MID, HIGH = 0.005, 0.04, 0.2


def tiers(looks: Sequence[float], policy: Policy = SHARP, known_days: float = 30.0) -> list[int]:
    """The tier after each of the daily looks at these risks, of somebody who was healthy before."""
    row, numbers = np.zeros(WIDTH), parameters(SCORER, policy)
    row[places.FIRST_TS] = -known_days * DAY
    row[[places.ABOVE, places.REACHED_TS]] = math.nan
    found = []
    for day, risk in enumerate(looks):
        row[places.TIER] = tier_after(row, logit(risk) - numbers[places.CUT_WARNING], float(day * DAY), numbers)
        found.append(int(row[places.TIER]))
    return found


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([HIGH, LOW, HIGH, LOW], [0, 0, 0, 0]),
        ([MID, MID], [0, 1]),
        ([HIGH, MID, HIGH], [0, 1, 1]),
        ([HIGH, HIGH, MID, HIGH, MID, MID, HIGH, HIGH], [0, 2, 2, 2, 2, 1, 1, 2]),
        ([HIGH, HIGH, LOW, LOW], [0, 2, 2, 1]),
        ([MID, MID, *[LOW] * 7], [0, 1, *[1] * 6, 0]),
        ([MID, MID, *[LOW] * 6, MID, *[LOW] * 7], [0, 1, *[1] * 13, 0]),
        ([MID, MID, *[0.0245] * 12], [0, 1, *[1] * 12]),
        ([0.0245] * 4, [0] * 4),
        ([HIGH, HIGH, *[0.0605] * 4], [0, 2, *[2] * 4]),
        ([HIGH, HIGH, *[0.0595] * 3], [0, 2, 2, 1, 1]),
    ],
)
def test_tier_rises_when_two_looks_agree_and_is_healthy_after_seven_calm_days(
    looks: list[float], expected: list[int]
) -> None:
    assert tiers(looks) == expected


def test_nobody_has_a_tier_before_the_least_history() -> None:
    assert tiers([HIGH] * 5, known_days=4.0) == [0, 0, 0, 0, 2]
    assert tiers([HIGH] * 3, known_days=math.nan) == [0, 0, 0]


def test_smoothing_keeps_one_day_from_being_a_tier() -> None:
    """Half of the way to the risk a day, from just below the cut-off on."""
    spike = [LOW, LOW, HIGH, LOW, LOW, LOW]
    assert tiers(spike, Policy()) == [0] * 6
    # Twice the cut-off's odds: -1, then -0.1, 0.35 above the cut-off: the third look is the second that agrees.
    steady = tiers([0.06] * 4, Policy())
    assert steady == [0, 0, 1, 1]


@given(st.lists(st.floats(0.001, 0.9), min_size=1, max_size=40), st.sampled_from([SHARP, Policy()]))
def test_no_episode_at_risk_is_shorter_than_the_calm_days(looks: list[float], policy: Policy) -> None:
    found = tiers(looks, policy)
    starts = [day for day in range(1, len(found)) if found[day] > 0 and found[day - 1] == 0]
    ends = [day for day in range(1, len(found)) if found[day] == 0 and found[day - 1] > 0]
    assert all(end - start >= 6 for start, end in zip(starts, ends, strict=False))


def test_cutoffs_are_the_larger_of_share_and_multiple() -> None:
    # The model's top 2 % begin at 0.075, its top 10 % at 0.03: five and two times the base.
    assert risks(TierPolicy(), SCORER) == (pytest.approx(0.03), pytest.approx(0.075))
    steep = TierPolicy(high_risk_times_base=10.0, warning_times_base=4.0)
    assert risks(steep, SCORER) == (pytest.approx(0.06), pytest.approx(0.15))
    flat = TierPolicy(high_risk_times_base=0.1, warning_times_base=0.1)
    assert risks(flat, SCORER) == (pytest.approx(0.03), pytest.approx(0.075))


def test_standing_means_the_same_under_a_model_with_other_log_odds() -> None:
    """Half as steep and at another level, cut-offs of the same shares: who stood between them stands there still."""
    one, other = Cutoffs(-3.5, 1.0, -0.2, 0.8), Cutoffs(-2.0, 0.5, -0.1, 0.4)
    for above in (-0.4, 0.0, 0.7, 1.0, 2.5):
        assert standing(above, one) == pytest.approx(standing(above / 2.0, other))
    assert (standing(0.0, one), standing(1.0, one)) == (0.0, 1.0)


def test_absolute_risks_override_share_and_multiple_and_never_cross() -> None:
    assert risks(TierPolicy(high_risk_from=0.2, warning_from=0.4), SCORER) == (0.2, 0.2)
    assert cutoffs(TierPolicy(high_risk_from=0.2, warning_from=0.4), SCORER).high_above == 0.0


def test_cutoff_of_a_high_base_rate_is_a_risk_still() -> None:
    scorer = Scorer(CARE_MODEL, 0.5)
    warning, high = risks(TierPolicy(), scorer)
    assert 0.0 < warning <= high < 1.0
