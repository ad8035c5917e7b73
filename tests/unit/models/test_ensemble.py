"""The posterior bends where labels say so and nowhere else; the model that tells labels better counts more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from models.analysis.score_metrics import roc_auc
from models.arrays import Floats
from models.fitting.curve_posterior import Lot, Posterior
from models.learning.blend import moved
from models.learning.ensemble import Ensemble, Taught
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Curve, Snapshot

NAMES = ("bent", "noise")
FLAT = Snapshot(
    version="flat",
    curves=[Curve(feature=name, knots=[0.0], values=[0.0]) for name in NAMES],
    intercept=0.0,
    base_rate=0.5,
)


def people(count: int, seed: int = 1, straight: bool = False) -> tuple[Floats, np.ndarray]:
    """Who is in the middle of the first feature leaves, or who is at its end; the second says nothing."""
    chance = np.random.default_rng(seed)
    x = chance.uniform(0.0, 6.0, (2, count))
    odds = 1.5 * (x[0] - 3.0) if straight else 3.0 - 2.5 * np.abs(x[0] - 3.0)
    return x, chance.random(count) < 1.0 / (1.0 + np.exp(-odds))


def learned(count: int, *, straight: bool = False) -> Ensemble:
    x, left = people(max(count, 500), straight=straight)
    ensemble = Ensemble.of_prior(Scorer(FLAT), x[:, :500], 1, 0.5, 200_000)
    for row, one in zip(x.T[:count], left[:count].tolist(), strict=True):
        ensemble.learn(Taught(row.astype("<f4"), 1, 1, one))
    ensemble.settle()
    return ensemble


def lots(x: Floats, left: np.ndarray, size: int = 250) -> Iterator[Lot]:
    for start in range(0, len(left), size):
        part = slice(start, start + size)
        week = np.zeros(len(left[part]), dtype=np.int64)
        yield Lot(x=x[:, part], offset=np.zeros(len(week)), week=week, left=left[part])


def test_what_no_line_can_say_is_learned_as_a_curve() -> None:
    ensemble = learned(3_000)
    x, left = people(2_000, seed=2)
    scorer = Scorer(Snapshot(version="m", curves=moved(FLAT, ensemble, x), intercept=0.0, base_rate=0.5))
    assert roc_auc(scorer.score(x).risk, left) > 0.85
    bent, noise = (np.ptp(curve) for curve in ensemble.posterior.curves())
    assert bent > 10.0 * noise


def test_a_review_draws_tight_what_labels_say_nothing_of() -> None:
    ensemble = learned(300)
    x, left = people(3_000, seed=3)
    posterior = Posterior(ensemble.ground, 1, 0.0, 1.0, 200_000)
    for lot in lots(x, left):
        posterior.learn(lot)
    before = [float(np.ptp(curve)) for curve in posterior.curves()]
    posterior.review()
    bent, noise = (float(np.ptp(curve)) for curve in posterior.curves())
    assert noise < before[1] / 2.0
    assert bent > before[0]


def test_a_review_without_labels_changes_nothing() -> None:
    ensemble = learned(0)
    assert not ensemble.posterior.weights.any()


def test_the_model_that_tells_labels_better_counts_more() -> None:
    assert learned(0).share_of_river == 0.5
    assert learned(3_000).share_of_river < 0.05  # a line through a hump says nothing
    assert 0.2 < learned(3_000, straight=True).share_of_river < 0.8


def told(left_of: Iterator[bool], base_rate: float = 0.5) -> float:
    """The rate after so many person-weeks of people about whom nothing is known."""
    x, _ = people(500)
    ensemble = Ensemble.of_prior(Scorer(FLAT), x, 1, base_rate, 200_000)
    ensemble.settle()
    for row, left in zip(np.tile(x, 10).T, left_of, strict=False):
        ensemble.learn(Taught(row.astype("<f4"), 1, 1, left))
    ensemble.settle()
    return ensemble.rate(base_rate)


def test_labels_move_the_rate_when_they_surely_say_another() -> None:
    chance = np.random.default_rng(5)
    assert told(iter(chance.random(4_000) < 0.5)) == 0.5
    assert told(iter(chance.random(4_000) < 0.02), 0.02) == 0.02
    assert 0.6 < told(iter(chance.random(4_000) < 0.9)) < 0.9
    assert 0.05 < told(iter(chance.random(4_000) < 0.08), 0.02) < 0.08
    assert 0.1 < told(iter(chance.random(4_000) < 0.1), 0.3) < 0.15


def test_few_leavers_say_nothing_of_the_rate() -> None:
    assert told(iter([True] * 19)) == told(iter([False] * 3_000)) == 0.5
    assert told(iter([True] * 20)) > 0.5


def test_the_weeks_in_which_leavers_are_known_and_stayers_not_yet_say_nothing_of_the_rate() -> None:
    x, _ = people(500)
    ensemble = Ensemble.of_prior(Scorer(FLAT), x, 4, 0.05, 200_000)
    for week in range(5):
        for row in x.T[:300]:
            ensemble.learn(Taught(row.astype("<f4"), 1, 1, True))
        assert ensemble.rate(0.05) == 0.05 if week < 4 else ensemble.rate(0.05) > 0.2
        ensemble = Ensemble.resume(ensemble.state(), Scorer(FLAT), 200_000)
        ensemble.settle()


def test_the_rate_follows_the_latest_leavers() -> None:
    chance = np.random.default_rng(7)
    changed = [*(chance.random(3_000) < 0.02).tolist(), *(chance.random(2_000) < 0.2).tolist()]
    assert told(iter(changed), 0.02) > 0.12


@pytest.mark.parametrize("cut", [1, 256, 700])
def test_a_restart_goes_on_to_the_same_bits(cut: int) -> None:
    x, left = people(1_000)
    whole = Ensemble.of_prior(Scorer(FLAT), x[:, :500], 1, 0.5, 200_000)
    for n, (row, one) in enumerate(zip(x.T, left.tolist(), strict=True)):
        if n == 600:
            whole.settle()
        if n == cut:
            whole = Ensemble.resume(whole.state(), Scorer(FLAT), 200_000)
        whole.learn(Taught(row.astype("<f4"), 1, 1, one))
    twin = Ensemble.of_prior(Scorer(FLAT), x[:, :500], 1, 0.5, 200_000)
    for n, (row, one) in enumerate(zip(x.T, left.tolist(), strict=True)):
        if n == 600:
            twin.settle()
        twin.learn(Taught(row.astype("<f4"), 1, 1, one))
    assert whole.state() == twin.state()
