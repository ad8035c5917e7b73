from __future__ import annotations

import math

import numpy as np
import pytest

from models.contract.time_units import DAY_MS
from models.kernel import compiled
from models.state.columns import TAU_DAYS


def test_exponential_is_right_to_the_last_digits():
    for x in np.linspace(-689.0, 689.0, 20_011).tolist():
        assert compiled.exp(x) == pytest.approx(math.exp(x), rel=5e-16)


def test_exponential_at_its_ends():
    assert compiled.exp(0.0) == 1.0
    assert compiled.exp(-1e9) == 0.0
    assert math.isnan(compiled.exp(math.nan))


def test_exponential_less_one_is_right_where_the_difference_would_cancel():
    for x in np.concatenate([np.linspace(-0.02, 0.02, 4_001), np.linspace(-50.0, 1.0, 4_001)]).tolist():
        assert compiled.expm1(x) == pytest.approx(math.expm1(x), rel=1e-13)


def test_compiled_and_interpreted_give_the_same_bits():
    for x in np.linspace(-700.0, 700.0, 1_009).tolist():
        assert compiled.exp(x) == compiled.exp.py_func(x)
        assert compiled.expm1(x / 100) == compiled.expm1.py_func(x / 100)


@pytest.mark.parametrize("rate", [0.5, 3.0, 40.0])
def test_span_makes_sums_of_a_steady_rate_comparable(rate: float):
    for age in (10, 45, 400):
        times = np.arange(0.0, age * DAY_MS, DAY_MS / rate)
        for days in map(float, TAU_DAYS):
            total = sum(compiled.decay(age * DAY_MS - ts, days) for ts in times.tolist())
            span = compiled.span(age * float(DAY_MS), days)
            assert total / span == pytest.approx(rate, rel=0.6 / (rate * min(age, days)) + 0.01)


def test_long_silence_fades_to_zero_and_not_to_nan():
    assert compiled.decay(1e15, 1.0) == 0.0


@pytest.mark.parametrize("day", [-719_468, -1, 0, 58, 59, 60, 365, 11_016, 11_017, 20_513, 47_540, 2_932_896])
def test_month_of_a_time_is_that_of_the_calendar(day: int):
    date = np.datetime64(day, "D")
    months = date.astype("datetime64[M]").astype(int) + 1970 * 12
    assert compiled.month_of(float(day * DAY_MS)) == months
    assert compiled.month_of(float(day * DAY_MS + DAY_MS - 1)) == months
