"""Challengers tell before they learn, and can find what the champion cannot; none of them is ever served."""

from __future__ import annotations

import numpy as np
import pytest

import planted
from models.challengers import FOREST_EVERY, Forest, LogScaled
from models.learner import Learner, LearnerSettings
from models.quality import roc_auc
from models.shadow import SHADOWS, WHY_NOT_SERVED, Blocks
from models.window import Window


def lines(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two features that say nothing alone and everything together, and three of noise."""
    dice = np.random.default_rng(seed)
    x = dice.normal(size=(rows, 5))
    left = dice.random(rows) < np.where(x[:, 0] * x[:, 1] > 0, 0.45, 0.05)
    return x, left


def told_by(challenger: Blocks | Forest, x: np.ndarray, left: np.ndarray) -> dict[int, float]:
    found: dict[int, float] = {}
    for row, (values, answer) in enumerate(zip(x.tolist(), left.tolist(), strict=True)):
        found |= dict(challenger.add(row, values, left=answer))
    return found


def test_pairs_find_what_curves_cannot() -> None:
    x, left = lines(8_000, 3)
    names = ("a", "b", "c", "d", "e")
    curves, pairs = told_by(Blocks(names, x[:500].T), x, left), told_by(Blocks(names, x[:500].T, 8), x, left)
    late = np.array(sorted(row for row in pairs if row >= 5_000))
    assert roc_auc(np.array([curves[row] for row in late]), left[late]) < 0.55
    assert roc_auc(np.array([pairs[row] for row in late]), left[late]) > 0.70


@pytest.mark.parametrize("kind", ["blocks", "forest", "log1p"])
def test_no_challenger_knows_a_label_before_it_tells(kind: str) -> None:
    """Labels of pure chance: whoever looked would be right."""
    dice = np.random.default_rng(5)
    x, left = dice.normal(size=(3_000, 5)), dice.random(3_000) < 0.3
    names = ("a", "b", "c", "d", "e")
    if kind == "log1p":
        log = LogScaled(names, 0.3)
        told = {}
        for row, (values, answer) in enumerate(zip(x.tolist(), left.tolist(), strict=True)):
            told[row] = log.predict(values)
            log.learn(values, left=answer)
    else:
        told = told_by(Blocks(names, x[:300].T) if kind == "blocks" else Forest(names), x, left)
    rows = np.array(sorted(told))
    assert len(rows) >= 3_000 // FOREST_EVERY - 1
    assert 0.44 < roc_auc(np.array([told[row] for row in rows]), left[rows]) < 0.56


def test_forest_lives_with_missing_values_and_learns() -> None:
    dice = np.random.default_rng(6)
    x = dice.normal(size=(6_000, 3))
    left = dice.random(6_000) < np.where(x[:, 0] > 0, 0.6, 0.05)
    x[dice.random(6_000) < 0.3, 1] = np.nan
    told = told_by(Forest(("a", "b", "c")), x, left)
    rows = np.array([row for row in sorted(told) if row > 3_000])
    assert roc_auc(np.array([told[row] for row in rows]), left[rows]) > 0.7


def test_the_report_names_a_challenger_that_is_better_and_why_it_is_not_served() -> None:
    settings = LearnerSettings(warm_rows=300, knots=10, min_labels=1_000, min_positives=30, look_every=100)
    learner = Learner(settings, planted.starting())
    for example in planted.examples(4_000, seed=6, strength=1.5):
        learner.learn(example)
    found = {challenger.name: challenger for challenger in learner.report().challengers}
    assert set(SHADOWS) <= set(found)
    assert found["log1p"].better
    assert found["log1p"].comparison is not None
    assert found["log1p"].comparison.auc_gain is not None
    assert {name: found[name].why_not_served for name in SHADOWS} == WHY_NOT_SERVED
    assert {name for name in found if found[name].durable} == {"rival", "fresh", "log1p"} & set(found)
    again = {
        challenger.name: challenger
        for challenger in Learner.resume(learner.checkpoint(), settings).report().challengers
    }
    assert again["log1p"] == found["log1p"]
    assert again["rival"] == found["rival"]
    assert (found["pairs"].figures.rows > 2_000, again["pairs"].figures.rows) == (True, 0)


def test_window_forgets_the_oldest_and_what_is_told_of_it() -> None:
    window = Window(3, ("champion",))
    examples = list(planted.examples(5, seed=1))
    rows = [window.add(example, who) for who, example in enumerate(examples)]
    window.tell(rows[0], "champion", 0.9)
    window.tell(rows[3], "champion", 0.5)
    found = window.latest()
    assert found.who.tolist() == [2, 3, 4]
    np.testing.assert_array_equal(found.told["champion"], [np.nan, 0.5, np.nan])
    assert found.told["served"].tolist() == [example.risk for example in examples[2:]]
    assert window.latest(most=2).who.tolist() == [3, 4]
