"""Labels that break: inverted, shuffled, or a flood of leavers; nothing of them stays in what is served."""

from __future__ import annotations

from zlib import crc32

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace as change
from support.learner_life import Life, whole_life, worth

import planted
from models.contract.training_example import Example, WeeklyLabel
from models.learning.admission import Lesson
from models.learning.learner import Learner, LearnerSettings
from models.scoring.snapshot import Snapshot

pytestmark = pytest.mark.timeout(180)
SETTINGS = LearnerSettings(warm_rows=300, window=2_000, recent_rows=600)
ROWS = 2_400
BROKEN = planted.START_MS + 200 * planted.DAY_MS
"""From then on labels are broken."""


@pytest.fixture(scope="module")
def good() -> Snapshot:
    """A prior that ranks the planted truth."""
    return whole_life().published[-1][1]


def inverted(fate: WeeklyLabel) -> WeeklyLabel:
    return change(fate, left=not fate.left, outcome=None if fate.left else "ported_out")


def blind(fate: WeeklyLabel) -> WeeklyLabel:
    left = crc32(fate.fate_id.encode()) % 16 == 0
    return change(fate, left=left, outcome="ported_out" if left else None)


def flood(fate: WeeklyLabel) -> WeeklyLabel:
    return change(fate, left=True, outcome="ported_out")


def broken(good: Snapshot, how: object, until: int | None = None) -> list[Example | WeeklyLabel]:
    found: list[Example | WeeklyLabel] = []
    for each in planted.told(planted.examples(ROWS, seed=6, strength=1.5, snapshot=good, prompt=True)):
        ts = planted.known_ts(each)
        bad = isinstance(each, WeeklyLabel) and BROKEN <= ts < (until or ts + 1)
        found.append(how(each) if bad else each)  # type: ignore[operator]
    return found


LONG = pytest.mark.long


@pytest.mark.parametrize("how", [inverted, pytest.param(blind, marks=LONG), pytest.param(flood, marks=LONG)])
def test_broken_labels_stop_learning_and_an_earlier_copy_is_served(good: Snapshot, how: object) -> None:
    life = Life(SETTINGS, good)
    told = broken(good, how)
    number = next(n for n, each in enumerate(told) if life.live([each]).lessons[Lesson.STOPPED])
    found = life.learner.report()
    assert found.guard.since is not None
    assert found.guard.since - BROKEN < 28 * planted.DAY_MS
    assert found.guard.why in ("ranking", "leaver_rate")
    assert found.published is not None
    assert found.published.step == "restored"
    # The later copy has learned labels that may have been broken: the next stop must not bring it back.
    assert len(life.learner._copies) == 1
    life.live(told[number + 1 :])
    assert worth(life.published[-1][1]) > worth(good) - 0.03


@pytest.mark.long
def test_clean_labels_stop_nothing(good: Snapshot) -> None:
    life = Life(SETTINGS, good).live(broken(good, lambda fate: fate))
    assert not life.lessons[Lesson.STOPPED]
    assert life.learner.report().guard.weeks > 10


def test_learning_goes_on_when_labels_are_well_again(good: Snapshot) -> None:
    mended = broken(good, inverted, until=BROKEN + 30 * planted.DAY_MS)
    life = Life(SETTINGS, good).live(mended)
    assert life.lessons[Lesson.STOPPED]
    assert not life.learner.report().guard.on
    assert life.learner.report().published.step == "weekly"  # type: ignore[union-attr]


@pytest.mark.long
def test_a_prior_that_never_ranked_stops_nothing() -> None:
    life = Life(SETTINGS).live(planted.told(planted.examples(1_500, seed=6, strength=1.5, prompt=True)))
    assert not life.lessons[Lesson.STOPPED]


def test_what_is_served_and_worse_than_the_prior_is_withdrawn(good: Snapshot) -> None:
    """Somebody serves nonsense under the learner's name, week after week."""
    learner, dice = Learner(SETTINGS, good), np.random.default_rng(3)
    steps = []
    for each in broken(good, lambda fate: fate):
        learner.learn(msgspec.structs.replace(each, risk=float(dice.uniform(0.01, 0.2))))
        if learner.due() is not None:
            steps.append(learner._publication.step)
    assert "withdrawn" in steps
