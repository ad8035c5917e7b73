"""Same order, any cut: the same alerts, the same state, the same clock; and a restart is nothing but another cut."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.detecting import DAY, HOUR, MINUTE, START, Bench
from support.lane_mixes import bench_of, hurried, lived

from models.contract.events import Arrival
from models.decisions.outbox import Output


def pieces_of(arrivals: list[Arrival], cuts: list[int]) -> list[list[Arrival]]:
    bounds = [0, *sorted({c % (len(arrivals) + 1) for c in cuts}), len(arrivals)]
    return [arrivals[a:b] for a, b in pairwise(bounds)]


def told(outputs: list[Output]) -> list[bytes]:
    return [msgspec.json.encode(output) for output in outputs]


def assert_same(bench: Bench, reference: Bench) -> None:
    assert told(bench.outputs) == told(reference.outputs)
    assert bench.state == reference.state
    assert bench.detector.clock == reference.detector.clock
    assert bench.breaches() == reference.breaches()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 160), st.lists(st.integers(0, 200), max_size=6))
def test_detector_any_cut_gives_the_same_alerts_and_state(seed: int, events: int, cuts: list[int]) -> None:
    reference, arrivals = lived(seed, events)
    bench = bench_of(seed)
    for piece in pieces_of(arrivals, cuts):
        bench.apply(piece)
    assert_same(bench, reference)


@settings(max_examples=15, deadline=None)
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


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(20, 120), st.integers(1, 3))
def test_detector_full_transactions_give_the_same_alerts_and_state(seed: int, events: int, most: int) -> None:
    reference, arrivals = lived(seed, events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.decisions.outbox.MAX_OUTPUTS", most)
        bench = bench_of(seed)
        bench.apply(arrivals)
    assert len(bench.counts) >= len(reference.outputs) // (20 * most)
    assert_same(bench, reference)


@settings(max_examples=12, deadline=None)
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


@pytest.mark.parametrize("quiet", ["dismissed", "refused"])
def test_detector_peace_that_ends_within_the_batch_ends_at_its_tick(quiet: str) -> None:
    def lived_through(*, cut: bool) -> Bench:
        bench = Bench(policy=hurried())
        ends = START + 6 * HOUR + (2 if quiet == "dismissed" else 3) * DAY
        arrivals = [
            bench.arrival("profile", "s-1", START - DAY),
            bench.arrival("visit", "s-1", START + 5 * HOUR, page="checkout", dwell_s=90),
        ]
        bench.apply(arrivals)
        alert_and_withheld = bench.alerts()[0].alert_id
        rest = [bench.arrival("feedback", "s-1", START + 6 * HOUR, status=quiet, alert_id=alert_and_withheld)]
        rest.append(bench.arrival("call", "s-2", ends - 3 * HOUR))
        rest.append(bench.arrival("visit", "s-1", ends - 2 * HOUR, page="checkout", dwell_s=90))
        # A day like any other, with a complaint in it that a later look would see.
        rest += [bench.arrival("call", "s-2", ends - HOUR + n * MINUTE) for n in range(0, 600, 25)]
        rest.insert(-10, bench.arrival("care", "s-1", ends + 4 * HOUR, reason="complaint", case_id="c-1"))
        for piece in pieces_of(rest, list(range(len(rest))) if cut else []):
            bench.apply(piece)
        return bench

    whole = lived_through(cut=False)
    assert whole.life("competitor")[-2:] == [
        "competitor_browsing suppressed cooldown",
        "competitor_browsing raised",
    ]
    assert_same(whole, lived_through(cut=True))
