"""The fold against its slow twin, the features against theirs."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.event_mixes import arrivals_of, mixes, usage
from support.feature_oracle import features as plain_features
from support.fold_oracle import Oracle, Step, Subscriber
from support.folded import Trace, features_after, fold
from support.trials import trials

from models.contract.events import Arrival, Page
from models.features.catalogue import NAMES
from models.state.columns import BLOCKS
from models.state.population import Population

NAN = float("nan")
SPECS = {spec.name: spec for spec in BLOCKS}


def assert_same_columns(trace: Trace, place: int, step: Step) -> None:
    for block, columns in step.state.items():
        names = SPECS[block].columns
        assert set(names) == set(columns), block
        found = trace.state[block][place].tolist()
        for name, value in zip(names, found, strict=True):
            assert value == columns[name] or (math.isnan(value) and math.isnan(columns[name])), (block, name)


@settings(max_examples=trials(100))
@given(mixes)
def test_fold_agrees_with_the_oracle_bit_for_bit(arrivals: list[Arrival]) -> None:
    population, oracle = Population(), Oracle()
    trace = fold(population, arrivals, NAN)
    for place, arrival in enumerate(arrivals):
        step = oracle.apply(arrival.event, arrival.record_ts)
        assert (trace.rows[place] >= 0) == step.known
        assert trace.applied[place] == step.applied
        assert trace.late[place] == (step.late and step.applied)
        assert trace.now[place] == step.now
        assert_same_columns(trace, place, step)
    assert len(population) == len(oracle.subscribers)
    for subscriber_id, subscriber in oracle.subscribers.items():
        assert_same_book(population, population.find(subscriber_id), subscriber)


def assert_same_book(population: Population, row: int, subscriber: Subscriber) -> None:
    book = population.book(row)
    visits = [(v.ts, v.dwell_s, get_args(Page).index(v.page)) for v in subscriber.visits]
    assert population.visits.of(row) == visits
    assert [(t.ts, t.channel, t.status, t.by) for t in book.touches] == subscriber.touches
    assert book.refused_ts == subscriber.refused_ts
    cases = {
        c: {"opened_ts": x.opened_ts, "reason": x.reason, "due_ts": x.due_ts, "department": x.department}
        for c, x in book.cases.items()
    }
    assert cases == subscriber.cases
    appointment = subscriber.appointment[0]
    assert book.appointment_ts == (None if math.isnan(appointment) else appointment)
    assert population.profiles[row] == subscriber.profile


@settings(max_examples=trials(100))
@given(mixes, st.sampled_from([0.0, 3.5e6, 4e9]))
def test_features_agree_with_their_plain_definitions(arrivals: list[Arrival], later: float) -> None:
    oracle = Oracle()
    trace = fold(Population(), arrivals, NAN)
    found = features_after(trace, trace.now + later)
    for place, arrival in enumerate(arrivals):
        step = oracle.apply(arrival.event, arrival.record_ts)
        expected = plain_features(step.state, step.now + later)
        assert set(expected) == set(NAMES)
        for name, value in zip(NAMES, found[:, place].tolist(), strict=True):
            assert math.isclose(value, expected[name], rel_tol=1e-9, abs_tol=1e-12) or (
                math.isnan(value) and math.isnan(expected[name])
            ), name


@settings(max_examples=trials(100))
@given(st.lists(usage, min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_fold_sums_do_not_depend_on_the_order(found: list, random) -> None:
    once = [event for event in found if event.event_id is None]
    shuffled = random.sample(once, len(once))
    one, other = Population(), Population()
    fold(one, arrivals_of(once), NAN)
    fold(other, arrivals_of(shuffled), NAN)
    for event in once:
        for name in ("calls", "data", "visits", "care", "billing"):
            behind = 2 + len(SPECS[name].taus)
            left, right = (p.blocks[name].data[p.find(event.subscriber_id), :behind] for p in (one, other))
            np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9, err_msg=name)
