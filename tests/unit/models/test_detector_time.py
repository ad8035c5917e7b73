"""What time alone brings about: silence, the daily rescoring, long jumps, and who is let go."""

from __future__ import annotations

import pytest
from support.detecting import CARE_MODEL, DAY, HOUR, MINUTE, START, Bench, snapshot

from models.scoring.snapshot import Snapshot
from models.state.lane_time import SLICE_ROWS, TICK_MS, slices_at, slices_for

QUIET = snapshot(-5.0, silent_days=([0.0, 1.0, 2.0, 20.0], [0.0, 0.0, 3.0, 3.0]))
"""Warning or more after two days without use: only a rescoring can see it."""


def steady(model: Snapshot = CARE_MODEL) -> tuple[Bench, int]:
    """One subscriber with a rhythm of a call every eight hours over ten days, and another who goes on for ever."""
    bench = Bench(model)
    bench.send("profile", "s-1", START - DAY)
    bench.send("profile", "s-2", START - DAY)
    end = START + 10 * DAY
    bench.apply([bench.arrival("call", s, ts) for ts in range(START, end, 8 * HOUR) for s in ("s-1", "s-2")])
    return bench, end - 8 * HOUR


def go_on(bench: Bench, start: int, days: float, step: int = 8 * HOUR, kind: str = "call") -> int:
    times = list(range(start + step, start + round(days * DAY) + 1, step))
    bench.apply([bench.arrival(kind, "s-2", ts) for ts in times])
    return times[-1]


def test_silence_is_told_once_by_the_tick_after_three_days() -> None:
    bench, last = steady()
    now = go_on(bench, last, 3 - 1 / 3)
    assert bench.life("silence") == []
    now = go_on(bench, now, 2)
    assert bench.life("silence") == ["silence raised"]
    raised = next(a for a in bench.alerts() if a.kind == "silence")
    assert raised.subscriber_id == "s-1"
    assert raised.trigger.tick == last + 3 * DAY
    assert raised.ts == last + 3 * DAY
    assert raised.reasons is not None
    assert (raised.reasons[0].code, raised.reasons[0].value, raised.reasons[0].disclosable) == (
        "silent_days",
        3.0,
        False,
    )
    go_on(bench, now, 20)
    assert bench.life("silence") == ["silence raised"]


def test_silence_is_over_with_the_first_use_and_a_new_one_is_in_cooldown() -> None:
    bench, last = steady()
    now = go_on(bench, last, 4)
    bench.send("data", "s-1", now + HOUR)
    assert bench.life("silence") == ["silence raised", "silence closed recovered"]
    bench.send("data", "s-2", now + HOUR)
    for day in range(1, 6):
        bench.send("call", "s-2", now + day * DAY)
        bench.send("data", "s-2", now + day * DAY)
    assert bench.life("silence")[2:] == ["silence suppressed cooldown"]


def test_dead_feed_makes_nobody_silent() -> None:
    bench, last = steady()
    # Calls stop for everybody; visits go on and carry the lane's time.
    go_on(bench, last, 10, step=8 * HOUR, kind="visit")
    assert bench.life("silence") == []


def test_silence_seen_while_a_feed_is_late_is_withheld_until_it_is_back() -> None:
    bench, last = steady()
    now = go_on(bench, last, 2.9, step=6 * MINUTE * 29)
    # The feed of calls comes to a point past the three days in one jump, but the lane is by then six hours further.
    bench.send("visit", "s-2", last + 3 * DAY + 6 * HOUR + 20 * MINUTE)
    bench.send("call", "s-2", last + 3 * DAY + 10 * MINUTE)
    bench.send("visit", "s-2", last + 3 * DAY + 7 * HOUR)
    assert bench.life("silence") == ["silence suppressed stale_feed"]
    now = last + 3 * DAY + 8 * HOUR
    bench.send("call", "s-2", now)
    bench.send("call", "s-2", now + 2 * HOUR)
    assert bench.life("silence") == ["silence suppressed stale_feed", "silence raised"]


def test_who_has_no_rhythm_is_never_silent() -> None:
    bench = Bench()
    bench.send("profile", "s-1", START - DAY)
    bench.send("call", "s-1", START)
    bench.send("call", "s-1", START + 8 * DAY)
    bench.send("call", "s-2", START + 9 * DAY)
    go_on(bench, START + 9 * DAY, 30, step=DAY)
    assert bench.life("silence") == []


