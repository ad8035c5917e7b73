"""Same order, any cut: the same alerts, the same state, the same clock; and a restart is nothing but another cut."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.desk_rig import heard
from support.detecting import Bench
from support.lane_mixes import bench_of, lived
from support.trials import trials

from models.contract.events import Arrival
from models.desk.lanes.lane_times import time_of
from models.detection.outbox import Output


def pieces_of(arrivals: list[Arrival], cuts: list[int]) -> list[list[Arrival]]:
    bounds = [0, *sorted({c % (len(arrivals) + 1) for c in cuts}), len(arrivals)]
    return [arrivals[a:b] for a, b in pairwise(bounds)]


def told(outputs: list[Output]) -> list[bytes]:
    return [msgspec.json.encode(output) for output in outputs]


def assert_same(bench: Bench, reference: Bench) -> None:
    assert told(bench.told) == told(reference.told)
    assert bench.state == reference.state
    assert bench.detector.clock == reference.detector.clock
    assert withheld(bench) == withheld(reference)


def withheld(bench: Bench) -> Counter[str]:
    """Breaches that the lane itself has counted."""
    found: Counter[str] = Counter()
    for counts in bench.counts:
        found.update(counts.breaches)
    return found


@settings(max_examples=trials(12))
@given(st.integers(0, 1 << 32), st.integers(1, 160), st.lists(st.integers(0, 200), max_size=6))
def test_detector_any_cut_gives_the_same_alerts_and_state(seed: int, events: int, cuts: list[int]) -> None:
    reference, arrivals = lived(seed, events)
    bench = bench_of(seed)
    for piece in pieces_of(arrivals, cuts):
        bench.apply(piece)
    assert_same(bench, reference)


@settings(max_examples=trials(15))
@given(st.integers(0, 1 << 32), st.integers(1, 120), st.lists(st.integers(0, 150), max_size=5))
def test_detector_restarted_at_every_cut_gives_the_same_alerts_and_state(
    seed: int, events: int, cuts: list[int]
) -> None:
    reference, arrivals = lived(seed, events)
    bench = bench_of(seed)
    for piece in pieces_of(arrivals, cuts):
        bench.restart()
        bench.apply(piece)
    assert_same(bench, reference)


@settings(max_examples=trials(12))
@given(st.integers(0, 1 << 32), st.integers(20, 120), st.integers(1, 3))
def test_detector_full_transactions_give_the_same_alerts_and_state(seed: int, events: int, most: int) -> None:
    reference, arrivals = lived(seed, events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.detection.outbox.MAX_OUTPUTS", most)
        bench = bench_of(seed)
        bench.apply(arrivals)
    assert len(bench.counts) >= len(reference.told) // (20 * most)
    assert_same(bench, reference)


@settings(max_examples=trials(25))
@given(st.integers(0, 1 << 32), st.integers(20, 160))
def test_what_a_lane_writes_for_the_desk_never_goes_back(seed: int, events: int) -> None:
    """An event that passed a tick stood before what was due at it, with the later time: the desk had ticked by then."""
    bench, _ = lived(seed, events)
    times = [time_of(each) for each in heard(bench.told)]
    assert times == sorted(times)


@settings(max_examples=trials(12))
@given(st.integers(0, 1 << 32), st.integers(1, 160))
def test_detector_breaches_are_raised_or_suppressed_and_lives_are_well_formed(seed: int, events: int) -> None:
    bench, _ = lived(seed, events)
    raised = [a for a in bench.alerts() if a.event == "raised"]
    assert bench.breaches() == len(raised) + len(bench.suppressions())
    assert len({o.ce_id for o in bench.outputs}) == len(bench.outputs)
    by_id: dict[str, list[str]] = {}
    for alert in bench.alerts():
        steps = by_id.setdefault(alert.alert_id, [])
        steps.append(alert.event)
        assert alert.seq == len(steps)
    for steps in by_id.values():
        assert steps[0] == "raised"
        assert "raised" not in steps[1:]
        assert "closed" not in steps[:-1]
