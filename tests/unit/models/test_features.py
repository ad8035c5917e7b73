from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from support.event_mixes import DAY, START, arrivals_of
from support.folded import fold

from models.contract.events import (
    CALLS,
    DATA_USAGE,
    INPUTS,
    SITE_VISITS,
    Call,
    Consent,
    DataUsage,
    Product,
    Profile,
    SiteVisit,
)
from models.features import catalogue
from models.scoring.engine import features_of
from models.state.population import Population

NEVER = float("nan")
HEX_DIGITS = set("0123456789abcdef")


def call(day: float, **fields: Any) -> Call:
    fields = {"direction": "outgoing", "duration_s": 60.0, "peer_network": "on_net"} | fields
    return Call(subscriber_id="s-1", ts=START + round(day * DAY), **fields)


def session(day: float) -> DataUsage:
    return DataUsage(subscriber_id="s-1", ts=START + round(day * DAY), bytes=5e6)


def looked_at(*events: Any, day: float) -> dict[str, float]:
    population = Population()
    fold(population, arrivals_of(list(events)), NEVER)
    found = features_of(population, np.array([population.row("s-1")]), np.array([START + day * DAY]))
    return dict(zip(catalogue.NAMES, found[:, 0].tolist(), strict=True))


def test_catalogue_is_whole():
    assert len(catalogue.CATALOGUE) >= 48
    assert len(set(catalogue.NAMES)) == len(catalogue.NAMES)
    assert all(feature.source in INPUTS for feature in catalogue.CATALOGUE)
    assert len(catalogue.catalogue_hash()) == 16
    assert set(catalogue.catalogue_hash()) <= HEX_DIGITS


def test_nothing_known_is_missing_and_never_a_silent_zero():
    found = looked_at(day=0)
    zeros = {name for name, value in found.items() if value == 0.0}
    missing = {name for name, value in found.items() if np.isnan(value)}
    assert zeros | missing == set(catalogue.NAMES)
    sources = {feature.name: feature.source for feature in catalogue.CATALOGUE}
    assert {sources[name] for name in zeros} == {SITE_VISITS, "telecom.care-contacts.v1"}
    assert "arpu" in missing
    assert "calls_30d" in missing


def test_steady_use_is_as_usual():
    found = looked_at(*[call(day / 4) for day in range(200)], day=50)
    for name in ("calls_1d_vs_7d", "calls_7d_vs_30d", "calls_30d_vs_90d", "call_minutes_7d_vs_30d"):
        assert found[name] == pytest.approx(1.0, abs=0.15), name
    assert found["calls_7d"] == pytest.approx(28, rel=0.05)
    assert found["call_recency_vs_rhythm"] == pytest.approx(1.0, abs=0.2)


def test_thinning_calls_show_against_the_usual():
    found = looked_at(*[call(day / 4) for day in range(200)], day=64)
    assert found["calls_7d_vs_30d"] < 0.3
    assert found["call_recency_vs_rhythm"] > 40


def test_too_little_history_to_compare_is_missing():
    found = looked_at(call(0), call(1), call(2), day=2)
    assert np.isnan(found["calls_7d_vs_30d"])
    assert np.isnan(found["call_recency_vs_rhythm"])
    assert found["calls_7d"] > 2


@pytest.mark.parametrize(
    ("days", "at", "stage"),
    [
        ([0, 1], 2, "acquired"),
        (range(0, 60, 9), 60, "interested"),
        (np.arange(0, 60, 0.5), 60, "habit"),
        (np.arange(0, 60, 0.5), 72, "losing_interest"),
        (np.arange(0, 60, 0.5), 91, "cancelled"),
    ],
)
def test_stage_of_data_use(days: Any, at: float, stage: str):
    found = looked_at(*[session(day) for day in days], day=at)
    stages = {name for name in catalogue.NAMES if name.startswith("data_stage_") and found[name] == 1.0}
    assert stages == {f"data_stage_{stage}"}


