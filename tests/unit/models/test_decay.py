from __future__ import annotations

import math

import numpy as np
import pytest

from models.columns import TAU_DAYS
from models.decay import factor, factors, span_days
from models.events import DAY_MS


def test_exponential_of_an_element_does_not_depend_on_its_neighbours():
    """The fold's promise of the same bytes at any cut rests on this."""
    elapsed = np.linspace(0.0, 400 * DAY_MS, 1009)
    whole = factors(elapsed)
    for begin, end in ((0, 1), (1, 2), (3, 10), (500, 1009), (1008, 1009)):
        assert factors(elapsed[begin:end]).tobytes() == whole[begin:end].tobytes()
    one_by_one = [factor(elapsed[i : i + 1], 2)[0] for i in range(len(elapsed))]
    assert np.array(one_by_one).tobytes() == np.ascontiguousarray(whole[:, 2]).tobytes()


def test_exponential_is_right_to_the_last_digits():
    elapsed = np.linspace(0.0, 400 * DAY_MS, 101)
    for tau, days in enumerate(TAU_DAYS):
        expected = [math.exp(-e / (days * DAY_MS)) for e in elapsed]
        np.testing.assert_allclose(factor(elapsed, tau), expected, rtol=1e-14)


@pytest.mark.parametrize("rate", [0.5, 3.0, 40.0])
def test_span_makes_sums_of_a_steady_rate_comparable(rate: float):
    for age in (10, 45, 400):
        times = np.arange(0.0, age * DAY_MS, DAY_MS / rate)
        for tau in range(len(TAU_DAYS)):
            total = factor(age * DAY_MS - times, tau).sum()
            span = span_days(np.array([age * float(DAY_MS)]), tau)[0]
            assert total / span == pytest.approx(rate, rel=0.6 / (rate * min(age, TAU_DAYS[tau])) + 0.01)


def test_long_silence_fades_to_zero_and_not_to_nan():
    assert factor(np.array([1e15]), 0)[0] == 0.0
