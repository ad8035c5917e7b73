"""Each kind of alert, from the events that make it to the end that it finds by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.black_box import World
from support.black_box_events import DAY, HOUR, MINUTE
from support.black_box_subscriber import Subscriber
from support.known_model import AT_RISK, HEALTHY

# Competitor browsing


@pytest.mark.parametrize(
    ("visits", "raised"),
    [
        pytest.param([{}] * 3, True, id="three visits"),
        pytest.param([{}] * 2, False, id="two visits"),
        pytest.param([{}, {}, {"page": "support"}], False, id="a support page does not count"),
        pytest.param([{"dwell_s": 300}, {"dwell_s": 300}], True, id="ten minutes"),
        pytest.param([{"dwell_s": 300}, {"dwell_s": 299}], False, id="not quite ten minutes"),
        pytest.param([{"dwell_s": 3000, "page": "support"}], False, id="support for an hour"),
        pytest.param([{"dwell_s": 30, "page": "number_portability"}], True, id="portability page"),
        pytest.param([{"dwell_s": 30, "page": "checkout"}], True, id="checkout page"),
        pytest.param([{"dwell_s": 29, "page": "number_portability"}], False, id="a glance at the portability page"),
        pytest.param([{"dwell_s": 30, "page": "plans"}], False, id="half a minute of plans"),
    ],
)
def test_what_counts_as_competitor_browsing(customer: Subscriber, visits: list[dict[str, Any]], raised: bool) -> None:
    for visit in visits:
        customer.visit(**visit)
    assert customer.steps() == ([("raised", None)] if raised else [])
    assert customer.withheld() == []


@pytest.mark.parametrize(("between_h", "raised"), [(83, True), (85, False)])
def test_three_visits_count_within_seven_days(customer: Subscriber, between_h: float, raised: bool) -> None:
    for _ in range(3):
        customer.visit()
        customer.world.clock[customer.lane] += round(between_h * HOUR)
    assert customer.steps() == ([("raised", None)] if raised else [])


def test_a_portability_page_is_a_stronger_trigger_than_three_visits(customer: Subscriber) -> None:
    for _ in range(3):
        customer.visit()
    customer.visit()
    assert customer.steps() == [("raised", None)]
    customer.browses()
    first, second = customer.alerts()
    assert (second["event"], second["seq"], second["alert_id"]) == ("escalated", 2, first["alert_id"])
    assert second["trigger"]["offset"] > first["trigger"]["offset"]
    customer.browses()
    assert len(customer.alerts()) == 2, "as strong as before is not stronger"


def test_browsing_expires_a_week_after_its_last_trigger(customer: Subscriber, world: World) -> None:
    customer.browses()
    world.pass_time(customer.lane, days=5)
    customer.visit()  # the third within the window? no: the second, and no trigger
    world.pass_time(customer.lane, days=1.9)
    assert customer.steps() == [("raised", None)]
    world.pass_time(customer.lane, days=0.2)
    assert customer.steps() == [("raised", None), ("closed", "expired")]
    closed = customer.alerts()[-1]
    assert closed["trigger"]["topic"] is None
    assert closed["trigger"]["offset"] is None
    assert closed["trigger"]["tick"] % (15 * MINUTE) == 0
    assert closed["trigger"]["partition"] == customer.lane


def test_a_trigger_keeps_an_alert_alive(customer: Subscriber, world: World) -> None:
    for _ in range(3):
        customer.browses()
        world.pass_time(customer.lane, days=6)
    assert customer.steps() == [("raised", None)]


# What the customer says


def test_leave_intent_wants_a_contact_within_four_working_hours(customer: Subscriber, world: World) -> None:
    world.pass_to(customer.lane, "18:00")
    customer.care("leave_intent", channel="hotline")
    (alert,) = customer.alerts()
    assert (alert["kind"], alert["event"]) == ("leave_intent", "raised")
    # Two hours are left until 20:00, two more from 09:00 on.
    assert alert["action"]["contact_by"] - alert["ts"] == 17 * HOUR


def test_leave_intent_in_the_morning_skips_the_noon_break(customer: Subscriber, world: World) -> None:
    world.pass_to(customer.lane, "09:00")
    customer.care("leave_intent")
    (alert,) = customer.alerts()
    assert alert["action"]["contact_by"] - alert["ts"] == 6 * HOUR


def test_a_repeated_leave_threat_escalates(customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.care("leave_intent")
    assert customer.steps() == [("raised", None), ("escalated", None)]
    assert [a["seq"] for a in customer.alerts()] == [1, 2]


def test_a_port_out_query_is_raised_and_the_code_escalates(customer: Subscriber, world: World) -> None:
    world.pass_to(customer.lane, "09:00")
    customer.care("port_out_query")
    (query,) = customer.alerts()
    assert (query["kind"], query["event"]) == ("port_out", "raised")
    assert query["action"]["contact_by"] - query["ts"] == 2 * HOUR
    customer.care("port_out_code")
    _, code = customer.alerts()
    assert (code["event"], code["seq"], code["alert_id"]) == ("escalated", 2, query["alert_id"])
    assert code["action"]["offer"] is None, "after a code nothing is pressed on the customer"
    assert code["action"]["contact_by"] - code["ts"] == 30 * DAY, "nor is there a deadline to contact"


def test_a_code_without_a_query_is_raised(customer: Subscriber) -> None:
    customer.care("port_out_code")
    assert customer.steps("port_out") == [("raised", None)]


@pytest.mark.parametrize("notice", [5 * DAY, 26 * HOUR])
def test_a_disconnect_appointment_is_answered_within_a_working_day(
    customer: Subscriber, world: World, notice: int
) -> None:
    world.pass_to(customer.lane, "09:00")
    customer.care("disconnect_appointment", appointment_ts=customer.now + notice)
    (alert,) = customer.alerts()
    assert (alert["kind"], alert["event"]) == ("disconnect_appointment", "raised")
    assert 9 * HOUR <= alert["action"]["contact_by"] - alert["ts"] <= DAY


@pytest.mark.parametrize("notice", [MINUTE, 2 * HOUR, 20 * HOUR])
def test_a_disconnect_appointment_is_answered_before_it(customer: Subscriber, notice: int) -> None:
    at = customer.now + notice
    customer.care("disconnect_appointment", appointment_ts=at)
    (alert,) = customer.alerts()
    assert alert["ts"] < alert["action"]["contact_by"] < at


def test_a_withdrawn_appointment_closes_its_own_alert_and_no_other(customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.care("disconnect_appointment", appointment_ts=customer.now + 5 * DAY, case_id="c-1")
    customer.care("disconnect_appointment", status="resolved", case_id="c-1")
    assert customer.steps("disconnect_appointment") == [("raised", None), ("closed", "recovered")]
    assert customer.steps("leave_intent") == [("raised", None)]


@pytest.mark.parametrize("reason", ["complaint", "fault", "penalty_query", "satisfaction", "inquiry", "transfer"])
def test_other_care_contacts_set_off_nothing(customer: Subscriber, reason: str) -> None:
    customer.care(reason)
    assert customer.alerts() == []
    assert customer.suppressions() == []


def test_a_resolved_case_sets_off_nothing(customer: Subscriber) -> None:
    customer.care("leave_intent", status="resolved")
    assert customer.alerts() == []


# Contracts


def test_a_contracts_end_is_told_over_the_next_channel_until_it_was_delivered(
    someone: Subscriber, world: World
) -> None:
    end = someone.now + 61 * DAY
    mobile = {"product": "mobile", "contract_end_ts": end}
    someone.profile(products=[mobile], preferred_channel="wechat")
    world.pass_time(someone.lane, days=1.1)
    (first,) = someone.alerts()
    assert (first["kind"], first["event"], first["severity"]) == ("contract_expiry", "raised", "normal")
    assert first["trigger"]["tick"] == first["ts"]
    assert first["reasons"][0]["text"] == {"en": "mobile contract ends in 60 days", "zh": "手机合约剩60天"}
    assert (first["action"]["cause"], first["action"]["channel"]) == ("contract_notice", "wechat")
    world.pass_time(someone.lane, days=30)
    _, second = someone.alerts()
    assert (second["event"], second["action"]["channel"]) == ("escalated", "app_push")
    someone.feedback("read", first["alert_id"])
    world.pass_time(someone.lane, days=25)
    assert len(someone.alerts("contract_expiry")) == 2
    someone.profile(products=[{**mobile, "contract_end_ts": end + 700 * DAY}])
    assert someone.steps("contract_expiry")[2:] == [("closed", "recovered")]


def test_a_passive_churner_is_not_told_that_a_contract_ends(someone: Subscriber, world: World) -> None:
    ends = [{"product": "mobile", "contract_end_ts": someone.now + 61 * DAY}]
    someone.profile(products=ends, status="suspended_arrears")
    world.pass_time(someone.lane, days=32)
    assert someone.alerts() == []
    assert someone.withheld("contract_expiry") == ["passive_churn"]


# Complaints


def test_a_complaint_that_is_nearly_overdue_is_warned_of_until_it_is_settled(
    customer: Subscriber, world: World
) -> None:
    case = {"case_id": "c-9", "due_ts": customer.now + 50 * HOUR, "department": "billing"}
    customer.care("complaint", **case)
    world.pass_time(customer.lane, hours=38)
    assert customer.alerts() == []
    world.pass_time(customer.lane, hours=3)
    (alert,) = customer.alerts()
    assert (alert["kind"], alert["event"]) == ("complaint_overdue", "raised")
    assert "billing" in alert["reasons"][0]["text"]["en"]
    assert alert["action"]["cause"] == "complaint"
    assert alert["ts"] < alert["action"]["contact_by"] < case["due_ts"]
    customer.care("complaint", status="resolved", case_id="c-9")
    assert customer.steps() == [("raised", None), ("closed", "recovered")]


def test_a_passive_churner_is_not_rung_about_a_complaint(someone: Subscriber, world: World) -> None:
    someone.profile(status="suspended_fraud")
    someone.care("complaint", case_id="c-9", due_ts=someone.now + 10 * HOUR)
    world.pass_time(someone.lane, hours=20)
    assert someone.alerts() == []
    assert someone.withheld() == ["passive_churn"]


# Value


def test_a_cheaper_plan_is_a_slide_of_value_and_a_fallen_bill_another_cause(customer: Subscriber, world: World) -> None:
    other = world.subscriber(customer.lane)
    other.profile(arpu=140.0)
    for back, amount in ((4, 140.0), (3, 140.0), (2, 140.0), (1, 80.0)):
        other.event("telecom.billing.v1", kind="bill", amount=amount, period=month_before(other.now, back))
    customer.event("telecom.billing.v1", kind="plan_change", amount=0, fee=79, from_fee=129)
    world.pass_time(customer.lane, days=1)
    (cheaper,), (fallen,) = customer.alerts(), other.alerts()
    for alert, cause in ((cheaper, "plan_downgrade"), (fallen, "spend_decline")):
        assert (alert["kind"], alert["event"], alert["action"]["cause"]) == ("value_decline", "raised", cause)
        assert alert["trigger"]["tick"] == alert["ts"]
    customer.outcome("downgraded")
    world.pass_time(customer.lane, days=2)
    assert customer.steps() == other.steps() == [("raised", None)]


def month_before(ts: int, back: int) -> str:
    now = datetime.fromtimestamp(ts / 1000, UTC)
    year, month = divmod(12 * now.year + now.month - 1 - back, 12)
    return f"{year}-{month + 1:02d}"


# Those who left


def test_who_left_is_asked_back_once_after_110_days(customer: Subscriber, world: World) -> None:
    passive = world.subscriber(customer.lane)
    passive.profile()
    customer.outcome("ported_out")
    passive.outcome("involuntary")
    customer.profile(status="left")
    world.pass_time(customer.lane, days=109)
    assert customer.alerts() == []
    world.pass_time(customer.lane, days=1.1)
    (alert,) = customer.alerts()
    assert (alert["kind"], alert["event"], alert["action"]["cause"]) == ("win_back", "raised", "win_back")
    assert alert["reasons"][0]["text"]["en"] == "ported out 110 days ago"
    customer.feedback("refused", alert["alert_id"])
    world.pass_time(customer.lane, days=100)
    assert customer.steps() == [("raised", None), ("closed", "feedback")]
    assert passive.alerts() == passive.suppressions() == []


# The tier


def test_a_tier_eases_when_two_looks_agree_and_closes_after_seven_calm_days(customer: Subscriber) -> None:
    customer.seasoned()
    customer.risks(AT_RISK)
    customer.rates(HEALTHY)
    customer.sleeps()
    assert customer.steps("risk_tier") == [("raised", None)]
    customer.sleeps()
    assert customer.steps("risk_tier") == [("raised", None), ("eased", None)]
    customer.sleeps(4)
    assert customer.steps("risk_tier") == [("raised", None), ("eased", None)]
    customer.sleeps()
    assert customer.steps("risk_tier") == [("raised", None), ("eased", None), ("closed", "recovered")]


def test_a_tier_rises_when_two_daily_looks_agree_and_no_event_moves_it(customer: Subscriber) -> None:
    customer.seasoned()
    for _ in range(3):
        customer.rates(AT_RISK)
    customer.sleeps()
    assert customer.alerts("risk_tier") == []
    customer.sleeps()
    (alert,) = customer.alerts("risk_tier")
    assert (alert["event"], alert["previous_tier"], alert["tier"]) == ("raised", "healthy", "high_risk")
    assert alert["trigger"]["tick"] == alert["ts"]


def test_one_look_at_high_risk_between_calm_ones_is_no_alert(customer: Subscriber) -> None:
    customer.seasoned()
    for answer in (AT_RISK, HEALTHY, AT_RISK, HEALTHY):
        customer.rates(answer)
        customer.sleeps()
    assert customer.alerts("risk_tier") == customer.suppressions() == []


def test_a_later_breach_is_a_new_alert(customer: Subscriber, world: World) -> None:
    customer.seasoned()
    customer.risks(AT_RISK)
    customer.rates(HEALTHY)
    customer.sleeps(7)
    world.pass_time(customer.lane, days=24)
    customer.risks(AT_RISK)
    assert [event for event, _ in customer.steps("risk_tier")] == ["raised", "eased", "closed", "raised"]
    first, _, _, second = customer.alerts("risk_tier")
    assert first["alert_id"] != second["alert_id"]
    assert second["seq"] == 1


def test_a_tier_without_a_profile_is_raised_at_the_look_after_the_profile_came(someone: Subscriber) -> None:
    someone.ages()
    someone.risks(AT_RISK)
    assert someone.withheld() == ["no_profile"]
    assert someone.alerts() == []
    someone.profile()
    someone.sleeps()
    (alert,) = someone.alerts()
    assert (alert["event"], alert["seq"], alert["tier"]) == ("raised", 1, "high_risk")
    assert alert["alert_id"] == someone.suppressions()[0]["alert_id"]


def test_a_tier_that_recovered_before_the_profile_came_is_never_heard_of(someone: Subscriber) -> None:
    someone.ages()
    someone.risks(AT_RISK)
    someone.risks(HEALTHY)
    someone.profile()
    someone.sleeps(7)
    assert someone.withheld() == ["no_profile"]
    assert someone.alerts() == []


# Silence


def live(subscriber: Subscriber, days: int) -> None:
    """Four calls a day, and what a bystander does, who goes on."""
    for _ in range(days):
        for _ in range(4):
            subscriber.event("telecom.calls.v1")
            subscriber.world.clock[subscriber.lane] += 6 * HOUR
    subscriber.world.drive(subscriber.lane, usage=True)


def test_silence_is_raised_once_and_recovers_with_the_next_call(customer: Subscriber, world: World) -> None:
    live(customer, days=9)
    for _ in range(2):
        world.pass_time(customer.lane, usage=True, days=1)
    assert customer.alerts() == []
    for _ in range(6):
        world.pass_time(customer.lane, usage=True, days=1)
    (alert,) = customer.alerts("silence")
    assert alert["event"] == "raised"
    assert alert["trigger"]["tick"] == alert["ts"]
    assert (alert["trigger"]["topic"], alert["trigger"]["offset"]) == (None, None)
    customer.event("telecom.calls.v1")
    assert customer.steps("silence") == [("raised", None), ("closed", "recovered")]


def test_a_dead_feed_makes_nobody_silent(customer: Subscriber, world: World) -> None:
    live(customer, days=9)
    for _ in range(6):
        world.pass_time(customer.lane, days=1)
    assert customer.alerts("silence") == []
    assert customer.suppressions("silence") == []


def test_silence_by_a_late_feed_is_withheld_until_the_feed_is_back(customer: Subscriber, world: World) -> None:
    lane = customer.lane
    live(customer, days=9)
    silent_since = customer.now - 6 * HOUR
    world.pass_time(lane, days=6)
    world.drive(lane, usage=True, ts=silent_since + 4 * DAY)  # two days behind the rest of the lane
    world.pass_time(lane, minutes=30)
    assert customer.withheld("silence") == ["stale_feed"]
    assert customer.alerts("silence") == []
    world.pass_time(lane, usage=True, hours=3)
    world.pass_time(lane, usage=True, hours=1)
    assert customer.steps("silence") == [("raised", None)]
    assert customer.alerts("silence")[0]["alert_id"] == customer.suppressions("silence")[0]["alert_id"]
