"""Same order, any cut, same bytes; and a restart is nothing but another cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.event_mixes import mixes
from support.folded import Trace, features_after, fold
from support.trials import trials

from models.contract.events import Arrival
from models.state.population import Population

STATE = dict[bytes, bytes]
NAN = float("nan")


def keep(state: STATE, population: Population) -> None:
    """What the state topic holds after this transaction."""
    for key, value in population.take_changes():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def pieces_of(arrivals: list[Arrival], cuts: list[int]) -> list[list[Arrival]]:
    bounds = [0, *sorted({c % (len(arrivals) + 1) for c in cuts}), len(arrivals)]
    return [arrivals[a:b] for a, b in pairwise(bounds)]


def whole(arrivals: list[Arrival]) -> tuple[STATE, Trace]:
    population, state = Population(), {}
    trace = fold(population, arrivals, NAN)
    keep(state, population)
    return state, trace


def watermark_of(arrivals: list[Arrival]) -> float:
    moves = ("calls", "data-usage", "site-visits", "care-contacts", "billing")
    times = [float(a.event.ts) for a in arrivals if a.topic.split(".")[1] in moves]
    return max(times, default=NAN)


def assert_same_traces(parts: list[Trace], one: Trace) -> None:
    for name in ("applied", "now", "late"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(one, name))
    for block, columns in one.state.items():
        assert np.concatenate([p.state[block] for p in parts]).tobytes() == columns.tobytes(), block
    found = np.concatenate([features_after(p, p.now) for p in parts], axis=1)
    assert found.tobytes() == features_after(one, one.now).tobytes()


@settings(max_examples=trials(100))
@given(mixes, st.lists(st.integers(0, 80), max_size=8))
def test_fold_any_cut_gives_the_same_bytes(arrivals: list[Arrival], cuts: list[int]) -> None:
    expected, one = whole(arrivals)
    population, state, parts = Population(), {}, []
    done: list[Arrival] = []
    for piece in pieces_of(arrivals, cuts):
        parts.append(fold(population, piece, watermark_of(done)))
        done += piece
        keep(state, population)
    assert state == expected
    assert_same_traces(parts, one)
    np.testing.assert_array_equal(np.concatenate([p.rows for p in parts]), one.rows)


@settings(max_examples=trials(60))
@given(mixes, st.lists(st.integers(0, 80), max_size=4), st.randoms(use_true_random=False))
def test_fold_restarted_at_every_cut_gives_the_same_bytes(arrivals: list[Arrival], cuts: list[int], random) -> None:
    expected, one = whole(arrivals)
    state: STATE = {}
    parts = []
    done: list[Arrival] = []
    for piece in pieces_of(arrivals, cuts):
        population = Population()
        records = list(state.items())
        random.shuffle(records)
        population.load(records)
        parts.append(fold(population, piece, watermark_of(done)))
        done += piece
        keep(state, population)
    assert state == expected
    assert_same_traces(parts, one)
