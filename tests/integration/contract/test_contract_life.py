"""What ends an alert from outside: feedback, outcomes, suspension, erasure; and what a profile changes."""

from __future__ import annotations

import json

import pytest
from support.black_box import World
from support.black_box_events import DAY, ERASURES, HOUR, MINUTE, RECEIPTS, SCORES, STATE, SUBSCRIBERS
from support.black_box_outputs import Record
from support.black_box_subscriber import Subscriber
from support.known_model import AT_RISK, WARNED

RAISED = ("raised", None)

# Feedback


@pytest.mark.parametrize("status", ["retained", "lost", "refused", "dismissed", "withdrawn"])
def test_feedback_that_closes(customer: Subscriber, status: str) -> None:
    customer.care("leave_intent")
    (raised,) = customer.alerts()
    customer.feedback(status, raised["alert_id"], by="manager-7", channel="outbound_call", note="…")
    assert customer.steps() == [RAISED, ("closed", "feedback")]
    closed = customer.alerts()[-1]
    assert (closed["seq"], closed["alert_id"]) == (2, raised["alert_id"])
    assert (closed["action"], closed["reasons"]) == (None, None)
    assert closed["ts"] == customer.now


def test_feedback_about_the_work_order_leaves_the_alert_open(customer: Subscriber) -> None:
    customer.care("leave_intent")
    alert_id = customer.alerts()[0]["alert_id"]
    for attempt, status in enumerate(["accepted", "contacted", "unreachable", "delivered", "read"]):
        customer.feedback(status, alert_id, attempt=attempt)
    assert customer.steps() == [RAISED]
    customer.feedback("retained", alert_id)
    assert customer.steps() == [RAISED, ("closed", "feedback")]


def test_feedback_for_an_unknown_or_closed_alert_changes_nothing(customer: Subscriber, world: World) -> None:
    before = world.metrics().total("unknown_feedback_total")
    customer.care("leave_intent")
    customer.feedback("retained", "no-such-alert")
    assert customer.steps() == [RAISED]
    alert_id = customer.alerts()[0]["alert_id"]
    customer.feedback("retained", alert_id)
    customer.feedback("lost", alert_id)
    assert customer.steps() == [RAISED, ("closed", "feedback")]
    assert world.metrics().total("unknown_feedback_total") - before == 2


