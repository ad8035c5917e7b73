"""A learner killed anywhere goes on from its checkpoint to the same weights and snapshots, bit for bit."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import planted
from models.example import Example
from models.learner import Learner, LearnerSettings
from models.snapshot import Snapshot, encode

ROWS = 800
NO_SHRINK = (Phase.explicit, Phase.generate)
"""A run takes seconds: what is found is small enough as it is."""
SMALL = LearnerSettings(
    warm_rows=100,
    knots=4,
    window=1_000,
    alert_window=50,
    recent_rows=50,
    seen_ids=200,
    leavers=40,
    held=20,
    horizon_days=5.0,
    min_labels=150,
    min_positives=20,
    refresh_positives=5,
    cool_down=50,
    publish_every=100,
    look_every=25,
    blank_life=400,
    fresh_life=300,
    shadow=("log1p",),
)


@cache
def stream(seed: int) -> tuple[Example, ...]:
    """Leavers first; alerts, voids, duplicates, infinities among weekly rows; near the end the truth turns round."""
    plain = list(planted.examples(ROWS, seed=seed, strength=3.0, base_rate=0.15, known_days=6.0, prompt=True))
    found = []
    for i, example in enumerate(plain):
        kinds = {3: {"origin": "risk_tier"}, 5: {"label": "void"}, 7: {"x": [float("inf"), *example.x[1:]]}}
        changed = msgspec.structs.replace(example, **kinds.get((i + seed) % 89, {}))
        if i > ROWS * 4 // 5 and changed.label != "void":
            changed = planted.relabelled(changed, "negative" if i % 3 else "positive")
        found += [changed, changed] if i % 83 == 0 else [changed]
    return tuple(found)


def taught(learner: Learner, examples: tuple[Example, ...]) -> list[Snapshot]:
    published = []
    for example in examples:
        learner.learn(example)
        snapshot = learner.due()
        if snapshot is not None:
            published.append(snapshot)
    return published


@cache
def reference(seed: int) -> tuple[tuple[bytes, ...], bytes]:
    learner = Learner(SMALL, planted.starting())
    published = taught(learner, stream(seed))
    return tuple(encode(snapshot) for snapshot in published), learner.checkpoint()


@settings(max_examples=6, deadline=None, phases=NO_SHRINK)
@given(st.sampled_from([2, 3, 4]), st.lists(st.integers(0, 2 * ROWS), min_size=1, max_size=4))
def test_learner_cut_anywhere_gives_the_same_weights_and_snapshots(seed: int, cuts: list[int]) -> None:
    examples = stream(seed)
    bounds = [0, *sorted({cut % (len(examples) + 1) for cut in cuts}), len(examples)]
    learner, published = Learner(SMALL, planted.starting()), []
    for start, end in pairwise(bounds):
        published += taught(learner, examples[start:end])
        learner = Learner.resume(learner.checkpoint(), SMALL)
    whole, state = reference(seed)
    assert [encode(snapshot) for snapshot in published] == list(whole)
    assert learner.checkpoint() == state


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_reference_stream_reaches_what_a_cut_could_break(seed: int) -> None:
    published, _ = reference(seed)
    learner = Learner(SMALL, planted.starting())
    taught(learner, stream(seed))
    report = learner.report()
    assert len(published) >= 2
    assert all(
        report.examples_total[lesson] for lesson in ("learned", "held", "void", "biased", "not_finite", "duplicate")
    )


def test_time_of_asking_does_not_change_what_is_published() -> None:
    learner, published = Learner(SMALL, planted.starting()), []
    for i, example in enumerate(stream(3)):
        learner.learn(example)
        if i % 40 == 0:
            published.append(learner.due())
    published.append(learner.due())
    assert [encode(snapshot) for snapshot in published if snapshot is not None] == list(reference(3)[0])


def test_challengers_in_memory_change_nothing_that_is_published() -> None:
    everything = msgspec.structs.replace(SMALL, shadow=("log1p", "pairs", "forest"))
    learner = Learner(everything, planted.starting())
    published = taught(learner, stream(3)[:400])
    learner = Learner.resume(learner.checkpoint(), everything)
    published += taught(learner, stream(3)[400:])
    assert [encode(snapshot) for snapshot in published] == list(reference(3)[0])


@settings(max_examples=4, deadline=None, phases=NO_SHRINK)
@given(st.integers(0, 1 << 16))
def test_what_only_the_future_knows_cannot_get_into_the_weights(seed: int) -> None:
    """Of an example, the weights see the vector and whether he left; when, why, by whose call is not theirs to know."""
    examples = list(planted.examples(260, seed=4, strength=2.0))
    told = msgspec.structs.replace
    changed = [
        told(
            example,
            outcome_ts=None if example.outcome_ts is None else example.outcome_ts + (seed * i) % 7_000_000,
            leave_reason=("price", "network", None)[(seed + i) % 3],
            first_alert_ts=example.ts + (seed * i) % 9_000_000,
            contacted=bool((seed >> i % 16) & 1),
            hold_out=bool((seed >> i % 13) & 1),
            downgraded=bool((seed + i) & 1),
            cause="price" if (seed + i) % 2 else None,
        )
        for i, example in enumerate(examples)
    ]
    one, two = Learner(SMALL, planted.starting()), Learner(SMALL, planted.starting())
    taught(one, tuple(examples))
    taught(two, tuple(changed))
    assert one.report().curves == two.report().curves
