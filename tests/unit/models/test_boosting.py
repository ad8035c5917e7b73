"""Trees of one window: corners are found, missing values have a side, and scoring asks what growing asked."""

from __future__ import annotations

import numpy as np
import pytest

from models import boosting
from models.boosting import grow
from models.newton import sigmoid
from models.quality import roc_auc


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "TREES", 40)


def rows_of(count: int, columns: int = 4, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((count, columns))


def test_a_corner_of_three_columns_is_found() -> None:
    rows, fresh = rows_of(3000), rows_of(1000, seed=2)
    left, truth = ((r[:, 0] > 0.4) & (r[:, 1] > 0.5) & (r[:, 2] < 0.6) for r in (rows, fresh))
    assert roc_auc(grow(rows, left).logit(fresh), truth) > 0.98


def test_to_be_missing_tells_by_itself() -> None:
    rows = rows_of(800)
    left = rows[:, 1] > 0.5
    rows[left, 0] = np.nan
    told = sigmoid(grow(rows[:, :1], left).logit(np.array([[np.nan], [0.0], [1.0]])))
    assert told[0] > 0.9
    assert (told[1:] < 0.1).all()


@pytest.mark.parametrize("values", [6, 2000])
def test_a_value_goes_the_same_way_when_it_is_scored_as_when_it_was_learned(values: int) -> None:
    # On the cut or beside it: of what was learned as "at most 3", 3 itself is a part.
    whole = np.arange(4000.0) % values
    left = whole > values / 2
    told = grow(whole[:, None], left).logit(whole[:, None])
    near = np.abs(whole - values / 2) > 20 if values > 100 else np.ones(4000, dtype=bool)
    assert ((told > 0.0) == left)[near].all()


def test_columns_that_say_nothing_break_nothing() -> None:
    rows = rows_of(500)
    left = rows[:, 0] > 0.5
    rows[:, 1], rows[:, 2] = np.nan, 7.0
    told = grow(rows, left).logit(rows)
    assert np.isfinite(told).all()
    assert roc_auc(told, left) > 0.95


def test_few_rows_are_told_their_mean() -> None:
    told = grow(rows_of(12), np.arange(12) < 3).logit(rows_of(5))
    assert sigmoid(told) == pytest.approx(np.full(5, 0.25))


def test_the_same_window_grows_the_same_trees() -> None:
    rows = rows_of(400)
    once, again, other = (grow(rows, rows[:, 0] > rows[:, 1], seed) for seed in (3, 3, 4))
    assert all(np.array_equal(one, two) for one, two in zip(once, again, strict=True))
    assert not np.array_equal(once.columns, other.columns)