def test_refused_behaviour_makes_visits_missing():
    visit = SiteVisit(subscriber_id="s-1", ts=START, operator="china-telecom", dwell_s=90.0)
    refusal = Profile(subscriber_id="s-1", ts=START, consent=Consent(behaviour=False))
    seen, refused = looked_at(visit, day=0), looked_at(visit, refusal, day=0)
    names = [f.name for f in catalogue.CATALOGUE if f.source == SITE_VISITS]
    assert seen["competitor_dwell_7d"] == 90.0
    assert seen["competitors_visited_30d"] == 1.0
    assert all(np.isnan(refused[name]) for name in names)


def test_visits_and_competitor_care_are_never_disclosable():
    for feature in catalogue.CATALOGUE:
        if feature.source == SITE_VISITS or "competitor" in feature.name:
            assert not feature.disclosable, feature.name


def test_neither_silence_nor_falling_use_nor_penalties_are_disclosable():
    told = {f.name for f in catalogue.CATALOGUE if f.disclosable}
    assert not any(re.search("silent|recency|_vs_|stage|slope|spend|recharge|penalty", name) for name in told)
    used = {f.name for f in catalogue.CATALOGUE if f.source in (CALLS, DATA_USAGE)}
    # How well the network works for them is theirs to hear; how much they use it is not.
    assert told & used == {"dropped_share_7d", "data_failed_share_7d", "data_throttled_share_7d"}
    assert {"complaints_open", "contract_days_left_mobile", "leave_intent_30d", "tenure_months"} <= told


def test_share_of_each_rival():
    events = [call(0, peer_network="off_net", peer_operator=o) for o in ("china-unicom", "China Telecom", "lebara")]
    found = looked_at(*events, call(0), day=0)
    assert found["off_net_share_30d"] == 0.75
    shares = [
        found[f"{name}_share_30d"] for name in ("china_unicom", "china_telecom", "other_operator", "china_mobile")
    ]
    assert shares == [0.25, 0.25, 0.25, 0.0]


def test_contract_days_count_down_and_below_zero():
    products = [Product(product="mobile", contract_end_ts=START + 21 * DAY), Product(product="iptv")]
    profile = Profile(subscriber_id="s-1", ts=START, products=products)
    assert looked_at(profile, day=0)["contract_days_left_mobile"] == 21.0
    assert looked_at(profile, day=25)["contract_days_left_mobile"] == -4.0
    assert np.isnan(looked_at(profile, day=0)["contract_days_left_iptv"])


@pytest.mark.parametrize(
    ("months", "first_year", "over_five"), [(0.5, 0, 0), (1, 1, 0), (11.9, 1, 0), (12, 0, 0), (61, 0, 1)]
)
def test_risky_bands_of_tenure(months: float, first_year: float, over_five: float):
    activated = START - round(months * 30.4375 * DAY)
    found = looked_at(Profile(subscriber_id="s-1", ts=START, activated_ts=activated), day=0)
    assert found["tenure_months"] == pytest.approx(months)
    assert (found["tenure_first_year"], found["tenure_over_five_years"]) == (first_year, over_five)


def test_features_of_a_row_do_not_depend_on_the_rows_beside_it():
    population = Population()
    events = [call(day / 9, peer_network="off_net") for day in range(90)] + [session(day / 5) for day in range(90)]
    for i, event in enumerate(events):
        fold(population, arrivals_of([type(event)(**{**as_dict(event), "subscriber_id": f"s-{i % 13}"})]), NEVER)
    rows = population.live_rows()
    now = np.full(len(rows), START + 40.0 * DAY)
    whole = features_of(population, rows, now)
    for place, row in enumerate(rows):
        one = features_of(population, np.array([row]), now[:1])
        assert one[:, 0].tobytes() == np.ascontiguousarray(whole[:, place]).tobytes()


def as_dict(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}
