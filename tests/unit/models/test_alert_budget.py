"""The budget of tier alerts: how many, and which."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.policy import TierPolicy
from models.contract.time_units import DAY_MS
from models.detection.alert_budget import BUDGET_KEY, AlertBudget
from models.state.population import StateMalformedError

POLICY = TierPolicy(budget=1.0)
STAYS_DAYS = 8
"""A candidate whose risk does not rise is healthy again after about so long, and judged at each look until then."""


@dataclass
class Candidate:
    """Somebody whose tier rose to high risk."""

    standing: float
    until: int
    heard: bool = False


def raised_by(lanes: int, subscribers: int, days: int, a_day: float = 2.1, seed: int = 7) -> list[list[float]]:
    """The standings of those whom each day's looks raised, with so many candidates a day per 1,000 subscribers."""
    dice = random.Random(seed)
    budgets, waiting = [AlertBudget(n) for n in range(lanes)], [list[Candidate]() for _ in range(lanes)]
    mine, raised = subscribers // lanes, [list[float]() for _ in range(days)]
    for day in range(days):
        tick = day * DAY_MS
        for budget, here in zip(budgets, waiting, strict=True):
            budget.save(tick, mine, POLICY)
            came = sum(dice.random() < a_day / 1000 for _ in range(mine)) if day > 7 else 0
            here += [Candidate(1.0 + dice.expovariate(1.5), day + STAYS_DAYS) for _ in range(came)]
            cutoff = budget.cutoff(mine, POLICY)
            for candidate in sorted(here, key=lambda c: -c.standing):
                if not candidate.heard:
                    budget.heard(tick, candidate.standing)
                    candidate.heard = True
                if budget.admits(candidate.standing, cutoff):
                    budget.spend()
                    raised[day].append(candidate.standing)
                    here.remove(candidate)
            here[:] = [candidate for candidate in here if candidate.until > day]
    return raised


@pytest.mark.parametrize(("lanes", "subscribers"), [(1, 400), (8, 400), (1, 20_000), (8, 20_000)])
def test_volume_is_the_budget_within_a_quarter_over_28_days(lanes: int, subscribers: int) -> None:
    seeds = range(40 if subscribers < 1000 else 2)
    volumes = []
    for seed in seeds:
        raised = raised_by(lanes, subscribers, 70, seed=seed)
        volumes.append(sum(len(day) for day in raised[42:70]))
    wanted = subscribers / 1000 * 28
    assert sum(volumes) / len(volumes) == pytest.approx(wanted, rel=0.25)
    assert max(volumes) <= 1.25 * wanted + lanes


def test_the_best_of_the_month_are_raised_and_not_the_first_of_the_day() -> None:
    raised = [standing for day in raised_by(1, 20_000, 70)[42:] for standing in day]
    everybody = sorted((1.0 + random.Random(1).expovariate(1.5) for _ in range(10_000)), reverse=True)
    # Half of the candidates have room: nearly all who are raised are of the better half.
    better = everybody[round(len(everybody) / 2.1)]
    assert sum(standing >= better - 0.05 for standing in raised) / len(raised) > 0.9


def flow(budget: AlertBudget, days: int, a_day: int, standing: float = 3.0) -> None:
    """So many candidates a day that stand so high, from day 0 on, among 1,000 subscribers."""
    for day in range(days):
        budget.save(day * DAY_MS, 1000, POLICY)
        for _ in range(a_day):
            budget.heard(day * DAY_MS, standing)
    budget.save(days * DAY_MS, 1000, POLICY)


def test_with_less_than_seven_days_of_flow_the_published_cut_off_holds() -> None:
    budget = AlertBudget(0)
    flow(budget, 6, a_day=100)
    assert budget.cutoff(1000, POLICY) == 1.0
    flow(budget, 7, a_day=100)
    assert budget.cutoff(1000, POLICY) == 3.0


@pytest.mark.parametrize(("a_day", "cutoff"), [(1, 1.0), (2, 1.0 + 2.0 * 20 / 50), (4, 1.0 + 2.0 * 40 / 50), (6, 3.0)])
def test_own_cut_off_is_drawn_to_the_published_one_while_candidates_are_few(a_day: int, cutoff: float) -> None:
    """Of one a day all have room; of 20 and 40 two fifths and four fifths of the way to where the best begin."""
    budget = AlertBudget(0)
    flow(budget, 10, a_day)
    assert budget.cutoff(1000, POLICY) == pytest.approx(cutoff)


def test_few_candidates_are_all_raised() -> None:
    raised = raised_by(1, 20_000, 70, a_day=0.5)
    assert sum(len(day) for day in raised[42:]) == pytest.approx(0.5 * 20 * 28, rel=0.2)


def test_no_more_than_a_week_is_saved() -> None:
    budget = AlertBudget(0)
    for day in range(60):
        budget.save(day * DAY_MS, 5000, POLICY)
    assert budget.allowance == 35.0
    budget.save(61 * DAY_MS, 10, POLICY)
    assert budget.allowance == 1.0


def test_no_budget_raises_nobody() -> None:
    budget, none = AlertBudget(0), TierPolicy(budget=0.0)
    for day in range(60):
        budget.save(day * DAY_MS, 5000, none)
    assert not budget.admits(9.0, budget.cutoff(5000, none))


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(1.0, 9.0)), max_size=60))
def test_restart_keeps_all_of_it(heard: list[tuple[int, float]]) -> None:
    budget = AlertBudget(2)
    for day, standing in sorted(heard):
        budget.save(day * DAY_MS, 700, POLICY)
        budget.heard(day * DAY_MS, standing)
        if budget.admits(standing, 1.0):
            budget.spend()
    records = budget.take_changes()
    other = AlertBudget(2)
    assert other.load([(b"x", b"1"), *records]) == [(b"x", b"1")]
    assert (other.allowance, other.cutoff(700, POLICY)) == (budget.allowance, budget.cutoff(700, POLICY))
    assert budget.take_changes() == []


def test_damaged_record_is_named() -> None:
    with pytest.raises(StateMalformedError, match="G"):
        AlertBudget(0).load([(BUDGET_KEY, b"{")])
