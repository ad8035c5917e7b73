"""A night falls by labels alone, at the same example however learning was cut, and says why it has no groups."""

from __future__ import annotations

import tomllib
from datetime import UTC, timedelta, timezone

import msgspec
import pytest
from msgspec.structs import replace
from support.detecting import DAY, START
from support.examples_made import example, model, planted
from support.learner_rig import SMALL
from support.ruled_examples import examples

from models.analysis.daily_segments import NightReason, day_of, falls, night
from models.contract.training_example import Example
from models.learning.learner import Learner, LearnerSettings
from models.scoring.prior import prior
from models.scoring.scorer import Scorer

SCORER = Scorer(model())
CHINA = timezone(timedelta(hours=8))
UNTIL = START + 90 * DAY
"""When `planted` customers are labelled."""
GROUPS = planted(
    {"browsing": {"competitor_dwell_7d": 1400.0}, "complaint": {"complaints_open": 2.0}},
    {"browsing": 40, "complaint": 30},
)


def nights(cuts: set[int]) -> list[tuple[int, int | None]]:
    """The examples at which a night fell and the label before, of a learner that was taken up anew at `cuts`."""
    settings = msgspec.convert(tomllib.loads(SMALL), LearnerSettings)
    learner, found = Learner(settings, prior()), []
    for number, each in enumerate(examples(4, 130)):
        if number in cuts:
            learner = Learner.resume(learner.checkpoint(), settings)
        before = learner.watermark
        learner.learn(replace(each, labelled_ts=each.labelled_ts - (number % 7) * 3_600_000))
        if falls(before, learner.watermark, CHINA):
            found.append((number, before))
    return found


def test_a_night_falls_at_the_same_example_whatever_the_cuts() -> None:
    """Labels come in disorder, and a learner goes on from its checkpoints, one of them right where a night falls."""
    whole = nights(set())
    assert len(whole) == 64
    assert nights({1, 40, 41, whole[0][0], whole[3][0], whole[3][0] + 1}) == whole


def test_the_day_is_the_operators() -> None:
    noon = UNTIL // DAY * DAY + DAY // 2
    eve, past = noon + DAY // 6 - 1, noon + DAY // 6  # 16:00 UTC is midnight in China
    assert falls(eve, past, CHINA)
    assert not falls(eve, past, UTC)
    assert day_of(past, CHINA) == day_of(eve, CHINA) + timedelta(days=1)
    assert not falls(past, eve, CHINA), "a label of yesterday ends no day"
    assert not falls(None, eve, CHINA)


def test_a_night_is_told_with_its_day_and_model() -> None:
    told = night(GROUPS, SCORER, UNTIL, CHINA)
    assert (told.reason, told.model_version) == (NightReason.MADE, "m-test")
    assert told.day == day_of(UNTIL, CHINA).isoformat()
    assert [group.size for group in told.groups.segments] == [40, 30]
    assert night(GROUPS[::-1], SCORER, UNTIL, CHINA) == told


def test_labels_of_more_than_a_month_ago_are_passed_over() -> None:
    old = [replace(each, labelled_ts=UNTIL - 30 * DAY) for each in GROUPS[:40]]
    told = night(old + GROUPS[40:], SCORER, UNTIL, CHINA)
    assert (told.groups.examples, told.groups.customers) == (30, 30)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], NightReason.EARLY),
        ([example("s", label="positive", outcome="lapsed")], NightReason.EARLY),
        ([example("s", catalogue="other", x={})], NightReason.OTHER_FEATURES),
        ([example("s", tier="warning")], NightReason.NOBODY),
        (GROUPS[:9], NightReason.TOO_FEW),
    ],
)
def test_a_night_without_groups_says_why(rows: list[Example], reason: NightReason) -> None:
    told = night(rows, SCORER, UNTIL, CHINA)
    assert told.reason is reason
    assert told.groups.segments == []
    assert told.text.en
    assert told.text.zh


def test_each_reason_has_words_of_its_own() -> None:
    said = {night(rows, SCORER, UNTIL, CHINA).text for rows in ([], [example("s", tier="warning")], GROUPS[:9])}
    assert len(said) == 3
