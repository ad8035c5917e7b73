"""Figures and curves over a window, each against a slow and obvious count."""

from __future__ import annotations

import numpy as np
import pytest

from models.analysis import prequential, score_metrics
from models.analysis.labelled_window import Judged

ROWS = 600


@pytest.fixture(scope="module")
def told() -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(11)
    risk = np.round(dice.beta(1, 8, ROWS), 2)
    return risk, dice.random(ROWS) < risk


def judged(left: np.ndarray, hold_out: np.ndarray, who: np.ndarray, risk: np.ndarray) -> Judged:
    zeros = np.zeros(len(left))
    segment = (np.arange(len(left)) % 3).astype(np.uint8)
    return Judged(left, zeros.astype(np.int64), who, segment, hold_out, zeros > 1, zeros > 1, zeros, {"served": risk})


def test_figures_are_those_of_quality(told: tuple[np.ndarray, np.ndarray]) -> None:
    risk, left = told
    found, same = prequential.figures(risk, left, np.arange(ROWS, dtype=np.uint32)), score_metrics.measure(risk, left)
    assert found.roc_auc is not None
    assert found.roc_auc.value == pytest.approx(same.roc_auc, abs=1e-12)
    assert found.roc_auc.low < found.roc_auc.value < found.roc_auc.high
    assert (found.pr_auc, found.lift_top_decile, found.precision_top_5pct, found.log_loss, found.ece) == same[1:]
    assert found.precision_at == {
        "100": pytest.approx(score_metrics.precision_at(risk, left, 100 / ROWS)),
        "500": pytest.approx(score_metrics.precision_at(risk, left, 500 / ROWS)),
    }


def test_figures_of_one_class_are_missing_and_not_zero() -> None:
    found = prequential.figures(np.full(10, 0.1), np.zeros(10, dtype=bool), np.arange(10, dtype=np.uint32))
    assert (found.roc_auc, found.pr_auc, found.lift_top_decile) == (None, None, None)
    assert found.rate == 0.0
    assert prequential.curves(np.full(10, 0.1), np.zeros(10, dtype=bool)) is None


def test_area_under_the_drawn_curve_is_the_auc(told: tuple[np.ndarray, np.ndarray]) -> None:
    risk, left = told
    drawn = prequential.curves(risk, left)
    assert drawn is not None
    false, true = np.array(drawn.roc).T
    assert (np.diff(false) >= 0).all()
    assert (np.diff(true) >= 0).all()
    assert float(np.trapezoid(true, false)) == pytest.approx(score_metrics.roc_auc(risk, left), abs=0.01)


def test_drawn_lift_at_a_tenth_is_the_lift(told: tuple[np.ndarray, np.ndarray]) -> None:
    risk, left = told
    drawn = prequential.curves(risk, left)
    assert drawn is not None
    assert {round(share, 4): lift for share, lift in drawn.lift}[0.1] == pytest.approx(
        score_metrics.lift(risk, left, 0.1), abs=1e-9
    )


def test_calibration_points_hold_every_row_once(told: tuple[np.ndarray, np.ndarray]) -> None:
    risk, left = told
    drawn = prequential.curves(risk, left)
    assert drawn is not None
    points = drawn.calibration
    assert sum(point.rows for point in points) == ROWS
    assert sum(point.rows * point.happened for point in points) == pytest.approx(left.sum())
    assert sum(point.rows * point.told for point in points) == pytest.approx(risk.sum())
    assert [point.told for point in points] == sorted(point.told for point in points)


def test_uplift_counts_a_subscriber_once_and_by_his_latest_row() -> None:
    who = np.array([1, 2, 1, 3, 4, 2], dtype=np.uint32)
    left = np.array([False, True, True, False, False, False])
    hold_out = np.array([True, False, True, True, False, False])
    found = prequential.uplift(judged(left, hold_out, who, np.zeros(6)))
    assert (found.hold_out, found.hold_out_left, found.others, found.others_left) == (2, 1, 2, 0)
    assert found.saved is not None
    assert found.saved.value == 0.5
    assert found.saved.low < 0.0 < found.saved.high


def test_uplift_without_a_hold_out_is_unknown() -> None:
    found = prequential.uplift(judged(np.array([True]), np.array([False]), np.array([1], dtype=np.uint32), np.zeros(1)))
    assert found.saved is None


def test_interval_of_a_difference_holds_the_truth_as_often_as_it_says() -> None:
    dice = np.random.default_rng(5)
    inside = 0
    for _ in range(2_000):
        hits, other = int(dice.binomial(120, 0.06)), int(dice.binomial(2_000, 0.03))
        found = prequential.difference(hits, 120, other, 2_000)
        inside += found.low <= 0.03 <= found.high
    assert 0.935 <= inside / 2_000 <= 0.975


def test_segments_have_their_own_figures(told: tuple[np.ndarray, np.ndarray]) -> None:
    risk, left = told
    rows = judged(left, left, np.arange(ROWS, dtype=np.uint32), risk)
    found = prequential.by_segment(rows, risk)
    assert list(found) == ["high", "mid", "low"]
    mid = found["mid"].roc_auc
    assert mid is not None
    assert mid.value == pytest.approx(score_metrics.roc_auc(risk[1::3], left[1::3]))
