"""The judgement of progress: what ends a worker, and what must not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from app.errors import ExitCode
from app.worker.progress_verdict import Observation, ProgressMemory, ProgressVerdict, begin, judge, stalled
from streams.kafka.membership import Denial

CALLS = ("telecom.calls.v1", 3)
VISITS = ("telecom.site-visits.v1", 3)


def watch(looks: Iterable[Observation], memory: ProgressMemory | None = None) -> tuple[ProgressMemory, ProgressVerdict]:
    memory = memory or begin(0.0)
    verdict = ProgressVerdict(None, (), ())
    for look in looks:
        memory, verdict = judge(memory, look)
        if verdict.code is not None:
            break
    return memory, verdict


def seconds(first: int, last: int, **seen: object) -> list[Observation]:
    """A look each second with a loop that beats."""
    return [Observation(**{"now": float(t), "beat": float(t), **seen}) for t in range(first, last + 1)]  # type: ignore[arg-type]


BEHIND: dict[str, object] = {"positions": {CALLS: 5}, "ends": {CALLS: 9}}


def test_a_beating_loop_with_nothing_to_do_lives_for_ever() -> None:
    _, verdict = watch(seconds(1, 600, positions={CALLS: 9}, ends={CALLS: 9}))
    assert verdict == ProgressVerdict(None, (), ())


def test_a_silent_loop_is_stuck_after_20_seconds_and_not_before() -> None:
    assert watch(seconds(1, 20, beat=0.0))[1].code is None
    _, verdict = watch(seconds(1, 21, beat=0.0))
    assert verdict.code is ExitCode.STUCK
    assert verdict.code == 70


def test_lag_without_progress_is_75_after_a_minute_and_names_the_partition() -> None:
    assert watch(seconds(1, 60, **BEHIND))[1].code is None
    _, verdict = watch(seconds(1, 61, **BEHIND))
    assert verdict.code == 75
    assert "telecom.calls.v1-3 stands at 5" in verdict.reasons[0]


def test_one_step_in_a_minute_is_progress() -> None:
    looks = [
        look._replace(positions={CALLS: 5 + int(look.now // 50)}) for look in seconds(1, 600, ends={CALLS: 10_000})
    ]
    assert watch(looks)[1].code is None


def test_a_stuck_input_is_seen_beside_one_that_moves() -> None:
    looks = [
        look._replace(positions={CALLS: 5, VISITS: int(look.now)})
        for look in seconds(1, 61, ends={CALLS: 9, VISITS: 10_000})
    ]
    verdict = watch(looks)[1]
    assert verdict.code == 75
    assert len(verdict.reasons) == 1


def test_a_desk_that_moves_does_not_excuse_its_lane_nor_the_other_way_round() -> None:
    calls, desk = ("telecom.calls.v1", 0), ("churn.breaches.v1", 0)
    looks = seconds(1, 61, ends={calls: 9, desk: 10_000}, waiting=frozenset({calls}))
    verdict = watch([look._replace(positions={calls: 5, desk: int(look.now)}) for look in looks])[1]
    assert verdict.code == 75
    assert "telecom.calls.v1-0 stands at 5" in verdict.reasons[0]
    looks = seconds(1, 61, ends={calls: 10_000, desk: 9})
    verdict = watch([look._replace(positions={calls: int(look.now), desk: 5}) for look in looks])[1]
    assert verdict.code == 75
    assert "churn.breaches.v1-0 stands at 5" in verdict.reasons[0]


def test_a_record_that_waits_its_turn_in_a_lane_that_moves_is_no_stall() -> None:
    """A lane that drained a backlog for minutes was killed for the one erasure of tomorrow that lay in it."""
    ends = {CALLS: 9, VISITS: 10_000}
    draining = [
        look._replace(positions={CALLS: 5, VISITS: int(look.now)}, waiting=frozenset({CALLS}))
        for look in seconds(1, 300, ends=ends)
    ]
    memory, verdict = watch(draining)
    assert verdict.code is None
    # Once nothing of the lane moves, what waits is stuck like anything else.
    stuck = seconds(301, 361, ends=ends, positions={CALLS: 5, VISITS: 300}, waiting=frozenset({CALLS}))
    assert watch(stuck, memory)[1].code == 75


def test_a_record_that_waits_is_not_excused_by_another_lane() -> None:
    other = ("telecom.calls.v1", 1)
    looks = [
        look._replace(positions={CALLS: 5, other: int(look.now)}, waiting=frozenset({CALLS}))
        for look in seconds(1, 61, ends={CALLS: 9, other: 10_000})
    ]
    assert watch(looks)[1].code == 75


HELD: dict[str, object] = {
    "positions": {CALLS: 5, VISITS: 300},
    "ends": {CALLS: 900, VISITS: 10_000},
    "waiting": frozenset({CALLS}),
}
"""A lane that has calls, and waits for visits."""


def test_an_input_that_is_waited_for_and_does_not_move_is_named_then_75() -> None:
    looks = seconds(1, 75, **HELD, awaited={VISITS: 310})
    memory, verdict = watch(looks[:60])
    assert verdict == ProgressVerdict(None, (), ())
    memory, verdict = watch(looks[60:61], memory)
    assert verdict == ProgressVerdict(None, (), ("waits_for_telecom.site-visits.v1-3",))
    memory, verdict = watch([*looks[61:], *seconds(76, 76, **HELD, awaited={VISITS: 310})], memory)
    assert verdict.code == 75
    assert len(verdict.reasons) == 1
    assert "lane 3 waits for telecom.site-visits.v1" in verdict.reasons[0]


def test_a_place_that_moves_over_aborted_records_is_progress() -> None:
    """Nothing is applied for minutes, and yet the input is read."""
    looks = [look._replace(awaited={VISITS: 300 + int(look.now)}) for look in seconds(1, 600, **HELD)]
    assert watch(looks)[1] == ProgressVerdict(None, (), ())


def test_an_empty_input_that_never_answers_is_waited_for_no_longer_than_another() -> None:
    looks = seconds(1, 76, positions={CALLS: 5, VISITS: 0}, ends={CALLS: 9, VISITS: 0}, awaited={VISITS: 0})
    assert watch([look._replace(waiting=frozenset({CALLS})) for look in looks])[1].code == 75


def test_no_wait_counts_while_the_broker_does_not_answer() -> None:
    memory, verdict = watch(seconds(1, 300, **HELD, awaited={VISITS: 300}, reachable=False))
    assert verdict == ProgressVerdict(None, (), ("broker_unavailable",))
    assert watch(seconds(301, 359, **HELD, awaited={VISITS: 300}), memory)[1] == ProgressVerdict(None, (), ())


def test_the_clock_starts_when_the_first_record_comes_not_when_the_ledger_last_moved() -> None:
    idle = seconds(1, 300, positions={CALLS: 9}, ends={CALLS: 9})
    memory, _ = watch(idle)
    behind = seconds(301, 359, positions={CALLS: 9}, ends={CALLS: 10})
    assert watch(behind, memory)[1].code is None


@pytest.mark.parametrize("excuse", ["barred", "unreadable"])
def test_what_is_barred_or_only_markers_is_no_stall(excuse: str) -> None:
    assert watch(seconds(1, 300, **BEHIND, **{excuse: frozenset({CALLS})}))[1].code is None


def test_a_broker_that_does_not_answer_keeps_the_worker_alive_but_not_ready() -> None:
    memory, verdict = watch(seconds(1, 300, **BEHIND, reachable=False))
    assert verdict == ProgressVerdict(None, (), ("broker_unavailable",))
    # When it is back, the worker has a full minute to catch on.
    memory, verdict = watch(seconds(301, 359, **BEHIND), memory)
    assert verdict.code is None
    assert watch(seconds(360, 362, **BEHIND), memory)[1].code == 75


def test_a_restore_that_stands_still_is_75() -> None:
    assert watch(seconds(1, 60, opening={3: 500}))[1].code is None
    verdict = watch(seconds(1, 61, opening={3: 500}))[1]
    assert verdict.code == 75
    assert "3 (500 records left)" in verdict.reasons[0]


def test_a_restore_that_goes_on_is_let_alone_and_blocks_ready() -> None:
    looks = [look._replace(opening={3: 1000 - int(look.now)}) for look in seconds(1, 600)]
    verdict = watch(looks)[1]
    assert verdict.code is None
    assert verdict.blockers == ("lane_3_opening",)


def test_a_lane_that_waits_its_turn_has_longer() -> None:
    assert watch(seconds(1, 120, opening={3: 0}))[1].code is None
    assert watch(seconds(1, 121, opening={3: 0}))[1].code == 75


def test_rebalancing_for_more_than_twice_its_timeout_is_75() -> None:
    verdict = watch(seconds(1, 61, rebalancing=True))[1]
    assert verdict.code is None
    assert verdict.blockers == ("rebalancing",)
    assert watch(seconds(1, 62, rebalancing=True))[1].code == 75


def test_no_member_for_45_seconds_is_75_without_lag_and_not_ready_at_once() -> None:
    first = judge(begin(0.0), seconds(1, 1, denial=Denial.UNKNOWN)[0])[1]
    assert first == ProgressVerdict(None, (), ("not_a_member",))
    assert watch(seconds(1, 45, denial=Denial.UNKNOWN))[1].code is None
    verdict = watch(seconds(1, 46, denial=Denial.UNKNOWN))[1]
    assert verdict.code == 75
    assert verdict.reasons == ("no member of the group for 45 s: the group's coordinator does not know it",)


def test_a_membership_that_comes_back_starts_the_clock_anew() -> None:
    memory, _ = watch(seconds(1, 40, denial=Denial.UNKNOWN))
    memory, verdict = watch(seconds(41, 41), memory)
    assert verdict == ProgressVerdict(None, (), ())
    assert watch(seconds(42, 86, denial=Denial.UNKNOWN), memory)[1].code is None


def test_a_coordinator_that_does_not_answer_ends_nobody_but_nobody_is_ready() -> None:
    assert watch(seconds(1, 600, answered=False))[1] == ProgressVerdict(None, (), ("membership_unknown",))
    memory, _ = watch(seconds(1, 40, denial=Denial.UNKNOWN))
    memory, _ = watch(seconds(41, 300, answered=False, reachable=False), memory)
    assert watch(seconds(301, 345, denial=Denial.UNKNOWN), memory)[1].code is None


def test_two_rebalances_are_not_one_long_one() -> None:
    looks = [look._replace(rebalancing=int(look.now) % 50 != 0) for look in seconds(1, 600)]
    assert watch(looks)[1].code is None


def test_a_process_that_was_stopped_and_continued_is_not_judged_by_the_pause() -> None:
    memory, _ = watch(seconds(1, 30, **BEHIND))
    after = Observation(now=300.0, beat=30.0, positions={CALLS: 5}, ends={CALLS: 9})
    memory, verdict = judge(memory, after)
    assert verdict.code is None
    assert watch(seconds(301, 319, beat=30.0), memory)[1].code is None
    assert watch(seconds(301, 321, beat=30.0), memory)[1].code == 70


def test_a_lane_that_moved_away_and_came_back_starts_anew() -> None:
    memory, _ = watch(seconds(1, 50, **BEHIND))
    memory, _ = watch(seconds(51, 52), memory)
    assert watch(seconds(53, 100, **BEHIND), memory)[1].code is None


def test_stalled_tells_what_to_look_at_before_it_is_too_late() -> None:
    looks = seconds(1, 40, **BEHIND)
    memory, _ = watch(looks)
    assert stalled(memory, looks[-1], 20.0) == [CALLS]
    assert stalled(memory, looks[-1], 50.0) == []
