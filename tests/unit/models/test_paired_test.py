"""Evidence that one model is better than another: exact areas and honest bounds."""

from __future__ import annotations

import numpy as np
import pytest

from models.analysis import paired_test, score_metrics


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
        auc, moved = paired_test.influence(risk, left)
        assert auc == pytest.approx(score_metrics.roc_auc(risk, left), abs=1e-12)
        assert moved.sum() == pytest.approx(0.0, abs=1e-12)


def test_standard_error_is_that_of_many_drawings() -> None:
    areas, errors = [], []
    for seed in range(150):
        risk, left = drawn(seed, 800, 0.7)
        auc, moved = paired_test.influence(risk, left)
        areas.append(auc)
        errors.append(paired_test.standard_error(moved, people(800)))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.2)


def test_rows_of_one_subscriber_are_no_new_evidence() -> None:
    risk, left = drawn(1, 400, 0.7)
    once = paired_test.auc_bounded(risk, left, people(400))
    eightfold = np.tile(risk, 8), np.tile(left, 8), np.tile(people(400), 8)
    copied = paired_test.auc_bounded(*eightfold)
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.01)
    naive = paired_test.auc_bounded(eightfold[0], eightfold[1], people(3200))
    assert naive.high - naive.low < 0.5 * (copied.high - copied.low)


def test_equal_models_are_almost_never_told_apart() -> None:
    """Of two models of the same truth and noise neither may win by luck."""
    wins = 0
    for seed in range(200):
        dice = np.random.default_rng(seed)
        z = dice.normal(-2.5, 1.0, 2_000)
        left = dice.random(2_000) < 1 / (1 + np.exp(-z))
        one, two = (1 / (1 + np.exp(-(z + dice.normal(0, 0.7, 2_000)))) for _ in range(2))
        gain = paired_test.compare(one, two, left, people(2_000), 2.5).auc_gain
        assert gain is not None
        wins += gain.low > 0.0
    assert wins <= 4


def test_a_clearly_better_ranking_shows() -> None:
    good, left = drawn(5, 4_000, 1.0)
    found = paired_test.compare(good, np.random.default_rng(6).permutation(good), left, people(4_000), 2.5)
    assert found.auc_gain is not None
    assert found.auc_gain.low > 0.0
    assert found.auc == pytest.approx(score_metrics.roc_auc(good, left))


def test_the_same_ranking_with_honest_risks_loses_less() -> None:
    good, left = drawn(5, 4_000, 1.0)
    found = paired_test.compare(good, good**0.3, left, people(4_000), 2.5)
    assert found.auc_gain is not None
    assert found.auc_gain.value == pytest.approx(0.0, abs=1e-12)
    assert found.log_loss_gain.low > 0.0
