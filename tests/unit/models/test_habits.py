"""Counters of a person's habits, against the whole history read anew, and blind to what comes later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.habits import LEAST_EVENTS, SPANS, Habits

EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.floats(0.0, 60.0), st.one_of(st.floats(0.0, 100.0), st.just(float("nan")))),
    min_size=1,
    max_size=60,
).map(lambda rows: sorted(rows, key=lambda row: row[1]))


def taken(rows: list[tuple[int, float, float]], cuts: list[int]) -> Habits:
    habits = Habits(4, 10.0, valued=True)
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        part = rows[start:end]
        habits.take(*(np.array([row[k] for row in part]) for k in range(3)))  # type: ignore[arg-type]
    return habits


@settings(max_examples=60)
@given(EVENTS, st.integers(0, 60), st.integers(0, 60))
def test_how_the_log_is_cut_does_not_show(rows: list[tuple[int, float, float]], one: int, two: int) -> None:
    cuts = sorted(min(cut, len(rows)) for cut in (one, two))
    everybody = np.arange(4)
    whole, parts = taken(rows, []).features(everybody, 61.0), taken(rows, cuts).features(everybody, 61.0)
    for name, told in whole.items():
        assert parts[name] == pytest.approx(told, rel=1e-9, abs=1e-12, nan_ok=True), name


@settings(max_examples=60)
@given(EVENTS)
def test_counters_equal_the_history_read_anew(rows: list[tuple[int, float, float]]) -> None:
    habits = taken(rows, [])
    for person in {row[0] for row in rows}:
        times = [row[1] for row in rows if row[0] == person]
        gaps = np.diff(times)
        told = {name: float(v[0]) for name, v in habits.features(np.array([person]), 61.0).items()}
        assert told["silent"] == pytest.approx(61.0 - times[-1])
        assert told["events"] == len(times)
        assert told["days"] == len({int(t) for t in times})
        if len(times) > 1:
            assert told["longest_gap"] == pytest.approx(gaps.max())
            assert told["gap"] == pytest.approx(gaps.mean())
        tau = SPANS[1] * 10.0
        faded = sum(np.exp((t - 61.0) / tau) for t in times)
        span = tau * (1.0 - np.exp(-max(61.0 - times[0], 1.0) / tau))
        assert told["rate_middle"] == pytest.approx(faded / span, rel=1e-6)


def test_present_is_who_has_a_habit_and_was_heard_of() -> None:
    habits = Habits(3, 10.0, valued=False)
    who = np.array([0, 0, 0, 1, 2, 2, 2])
    habits.take(who, np.array([0.0, 1.0, 2.0, 2.0, 11.0, 12.0, 12.0]), np.full(7, np.nan))
    assert LEAST_EVENTS == 3
    assert habits.present(12.0).tolist() == [2]
    assert habits.silent_since(np.array([0, 1, 2]), 2.0).tolist() == [True, True, False]


def test_nobody_ever_seen_is_not_present_and_tells_nothing_infinite_where_it_matters() -> None:
    habits = Habits(2, 10.0, valued=False)
    habits.take(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    assert habits.present(5.0).tolist() == []
