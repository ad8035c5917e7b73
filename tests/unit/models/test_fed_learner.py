"""Figures from real data come from a learner fed off-line: no label may reach a vector frozen before it was known."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace
from support.fed_learner import Fed, fed, in_order, known_day, told
from support.ruled_examples import BEGIN, examples

import planted
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, WeeklyLabel
from models.learning.learner import LearnerSettings

SEED = 4
SMALL = LearnerSettings(warm_rows=50, window=1_000, recent_rows=60)
VERDICTS = list(examples(SEED, 200))
TOLD = planted.told(VERDICTS)
LOOKS = [replace(e, ts=BEGIN + 10 * number * DAY_MS) for number, e in enumerate(VERDICTS[:10])]


@pytest.fixture(scope="module")
def over() -> Fed:
    return fed(in_order(TOLD), SMALL)


def test_a_vector_is_scored_by_the_latest_model_of_an_earlier_day(over: Fed) -> None:
    since = over.published[-1].since
    looks = [replace(LOOKS[0], ts=since), replace(LOOKS[0], ts=since - 1)]
    assert told(looks[:1], over.published) == told(looks[:1], over.published[-1:])
    assert told(looks[1:], over.published) == told(looks[1:], over.published[:-1])
    assert told(looks[1:], over.published) != told(looks[1:], [over.published[-1]._replace(since=0)])


def test_labels_that_are_not_known_yet_change_nothing(over: Fed) -> None:
    day = BEGIN // DAY_MS + 45

    def turned(each: Example | WeeklyLabel) -> Example | WeeklyLabel:
        later = isinstance(each, WeeklyLabel) and known_day(each) >= day
        return replace(each, left=True, outcome="ported_out") if later else each

    without = fed(in_order(map(turned, TOLD)), SMALL)
    before = [n for n, stand in enumerate(over.published) if stand.since <= day * DAY_MS]
    assert before
    assert all(over.published[n] == without.published[n] for n in before)
    risk, other = told(LOOKS, over.published), told(LOOKS, without.published)
    early = [look.ts < day * DAY_MS for look in LOOKS]
    assert risk[early].tolist() == other[early].tolist()


def test_the_order_in_which_lanes_tell_one_day_is_no_matter() -> None:
    shuffled = TOLD.copy()
    random.Random(SEED).shuffle(shuffled)
    assert in_order(shuffled) == in_order(TOLD)
