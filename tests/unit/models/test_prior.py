"""The prior by hand: each curve goes the way that its reason says, and no signal that fades makes anybody safer."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import pytest

from models.features.catalogue import CATALOGUE, INDEX, NAMES, catalogue_hash
from models.scoring.prior import BELIEFS, prior
from models.scoring.scorer import Scorer
from models.scoring.snapshot import check_features, decode, encode

DOWN: Final = frozenset(
    {
        "calls_7d",
        "calls_30d",
        "data_sessions_7d",
        "calls_7d_vs_30d",
        "calls_30d_vs_90d",
        "data_sessions_7d_vs_30d",
        "data_mb_30d_vs_90d",
        "spend_7d_vs_30d",
        "bill_slope_3_periods",
        "bill_vs_usual",
        "plan_fee_change_90d",
        "contract_days_left_mobile",
        "contract_days_left_broadband",
        "products",
        "penalty",
        "last_satisfaction",
    }
)
"""More of it, less risk: use, what binds, and a good opinion. Of all others more of it is more risk."""
SIGNALS: Final = [f.name for f in CATALOGUE if f.name.endswith(("_7d", "_30d")) and f.name not in DOWN]
"""What is counted over days, and fades."""


def at(**values: float) -> float:
    """Log-odds of a subscriber with this value only."""
    x = np.full((len(NAMES), 1), np.nan)
    for name, value in values.items():
        x[INDEX[name], 0] = value
    return float(Scorer(prior()).score(x).logit[0])


@pytest.mark.parametrize("belief", BELIEFS, ids=lambda belief: belief.feature)
def test_each_curve_goes_one_way_and_says_why(belief):
    sign = -1.0 if belief.feature in DOWN else 1.0
    assert belief.feature in INDEX
    assert belief.why
    assert "\n" not in belief.why
    points = [point for point, _ in belief.points]
    assert points == sorted(set(points))
    assert all(sign * after >= sign * before for (_, before), (_, after) in pairwise(belief.points))
    assert belief.points[0][1] != belief.points[-1][1]
    assert all(round(odds, 1) == odds for _, odds in (*belief.points, (0, belief.missing))), "round"


@pytest.mark.parametrize("name", SIGNALS)
def test_a_faded_signal_leaves_nobody_safer_than_without_it(name):
    without = at(**{name: 0.0})
    for faded in (1e-6, 0.01, 0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 50.0):
        assert at(**{name: faded}) >= without


def test_flags_and_waits_that_are_over_leave_nobody_safer():
    for flag in ("disconnect_appointment", "data_stage_cancelled", "data_stage_losing_interest"):
        assert at(**{flag: 1.0}) > at(**{flag: 0.0})
    for gone in ("complaints_open", "faults_open", "complaint_overdue_days"):
        assert at(**{gone: 0.0}) == at()


def test_silence_goes_on_rising_past_two_months():
    assert at(silent_days=90.0) > at(silent_days=61.0) > at(silent_days=30.0) > at(silent_days=2.5)


def test_who_is_new_or_long_here_is_at_more_risk():
    assert at(tenure_first_year=1.0) > at(tenure_over_five_years=1.0) > at(tenure_first_year=0.0)


def test_no_feature_is_believed_twice_and_none_is_unknown():
    names = [belief.feature for belief in BELIEFS]
    assert len(set(names)) == len(names)


def test_prior_fits_the_catalogue_and_travels():
    found = prior()
    check_features(found, NAMES, catalogue_hash())
    again = decode(encode(found))
    assert again.curves == found.curves
    assert again.provenance.rows == 0, "no row was learned from"


def test_what_is_usual_is_a_definition_and_nobodys_median():
    assert {curve.usual for curve in prior().curves} == {None, 0.0, 1.0}
    assert not any(curve.usual_of for curve in prior().curves)