def test_everybody_is_rescored_once_a_day() -> None:
    bench, last = steady(QUIET)
    go_on(bench, last, 4, step=4 * HOUR)
    tiers = [(s.subscriber_id, s.ts, s.tier) for s in bench.scores() if s.tier != "healthy"]
    assert {who for who, _, _ in tiers} == {"s-1"}
    # The slice of a small lane is due at midnight; the second one after their last call finds two days of silence, and
    # the third agrees.
    assert tiers[0][1] == (last + 3 * DAY) // DAY * DAY + DAY
    assert bench.life("risk_tier")[0] == "risk_tier raised"
    raised = next(a for a in bench.alerts() if a.kind == "risk_tier")
    assert raised.trigger.tick == tiers[0][1]


def test_long_jump_runs_terms_in_order_and_one_day_of_slices() -> None:
    bench = Bench()
    for name in ("s-1", "s-2"):
        bench.send("profile", name, START - DAY)
    bench.send("visit", "s-1", START, page="checkout", dwell_s=90)
    bench.send("care", "s-2", START + HOUR, reason="leave_intent")
    bench.send("call", "s-3", START + 400 * DAY)
    closed = [(a.kind, a.trigger.tick) for a in bench.alerts() if a.event == "closed"]
    assert closed == [
        ("competitor_browsing", START + 7 * DAY),
        ("leave_intent", START + 30 * DAY + HOUR),
    ]
    assert bench.detector.clock.last_tick == START + 400 * DAY


def test_before_the_first_event_nothing_ticks() -> None:
    bench = Bench()
    bench.send("profile", "s-1", START)
    bench.send("outcome", "s-1", START + 90 * DAY)
    assert bench.detector.clock.watermark is None
    assert bench.detector.clock.last_tick is None
    bench.send("call", "s-1", START + HOUR + MINUTE)
    assert bench.detector.clock.last_tick == START + HOUR


def test_profiles_outcomes_and_feedback_do_not_move_time() -> None:
    bench = Bench()
    bench.send("call", "s-1", START)
    bench.send("profile", "s-1", START + 30 * DAY)
    bench.send("contact", "s-1", START + 30 * DAY)
    bench.send("feedback", "s-1", START + 30 * DAY)
    assert bench.detector.clock.watermark == START
    assert bench.detector.clock.feeds == {"telecom.calls.v1": START}


def test_idle_subscriber_is_let_go_unless_something_holds_him() -> None:
    bench = Bench()
    for name in ("idle", "known", "touched"):
        bench.send("call", name, START)
    bench.send("profile", "known", START)
    bench.send("contact", "touched", START + 100 * DAY)
    bench.send("call", "busy", START + 179 * DAY)
    assert len(bench.detector.population) == 4
    bench.send("call", "busy", START + 182 * DAY)
    population = bench.detector.population
    assert [population.find(n) >= 0 for n in ("idle", "known", "touched", "busy")] == [False, True, True, True]
    assert bench.counts[-1].forgotten == 1
    assert not [key for key in bench.state if key[1:] == b"idle"]
    tombstones = [o for o in bench.outputs if o.kind == "score" and o.body is None]
    assert [o.key for o in tombstones] == ["idle"]


def test_restart_in_the_middle_of_a_sweep_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def lived(*, restarts: bool) -> list[str]:
        bench = Bench()
        names = [f"s-{i:02}" for i in range(30)]
        bench.apply([bench.arrival("profile", name, START) for name in names])
        bench.apply([bench.arrival("visit", name, START, page="checkout", dwell_s=90) for name in names])
        rest = [bench.arrival("call", "s-00", START + 8 * DAY)]
        while rest or bench.detector.owed:
            rest = rest[bench.detector.apply(rest) :]
            bench.commit()
            if restarts:
                assert sum(o.kind == "alert" for o in bench.outputs) in range(30, 61)
                bench.restart()
        return [o.ce_id for o in bench.outputs]

    whole = lived(restarts=False)
    monkeypatch.setattr("models.detection.outbox.MAX_OUTPUTS", 7)
    assert lived(restarts=True) == whole


def test_sweep_leaves_room_for_a_commit_when_a_tick_has_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.detection.tick_sweep.LOOKS_AT_ONCE", 10)
    bench = Bench()
    bench.apply([bench.arrival("call", f"s-{i}", START) for i in range(40)])
    assert bench.detector.apply([bench.arrival("call", "s-0", START + 3 * DAY)]) == 1
    rounds = 0
    while bench.detector.owed:
        bench.detector.apply([])
        rounds += 1
    assert bench.detector.clock.last_tick == START + 3 * DAY
    assert rounds < 5


@pytest.mark.parametrize("rows", [1, SLICE_ROWS, SLICE_ROWS + 1, 300_000, 3_000_000])
def test_slices_hold_about_five_thousand_and_each_is_due_once_a_day(rows: int) -> None:
    slices = slices_for(rows)
    assert rows / slices <= SLICE_ROWS
    due = [s for tick in range(96) for s in slices_at(START + tick * TICK_MS, slices)]
    assert due == list(range(slices))
