"""Drift is seen, warns, and starts a fresh model that has to win; a quiet stream does not ring."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

import planted
from models import drift
from models.drift import LossDrift
from models.drift_watch import DriftWatch
from models.example import Example
from models.hat_basis import HatBasis
from models.learner import Learner, LearnerSettings
from models.learner_report import Report
from models.lineages import Why
from models.quality import roc_auc
from models.risk import Scorer
from models.snapshot import Snapshot

SETTINGS = LearnerSettings(
    warm_rows=300,
    knots=5,
    window=4_000,
    recent_rows=200,
    min_labels=600,
    min_positives=30,
    refresh_positives=10,
    cool_down=500,
    publish_every=500,
    look_every=100,
    blank_life=2_000,
    shadow=(),
)
QUIET = 4_000


def taught(learner: Learner, examples: Iterable[Example]) -> list[Snapshot]:
    published = []
    for example in examples:
        learner.learn(example)
        snapshot = learner.due()
        published += [snapshot] if snapshot is not None else []
    return published


@pytest.fixture(scope="module")
def quiet() -> bytes:
    learner = Learner(SETTINGS, planted.starting())
    taught(learner, planted.examples(QUIET, seed=2, strength=2.5, level=-1.5))
    return learner.checkpoint()


def area(snapshot: Snapshot, examples: list[Example]) -> float:
    x = np.array([[np.nan if v is None else v for v in e.x] for e in examples]).T.copy()
    return roc_auc(Scorer(snapshot).score(x).risk, np.array([e.label == "positive" for e in examples]))


def test_a_quiet_stream_does_not_warn(quiet: bytes) -> None:
    report = Learner.resume(quiet, SETTINGS).report()
    assert report.drift.warnings == 0
    assert report.drift.over == []
    assert max(report.drift.psi.values()) < drift.PSI_BOUND
    assert report.drift.psi_champion is not None
    assert report.drift.loss_mean is not None


def test_another_truth_is_seen_in_the_loss_and_a_fresh_model_wins(quiet: bytes) -> None:
    learner = Learner.resume(quiet, msgspec.structs.replace(SETTINGS, min_labels=1_000))
    before = learner.served
    published = taught(learner, planted.turned(2_500, seed=50, first=9_000))
    report = learner.report()
    assert report.drift.last == "log_loss"
    assert report.drift.loss_rises >= 1
    assert report.crowned is not None
    assert report.crowned.why is Why.DRIFT
    assert report.crowned.comparison.auc_gain is not None
    assert report.crowned.comparison.auc_gain.low > 0.0
    unseen = list(planted.turned(3_000, seed=60, first=50_000))
    assert area(published[-1], unseen) > area(before, unseen) + 0.1


def test_drift_does_not_reset_the_champion(quiet: bytes) -> None:
    settings = msgspec.structs.replace(SETTINGS, min_positives=10**6)
    learner = Learner.resume(quiet, settings)
    examples = learner.report().positives
    taught(learner, planted.turned(1_200, seed=50, first=9_000))
    report = learner.report()
    assert report.fresh is Why.DRIFT
    assert report.positives > examples
    assert report.drift.warnings >= 1


def moved(examples: Iterable[Example]) -> Iterable[Example]:
    for example in examples:
        x = list(example.x)
        x[0] = None if x[0] is None else 4.0 * x[0] + 10.0
        yield msgspec.structs.replace(example, x=x)


def test_other_subscribers_are_seen_in_a_feature(quiet: bytes) -> None:
    learner = Learner.resume(quiet, SETTINGS)
    taught(learner, moved(planted.examples(400, seed=70, strength=2.5, level=-1.5, first=20_000)))
    report: Report = learner.report()
    name = planted.NAMES[0]
    assert report.drift.over == [name]
    assert report.drift.psi[name] > 1.0
    assert report.drift.last == name
    assert report.fresh is Why.DRIFT


def test_a_feature_warns_once_and_by_the_week() -> None:
    dice = np.random.default_rng(3)
    rows = dice.normal(size=(2, 400))
    basis = HatBasis.of(("a", "b"), rows, 8)
    reference, watch = drift.counts(basis, rows), DriftWatch()

    def day(number: int, shift: float) -> bool:
        x = dice.normal(size=(2, 50)) + np.array([[shift], [0.0]])
        return watch.look(basis, reference, x, number * planted.DAY_MS, 50 * number)

    assert not any(day(number, 0.0) for number in range(8))
    assert watch.psi["a"] < 0.1
    assert not any(day(number, 3.0) for number in range(8, 15))
    again = DriftWatch.resume(watch.state())
    assert day(15, 3.0)
    assert again.look(basis, reference, dice.normal(size=(2, 50)) + 3.0, 15 * planted.DAY_MS, 750)
    assert not any(day(number, 3.0) for number in range(16, 32))
    assert (watch.over, watch.warnings, watch.last, watch.last_labels) == (["a"], 1, "a", 750)


def test_a_weekend_is_no_other_population() -> None:
    dice = np.random.default_rng(3)
    week = np.concatenate([dice.normal(4.0 * (number % 7 > 4), 1.0, size=(1, 60)) for number in range(7)], axis=1)
    basis, watch = HatBasis.of(("calls",), week, 8), DriftWatch()
    reference = drift.counts(basis, week)
    for number in range(70):
        x = dice.normal(4.0 * (number % 7 > 4), 1.0, size=(1, 60))
        assert not watch.look(basis, reference, x, number * planted.DAY_MS, 60 * number)
    assert watch.warnings == 0
    assert watch.psi["calls"] < 0.25


@pytest.mark.parametrize("rows", [400, 1_000])
def test_psi_of_nothing_but_chance_is_about_nothing(rows: int) -> None:
    dice = np.random.default_rng(8)
    basis = HatBasis.of(("a",), dice.normal(size=(1, 1_000)))
    found = []
    for _ in range(100):
        before, after = dice.normal(size=(1, 1_000)), dice.normal(size=(1, rows))
        found.append(drift.psi_of_features(basis, drift.counts(basis, before), drift.counts(basis, after))["a"])
    assert np.mean(found) < 0.02
    assert max(found) < 0.12  # warned is at 0.25


def test_counts_hold_every_row_once() -> None:
    dice = np.random.default_rng(8)
    x = dice.exponential(size=(3, 500))
    x[1, dice.random(500) < 0.3] = np.nan
    x[2] = 1.0
    basis = HatBasis.of(("a", "b", "c"), x)
    found = drift.counts(basis, x)
    assert [sum(row) for row in found] == [500, 500, 500]
    assert found[1][-1] == int(np.isnan(x[1]).sum())
    assert found[2] == [500, 0]


def test_adwin_rarely_rings_on_the_losses_of_an_honest_model() -> None:
    rises = 0
    for seed in range(20):
        dice = np.random.default_rng(seed)
        risk = dice.beta(1.0, 15.0, 6_000)
        left = dice.random(6_000) < risk
        watch = LossDrift()
        for loss in (-np.log(np.where(left, risk, 1.0 - risk))).tolist():
            watch.add(loss)
        rises += watch.rose
    assert rises <= 2


def test_adwin_goes_through_a_checkpoint_and_past_its_memory() -> None:
    dice = np.random.default_rng(1)
    one = LossDrift()
    for count, loss in enumerate(dice.exponential(0.2, 42_000).tolist()):
        one.add(loss)
        if count == 41_003:
            again = LossDrift.resume(one.state())
        elif count > 41_003:
            again.add(loss)
    for loss in dice.exponential(0.5, 8_000).tolist():
        assert one.add(loss) == again.add(loss)
    assert one.state() == again.state()
    assert one.rose == 1
