"""What decides who is published is what a model would have said in time: no later label may have a part in it."""

from __future__ import annotations

import numpy as np
import pytest
from support.ruled_examples import BEGIN, example

from models.events import DAY_MS
from models.example import Example
from models.features.catalogue import NAMES
from models.guard_sight import CHAMPION
from models.guards import GuardBounds
from models.learner import Learner, LearnerSettings
from models.lineages import CHAMPION_THEN, FRESH_THEN, RIVAL_THEN
from models.quality import roc_auc
from models.risk import Scorer
from models.snapshot import Curve, Snapshot
from models.voices import EVERY_MS, KEPT, Voices
from planted import starting

PEOPLE = 500
WEEKS = 5
NOT_STOPPED = GuardBounds(run_chance=1e-300, run_least=10**6)
"""Whoever leaves by a coin looks like a broken feed to guards, and nothing would be learned."""


def by_a_coin() -> list[Example]:
    """Everybody has features of his own, the same in each of five weeks, and leaves or stays by a coin."""
    found = []
    for person in range(PEOPLE):
        dice = np.random.default_rng(person)
        x, left = dice.normal(size=len(NAMES)).tolist(), bool(dice.random() < 0.3)
        begun = BEGIN + person * DAY_MS // 4
        gone = begun + 29 * DAY_MS
        for week in range(WEEKS):
            ts = begun + week * 7 * DAY_MS
            found.append(
                example(
                    example_id=f"e-{person}-{week}",
                    subscriber_id=f"s-{person}",
                    ts=ts,
                    labelled_ts=gone if left else ts + 30 * DAY_MS + DAY_MS // 2,
                    label="positive" if left else "negative",
                    outcome="ported_out" if left else None,
                    outcome_ts=gone if left else None,
                    base_rate=0.3,
                    risk=0.3,
                    x=x,
                )
            )
    return sorted(found, key=lambda e: (e.labelled_ts, e.example_id))


@pytest.fixture(scope="module")
def learner() -> Learner:
    settings = LearnerSettings(
        warm_rows=100, window=4_000, look_every=50, recent_rows=100, min_labels=300, guards=NOT_STOPPED, shadow=()
    )
    found = Learner(settings, starting())
    for each in by_a_coin():
        found.learn(each)
    return found


def area(learner: Learner, name: str) -> float:
    rows = learner._window.latest()
    told = ~np.isnan(rows.told[name])
    assert told.sum() > 800
    return roc_auc(rows.told[name][told], rows.left[told])


def test_who_is_asked_when_the_label_comes_knows_the_person(learner: Learner) -> None:
    """Or else the next test could not fail: his other weeks were learned meanwhile."""
    assert area(learner, CHAMPION) > 0.6


@pytest.mark.parametrize("name", [CHAMPION_THEN, RIVAL_THEN, FRESH_THEN])
def test_who_is_asked_of_his_time_knows_nothing_of_a_coin(learner: Learner, name: str) -> None:
    assert 0.43 < area(learner, name) < 0.57


def test_nothing_is_published_of_a_coin(learner: Learner) -> None:
    assert learner.served.version == starting().version


def at_level(level: float) -> Snapshot:
    curve = Curve(feature="arpu", knots=[0.0, 100.0], values=[level, level])
    return Snapshot(version="m", curves=[curve], intercept=0.0, base_rate=0.5)


def test_a_row_is_told_by_the_voice_of_its_week() -> None:
    voices = Voices()
    for week in range(KEPT + 3):
        assert voices.due(week * EVERY_MS)
        voices.note(week * EVERY_MS, at_level(float(week)))
        assert not voices.due((week + 1) * EVERY_MS - 1)
    times = [2 * EVERY_MS, 3 * EVERY_MS, 4 * EVERY_MS - 1, 4 * EVERY_MS, 99 * EVERY_MS]
    risk = voices.told(times, np.full((1, 5), 50.0))
    levels = [3.0, 3.0, 4.0, float(KEPT + 2)]
    np.testing.assert_allclose(risk[1:], [1.0 / (1.0 + np.exp(-level)) for level in levels])
    assert np.isnan(risk[0]), "the oldest have given way"
    again = Voices.resume(voices.state(), at_level(0.0))
    np.testing.assert_array_equal(again.told(times, np.full((1, 5), 50.0)), risk)


def test_a_voice_of_other_knots_is_refused() -> None:
    voices = Voices()
    voices.note(0, at_level(1.0))
    longer = Curve(feature="arpu", knots=[0.0, 50.0, 100.0], values=[0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="for curves of 4"):
        Voices.resume(voices.state(), Snapshot(version="m", curves=[longer], intercept=0.0, base_rate=0.5))
    assert Scorer(at_level(1.0)).score(np.array([[1.0]])).logit.tolist() == [1.0]
