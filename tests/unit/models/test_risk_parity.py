"""The compiled scorer is River's model: same probabilities, and contributions that add up."""

from __future__ import annotations

import random

import numpy as np
import pytest
from msgspec.structs import replace

from models.fitting.knots import Knots
from models.fitting.river_logistic import RiverLogistic
from models.scoring.scorer import Scorer, logit, sigmoid
from models.scoring.snapshot import Curve, Cutoff, Snapshot, decode, encode

NAMES = ("calls", "dwell", "flag", "rare")


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    dice = np.random.default_rng(7)
    x = np.array(
        [dice.gamma(2.0, 3.0, 600), dice.exponential(50.0, 600), dice.integers(0, 2, 600), dice.normal(0, 1, 600)]
    )
    x[3, dice.random(600) < 0.7] = np.nan
    x[0, dice.random(600) < 0.05] = np.nan
    return x


@pytest.fixture(scope="module")
def river(rows: np.ndarray) -> RiverLogistic:
    learned, dice = RiverLogistic(Knots.of(NAMES, rows), 0.2), random.Random(3)
    for logs, dwell in zip(Knots.of(NAMES, rows).logs(rows).T.tolist(), rows[1].tolist(), strict=True):
        learned.learn(logs, 1, left=dice.random() < (0.5 if dwell > 60 else 0.1))
    return learned


@pytest.fixture(scope="module")
def snapshot(river: RiverLogistic, rows: np.ndarray) -> Snapshot:
    """River's model as curves."""
    ground = Knots.of(NAMES, rows)
    curves = [
        Curve(feature=name, knots=knots.tolist(), values=values.tolist(), usual=float(np.nanmedian(row)))
        for name, knots, values, row in zip(NAMES, ground.knots, river.curves(), rows, strict=True)
    ]
    return Snapshot(version="m-1", curves=curves, intercept=river.level(1), base_rate=0.2)


def test_scorer_equals_river_to_the_ninth_digit(river: RiverLogistic, snapshot: Snapshot, rows: np.ndarray) -> None:
    outside = np.array([[-5.0, 1e12, np.nan], [0.0, 1e9, -3.0], [0.5, 7.0, -1.0], [np.nan, 40.0, -40.0]])
    unseen = np.concatenate([rows, outside], axis=1)
    served = Scorer(snapshot).score(unseen).logit
    told = [river.log_odds(logs, 1) for logs in Knots.of(NAMES, rows).logs(unseen).T.tolist()]
    np.testing.assert_allclose(served, told, rtol=0, atol=1e-9)
    assert served.std() > 0.05


def test_scorer_survives_the_journey_as_json(snapshot: Snapshot, rows: np.ndarray) -> None:
    again = Scorer(decode(encode(snapshot)))
    np.testing.assert_array_equal(again.score(rows).risk, Scorer(snapshot).score(rows).risk)


def test_contributions_add_up_to_the_logit(snapshot: Snapshot, rows: np.ndarray) -> None:
    scorer = Scorer(snapshot, base_rate=0.015)
    whole = scorer.baseline() + scorer.contributions(rows).sum(axis=0)
    np.testing.assert_allclose(whole, scorer.score(rows).logit, rtol=0, atol=1e-9)


def test_contributions_of_the_usual_subscriber_are_nothing(snapshot: Snapshot) -> None:
    scorer = Scorer(snapshot)
    assert not scorer.contributions(scorer.usual()[:, None]).any()


def test_contributions_add_up_from_the_usual_of_ones_own_worth(snapshot: Snapshot, rows: np.ndarray) -> None:
    richer = [replace(c, usual_of={"high": float(rows[f, 0])}) for f, c in enumerate(snapshot.curves)]
    scorer = Scorer(replace(snapshot, curves=richer))
    for worth in ("high", "low"):
        whole = scorer.baseline(worth) + scorer.contributions(rows, worth).sum(axis=0)
        np.testing.assert_allclose(whole, scorer.score(rows).logit, rtol=0, atol=1e-9)
    assert not scorer.contributions(rows[:, :1], "high").any()
    np.testing.assert_array_equal(scorer.usual("low"), scorer.usual())


def test_score_of_a_subscriber_does_not_depend_on_who_is_scored_with_him(snapshot: Snapshot, rows: np.ndarray) -> None:
    scorer = Scorer(snapshot)
    together = scorer.score(np.tile(rows, 4)).logit
    for width in (1, 2, 3, 7, 255, 257):
        apart = scorer.score(rows[:, :width].copy()).logit
        assert apart.tobytes() == together[:width].tobytes()


def test_prior_shift_moves_every_logit_by_the_same_and_keeps_the_order(snapshot: Snapshot, rows: np.ndarray) -> None:
    plain, shifted = Scorer(snapshot), Scorer(snapshot, base_rate=0.015)
    moved = shifted.score(rows).logit - plain.score(rows).logit
    np.testing.assert_allclose(moved, logit(0.015) - logit(0.2), atol=1e-12)
    assert (np.argsort(shifted.score(rows).risk) == np.argsort(plain.score(rows).risk)).all()


def test_cutoff_is_shifted_like_the_risk() -> None:
    snapshot = Snapshot(
        version="m", curves=[], intercept=logit(0.3), base_rate=0.05, cutoffs=[Cutoff(0.02, 0.3)], catalogue_hash=""
    )
    bare = Snapshot(
        version="m",
        curves=[Curve(feature="f", knots=[0.0], values=[0.0])],
        intercept=logit(0.3),
        base_rate=0.05,
        cutoffs=snapshot.cutoffs,
    )
    scorer = Scorer(bare, base_rate=0.015)
    assert scorer.cutoff(0.02) == pytest.approx(float(scorer.score(np.zeros((1, 1))).risk[0]))


def test_curve_with_a_single_knot_is_constant() -> None:
    curve = Curve(feature="f", knots=[3.0], values=[0.7], missing=-0.7)
    scorer = Scorer(Snapshot(version="m", curves=[curve], intercept=0.0, base_rate=0.5))
    np.testing.assert_allclose(scorer.score(np.array([[-9.0, 3.0, 9.0, np.nan]])).logit, [0.7, 0.7, 0.7, -0.7])


def test_sigmoid_undoes_logit_at_the_edges() -> None:
    for risk in (1e-9, 0.015, 0.5, 1 - 1e-9):
        assert sigmoid(logit(risk)) == pytest.approx(risk, rel=1e-6)
    assert sigmoid(1e6) == 1.0
    assert sigmoid(-1e6) == pytest.approx(0.0, abs=1e-17)
