"""A learner killed anywhere goes on from its checkpoint to the same weights and snapshots, bit for bit."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.trials import trials

import planted
from models.contract.training_example import Example, WeeklyLabel
from models.learning.admission import Lesson
from models.learning.learner import Learner, LearnerSettings
from models.scoring.snapshot import Snapshot, encode

pytestmark = pytest.mark.timeout(180)
ROWS = 800
SEEDS = (2, 3)
NO_SHRINK = (Phase.explicit, Phase.generate)
"""A run takes seconds: what is found is small enough as it is."""
SMALL = LearnerSettings(warm_rows=100, window=1_000, alert_window=50, recent_rows=120, seen_ids=200, leavers=40)
BROKEN = planted.START_MS + 75 * planted.DAY_MS


@cache
def stream(seed: int) -> tuple[Example | WeeklyLabel, ...]:
    """Alerts, voids, duplicates, infinities among weekly verdicts and fates; near the end labels are inverted."""
    prior = planted.examples(ROWS, seed=seed, strength=3.0, base_rate=0.15, prompt=True)
    found: list[Example | WeeklyLabel] = []
    for i, told in enumerate(planted.told(prior)):
        if isinstance(told, WeeklyLabel):
            bad = told.known_ts > BROKEN
            outcome = None if told.left is bad else "ported_out"
            kinds = {3: {"x": [float("inf"), *told.x[1:]]}, 5: {"first": 9}}
            left = {"left": told.left is not bad, "outcome": outcome}
            changed: Example | WeeklyLabel = msgspec.structs.replace(told, **left, **kinds.get((i + seed) % 89, {}))
        else:
            kinds = {7: {"origin": "risk_tier"}, 9: {"label": "void"}, 11: {"origin": "risk_tier"}}
            changed = msgspec.structs.replace(told, **kinds.get((i + seed) % 23, {}))
        found += [changed, changed] if i % 83 == 0 else [changed]
    return tuple(found)


def taught(learner: Learner, examples: tuple[Example | WeeklyLabel, ...]) -> list[Snapshot]:
    published = []
    for example in examples:
        learner.learn(example)
        snapshot = learner.due()
        if snapshot is not None:
            published.append(snapshot)
    return published


@cache
def reference(seed: int) -> tuple[tuple[bytes, ...], Learner]:
    """What is published of a stream in one go, and the learner behind it."""
    learner = Learner(SMALL, planted.starting())
    published = taught(learner, stream(seed))
    return tuple(encode(snapshot) for snapshot in published), learner


@settings(max_examples=trials(2), phases=NO_SHRINK)
@given(st.sampled_from(SEEDS), st.lists(st.integers(0, 2 * ROWS), min_size=1, max_size=4))
def test_learner_cut_anywhere_gives_the_same_weights_and_snapshots(seed: int, cuts: list[int]) -> None:
    examples = stream(seed)
    bounds = [0, *sorted({cut % (len(examples) + 1) for cut in cuts}), len(examples)]
    learner, published = Learner(SMALL, planted.starting()), []
    for start, end in pairwise(bounds):
        published += taught(learner, examples[start:end])
        learner = Learner.resume(learner.checkpoint(), SMALL)
    whole, uncut = reference(seed)
    assert [encode(snapshot) for snapshot in published] == list(whole)
    assert learner.checkpoint() == uncut.checkpoint()


@pytest.mark.parametrize("seed", SEEDS)
def test_reference_stream_reaches_what_a_cut_could_break(seed: int) -> None:
    published, learner = reference(seed)
    counts = learner.report().examples_total
    assert len(published) >= 5
    seen = ("learned", "measured", "void", "biased", "not_finite", "duplicate", "contradictory")
    assert all(counts[Lesson(lesson)] for lesson in seen), counts


def test_time_of_asking_does_not_change_what_is_published() -> None:
    learner, published = Learner(SMALL, planted.starting()), []
    for i, example in enumerate(stream(3)):
        learner.learn(example)
        if i % 3 == 0:
            published.append(learner.due())
    published.append(learner.due())
    assert [encode(snapshot) for snapshot in published if snapshot is not None] == list(reference(3)[0])
