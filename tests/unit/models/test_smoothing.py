"""How smooth a curve should be: drawn in where nothing tells, let go where much does, within bounds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models import smoothing
from models.basis import Basis, Hats, Levels, Pair

A, B = Hats("a", np.array([0.0, 1.0, 3.0])), Hats("b", np.array([0.0, 2.0]))
BASIS = Basis([A, Levels("plan", ("x", "y")), Hats("flag", np.array([1.0])), Pair(A, B)])


def strengths() -> list[smoothing.Floats]:
    return [np.array(each.strengths) for each in smoothing.penalties(BASIS)]


def test_each_part_is_held_in_its_own_places_and_nothing_else_is() -> None:
    held = smoothing.penalties(BASIS)
    found = smoothing.prior(BASIS.width, held, strengths())
    ends = [*BASIS.starts[1:], BASIS.width]
    for start, end in zip(BASIS.starts, ends, strict=True):
        outside = found[start:end].copy()
        outside[:, start:end] = 0.0
        assert not outside.any()
    assert (np.linalg.eigvalsh(found) > 0.0).all()
    assert (found == found.T).all()


def test_a_straight_shift_is_not_rough_and_neither_is_what_is_missing() -> None:
    curve, surface = smoothing.penalties(BASIS)[0], smoothing.penalties(BASIS)[3]
    assert curve.shapes[1] @ np.array([2.0, 2.0, 2.0, -9.0]) @ np.array([2.0, 2.0, 2.0, -9.0]) == 0.0
    assert (surface.shapes[1] @ np.ones(6) == 0.0).all()


def test_curves_that_did_not_move_are_drawn_in_until_they_cannot_be_drawn_further() -> None:
    held, now = smoothing.penalties(BASIS), strengths()
    for _ in range(20):
        covariance = np.linalg.inv(np.eye(BASIS.width) * 50.0 + smoothing.prior(BASIS.width, held, now))
        now = smoothing.review(held, now, np.zeros(BASIS.width), covariance)
    assert {float(v) for each in now for v in each} == {1e5}


@given(st.integers(0, 10_000), st.floats(0.01, 100.0))
def test_strengths_stay_finite_and_within_bounds_whatever_the_weights(seed: int, size: float) -> None:
    chance = np.random.default_rng(seed)
    weights = chance.standard_normal(BASIS.width) * size
    root = chance.standard_normal((BASIS.width, BASIS.width))
    held = smoothing.penalties(BASIS)
    covariance = np.linalg.inv(root.T @ root + smoothing.prior(BASIS.width, held, strengths()))
    for each in smoothing.review(held, strengths(), weights, covariance):
        assert ((each >= 0.3) & (each <= 1e5)).all()
