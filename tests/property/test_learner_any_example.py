"""Whatever an example says, the learner says what became of it, and nothing that is not finite gets in."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.trials import trials

import planted
from models.contract.training_example import Example, WeeklyLabel
from models.learning.learner import Learner, LearnerSettings, Lesson

pytestmark = pytest.mark.timeout(180)
SMALL = LearnerSettings(warm_rows=50, window=1_000, recent_rows=60)
BASE = next(planted.examples(1, seed=1))
ANY = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -0.0, 1e-310, 1e29]))
WHEN = st.integers(-(2**62), 2**62)
CHANGES = st.fixed_dictionaries(
    {
        "label": st.sampled_from(["positive", "negative", "void"]),
        "origin": st.sampled_from(["weekly", "weekly", "weekly", "risk_tier"]),
        "outcome": st.sampled_from([None, "ported_out", "lapsed"]),
        "risk": st.one_of(st.floats(0.0, 1.0), st.floats()),
        "base_rate": st.one_of(st.just(0.015), st.just(0.015), st.floats(0.0, 1.0)),
        "subscriber_id": st.sampled_from(["a", "b", "c"]),
        "segment": st.sampled_from(["high", "mid", "low"]),
        "tier": st.sampled_from(["healthy", "warning", "high_risk"]),
    },
    optional={"ts": WHEN, "labelled_ts": WHEN, "outcome_ts": WHEN, "first_alert_ts": WHEN},
)


def made(changes: list[dict[str, object]], values: list[list[float | None]]) -> list[Example]:
    found = []
    for number in range(150):
        change, some = changes[number % len(changes)], values[number % len(values)]
        x = [*some, *BASE.x[len(some) :]]
        found.append(msgspec.structs.replace(BASE, example_id=f"e-{number}", x=x, **change))
    return found


def weeks(changes: list[dict[str, object]], values: list[list[float | None]]) -> list[WeeklyLabel]:
    """PersonWeeks, as strange."""
    found = []
    for number, example in enumerate(made(changes, values)):
        fate, change = next(planted.fates(example)), changes[number % len(changes)]
        left = change["label"] == "positive"
        known = change.get("labelled_ts", fate.known_ts)
        odd = {"left": left, "first": 1 + number % 5 % 4, "last": 1 + number % 4, "known_ts": known}
        found.append(msgspec.structs.replace(fate, fate_id=f"f-{number}", **odd))
    return found


@settings(max_examples=trials(5), phases=(Phase.explicit, Phase.generate))
@given(
    st.lists(CHANGES, min_size=1, max_size=12),
    st.lists(st.lists(ANY, min_size=0, max_size=6), min_size=1, max_size=7),
)
def test_any_example_is_told_what_became_of_it(
    changes: list[dict[str, object]], values: list[list[float | None]]
) -> None:
    learner = Learner(SMALL, planted.starting())
    given = [*made(changes, values), *weeks(changes, values), *planted.told(planted.examples(80, seed=3, first=900))]
    for told in given:
        assert learner.learn(told) in Lesson
        snapshot = learner.due()
        served = [] if snapshot is None else snapshot.curves
        assert all(math.isfinite(value) for curve in served for value in (*curve.values, curve.missing))
    assert sum(learner.report().examples_total.values()) == len(given)
    again = Learner.resume(learner.checkpoint(), SMALL)
    assert again.checkpoint() == learner.checkpoint()
