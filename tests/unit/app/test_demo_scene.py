"""The demonstration's scene: first alert, lines, stories, kills, and what a script is told of them."""

from __future__ import annotations

import json

from alerts_made import an_alert
from app.demo.clocks import Recovery, Stopwatch, Ticker
from app.demo.feed import LivedPace
from app.demo.front_desk import VIEWER, Answered
from app.demo.scene import Scene, summary
from app.demo.screen import commands, export
from app.demo.vitals import WorkerVitals
from models.contract.time_units import DAY_MS
from models.contract.work_orders import OrderId, WorkOrder

LIVE_MS = 1_780_000_000_000


def a_scene() -> Scene:
    return Scene(brokers="127.0.0.1:4711", subscribers=400, seed=7, began=100.0, start_ms=0, live_ms=LIVE_MS)


def test_the_first_alert_fills_the_card_and_later_ones_become_lines() -> None:
    scene = a_scene()
    first, second = an_alert(alert_id="a" * 32), an_alert(alert_id="b" * 32, kind="silence")
    scene.saw(first, at=112.34)
    scene.saw(second, at=113.0)
    scene.tick(113.0)
    assert (scene.card, scene.first_alert, scene.first_alert_s) == (first, first, 12.3)
    assert [line.alert for line in scene.lines] == [second]
    assert scene.alerts_by_kind == {"competitor_browsing": 1, "silence": 1}


def test_a_closing_is_no_first_alert() -> None:
    scene = a_scene()
    scene.saw(an_alert(event="closed", close_reason="expired", seq=2), at=101.0)
    assert scene.first_alert is None
    assert scene.card is None
    assert (scene.passed.lost_alerts, scene.lost) == (1, 1)


def test_a_storys_alert_takes_the_card_and_stops_its_clock() -> None:
    scene = a_scene()
    scene.saw(an_alert(), at=101.0)
    scene.watch.start(1, "s-story-1", at=105.0)
    told = an_alert(alert_id="c" * 32, subscriber_id="s-story-1")
    scene.saw(told, at=105.25)
    assert scene.card == told
    assert scene.first_alert != told
    assert summary(scene, 110.0)["stories"] == [
        {"story": 1, "seconds": 0.25, "outcome": "competitor_browsing", "withheld": False}
    ]


def test_lines_come_at_most_one_in_two_seconds_and_bursts_are_folded() -> None:
    ticker = Ticker()
    ticker.put(an_alert(priority=1.0))
    first = ticker.take(10.0)
    assert first is not None
    assert not first.others
    for priority in (3.0, 9.0, 5.0):
        ticker.put(an_alert(priority=priority))
    ticker.put(an_alert(priority=50.0, event="closed", kind="silence", close_reason="expired"))
    assert ticker.take(11.9) is None
    line = ticker.take(12.0)
    assert line is not None
    assert line.alert.priority == 9.0  # news before endings, whatever these are worth
    assert line.others == {"competitor_browsing": 2, "silence": 1}
    assert ticker.take(20.0) is None


def test_a_withheld_story_says_so_and_gives_way_to_an_alert() -> None:
    watch = Stopwatch()
    watch.start(2, "s-story-2", at=1.0)
    assert watch.withheld("s-000001", "cooldown", at=1.1) is None
    watch.withheld("s-story-2", "no_profile", at=1.5)
    assert (watch.laps[0].withheld, watch.laps[0].outcome, watch.laps[0].seconds) == (True, "no_profile", 0.5)
    watch.alert("s-story-2", "leave_intent", at=3.0)
    assert (watch.laps[0].withheld, watch.laps[0].outcome, watch.laps[0].seconds) == (False, "leave_intent", 2.0)
    assert watch.alert("s-story-2", "risk_tier", at=9.0) is None


def test_a_successor_is_back_only_when_every_lane_is_open_again() -> None:
    recovery = Recovery(began=50.0, openings=4, lag=0, lanes=4)
    recovery.look(60.0, openings=7, lag=900)
    assert recovery.reopened_s is None
    recovery.look(61.5, openings=8, lag=900)
    assert (recovery.reopened_s, recovery.caught_up_s) == (11.5, None)
    recovery.look(62.0, openings=8, lag=3)
    assert (recovery.reopened_s, recovery.caught_up_s) == (11.5, 12.0)


def test_tiers_stand_while_the_worker_is_dead_or_knows_nothing_yet() -> None:
    scene = a_scene()
    scene.follow(WorkerVitals({"healthy": 390, "high_risk": 10}, 5))
    scene.kills.append(Recovery(began=110.0, openings=4, lag=0, lanes=4))
    scene.follow(WorkerVitals({"healthy": 90}, 6))
    assert scene.tiers == {"healthy": 390, "high_risk": 10}
    scene.kills[0].reopened_s = 11.0
    scene.follow(WorkerVitals({"healthy": 0}, None))
    assert (scene.tiers, scene.event_ms) == ({"healthy": 390, "high_risk": 10}, 6)
    scene.follow(WorkerVitals({"healthy": 391}, 7))
    assert scene.tiers == {"healthy": 391}


