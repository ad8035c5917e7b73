"""Ratios read from names: which they are, that they stay bounded, that nothing is divided by nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluate import ratios
from app.evaluate.ratios import MOST, Ratio, RatioForm

AMOUNTS = st.lists(st.one_of(st.floats(-1e12, 1e12), st.just(float("nan"))), min_size=1, max_size=30)


@given(AMOUNTS, AMOUNTS)
def test_a_share_is_bounded_and_missing_only_where_a_part_is(one: list[float], two: list[float]) -> None:
    rows = min(len(one), len(two))
    a, b = np.array(one[:rows]), np.array(two[:rows])
    told = ratios.compute(Ratio("a / b", RatioForm.SHARE, "a", ("b",), 2.0, 3.0), {"a": a, "b": b})
    known = ~(np.isnan(a) | np.isnan(b))
    assert np.isnan(told[~known]).all()
    assert (np.abs(told[known]) <= 1.0).all()


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_change_against_nothing_is_finite(change: float, level: float) -> None:
    told = ratios.compute(
        Ratio("c / l", RatioForm.CHANGE, "c", ("l",), 5.0, 5.0), {"c": np.array([change]), "l": np.array([level])}
    )
    assert np.isfinite(told).all()


def test_scale_does_not_matter_to_a_share() -> None:
    rows = {"a": np.array([1.0, 2.0, 30.0]), "b": np.array([4.0, 5.0, 6.0])}
    cents = {"a": rows["a"] * 100.0, "b": rows["b"]}
    plain = ratios.compute(Ratio("r", RatioForm.SHARE, "a", ("b",), 2.0, 5.0), rows)
    assert ratios.compute(Ratio("r", RatioForm.SHARE, "a", ("b",), 200.0, 5.0), cents) == pytest.approx(plain)


def test_the_last_of_a_series_is_held_against_those_before() -> None:
    chance = np.random.default_rng(1)
    columns = {f"arpu_{k}": chance.random(100) for k in (8, 6, 7)}
    first = ratios.infer(columns)[0]
    assert (first.above, first.below, first.way) == ("arpu_8", ("arpu_6", "arpu_7"), RatioForm.SHARE)


def test_units_in_chinese_are_read_too() -> None:
    chance = np.random.default_rng(1)
    columns = {name: chance.random(200) * 100.0 for name in ("当月话费", "通话次数", "通话时长", "在网月数")}
    found = {(ratio.above, ratio.below[0]) for ratio in ratios.infer(columns)}
    assert ("当月话费", "通话时长") in found
    assert all(ratio.way is RatioForm.SHARE for ratio in ratios.infer(columns))


def test_where_names_tell_nothing_the_columns_that_move_together_are_paired() -> None:
    chance = np.random.default_rng(2)
    a = chance.random(500) * 9.0
    columns = {"v1": a, "v2": a + 0.1 * chance.random(500), "v3": chance.random(500)}
    first = ratios.infer(columns)[0]
    assert {first.above, *first.below} == {"v1", "v2"}


def test_a_wide_table_gets_a_bounded_number_of_ratios() -> None:
    chance = np.random.default_rng(2)
    columns = {f"minutes kind{chr(97 + k)} x{chr(97 + j)}": chance.random(60) for k in range(20) for j in range(10)}
    assert 0 < len(ratios.infer(columns)) <= MOST


@pytest.mark.parametrize("rows", [np.full(50, np.nan), np.zeros(50), np.full(50, -3.0)])
def test_empty_zero_and_negative_columns_do_not_break_it(rows: np.ndarray) -> None:
    columns = {"minutes_total": rows, "revenue": rows, "months": rows, "change_minutes": rows, "x": rows, "y": rows}
    for ratio in ratios.infer(columns):
        told = ratios.compute(ratio, columns)
        assert not np.isinf(told).any()
