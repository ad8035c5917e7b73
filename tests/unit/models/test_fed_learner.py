"""Figures from real data come from a learner fed off-line: no label may reach a vector frozen before it was known."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace
from support.fed_learner import Fed, fed, in_order, told
from support.ruled_examples import BEGIN, examples

from models.events import DAY_MS
from models.learner import LearnerSettings

SEED = 4
SMALL = LearnerSettings(
    warm_rows=50, window=1_000, look_every=40, min_labels=100, min_positives=10, horizon_days=28.0, shadow=()
)
"""A look falls every twentieth day: a day has two of the examples."""
EXAMPLES = list(examples(SEED, 240))
LOOKS = [replace(e, ts=BEGIN + 10 * number * DAY_MS) for number, e in enumerate(EXAMPLES[:13])]


@pytest.fixture(scope="module")
def over() -> Fed:
    return fed(in_order(EXAMPLES), SMALL)


def test_a_vector_is_scored_by_the_latest_model_of_an_earlier_day(over: Fed) -> None:
    assert over.voices[-1].since == BEGIN + 120 * DAY_MS
    assert told(LOOKS[12:13], over.voices) == told(LOOKS[12:13], over.voices[-1:])
    assert told(LOOKS[11:12], over.voices) == told(LOOKS[11:12], over.voices[:-1])
    assert told(LOOKS[11:12], over.voices[:-1]) != told(LOOKS[11:12], [over.voices[-1]._replace(since=0)])


def test_labels_that_are_not_known_yet_change_nothing(over: Fed) -> None:
    day = 60
    turned = [replace(e, label="void") if e.labelled_ts >= BEGIN + day * DAY_MS else e for e in EXAMPLES]
    risk = told(LOOKS, over.voices)
    without = told(LOOKS, fed(in_order(turned), SMALL).voices)
    # The look after those of day 60 has its voice from day 80 on.
    assert risk[:8].tolist() == without[:8].tolist()
    assert risk[8:].tolist() != without[8:].tolist()


def test_the_order_in_which_lanes_tell_one_day_is_no_matter() -> None:
    shuffled = EXAMPLES.copy()
    random.Random(SEED).shuffle(shuffled)
    hours = random.Random(SEED)
    bent = [replace(e, labelled_ts=e.labelled_ts // DAY_MS * DAY_MS + hours.randrange(DAY_MS)) for e in shuffled]
    assert [e.example_id for e in in_order(bent)] == [e.example_id for e in in_order(EXAMPLES)]
