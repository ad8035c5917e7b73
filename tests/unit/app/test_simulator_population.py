"""Who lives there, and how a day goes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from app.simulator import rhythm
from app.simulator.people import data_habits
from app.simulator.people.population import SimulatedPopulation, settle
from app.simulator.people.profile import profile
from models.contract.time_units import DAY_MS, HOUR_MS

START = 1_780_000_000_000


@pytest.fixture(scope="module")
def population() -> SimulatedPopulation:
    return settle(np.random.default_rng(6), 4_000, START)


def test_revenue_has_a_median_of_about_sixty_and_a_long_tail(population: SimulatedPopulation) -> None:
    low, median, high, most = np.percentile(population.arpu, [1, 50, 99, 100])
    assert low >= 5
    assert 50 < median < 70
    assert high > 200
    assert most <= 600


def test_tenure_has_newcomers_and_old_hands(population: SimulatedPopulation) -> None:
    months = (START - population.activated) / (30.4 * DAY_MS)
    assert months.min() > 0
    for low, high in ((0, 12), (12, 61), (61, 1000)):
        assert ((months >= low) & (months < high)).mean() > 0.1


def test_accounts_have_five_to_forty_members_in_one_unit(population: SimulatedPopulation) -> None:
    homes = population.homes
    assert 0.1 < homes.corporate.mean() < 0.2
    for account in np.unique(homes.account[homes.corporate]):
        members = homes.account == account
        assert 5 <= members.sum() <= 40
        assert set(homes.account_size[members].tolist()) == {int(members.sum())}
        assert len(set(homes.unit[members].tolist())) == 1


def test_a_sub_card_hangs_on_a_main_card_of_its_household(population: SimulatedPopulation) -> None:
    homes = population.homes
    subs = np.flatnonzero(homes.main >= 0)
    assert len(subs) > 100
    assert (homes.main[homes.main[subs]] == -1).all()
    assert (homes.household[homes.main[subs]] == homes.household[subs]).all()
    assert (homes.customer[subs] == homes.main[subs]).any()


def test_consent_and_peace_are_as_the_trade_has_them(population: SimulatedPopulation) -> None:
    told = [profile(population, who, START) for who in range(1_000)]
    willing = [all(one["consent"]["marketing"].values()) and one["consent"]["behaviour"] for one in told]
    assert 0.86 < np.mean(willing) < 0.95
    assert 0.01 < np.mean([one["do_not_contact"] for one in told]) < 0.06
    assert 0.5 < np.mean([one["portable"] for one in told]) < 1
    assert {one["language"] for one in told} == {"zh", "en"}


def test_a_day_is_shared_out_whatever_the_cut() -> None:
    whole = sum(rhythm.share(span, rhythm.DATA) for span in rhythm.spans(START, START + 3 * DAY_MS, 1))
    parts = sum(rhythm.share(span, rhythm.DATA) for span in rhythm.spans(START, START + 3 * DAY_MS, 24))
    assert parts == pytest.approx(whole)


def test_spans_neither_overlap_nor_leave_a_gap_nor_cross_midnight() -> None:
    spans = list(rhythm.spans(START + 12_345, START + 2 * DAY_MS + 777, 7))
    assert spans[0].start == START + 12_345
    assert spans[-1].end == START + 2 * DAY_MS + 777
    for before, after in pairwise(spans):
        assert before.end == after.start
    assert all(span.end <= span.midnight + DAY_MS for span in spans)


def test_offices_ring_on_weekdays() -> None:
    monday = 1_780_243_200_000  # 2026-06-01, midnight in Shanghai
    week = [rhythm.Span(monday + day * DAY_MS, monday + (day + 1) * DAY_MS) for day in range(7)]
    assert [span.weekday for span in week] == list(range(7))
    shares = [rhythm.share(span, rhythm.OFFICE_CALLS) for span in week]
    assert max(shares[5:]) < 0.5 * min(shares[:5])


def test_moments_follow_the_hours() -> None:
    monday = 1_780_243_200_000
    span = rhythm.Span(monday, monday + DAY_MS)
    hours = (rhythm.moments(np.random.default_rng(1), span, rhythm.SITES, 5_000) - monday) // HOUR_MS
    assert (hours >= 20).mean() > 0.3
    assert (hours == 4).mean() < 0.02


def test_a_data_service_goes_through_its_five_stages(population: SimulatedPopulation) -> None:
    taken = data_habits.draw(np.random.default_rng(1), population, START, 30)
    levels = np.stack([taken.level(int(ts)) for ts in range(START - 130 * DAY_MS, START + 200 * DAY_MS, 5 * DAY_MS)])
    first = levels[:, taken.began > START - 100 * DAY_MS]
    assert (first.max(axis=0) > 1.4).all()
    assert (first[0] == 1).all()
    assert (first[-1] < 0.2).all()