def test_the_summary_is_json_and_says_that_all_is_simulated() -> None:
    scene = a_scene()
    scene.look(101.0, lag=12)
    told = json.loads(json.dumps(summary(scene, 145.0)))
    assert told["simulated"] is True
    assert (told["first_alert_s"], told["alerts"], told["lag_records"], told["seconds"]) == (None, 0, 12, 45.0)
    passed = ("events", "breaches", "alerts", "orders")
    assert {told[f"{what}_{of}"] for what in ("lost", "twice") for of in passed} == {0}
    assert (told["orders"], told["orders_by_step"], told["waiting"]) == (0, {}, 0)
    assert not [name for name in told if "auc" in name or "precision" in name or "lift" in name]


def an_order(alert_id: str, **changed: object) -> WorkOrder:
    fields = {
        "order_id": alert_id, "seq": 1, "step": "dispatched", "reason": "competitor_browsing", "subscriber_id": "s-1",
        "customer_id": None, "account_id": None,
        "alert_ids": [alert_id], "unit": "tianhe-03", "role": "caller", "assignee": "caller-3a",
        "channel": "outbound_call", "contact_by": LIVE_MS, "by": "desk", "ts": LIVE_MS, "policy_version": "p-1",
    }  # fmt: skip
    return WorkOrder(**{**fields, **changed})  # type: ignore[arg-type]


def test_the_first_alert_of_the_present_takes_the_card_of_a_past_one_whose_order_is_over() -> None:
    past, notice, present, later = (
        an_alert(alert_id=name * 32, ts=ts, kind=kind)
        for name, ts, kind in (
            ("a", LIVE_MS - DAY_MS, "leave_intent"),
            ("b", LIVE_MS, "contract_expiry"),
            ("c", LIVE_MS, "silence"),
            ("d", LIVE_MS + 1, "silence"),
        )
    )
    scene = a_scene()
    scene.saw(past, at=101.0)
    scene.ordered(an_order(past.alert_id), b"", at=101.0)
    scene.saw(present, at=102.0)
    assert scene.card == past, "its order is still open"
    scene.ordered(an_order(past.alert_id, seq=2, step="archived"), b"", at=103.0)
    scene.saw(notice, at=104.0)
    assert scene.card == past
    scene.saw(present, at=105.0)
    scene.saw(later, at=106.0)
    assert (scene.card, scene.first_alert) == (present, past)


def test_a_story_keeps_the_card_when_its_order_is_over() -> None:
    scene = a_scene()
    scene.watch.start(2, "s-story-2", at=100.5)
    told = an_alert(alert_id="a" * 32, subscriber_id="s-story-2", ts=LIVE_MS - 1)
    scene.saw(told, at=101.0)
    scene.ordered(an_order(told.alert_id, step="withdrawn"), b"", at=101.0)
    scene.saw(an_alert(alert_id="b" * 32, ts=LIVE_MS), at=102.0)
    assert scene.card == told


def test_the_viewers_answer_is_timed_until_the_step_that_it_causes() -> None:
    scene = a_scene()
    scene.desk.answered = said = Answered(OrderId("a" * 32), "accepted", began=110.0)
    scene.ordered(an_order("b" * 32, step="accepted", by=VIEWER), b"", at=110.1)
    scene.ordered(an_order("a" * 32, step="reminded"), b"", at=110.2)
    assert said.seconds is None
    scene.ordered(an_order("a" * 32, seq=2, step="accepted", by=VIEWER), b"", at=110.25)
    scene.ordered(an_order("a" * 32, seq=3, step="contacted", by=VIEWER), b"", at=112.0)
    assert said.seconds == 0.25


def test_three_commands_with_an_id_that_exists() -> None:
    scene = a_scene()
    assert not [command for command in commands(scene) if "show" in command]
    scene.saw(an_alert(), at=101.0)
    assert len(commands(scene)) == 3
    assert "holdfast alerts show 9f0c1122" in commands(scene)
    assert "holdfast orders list" in commands(scene)
    assert export(scene) == "export HOLDFAST_BROKERS=127.0.0.1:4711 HOLDFAST_TOPIC_PREFIX=demo."


def test_the_population_never_overtakes_the_wall_clock() -> None:
    now = LIVE_MS + 10_000
    pace = LivedPace(LIVE_MS, speed=600.0)
    pace.clock = lambda: now
    assert pace.wait(LIVE_MS - 1) == 0.0  # the past, at once
    assert pace.wait(LIVE_MS) == 0.0
    assert pace.wait(LIVE_MS + 6_000) == 0.01
    assert pace.wait(now + 1) is None
