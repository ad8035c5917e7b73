"""Another model in mid-life: it changes nothing that is kept, and a restart with it is the same as a switch to it."""

from __future__ import annotations

from msgspec.structs import replace
from support.detecting import CARE_MODEL, DAY, HOUR, MINUTE, START, Bench

from models.contract.policy import Policy
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot

STRICT = replace(CARE_MODEL, version="m-strict", intercept=CARE_MODEL.intercept + 2.0)


def lived() -> tuple[Bench, int]:
    """Three people; a peace of one has ended, and the tick that will look at it has not come yet."""
    bench = Bench()
    last = START
    for who in ("s-1", "s-2", "s-3"):
        bench.send("profile", who, START)
        last = bench.week(who)
    raised = last + HOUR + 5 * MINUTE
    bench.send("visit", "s-2", raised, dwell_s=900)
    raising = bench.alerts()[-1].alert_id
    bench.send("feedback", "s-2", raised + MINUTE, status="retained", alert_id=raising)
    assert bench.life() == ["competitor_browsing raised", "competitor_browsing closed feedback"]
    now = raised + 30 * DAY + 2 * MINUTE
    for who in ("s-1", "s-3"):  # his own event would set his terms anew
        bench.send("call", who, now)
    for case in ("a", "b"):
        bench.send("care", "s-1", now, reason="complaint", case_id=case)
    return bench, now


def go_on(bench: Bench, last: int) -> None:
    for day in range(1, 12):
        for who in ("s-1", "s-2", "s-3"):
            bench.send("call", who, last + day * DAY)
        bench.send("care", "s-3", last + day * DAY + HOUR, reason="complaint", case_id="c")


def taken_over_by(model: Snapshot, *, restart: bool) -> tuple[Bench, int]:
    bench, last = lived()
    if restart:
        bench.model = model
        bench.restart()
    else:
        bench.detector.switch(Scorer(model, bench.policy.base_rate))
        assert not bench.detector.take().records, "a model changes nothing that is kept"
    go_on(bench, last)
    return bench, last


def test_a_restart_with_another_model_is_the_same_as_a_switch_to_it() -> None:
    switched, _ = taken_over_by(STRICT, restart=False)
    restarted, _ = taken_over_by(STRICT, restart=True)
    assert switched.outputs == restarted.outputs
    assert switched.state == restarted.state
    assert switched.detector.clock == restarted.detector.clock


def test_tiers_are_judged_by_the_new_model_at_the_next_looks_and_not_before() -> None:
    bench, last = lived()
    before = bench.detector.tiers_count()
    # So strict that everybody is a warning at least.
    bench.detector.switch(Scorer(replace(STRICT, intercept=CARE_MODEL.intercept + 3.0), Policy().base_rate))
    told = len(bench.scores())
    bench.send("call", "s-3", last + 2 * HOUR)
    assert bench.detector.tiers_count() == before
    assert bench.scores()[told:] == []
    for day in (1, 2, 3):  # daily looks come by everybody
        bench.send("call", "s-2", last + day * DAY)
    moved = {score.subscriber_id: score for score in bench.scores()[told:]}
    assert set(moved) == {"s-1", "s-2", "s-3"}
    assert {score.model_version for score in moved.values()} == {"m-strict"}
    assert all(score.tier != "healthy" for score in moved.values())
