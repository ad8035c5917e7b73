"""Each kind of alert with its work order, as a front line sees both; what it says back moves the order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.black_box import World
from support.black_box_events import ALERTS, CONTACTS, DAY, HOUR, SUBSCRIBERS, SUPPRESSIONS, WORK_ORDERS, lane_of
from support.black_box_subscriber import Subscriber
from support.known_model import AT_RISK


def leaves_word(someone: Subscriber) -> None:
    someone.profile()
    someone.care("leave_intent", channel="hotline")


def browses(someone: Subscriber) -> None:
    someone.profile()
    someone.browses()


def asks_to_port(someone: Subscriber) -> None:
    someone.profile()
    someone.care("port_out_query")


def books_the_end(someone: Subscriber) -> None:
    someone.profile()
    someone.care("disconnect_appointment", appointment_ts=someone.now + 3 * DAY)


def complains(someone: Subscriber) -> None:
    someone.profile()
    someone.care("complaint", case_id="c-1", due_ts=someone.now + 10 * HOUR, department="network")
    someone.world.pass_time(someone.lane, hours=9)


def contract_ends(someone: Subscriber) -> None:
    someone.world.drive(someone.lane)
    someone.profile(products=[{"product": "mobile", "contract_end_ts": someone.now + 30 * DAY + HOUR}])
    someone.world.pass_time(someone.lane, hours=2)


def moves_to_a_cheaper_plan(someone: Subscriber) -> None:
    someone.profile()
    someone.event("telecom.billing.v1", kind="plan_change", amount=0, fee=79, from_fee=129)
    someone.world.pass_time(someone.lane, days=1)


def falls_silent(someone: Subscriber) -> None:
    someone.profile()
    for _ in range(10):
        someone.world.pass_time(someone.lane, days=1, usage=True)
        someone.event("telecom.calls.v1")
        someone.event("telecom.data-usage.v1")
    for _ in range(9):
        someone.world.pass_time(someone.lane, days=1, usage=True)


def is_at_risk(someone: Subscriber) -> None:
    someone.seasoned()
    someone.risks(AT_RISK)


def left_long_ago(someone: Subscriber) -> None:
    someone.profile()
    someone.outcome("ported_out")
    someone.world.pass_time(someone.lane, days=111)


STORIES: dict[str, Any] = {
    "leave_intent": leaves_word,
    "competitor_browsing": browses,
    "port_out": asks_to_port,
    "disconnect_appointment": books_the_end,
    "complaint_overdue": complains,
    "contract_expiry": contract_ends,
    "value_decline": moves_to_a_cheaper_plan,
    "silence": falls_silent,
    "risk_tier": is_at_risk,
    "win_back": left_long_ago,
}


@pytest.mark.parametrize("kind", STORIES)
def test_each_kind_is_an_alert_with_reasons_in_both_languages_and_one_order(kind: str, someone: Subscriber) -> None:
    STORIES[kind](someone)
    (alert,) = someone.alerts()
    assert (alert["kind"], alert["event"], someone.withheld()) == (kind, "raised", [])
    assert alert["reasons"]
    assert all(reason["text"]["en"] and reason["text"]["zh"] for reason in alert["reasons"])
    order, *pressed = someone.orders()
    assert {each["step"] for each in pressed} <= {"reminded", "escalated", "returned"}, "time has passed"
    assert (order["step"], order["seq"], order["alert_ids"]) == ("dispatched", 1, [alert["alert_id"]])
    assert (order["unit"], order["channel"]) == (alert["action"]["unit"], alert["action"]["channel"])
    assert (order["assignee"], order["contact_by"]) == (alert["action"]["assignee"], alert["action"]["contact_by"])
    assert alert["action"]["contact_from"] >= alert["ts"]


@pytest.mark.parametrize("kind", [kind for kind in STORIES if kind not in ("win_back", "risk_tier", "silence")])
def test_nobody_is_sent_to_passive_churn(kind: str, world: World) -> None:
    someone = world.subscriber()
    profile = someone.profile
    someone.profile = lambda **fields: profile(**fields, status="suspended_arrears")  # type: ignore[method-assign]
    STORIES[kind](someone)
    assert (someone.alerts(), someone.orders()) == ([], [])
    assert set(someone.withheld()) == {"passive_churn"}


def test_lines_of_an_account_that_leave_together_are_one_incident_for_its_unit(world: World) -> None:
    lines = [world.subscriber() for _ in range(3)]
    account = {"account_id": f"acme-{lines[0].name}", "account_size": 9, "account_unit": "corporate-1"}
    for line in lines:
        line.event(SUBSCRIBERS, **account)
        line.browses()
        world.settle(line.lane)
    (incident, *more) = [record.body for record in world.records(ALERTS, account["account_id"])]
    assert more == []
    assert (incident["kind"], incident["event"], incident["subscriber_id"]) == ("account_exodus", "raised", None)
    assert incident["members"] == sorted(line.name for line in lines)
    (order,) = [record.body for record in world.records(WORK_ORDERS, account["account_id"])]
    assert (order["unit"], order["role"], order["account_id"]) == (
        "corporate-1",
        "account_manager",
        account["account_id"],
    )
    assert [line.steps() for line in lines] == [[("raised", None), ("closed", "superseded")]] * 3
    fourth = world.subscriber()
    fourth.event(SUBSCRIBERS, **account)
    fourth.browses()
    world.settle(fourth.lane)
    grown = world.records(ALERTS, account["account_id"])[-1].body
    assert (grown["event"], grown["seq"], len(grown["members"])) == ("escalated", 2, 4)
    assert grown["action"]["contact_by"] == order["contact_by"]
    for status in ("accepted", "retained"):
        fourth.feedback(status, incident["alert_id"], by="li")  # as of any of its lines
        world.settle(fourth.lane)
    steps = [record.body["step"] for record in world.records(WORK_ORDERS, account["account_id"])]
    # Between them it may be reminded of: other tests' events have moved the time of these lanes.
    assert (steps[0], steps[-4:]) == ("dispatched", ["accepted", "contacted", "fed_back", "archived"])
    assert world.records(ALERTS, account["account_id"])[-1].body["close_reason"] == "feedback"


def test_appointment_that_is_rebooked_has_a_new_deadline(customer: Subscriber) -> None:
    customer.care("disconnect_appointment", case_id="d-1", appointment_ts=customer.now + 9 * DAY)
    first = customer.orders()[-1]
    customer.care("disconnect_appointment", case_id="d-1", appointment_ts=customer.now + DAY)
    assert customer.steps() == [("raised", None), ("escalated", None)]
    assert customer.orders()[-1]["step"] == "dispatched"
    assert customer.orders()[-1]["contact_by"] <= min(first["contact_by"], customer.now + DAY)


def test_bills_that_fall_count_beside_a_line_that_looks_elsewhere(world: World) -> None:
    lines = [world.subscriber() for _ in range(3)]
    account = {"account_id": f"signs-{lines[0].name}", "account_size": 9, "account_unit": "corporate-1", "arpu": 80}
    for line in lines:
        line.event(SUBSCRIBERS, **account)
    lines[0].browses()
    for line in lines[1:]:
        line.event("telecom.calls.v1")
        for back, amount in ((4, 80), (3, 80), (2, 80), (1, 40)):
            line.event("telecom.billing.v1", kind="bill", amount=amount, period=_month(line.now, back))
        world.pass_time(line.lane, days=1)
        world.settle(line.lane)
    (incident, *more) = [record.body for record in world.records(ALERTS, account["account_id"])]
    assert (incident["kind"], incident["event"], more) == ("account_exodus", "raised", [])
    assert incident["members"] == sorted(line.name for line in lines)
    assert [(reason["code"], reason["value"]) for reason in incident["reasons"][:2]] == [
        ("account_lines_breached", 3.0),
        ("account_lines_pays_less", 2.0),
    ]
    assert lines[0].steps() == [("raised", None), ("closed", "superseded")]
    assert [line.steps() for line in lines[1:]] == [[], []], "a sign is no alert"


def _month(now: int, back: int) -> str:
    """The period of so many months before."""
    date = datetime.fromtimestamp(now / 1000, UTC)
    year, month = divmod(date.year * 12 + date.month - 1 - back, 12)
    return f"{year}-{month + 1:02d}"


def test_life_of_an_order_by_what_the_front_line_says(customer: Subscriber, world: World) -> None:
    customer.care("leave_intent")
    alert_id = customer.alerts()[0]["alert_id"]
    for status in ("accepted", "contacted", "retained"):
        customer.feedback(status, alert_id, by="li")
    assert customer.order_steps() == ["dispatched", "accepted", "contacted", "fed_back", "archived"]
    assert [order["seq"] for order in customer.orders()] == [1, 2, 3, 4, 5]
    assert customer.orders()[1]["assignee"] == "li"
    assert customer.steps() == [("raised", None), ("closed", "feedback")]


def test_three_unanswered_tries_and_the_next_channel(customer: Subscriber, world: World) -> None:
    customer.browses()
    first = customer.orders()[0]["channel"]
    for _ in range(3):
        customer.feedback("unreachable", customer.alerts()[0]["alert_id"])
        world.pass_time(customer.lane, hours=1)
    last = customer.orders()[-1]
    assert (last["step"], last["reason"], last["by"]) == ("reassigned", "unanswered", "desk")
    assert last["channel"] != first


def test_feedback_twice_before_its_alert_and_of_nobody_changes_no_order(
    customer: Subscriber, someone: Subscriber
) -> None:
    someone.feedback("contacted", "9f0c")
    customer.feedback("accepted", "not-yet")
    customer.care("leave_intent")
    for _ in range(2):
        customer.feedback("contacted", customer.alerts()[0]["alert_id"])
    assert customer.order_steps() == ["dispatched", "contacted"]
    assert someone.orders() == []


def test_nobody_of_a_blocked_person_is_contacted_until_they_are_released(customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.feedback("blocked", by="mei", note="in court")
    (_, withdrawn) = customer.orders()
    assert (withdrawn["step"], withdrawn["reason"], withdrawn["by"]) == ("withdrawn", "blocked", "mei")
    customer.care("port_out_query")
    assert customer.withheld() == ["blocked"]
    assert [step for step, _ in customer.steps()] == ["raised"]
    customer.feedback("released", by="mei")
    assert customer.order_steps() == ["dispatched", "withdrawn", "dispatched", "dispatched"]
    assert customer.orders()[-1]["order_id"] != withdrawn["order_id"]
    assert sorted(alert["kind"] for alert in customer.alerts()) == ["leave_intent", "port_out"]


def test_an_override_passes_the_cap_of_a_person(customer: Subscriber) -> None:
    customer.event(CONTACTS, channel="outbound_call", purpose="survey")
    customer.browses()
    assert customer.withheld() == ["person_cap"]
    customer.feedback("overridden", by="mei", note="agreed", until_ts=customer.now + DAY)
    assert customer.order_steps() == ["dispatched"]


def test_the_lines_of_a_blocked_account_are_left_alone_in_every_lane(world: World) -> None:
    lines = [world.subscriber() for _ in range(3)]
    account = f"acme-{lines[0].name}"
    for line in lines:
        line.event(SUBSCRIBERS, account_id=account, account_size=9, account_unit="corporate-1")
    lines[0].feedback("blocked", scope="account", by="mei", note="tender under way")
    for line in lines:
        line.care("leave_intent")
        world.settle(line.lane)
    assert [line.withheld() for line in lines] == [["blocked"]] * 3
    assert [record.body["reason"] for record in world.records(SUPPRESSIONS, account)] == ["blocked"]
    lines[1].feedback("released", scope="account", by="mei")
    world.settle(lines[1].lane)
    world.subscriber(lane_of(account, world.lanes)).profile()  # so that what came out in this lane is read, too
    incident = [record.body for record in world.records(ALERTS, account)]
    assert [(each["kind"], each["event"]) for each in incident] == [("account_exodus", "raised")]


def test_an_order_moves_with_the_customer_to_another_unit(customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.event(SUBSCRIBERS, unit="nobody-knows-it", manager="wang")
    moved = customer.orders()[-1]
    assert (moved["step"], moved["reason"], moved["unit"]) == ("reassigned", "other_unit", "nobody-knows-it")


def test_a_contact_of_another_department_counts_and_the_desk_says_so(customer: Subscriber, world: World) -> None:
    customer.event(CONTACTS, channel="outbound_call", purpose="survey")
    customer.browses()
    assert (customer.order_steps(), customer.withheld()) == ([], ["person_cap"])
    customer.care("leave_intent")
    assert customer.order_steps() == ["dispatched"], "who rings is heard"
