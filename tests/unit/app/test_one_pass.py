"""A learner on its way through a table: nothing is counted twice, and pairs join once they are chosen."""

from __future__ import annotations

import numpy as np
import pytest

from app.evaluate.one_pass import KEPT, PAIRS_AT, OnePass
from app.evaluate.recipe import Placed, Recipe
from app.evaluate.sheet import Sheet
from models.newton import Newton
from models.quality import log_loss, roc_auc


def crossed(count: int, seed: int = 1) -> tuple[Sheet, np.ndarray]:
    """A plan that is good for heavy users and bad for light ones: neither column says anything alone."""
    chance = np.random.default_rng(seed)
    minutes, lines = chance.random(count) * 100.0, chance.integers(1, 5, count)
    plan = chance.choice(["flat", "metered"], count)
    sign = np.where(plan == "flat", 1.0, -1.0)
    left = chance.random(count) < 1.0 / (1.0 + np.exp(sign * (minutes - 50.0) / 12.0))
    columns = {"minutes": [f"{v:.2f}" for v in minutes], "lines": [str(v) for v in lines], "plan": plan.tolist()}
    return Sheet("crossed", columns), left


def learned(count: int, learner: str, settle: bool = True) -> tuple[OnePass, Recipe, Placed, np.ndarray, np.ndarray]:
    sheet, left = crossed(count)
    order = np.arange(count)
    recipe = Recipe(sheet, list(sheet.columns), order)
    placed = Placed(recipe, sheet)
    one_pass = OnePass(recipe, learner)
    told = one_pass.learn(placed, order, left, lambda _: None)
    if settle:
        one_pass.settle(placed, order, left)
    return one_pass, recipe, placed, left, told


@pytest.mark.parametrize("count", [600, 2500, KEPT + 1500])
def test_every_row_counts_once_whenever_the_learner_began_anew(count: int) -> None:
    one_pass, *_ = learned(count, "newton")
    assert isinstance(one_pass.learner, Newton)
    assert one_pass.learner.rows == count


def test_what_only_a_category_and_a_number_say_together_is_learned() -> None:
    _, recipe, _, left, told = learned(4000, "newton")
    assert "minutes x plan" in recipe.pairs
    late = slice(PAIRS_AT[0][0] + 500, 4000)
    assert roc_auc(told[late], left[late]) > 0.8


def test_curves_do_without_pairs() -> None:
    _, recipe, _, left, told = learned(4000, "curves")
    assert recipe.pairs == []
    assert roc_auc(told[2500:], left[2500:]) < 0.6


@pytest.mark.parametrize("learner", ["committee", "newton"])
def test_a_row_is_scored_before_its_own_label_is_learned(learner: str) -> None:
    # The last block of a thousand rows: its labels come after all that is told.
    sheet, left = crossed(1000)
    order = np.arange(1000)
    told = []
    for labels in (left, np.where(order >= 800, ~left, left)):
        recipe = Recipe(sheet, list(sheet.columns), order)
        told.append(OnePass(recipe, learner).learn(Placed(recipe, sheet), order, labels, lambda _: None))
    assert (told[0] == told[1]).all()


def test_a_corner_of_three_columns_is_told_by_the_committee_alone() -> None:
    chance = np.random.default_rng(7)
    columns = chance.uniform(-1.0, 1.0, (4000, 3))  # neither names nor values of which ratios are made
    left = (columns > 0.0).all(axis=1)
    sheet = Sheet("corner", {name: [f"{v:.4f}" for v in columns[:, k]] for k, name in enumerate("abc")})
    missed = {}
    for learner in ("newton", "committee"):
        recipe = Recipe(sheet, list(sheet.columns), np.arange(4000))
        one_pass, placed = OnePass(recipe, learner), Placed(recipe, sheet)
        one_pass.learn(placed, np.arange(3000), left, lambda _: None)
        one_pass.settle(placed, np.arange(3000), left)
        missed[learner] = log_loss(one_pass.score(placed, np.arange(3000, 4000), lambda _: None), left[3000:])
    assert missed["committee"] < missed["newton"] / 2.0


@pytest.mark.parametrize("learner", ["committee", "newton"])
def test_scoring_alone_teaches_nothing(learner: str) -> None:
    one_pass, _, placed, _, _ = learned(1500, learner)
    rows = np.arange(500)
    once, again = (one_pass.score(placed, rows, lambda _: None) for _ in range(2))
    assert (once == again).all()


def test_a_wide_table_gets_fewer_knots_a_column() -> None:
    chance = np.random.default_rng(2)
    columns = {f"v{k}": [f"{v:.6f}" for v in chance.random(300)] for k in range(400)}
    recipe = Recipe(Sheet("wide", columns), list(columns), np.arange(300))
    assert recipe.basis.width < 5000
