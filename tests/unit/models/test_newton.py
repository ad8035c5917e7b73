"""The second-order learner: it finds what is there, in any cut of the stream, and widening forgets nothing."""

from __future__ import annotations

import itertools

import numpy as np

from models import crosses
from models.basis import Basis, Block, Hats
from models.newton import Newton, sigmoid
from models.quality import roc_auc

CURVE = Hats("a", np.linspace(0.0, 1.0, 9))
OTHER = Hats("b", np.linspace(0.0, 1.0, 9))


def rows(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    a, b = chance.random(count), chance.random(count)
    return a, b, chance.random(count)


def test_it_finds_a_curve_that_no_straight_line_follows() -> None:
    a, _, luck = rows(6000)
    truth = 2.0 * np.sin(6.0 * a)
    newton = Newton(Basis([CURVE]))
    newton.learn(newton.basis.place([a]), luck < sigmoid(truth))
    found = newton.logit(newton.basis.place([a]))
    assert np.corrcoef(found, truth)[0, 1] > 0.95


def test_one_pass_comes_close_to_what_any_number_of_passes_reaches() -> None:
    a, b, luck = rows(4000)
    left = luck < sigmoid(3.0 * a - 2.0 * b)
    basis = Basis([CURVE, OTHER])
    newton = Newton(basis)
    block = basis.place([a, b])
    newton.learn(block, left)
    dense = np.zeros((len(left), basis.width))
    np.add.at(dense, (np.arange(len(left))[:, None], block.places), block.shares)
    # As loose or tight as the learner's last review left it.
    best, start = np.zeros(basis.width), newton.known_before
    for _ in range(30):
        told = sigmoid(dense @ best)
        bend = start + dense.T @ (dense * (told * (1.0 - told))[:, None])
        best = best + np.linalg.solve(bend, dense.T @ (left - told) - start @ best)
    assert np.abs(newton.logit(block) - dense @ best).max() < 0.25


def test_the_beginning_says_nothing_and_scoring_changes_nothing() -> None:
    newton = Newton(Basis([CURVE]))
    block = newton.basis.place([np.array([0.1, 0.9])])
    assert newton.risk(block).tolist() == [0.5, 0.5]
    newton.learn(block, np.array([True, False]))
    before = newton.weights.copy()
    newton.risk(block)
    assert newton.weights.tolist() == before.tolist()


def test_the_same_blocks_give_the_same_bits() -> None:
    a, _, luck = rows(2000)
    told = []
    for _ in range(2):
        newton = Newton(Basis([CURVE]))
        for start in range(0, 2000, 500):
            part = slice(start, start + 500)
            newton.learn(newton.basis.place([a[part]]), luck[part] < a[part])
        told.append(newton.weights.tobytes())
    assert told[0] == told[1]


def test_who_is_told_what_is_near_learns_rare_leaving_honestly() -> None:
    chance = np.random.default_rng(8)
    a = chance.random(3000)
    truth = 5.0 * a - 5.0
    left = chance.random(3000) < sigmoid(truth)
    errors = []
    for near in (None, truth):
        newton = Newton(Basis([CURVE]))
        newton.learn(newton.basis.place([a]), left, near)
        newton.review()
        errors.append(abs(float(newton.risk(newton.basis.place([a])).mean() - left.mean())))
    assert errors[1] < 0.005
    assert errors[1] < errors[0]


def test_one_class_and_no_rows_do_not_break_it() -> None:
    a, _, _ = rows(3000)
    newton = Newton(Basis([CURVE]))
    newton.learn(Block(np.zeros((0, 3), dtype=np.int64), np.zeros((0, 3))), np.zeros(0, dtype=bool))
    newton.learn(newton.basis.place([a]), np.ones(3000, dtype=bool))
    risk = newton.risk(newton.basis.place([a]))
    assert np.isfinite(risk).all()
    assert (risk > 0.9).all()


def test_a_review_draws_noise_to_nothing_and_leaves_what_tells() -> None:
    chance = np.random.default_rng(5)
    columns = [chance.random(4000) for _ in range(12)]
    parts = [Hats(f"x{k}", np.linspace(0.0, 1.0, 9)) for k in range(12)]
    left = chance.random(4000) < sigmoid(2.0 * np.sin(6.0 * columns[0]))
    newton = Newton(Basis(parts))
    newton.learn(newton.basis.place(columns), left)
    newton.review()
    starts = [*newton.basis.starts, newton.basis.width]
    spread = [np.ptp(newton.weights[a : b - 1]) for a, b in itertools.pairwise(starts)]
    assert spread[0] > 2.0
    assert max(spread[1:]) < 0.3


def test_reviews_pay_on_rows_that_were_not_learned() -> None:
    chance = np.random.default_rng(6)
    columns = [chance.random(7000) for _ in range(30)]
    left = chance.random(7000) < sigmoid(1.2 * np.sin(6.0 * columns[0]) + columns[1])
    basis = Basis([Hats(f"x{k}", np.linspace(0.0, 1.0, 17)) for k in range(30)])
    learned, unseen = basis.place([c[:2000] for c in columns]), basis.place([c[2000:] for c in columns])
    newton = Newton(basis)
    for start in range(0, 1900, 100):
        part = slice(start, start + 100)
        newton.learn(Block(learned.places[part], learned.shares[part]), left[part])
    before = roc_auc(newton.risk(unseen), left[2000:])
    newton.review()
    assert roc_auc(newton.risk(unseen), left[2000:]) > before + 0.01


def test_a_pair_that_says_more_than_both_alone_is_found_among_many_and_learned() -> None:
    chance = np.random.default_rng(7)
    columns = {f"x{k}": chance.random(9000) for k in range(8)}
    apart = (columns["x2"] - 0.5) * (columns["x5"] - 0.5)
    left = chance.random(9000) < sigmoid(16.0 * apart)
    half = slice(0, 4500)
    pairs = crosses.best({n: v[half] for n, v in columns.items()}, left[half] - 0.5, np.full(4500, 0.25), 2)
    assert pairs[0].feature == "x2 x x5"
    newton = Newton(Basis([pairs[0]]))
    both = (columns["x2"], columns["x5"])
    newton.learn(newton.basis.place([both]), left)
    assert roc_auc(newton.risk(newton.basis.place([both])), left) > 0.7


def test_pairs_are_not_made_of_constants_and_bear_missing_values() -> None:
    chance = np.random.default_rng(3)
    a, b = chance.random(2000), chance.random(2000)
    a[::7] = np.nan
    columns = {"a": a, "b": b, "constant": np.ones(2000), "never": np.full(2000, np.nan)}
    found = crosses.best(columns, chance.random(2000) - 0.5, np.full(2000, 0.25), 10)
    assert [pair.feature for pair in found] == ["a x b"]