def test_refusal_of_a_walk_in_closes_what_stands_and_gives_peace(customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.feedback("contacted", by="store-3", channel="store")
    assert customer.steps() == [RAISED]
    customer.feedback("refused", by="store-3", channel="store")
    assert customer.steps() == [RAISED, ("closed", "feedback")]
    customer.browses()
    assert customer.withheld() == ["cooldown"]


def test_leaving_labels_what_was_known_at_the_alert(customer: Subscriber, world: World) -> None:
    before = world.metrics()
    customer.care("leave_intent")
    customer.outcome("ported_out")
    customer.outcome("disconnected")
    after = world.metrics()
    assert (
        after.total("model_examples_total", label="positive") - before.total("model_examples_total", label="positive")
        == 1
    )
    assert after.total("outcomes_ignored_total", why="later") - before.total("outcomes_ignored_total", why="later") == 1


def test_feedback_for_somebody_elses_alert_changes_nothing(customer: Subscriber, world: World) -> None:
    other = world.subscriber(customer.lane)
    customer.care("leave_intent")
    other.feedback("retained", customer.alerts()[0]["alert_id"])
    assert customer.steps() == [RAISED]


# Outcomes


@pytest.mark.parametrize("outcome", ["ported_out", "disconnected", "lapsed"])
def test_leaving_closes_every_alert(customer: Subscriber, outcome: str) -> None:
    customer.care("leave_intent")
    customer.browses()
    customer.outcome(outcome, last_activity_ts=customer.now - DAY)
    assert customer.steps("leave_intent") == [RAISED, ("closed", "outcome")]
    assert customer.steps("competitor_browsing") == [RAISED, ("closed", "outcome")]
    assert len({a["alert_id"] for a in customer.alerts()}) == 2


@pytest.mark.parametrize("outcome", ["migrated", "downgraded", "returned"])
def test_what_is_no_churn_closes_nothing(customer: Subscriber, outcome: str) -> None:
    customer.care("leave_intent")
    customer.outcome(outcome)
    customer.care("leave_intent")
    assert customer.steps("leave_intent") == [RAISED, ("escalated", None)]


def test_nothing_is_raised_for_who_has_left_until_he_returns(customer: Subscriber, world: World) -> None:
    customer.outcome("ported_out")
    customer.care("leave_intent")
    customer.browses()
    assert customer.alerts() == []
    customer.outcome("returned")
    world.pass_time(customer.lane, days=1)
    customer.browses()
    assert customer.steps("competitor_browsing") == [RAISED]


# Suspension


@pytest.mark.parametrize("status", ["suspended_arrears", "suspended_fraud"])
def test_a_suspension_by_the_operator_closes(customer: Subscriber, status: str) -> None:
    customer.care("leave_intent")
    customer.profile(status=status)
    assert customer.steps() == [RAISED, ("closed", "suspended")]
    customer.browses()
    assert customer.withheld() == ["passive_churn"]


def test_a_voluntary_suspension_closes_nothing(customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.profile(status="suspended_voluntary")
    assert customer.steps() == [RAISED]


# Profiles


def test_an_older_profile_is_ignored(customer: Subscriber) -> None:
    customer.profile(unit="new-unit", manager="new")
    customer.profile(ts=customer.now - HOUR, unit="old-unit", manager="old", do_not_contact=True)
    customer.care("leave_intent")
    (alert,) = customer.alerts()
    assert (alert["action"]["unit"], alert["action"]["assignee"]) == ("new-unit", "new")


def test_a_profile_replaces_the_former_whole(customer: Subscriber) -> None:
    customer.profile(ts=customer.now + 1, arpu=20.0, manager=None)
    customer.care("leave_intent")
    (alert,) = customer.alerts()
    assert alert["action"]["assignee"] is None
    assert (alert["value"]["arpu"], alert["value"]["segment"]) == (20.0, "low")


def test_a_null_value_deletes_the_profile_and_is_no_poison(customer: Subscriber, world: World) -> None:
    before = world.metrics().total("dead_letters_total")
    world.send(SUBSCRIBERS, customer.name, None)
    customer.care("leave_intent")
    assert customer.alerts() == []
    assert customer.withheld() == ["no_profile"]
    customer.profile()
    assert customer.steps() == [RAISED]
    assert world.metrics().total("dead_letters_total") == before


def test_profiles_outcomes_and_feedback_do_not_move_the_watermark(world: World, customer: Subscriber) -> None:
    lane = str(customer.lane)

    def watermark() -> float | None:
        world.settle(customer.lane)
        return world.metrics().value("watermark_timestamp_seconds", partition=lane)

    world.drive(customer.lane)
    now = customer.now
    assert watermark() == now / 1000
    ahead = now + 40 * DAY
    customer.profile(ts=ahead)
    customer.outcome("migrated", ts=ahead)
    customer.feedback("accepted", ts=ahead)
    assert watermark() == now / 1000
    for topic in ("calls", "data-usage", "site-visits", "care-contacts", "billing"):
        world.clock[customer.lane] += HOUR
        customer.event(f"telecom.{topic}.v1")
        assert watermark() == customer.now / 1000, topic
        customer.event(f"telecom.{topic}.v1", ts=customer.now - DAY)
        assert watermark() == customer.now / 1000, topic


# Erasure


def receipts(world: World, request_id: str) -> list[Record]:
    return [r for r in world.outputs.records[RECEIPTS] if r.body["request_id"] == request_id]


def test_an_erasure_closes_deletes_and_gives_a_receipt(world: World, customer: Subscriber) -> None:
    customer.seasoned()
    customer.risks(AT_RISK)
    customer.browses()
    assert any(value is not None for value in customer.state().values())
    assert world.records(SCORES, customer.name)[-1].value is not None

    customer.erase("r-100")
    assert customer.steps("risk_tier") == [RAISED, ("closed", "erased")]
    assert customer.steps("competitor_browsing") == [RAISED, ("closed", "erased")]
    assert world.records(SCORES, customer.name)[-1].value is None
    state = customer.state()
    assert state
    assert set(state.values()) == {None}
    values = [r.value for r in world.outputs.records[STATE] if r.value and customer.name.encode() in r.value]
    kept = {r.key for r in world.outputs.records[STATE] if r.value in values}
    newest = {r.key: r.value for r in world.outputs.records[STATE]}
    assert not any(customer.name.encode() in (newest[key] or b"") for key in kept)

    (receipt,) = receipts(world, "r-100")
    body = receipt.body
    assert receipt.key is not None
    assert customer.name.encode() not in receipt.key
    assert customer.name not in json.dumps(body)
    assert customer.name not in str(receipt.headers)
    assert body["deleted"]
    assert all(each["where"] and each["what"] for each in body["deleted"])
    assert body["remaining"]
    assert all(each["until"] > customer.now for each in body["remaining"])
    assert receipt.headers["ce_type"] == b"holdfast.receipt.v1"
    assert receipt.headers["ce_subject"] == receipt.key
    assert receipt.place.partition == customer.lane


def test_late_events_do_not_recreate_an_erased_subscriber(world: World, customer: Subscriber) -> None:
    customer.care("inquiry")
    customer.erase("r-200")
    erased_at = customer.now
    for topic in ("calls", "data-usage", "site-visits", "care-contacts", "billing", "contacts", "subscribers"):
        customer.event(f"telecom.{topic}.v1", ts=erased_at - HOUR)
    customer.outcome("ported_out", ts=erased_at - HOUR)
    customer.feedback("retained", "some-alert", ts=erased_at - HOUR)
    assert set(customer.state().values()) == {None}
    world.pass_time(customer.lane, days=20)
    customer.care("leave_intent", ts=erased_at - MINUTE)
    assert set(customer.state().values()) == {None}
    assert customer.alerts() == []
    assert customer.suppressions() == []


def test_who_comes_back_after_an_erasure_is_somebody_new(world: World, customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.erase("r-300")
    world.pass_time(customer.lane, hours=1)
    customer.profile()
    customer.care("leave_intent")
    assert customer.steps() == [RAISED, ("closed", "erased"), RAISED]
    assert customer.withheld() == []


def test_an_erasure_of_somebody_unknown_is_receipted_too(world: World, someone: Subscriber) -> None:
    someone.erase("r-400")
    world.settle(someone.lane)
    (receipt,) = receipts(world, "r-400")
    assert receipt.body["deleted"] == []


def test_an_erasure_told_twice_is_done_once(world: World, customer: Subscriber) -> None:
    place = customer.erase("r-500")
    customer.erase("r-500", ts=customer.now)
    world.settle(customer.lane)
    assert place.topic == ERASURES
    assert len(receipts(world, "r-500")) == 1


# Risk scores


def test_the_score_topic_has_the_latest_risk(world: World, customer: Subscriber) -> None:
    customer.seasoned()
    customer.risks(AT_RISK)
    record = world.records(SCORES, customer.name)[-1]
    score = record.body
    assert record.key == customer.name.encode()
    assert score["subscriber_id"] == customer.name
    assert score["risk"] == pytest.approx(0.3, abs=1e-6)
    assert (score["tier"], score["previous_tier"]) == ("high_risk", "healthy")
    assert customer.now - DAY < score["ts"] <= customer.now, "of the second look"
    assert record.headers["ce_type"] == b"holdfast.score.v1"
    assert record.headers["ce_subject"] == customer.name.encode()
    ids = [r.headers["ce_id"] for r in world.records(SCORES, customer.name)]
    assert len(ids) == len(set(ids))


def test_who_has_no_profile_is_scored_too(world: World, someone: Subscriber) -> None:
    someone.rates(10)
    someone.sleeps()
    score = world.records(SCORES, someone.name)[-1].body
    assert (score["tier"], score["risk"]) == ("healthy", pytest.approx(0.005, abs=1e-6))


def test_a_score_comes_at_a_tier_change_or_at_the_daily_look_by_a_fifth(world: World, customer: Subscriber) -> None:
    customer.seasoned()
    customer.risks(WARNED)
    before = len(world.records(SCORES, customer.name))
    customer.rates(WARNED)
    customer.sleeps()
    assert len(world.records(SCORES, customer.name)) == before
    customer.care("satisfaction", score=4.9)  # 0.050 -> 0.055: a tenth
    customer.sleeps()
    assert len(world.records(SCORES, customer.name)) == before
    customer.care("satisfaction", score=4.6)  # 0.061: more than a fifth over what was published
    assert len(world.records(SCORES, customer.name)) == before
    customer.sleeps()
    scores = [r.body for r in world.records(SCORES, customer.name)]
    assert len(scores) == before + 1
    assert scores[-1]["tier"] == scores[-2]["tier"] == "warning"
