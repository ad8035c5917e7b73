"""Figures against slow, obvious counts: AUC over all pairs, lift and calibration by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import metrics

from models.analysis import score_metrics

RISKS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0]), st.booleans()), min_size=2, max_size=60
).filter(lambda rows: 0 < sum(left for _, left in rows) < len(rows))


def arrays(rows: list[tuple[float, bool]]) -> tuple[score_metrics.Floats, score_metrics.Bools]:
    return np.array([risk for risk, _ in rows]), np.array([left for _, left in rows])


@given(RISKS)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[float, bool]]) -> None:
    stayed = [risk for risk, left in rows if not left]
    pairs = [(risk > other) + 0.5 * (risk == other) for risk, left in rows if left for other in stayed]
    assert score_metrics.roc_auc(*arrays(rows)) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


@given(RISKS, st.randoms(use_true_random=False))
def test_no_figure_depends_on_the_order_of_rows(rows: list[tuple[float, bool]], chance: object) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert score_metrics.measure(*arrays(mixed)) == pytest.approx(score_metrics.measure(*arrays(rows)), abs=1e-12)


@given(RISKS)
def test_ranking_figures_know_only_the_order(rows: list[tuple[float, bool]]) -> None:
    risk, left = arrays(rows)
    bent = risk**3 / 2.0
    for figure in (score_metrics.roc_auc, score_metrics.pr_auc):
        assert figure(bent, left) == pytest.approx(figure(risk, left))
    assert score_metrics.lift(bent, left, 0.1) == pytest.approx(score_metrics.lift(risk, left, 0.1))


def test_auc_agrees_with_river_on_many_rows() -> None:
    chance = np.random.default_rng(4)
    left = chance.random(3000) < 0.3
    risk = np.clip(0.3 + 0.15 * left + 0.2 * chance.standard_normal(3000), 0.0, 1.0)
    river = metrics.ROCAUC(n_thresholds=2000)
    for told, answer in zip(risk.tolist(), left.tolist(), strict=True):
        river.update(answer, told)
    assert score_metrics.roc_auc(risk, left) == pytest.approx(river.get(), abs=2e-3)


def test_lift_and_precision_by_hand() -> None:
    risk = np.linspace(1.0, 0.0, 20)
    left = np.zeros(20, dtype=bool)
    left[[0, 5, 6, 19]] = True
    assert score_metrics.precision_at(risk, left, 0.05) == 1.0
    assert score_metrics.precision_at(risk, left, 0.10) == 0.5
    assert score_metrics.lift(risk, left, 0.10) == 2.5


def test_who_gives_everybody_the_same_risk_has_no_lift() -> None:
    left = np.array([True] * 30 + [False] * 70)
    told = score_metrics.measure(np.full(100, 0.3), left)
    assert told.roc_auc == 0.5
    assert told.lift_top_decile == pytest.approx(1.0)
    assert told.pr_auc == pytest.approx(0.3)
    assert told.ece == pytest.approx(0.0)


def test_calibration_error_by_hand() -> None:
    risk = np.array([0.05, 0.05, 0.95, 0.95])
    left = np.array([False, True, True, True])
    assert score_metrics.calibration_error(risk, left) == pytest.approx((2 * 0.45 + 2 * 0.05) / 4)
    assert score_metrics.calibration_error(np.array([1.0]), np.array([True])) == 0.0


def test_a_certain_and_wrong_risk_costs_much_but_not_everything() -> None:
    assert 10.0 < score_metrics.log_loss(np.array([0.0, 0.5]), np.array([True, False])) < 20.0


@pytest.mark.parametrize("left", [[], [True], [False, False]])
def test_one_class_cannot_be_measured(left: list[bool]) -> None:
    with pytest.raises(score_metrics.OneClassError, match=f"of {len(left)} left"):
        score_metrics.measure(np.full(len(left), 0.5), np.array(left, dtype=bool))
