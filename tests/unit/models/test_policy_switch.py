"""Another policy in mid-life: what it leaves, what it changes, and that a restart with it is the same as a switch."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.detecting import DAY, HOUR, MINUTE, ROOMY, START, Bench

from models.contract.policy import ConsentDefault, ExpiryPolicy, Policy, WinBackPolicy
from models.kernel.places import DUE_TS
from models.state.lane_time import TICK_MS, ceil_tick

MID_TERM = 30 * DAY + MINUTE
"""Since what was lived: cooldowns of a month have ended, and the tick that will look at them has not come yet."""
PEOPLE = ("s-3", "s-1", "s-2", "s-4")


def contact(version: str, **changes: Any) -> Policy:
    return replace(ROOMY, version=version, contact=replace(ROOMY.contact, **changes))


STRICT = replace(
    contact("p-2", cooldown_days=45.0, refusal_days=10.0),
    consent_default=ConsentDefault(behaviour=True),
    browsing=replace(ROOMY.browsing, visits=2),
    silence=replace(ROOMY.silence, floor_days=1.0, usual_gaps=3.0),
    labels=replace(ROOMY.labels, lapse_days=20.0),
    expiry=ExpiryPolicy(notice_days=(75.0, 60.0, 45.0, 20.0, 2.0)),
    win_back=WinBackPolicy(after_days=40.0, until_days=50.0),
)
LOOSE = replace(contact("p-3", cooldown_days=3.0), tiers=replace(ROOMY.tiers, raises="warning", budget=5.0))


def lived() -> tuple[Bench, int]:
    """Four people in the middle of everything: cooldowns, an open alert, a withheld one, labels that wait.

    And two without an alert: a contract of the first ends, the second has left.
    """
    bench = Bench()
    last = START
    bench.send("profile", "s-6", START)
    bench.send("outcome", "s-6", START + HOUR, outcome="ported_out")
    for who in PEOPLE:
        bench.send("profile", who, START, consent={} if who == "s-2" else {"behaviour": True})
        last = bench.week(who)
    at = last + HOUR + 5 * MINUTE
    bench.send("visit", "s-1", at, dwell_s=900)
    raised = bench.alerts()[-1].alert_id
    bench.send("feedback", "s-1", at + MINUTE, status="retained", alert_id=raised)
    bench.send("visit", "s-1", at + 2 * MINUTE, dwell_s=900)
    bench.send("care", "s-3", at + 3 * MINUTE, reason="leave_intent")
    refused = bench.alerts()[-1].alert_id
    bench.send("feedback", "s-3", at + 4 * MINUTE, status="refused", alert_id=refused)
    bench.send("visit", "s-3", at + 5 * MINUTE, dwell_s=900)
    # A notice that STRICT alone knows was due since the last tick: a switch must not take it for told.
    end = at + 5 * MINUTE + 75 * DAY
    bench.send("profile", "s-5", at + 5 * MINUTE, products=[{"product": "mobile", "contract_end_ts": end}])
    bench.send("care", "s-4", at + 6 * MINUTE, reason="leave_intent")
    return bench, at + 6 * MINUTE


def go_on(bench: Bench, last: int, days: int = 50) -> None:
    for day in range(1, days):
        for who in PEOPLE if day < 20 else ("s-1", "s-4"):
            bench.send("call", who, last + day * DAY)
        bench.send("visit", "s-2", last + day * DAY + HOUR, dwell_s=900)
        for case in ("a", "b"):
            bench.send("care", "s-4", last + day * DAY + 2 * HOUR, reason="complaint", case_id=case)


@pytest.mark.parametrize("mid_term", [0, MID_TERM], ids=["at once", "since an alert expired"])
@pytest.mark.parametrize("policy", [STRICT, LOOSE], ids=["strict", "loose"])
def test_a_restart_with_another_policy_is_the_same_as_a_switch_to_it(policy: Policy, mid_term: int) -> None:
    benches = []
    for restart in (False, True):
        bench, last = lived()
        if mid_term:
            bench.send("call", "s-2", last + mid_term)
            last += mid_term
        bench.policy = policy
        if restart:
            bench.state = dict(sorted(bench.state.items(), reverse=True))  # rows get other numbers
            bench.restart()
        else:
            bench.detector.switch(policy=policy)
        changed = len(bench.outputs)
        records = list(bench.detector.take().records)
        bench._write(records)
        go_on(bench, last)
        benches.append((records, bench, changed))
    (switched, live, at), (restarted, anew, _) = benches
    assert switched == restarted
    assert live.outputs == anew.outputs
    assert live.state == anew.state
    assert live.detector.clock == anew.detector.clock
    before, _ = lived()
    go_on(before, last)
    assert live.outputs[at:] != before.outputs[at:], "the policy made no difference"
    versions = {body.policy_version for o in live.outputs[at:] if (body := o.body) and hasattr(body, "alert_id")}
    assert versions == {policy.version}


@pytest.mark.parametrize(("policy", "notices"), [(STRICT, 1), (LOOSE, 0)], ids=["strict", "loose"])
def test_a_notice_that_the_new_policy_has_due_since_the_last_tick_is_told(policy: Policy, notices: int) -> None:
    bench, last = lived()
    bench.detector.switch(policy=policy)
    bench.send("call", "s-1", last + TICK_MS)
    assert [a.subscriber_id for a in bench.alerts() if a.kind == "contract_expiry"] == ["s-5"] * notices


@pytest.mark.parametrize("cursor", [None, "s-1"], ids=["between sweeps", "in a sweep"])
def test_a_policy_of_the_same_terms_changes_nothing_that_is_kept(cursor: str | None) -> None:
    bench, last = lived()
    bench.send("call", "s-2", last + MID_TERM)
    due = {row: bench.detector.population.table[row, DUE_TS] for row in bench.detector.population.books}
    assert any(end < last + MID_TERM for end in due.values()), "nothing has ended"
    if cursor is not None:
        tick = ceil_tick(last + MID_TERM) - TICK_MS
        bench.detector._sweep.clock.sweeping, bench.detector._sweep.clock.cursor = tick, cursor
    bench.detector.switch(policy=replace(ROOMY, version="p-2"))
    assert list(bench.detector.take().records) == []


def test_a_policy_passed_over_before_the_first_event_leaves_no_trace() -> None:
    """A worker that restarts into p-2 and finds p-3 before its first event is one that went from p-1 to p-3."""
    found = []
    for passed_over in (True, False):
        bench, last = lived()
        clock = bench.detector.clock
        bench.policy = STRICT if passed_over else LOOSE
        bench.detector = bench._new()
        bench.detector.load(bench.state.items())
        bench.detector.resume(clock, "p-1")
        assert not bench.detector.settled
        bench.policy = LOOSE
        bench.detector.switch(policy=LOOSE)
        assert bench.detector.settled
        records = list(bench.detector.take().records)
        bench._write(records)
        go_on(bench, last, 10)
        found.append((records, bench.outputs, bench.state))
    assert found[0] == found[1]


def test_a_longer_cooldown_holds_for_whoever_waits_and_a_shorter_one_for_what_comes() -> None:
    for policy, raised in ((contact("p-2", cooldown_days=45.0), 46), (contact("p-2", cooldown_days=3.0), 31)):
        bench, last = lived()
        assert bench.life("competitor")[-1] == "competitor_browsing suppressed cooldown"
        bench.detector.switch(policy=policy)
        told = len(bench.outputs)
        for day in range(1, raised + 1):
            bench.send("call", "s-1", last + day * DAY)
            if day % 6 == 0:  # it lasts a week, and would expire
                bench.send("visit", "s-1", last + day * DAY, dwell_s=900)
        mine = [o.body for o in bench.outputs[told:] if o.key == "s-1" and hasattr(o.body, "event")]
        days = [(body.ts - last) / DAY for body in mine if body.event == "raised" and hasattr(body, "close_reason")]
        assert [round(day) for day in days] == [raised - 1]


def test_a_shorter_cooldown_holds_for_a_tier_from_the_next_look_on() -> None:
    days = []
    for cooldown in (30.0, 3.0):
        bench, last = Bench(), START
        bench.send("profile", "s-1", START)
        last = bench.week("s-1")
        for day in range(30):
            for case in ("a", "b"):
                bench.send("care", "s-1", last + day * DAY, reason="complaint", case_id=case)
            bench.send("call", "s-1", last + day * DAY + HOUR)
            raised = [each for each in bench.alerts() if each.kind == "risk_tier" and each.event == "raised"]
            if len(raised) == 1 and bench.life("risk_tier")[-1] == "risk_tier raised":
                done = {"status": "retained", "alert_id": raised[0].alert_id}
                bench.send("feedback", "s-1", last + day * DAY + 2 * HOUR, **done)
                bench.detector.switch(policy=contact("p-2", cooldown_days=cooldown))
        days.append([round((each.ts - raised[0].ts) / DAY) for each in raised[1:]])
    assert days == [[], [3]]


def test_open_alerts_keep_their_terms_and_a_kind_that_is_switched_off_raises_no_more() -> None:
    bench, last = lived()
    off = replace(
        ROOMY,
        version="p-2",
        kinds=replace(ROOMY.kinds, leave_intent=replace(ROOMY.kinds.leave_intent, ttl_days=1.0, enabled=False)),
    )
    bench.detector.switch(policy=off)
    told = len(bench.life())
    bench.send("call", "s-4", last + 5 * DAY)
    assert "leave_intent closed expired" not in bench.life()[told:], "it was raised for 30 days"
    bench.send("call", "s-4", last + 31 * DAY)
    assert bench.life("leave_intent")[-1] == "leave_intent closed expired"
    bench.send("care", "s-2", last + 31 * DAY, reason="leave_intent")
    assert bench.life("leave_intent")[-1] == "leave_intent suppressed low_priority"
