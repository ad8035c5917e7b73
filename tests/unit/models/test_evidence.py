"""Evidence that one model is better than another: exact areas, honest bounds, verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from models import evidence, quality
from models.evidence import Demands, Verdict

DEMANDS = Demands(labels=500, positives=20, floor=0.55, margin=0.005)


def people(rows: int) -> np.ndarray:
    return np.arange(rows, dtype=np.uint32)


def drawn(seed: int, rows: int, sharp: float) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    z = dice.normal(-2.5, 1.0, rows)
    left = dice.random(rows) < 1 / (1 + np.exp(-z))
    told = 1 / (1 + np.exp(-(sharp * (z + 2.5) - 2.5 + (1 - sharp) * dice.normal(0, 1, rows))))
    return told, left


def test_area_is_that_of_quality_with_ties() -> None:
    dice = np.random.default_rng(3)
    for _ in range(20):
        risk, left = np.round(dice.random(60), 1), dice.random(60) < 0.3
        auc, moved = evidence.influence(risk, left)
        assert auc == pytest.approx(quality.roc_auc(risk, left), abs=1e-12)
        assert moved.sum() == pytest.approx(0.0, abs=1e-12)


def test_standard_error_is_that_of_many_drawings() -> None:
    areas, errors = [], []
    for seed in range(150):
        risk, left = drawn(seed, 800, 0.7)
        auc, moved = evidence.influence(risk, left)
        areas.append(auc)
        errors.append(evidence.standard_error(moved, people(800)))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.2)


def test_rows_of_one_subscriber_are_no_new_evidence() -> None:
    risk, left = drawn(1, 400, 0.7)
    once = evidence.auc_bounded(risk, left, people(400))
    eightfold = np.tile(risk, 8), np.tile(left, 8), np.tile(people(400), 8)
    copied = evidence.auc_bounded(*eightfold)
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.01)
    naive = evidence.auc_bounded(eightfold[0], eightfold[1], people(3200))
    assert naive.high - naive.low < 0.5 * (copied.high - copied.low)


def test_equal_models_are_almost_never_told_apart() -> None:
    """At every look of 200 streams: of two models of the same truth and noise neither may win by luck."""
    wins = 0
    for seed in range(200):
        dice = np.random.default_rng(seed)
        z = dice.normal(-2.5, 1.0, 2_000)
        left = dice.random(2_000) < 1 / (1 + np.exp(-z))
        one, two = (1 / (1 + np.exp(-(z + dice.normal(0, 0.7, 2_000)))) for _ in range(2))
        wins += evidence.better(evidence.compare(one, two, left, people(2_000)), DEMANDS) in evidence.WINS
    assert wins <= 3


def test_a_clearly_better_ranking_wins() -> None:
    good, left = drawn(5, 4_000, 1.0)
    found = evidence.compare(good, np.random.default_rng(6).permutation(good), left, people(4_000))
    assert evidence.better(found, DEMANDS) is Verdict.BETTER_RANKING
    assert found.auc_gain is not None
    assert found.auc_gain.low > 0.0
    assert found.auc == pytest.approx(quality.roc_auc(good, left))


def test_the_same_ranking_with_honest_risks_wins() -> None:
    good, left = drawn(5, 4_000, 1.0)
    found = evidence.compare(good, good**0.3, left, people(4_000))
    assert found.auc_gain is not None
    assert found.auc_gain.value == pytest.approx(0.0, abs=1e-12)
    assert evidence.better(found, DEMANDS) is Verdict.BETTER_CALIBRATED
    assert evidence.better(evidence.compare(good**0.3, good, left, people(4_000)), DEMANDS) is Verdict.NOT_BETTER


def test_one_that_is_worse_may_not_follow() -> None:
    good, left = drawn(5, 4_000, 1.0)
    blind = np.random.default_rng(6).permutation(good)
    assert evidence.not_worse(evidence.compare(good, good, left, people(4_000)), DEMANDS) is Verdict.NOT_WORSE
    mixed = 0.5 * good + 0.5 * blind
    assert evidence.not_worse(evidence.compare(mixed, good, left, people(4_000)), DEMANDS) is Verdict.WORSE


@pytest.mark.parametrize(
    ("rows", "positives", "verdict"),
    [(499, 100, Verdict.TOO_FEW_LABELS), (2_000, 19, Verdict.TOO_FEW_POSITIVES), (2_000, 0, Verdict.TOO_FEW_POSITIVES)],
)
def test_little_evidence_is_none(rows: int, positives: int, verdict: Verdict) -> None:
    left = np.arange(rows) < positives
    risk = np.where(left, 0.9, 0.1)
    assert evidence.better(evidence.compare(risk, 1.0 - risk, left, people(rows)), DEMANDS) is verdict


def test_below_the_floor_nothing_wins() -> None:
    left = np.arange(4_000) % 10 == 0
    barely = np.random.default_rng(2).random(4_000) * 0.1
    assert evidence.better(evidence.compare(barely, 1.0 - barely, left, people(4_000)), DEMANDS) is Verdict.BELOW_FLOOR
