"""Trees of several windows: they speak as far as labels they had not seen bear them out, and the old fall silent."""

from __future__ import annotations

import numpy as np
import pytest

from models import boosting, grove
from models.boosting import Grown
from models.grove import Grove

BLOCK = 100


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "TREES", 25)
    for name, value in (("WINDOW", 800), ("STEP", 400), ("FIRST", 100), ("MOST", 3)):
        monkeypatch.setattr(grove, name, value)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """First and last row of each window, where the first column counts rows."""
    seen: list[tuple[int, int]] = []

    def noted(rows: np.ndarray, left: np.ndarray, seed: int) -> Grown:
        seen.append((int(rows[0, 0]), int(rows[-1, 0])))
        return grown(rows, left, seed)

    grown = grove.grow
    monkeypatch.setattr(grove, "grow", noted)
    return seen


def fed(trees: Grove, rows: np.ndarray, left: np.ndarray, curves: np.ndarray) -> None:
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        trees.learn(rows[part], left[part], curves[part], trees.logit(rows[part]))


def counted(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(count, dtype=np.float64)[:, None], np.arange(count) % 3 == 0


def test_windows_double_until_they_are_full_and_then_move_on(windows: list[tuple[int, int]]) -> None:
    trees = Grove()
    fed(trees, *counted(2500), np.zeros(2500))
    assert windows == [(0, 99), (0, 199), (0, 399), (0, 799), (400, 1199), (800, 1599), (1200, 1999), (1600, 2399)]
    assert len(trees.members) == 3


def test_the_last_rows_speak_once_it_is_settled(windows: list[tuple[int, int]]) -> None:
    trees = Grove()
    fed(trees, *counted(1500), np.zeros(1500))
    trees.settle()
    assert windows[-1] == (700, 1499)
    trees.settle()
    assert windows.count((700, 1499)) == 1


def test_a_million_rows_do_not_cost_a_window_every_step() -> None:
    trees = Grove()
    trees.rows = trees._grown = 1_000_000  # nothing else gets there in time
    assert trees._due() == 1_125_000


def test_trees_that_know_nothing_more_than_the_curves_are_silent() -> None:
    chance = np.random.default_rng(1)
    rows, curves = chance.random((2000, 3)), chance.normal(0.0, 1.5, 2000)
    left = chance.random(2000) < 1.0 / (1.0 + np.exp(-curves))
    trees = Grove()
    fed(trees, rows, left, curves)
    assert trees.share < 0.2


def test_trees_that_know_more_are_heard_and_the_old_fall_silent() -> None:
    chance = np.random.default_rng(2)
    rows = chance.random((4000, 2))
    left = (rows[:, 0] > 0.5) ^ (rows[:, 1] > 0.5)
    left[1200:] = ~left[1200:]  # the world turns
    trees = Grove()
    fed(trees, rows[:1200], left[:1200], np.zeros(1200))
    assert trees.share > 0.5
    fed(trees, rows[1200:], left[1200:], np.zeros(2800))
    assert ((trees.join(np.zeros(4000), trees.logit(rows)) > 0.0) == left)[1200:].mean() > 0.95


def test_one_answer_alone_grows_nothing_and_curves_are_told_as_they_are() -> None:
    trees = Grove()
    fed(trees, np.zeros((300, 1)), np.zeros(300, dtype=bool), np.zeros(300))
    assert trees.members == []
    curves = np.array([-1.0, 2.0])
    assert trees.join(curves, trees.logit(np.zeros((2, 1)))).tolist() == curves.tolist()
