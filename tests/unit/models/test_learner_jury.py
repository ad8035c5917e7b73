"""Evidence comes from subscribers whom nobody has learned."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

import planted
from models.example import Example
from models.jury import sits
from models.learner import Learner, LearnerSettings, Lesson
from models.leavings import hash_of

SETTINGS = LearnerSettings(warm_rows=300, knots=6, look_every=100, shadow=("log1p",), blank_life=10**9)


def weeks(people: int, times: int, strength: float) -> list[Example]:
    """The same people week after week, each with one vector and one fate: whoever learned one week knows the next."""
    once = list(planted.examples(people, seed=3, strength=strength))
    told = []
    for week in range(times):
        for n, example in enumerate(once):
            number = week * people + n
            told.append(
                replace(
                    example,
                    example_id=f"e-{number}",
                    ts=planted.START_MS + number * 600_000,
                    labelled_ts=planted.START_MS + 44 * planted.DAY_MS + number * 600_000,
                    outcome_ts=None
                    if example.outcome is None
                    else planted.START_MS + number * 600_000 + 10 * planted.DAY_MS,
                    first_alert_ts=None,
                )
            )
    return told


def taught(settings: LearnerSettings, stream: list[Example]) -> tuple[Learner, dict[Lesson, set[str]]]:
    learner, whose = Learner(settings, planted.starting()), {lesson: set() for lesson in Lesson}
    for example in stream:
        whose[learner.learn(example)].add(example.subscriber_id)
    return learner, whose


def test_nobody_is_on_the_jury_one_week_and_learned_the_next() -> None:
    _, whose = taught(SETTINGS, weeks(600, 3, 1.0))
    jury, learned = whose[Lesson.JURY], whose[Lesson.LEARNED]
    assert not jury & learned
    assert 0.18 < len(jury) / 600 < 0.32
    assert all(sits(hash_of(who), SETTINGS.jury_share) for who in jury)


def test_what_cannot_be_foretold_is_not_even_where_the_same_people_come_again() -> None:
    """By chance alone: with everybody as evidence the champion knew them by heart."""
    stream = weeks(1_600, 4, 0.0)
    by_heart = taught(replace(SETTINGS, jury_share=0.0), stream)[0].report().quality.champion
    honest = taught(SETTINGS, stream)[0].report().quality.champion
    assert by_heart.roc_auc is not None
    assert honest.roc_auc is not None
    assert by_heart.roc_auc.low > 0.55
    assert honest.roc_auc.low < 0.5 < honest.roc_auc.high


def test_a_restart_keeps_the_jury() -> None:
    stream = weeks(500, 4, 1.0)
    whole, _ = taught(SETTINGS, stream)
    half, _ = taught(SETTINGS, stream[:1_100])
    again = Learner.resume(half.checkpoint(), SETTINGS)
    for example in stream[1_100:]:
        again.learn(example)
    assert again.checkpoint() == whole.checkpoint()
    assert np.isfinite(again.report().quality.champion.log_loss or np.nan)
