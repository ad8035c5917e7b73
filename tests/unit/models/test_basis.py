"""What a model sees of a row: shares that sum to 1, places of its own, straight lines between knots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.basis import MOST_LEVELS, Basis, Hats, Levels, Pair, hats, levels

NUMBERS = st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(float("nan"))), min_size=1, max_size=40)


@given(NUMBERS, NUMBERS)
def test_shares_of_a_number_sum_to_one_at_places_that_are_there(sample: list[float], values: list[float]) -> None:
    made = hats("arpu", np.array(sample))
    block = made.place(np.array(values))
    assert block.shares.sum(axis=1) == pytest.approx(np.ones(len(values)))
    assert (block.shares >= 0.0).all()
    assert block.places.min() >= 0
    assert block.places.max() < made.width


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=40))
def test_between_its_knots_a_number_is_told_exactly(values: list[float]) -> None:
    made = Hats("arpu", np.array([0.0, 3.0, 50.0, 100.0]))
    block = made.place(np.array(values))
    weights = np.append(made.knots, -1.0)
    assert (weights[block.places] * block.shares).sum(axis=1) == pytest.approx(np.array(values), abs=1e-9)


def test_beyond_its_knots_nothing_changes_and_missing_has_a_place_of_its_own() -> None:
    made = Hats("arpu", np.array([0.0, 10.0]))
    block = made.place(np.array([-1e30, 1e30, np.nan]))
    weights = np.array([1.0, 2.0, 7.0])
    assert (weights[block.places] * block.shares).sum(axis=1).tolist() == [1.0, 2.0, 7.0]


def test_knots_of_what_was_never_seen_or_never_changes() -> None:
    assert hats("x", np.full(5, np.nan)).knots.tolist() == [0.0]
    assert hats("x", np.full(5, 3.0)).knots.tolist() == [3.0]
    assert hats("x", np.full(5, 3.0)).place(np.array([1.0, 9.0])).shares.sum() == pytest.approx(2.0)


def test_knots_of_a_number_that_is_mostly_zero_are_not_spent_on_zero() -> None:
    made = hats("overage", np.array([0.0] * 900 + list(range(1, 101))))
    assert (made.knots > 0.0).sum() >= 5


def test_levels_keep_the_frequent_and_put_the_others_together() -> None:
    made = levels("plan", ["a"] * 30 + ["b"] * 20 + ["rare"], least=10)
    assert made.levels == ("a", "b")
    assert made.place(["b", "rare", "new"]).places[:, 0].tolist() == [1, 2, 2]
    assert len(levels("sim", [str(k) for k in range(1000)] * 10).levels) <= MOST_LEVELS


@given(st.floats(-1.0, 6.0), st.floats(-1.0, 6.0))
def test_a_surface_is_the_product_of_both_places(one: float, two: float) -> None:
    first, second = Hats("a", np.array([0.0, 1.0, 5.0])), Hats("b", np.array([0.0, 2.0, 4.0, 5.0]))
    block = Pair(first, second).place((np.array([one]), np.array([two])))
    surface = np.outer(first.knots, second.knots).ravel()
    inside = np.clip(one, 0.0, 5.0) * np.clip(two, 0.0, 5.0)
    assert float((surface[block.places] * block.shares).sum()) == pytest.approx(inside, abs=1e-9)


def test_a_surface_says_nothing_where_one_of_both_is_missing() -> None:
    pair = Pair(Hats("a", np.array([0.0, 1.0])), Hats("b", np.array([0.0, 1.0])))
    block = pair.place((np.array([np.nan, 0.5]), np.array([0.5, np.nan])))
    assert block.shares.sum() == 0.0


def test_parts_do_not_share_places_whatever_stands_first() -> None:
    a, b = Hats("a", np.array([0.0, 1.0])), Hats("b", np.array([0.0, 1.0, 2.0]))
    rows = np.array([0.2, 0.9, np.nan])
    basis = Basis([Pair(a, b), a, Levels("plan", ("x",)), b])
    block = basis.place([(rows, rows), rows, ["x", "y", "x"], rows])
    ends = [*basis.starts[1:], basis.width]
    widths = [4, 2, 2, 2]
    column = 1
    for start, end, width in zip(basis.starts, ends, widths, strict=True):
        places = block.places[:, column : column + width]
        assert places.min() >= start
        assert places.max() < end
        column += width
    assert column == block.places.shape[1]
