"""The straight line in logarithms: scales without labels, one pass, and it can change its mind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.quality import roc_auc
from models.straight import Scale, Straight

ROWS = st.lists(
    st.tuples(st.one_of(st.floats(-1e3, 1e3), st.just(float("nan"))), st.floats(-1e3, 1e3)), min_size=1, max_size=50
)


@given(ROWS, st.integers(0, 50))
def test_scales_do_not_depend_on_how_rows_are_batched(rows: list[tuple[float, float]], cut: int) -> None:
    values = np.array(rows)
    whole, parts = Scale(2), Scale(2)
    whole.see(values)
    parts.see(values[:cut])
    parts.see(values[cut:])
    assert parts.mean == pytest.approx(whole.mean, abs=1e-9)
    assert parts.spread == pytest.approx(whole.spread, rel=1e-6, abs=1e-6)
    known = values[:, 0][~np.isnan(values[:, 0])]
    assert whole.mean[0] == pytest.approx(known.mean() if len(known) else 0.0, abs=1e-9)


def drawn(count: int, sign: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    rows = chance.gamma(1.0, 20.0, (count, 3))
    left = chance.random(count) < 1.0 / (1.0 + np.exp(-sign * (np.log1p(rows[:, 0]) - 2.5) * 2.0))
    rows[::9, 1] = np.nan
    return rows, left


def test_it_learns_what_tells_and_forgets_it_when_the_world_turns() -> None:
    line = Straight(3)
    for sign, first in ((1.0, 0), (-1.0, 100)):
        for step in range(30):
            rows, left = drawn(200, sign, first + step)
            line.see(rows)
            line.learn(rows, left)
        rows, left = drawn(2000, sign, 999)
        assert roc_auc(line.risk(rows), left) > 0.75


def test_scoring_changes_nothing_and_poison_stays_finite() -> None:
    line = Straight(3)
    rows, left = drawn(300, 1.0, 1)
    line.see(rows)
    line.learn(rows, left)
    strange = np.array([[1e300, -1e300, np.nan], [np.nan, np.nan, np.nan]])
    once, again = line.risk(strange), line.risk(strange)
    assert once.tolist() == again.tolist()
    assert np.isfinite(once).all()


def test_one_class_and_no_rows_do_not_break_it() -> None:
    line = Straight(2)
    line.learn(np.zeros((0, 2)), np.zeros(0, dtype=bool))
    line.see(np.ones((50, 2)))
    line.learn(np.ones((50, 2)), np.ones(50, dtype=bool))
    assert line.risk(np.ones((1, 2)))[0] > 0.6
