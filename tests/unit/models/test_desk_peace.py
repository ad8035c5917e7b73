"""Who is to be left alone: caps and instructions, when profiles, numbers and late feedback come in between."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.breaches_made import DAY, HOUR, an_answer
from support.desk_days import MINUTE, POLICY, TEN, given, mark, orders, over, profile, steps
from support.desk_rig import DeskBench

from models.contract.alerts import Suppression
from models.contract.breaches import OtherContact
from models.contract.policy import ContactPolicy, Policy

MORE = 6 * DAY


def an_sms(days_ago: int) -> OtherContact:
    ts = TEN - days_ago * DAY
    return OtherContact(lane=0, clock=ts, subscriber_id="s-1", customer_id="c-1", ts=ts, channel="sms")


def test_a_profile_puts_no_order_on_sms_past_its_cap() -> None:
    desk = DeskBench(Policy(version="p-1", contact=ContactPolicy(caps=())))
    desk.hear(an_sms(9), an_sms(5))
    desk.hear(given("a", TEN, "competitor_browsing", channels=("outbound_call", "sms", "store")))
    (moved,) = orders(desk.hear(profile("s-1", TEN + HOUR, allowed=("sms", "store"))))
    assert (moved.reason, moved.channel) == ("consent_changed", "store")


def test_an_order_that_a_profile_puts_on_sms_counts_in_its_cap() -> None:
    desk = DeskBench(Policy(version="p-1", contact=ContactPolicy(caps=())))
    desk.hear(an_sms(5), given("a", TEN, "competitor_browsing", channels=("outbound_call", "sms")))
    (moved,) = orders(desk.hear(profile("s-1", TEN + HOUR, allowed=("sms",))))
    assert moved.channel == "sms"
    capped = desk.hear(given("b", TEN + 2 * HOUR, "silence", subscriber="s-2", channels=("sms",)))
    assert [body.reason for body in (output.body for output in capped) if isinstance(body, Suppression)] == [
        "channel_cap"
    ]


@pytest.mark.parametrize("left_alone", ["s-1", "s-2"])
@pytest.mark.parametrize(("status", "reason"), [("snoozed", "snoozed"), ("refused", "cooldown")])
def test_who_joins_a_person_that_is_left_alone_is_left_alone_too(status: Any, reason: str, left_alone: str) -> None:
    """And the other way round: the order of either number ended for a block only, and was pressed on otherwise."""
    customer, other = {"s-1": "c-1", "s-2": None}, {"s-1": "s-2", "s-2": "s-1"}[left_alone]
    desk = DeskBench(POLICY)
    until = {"until_ts": TEN + 20 * DAY} if status == "snoozed" else {}
    desk.hear(an_answer(status, TEN - DAY, subscriber=left_alone, customer_id=customer[left_alone], **until))
    desk.hear(given("a", TEN, "silence", subscriber=other, customer=customer[other]))
    (ended,) = orders(desk.hear(profile("s-2", TEN + HOUR)))
    assert (ended.step, ended.reason) == ("withdrawn", reason)
    assert ended.ts >= TEN
    assert steps(desk.hear(mark(TEN + MORE))) == []


def test_a_snooze_leaves_what_the_customer_started_and_what_is_owed() -> None:
    desk = DeskBench(POLICY)
    desk.hear(given("s", TEN, "silence"), given("n", TEN, "contract_expiry", channels=("sms",)))
    desk.hear(given("p", TEN, "disconnect_appointment", before_ts=TEN + 2 * DAY))
    assert steps(desk.hear(an_answer("snoozed", TEN + HOUR, customer_id="c-1", until_ts=TEN + 20 * DAY))) == []
    pressed = orders(desk.hear(*(mark(TEN + day * DAY) for day in range(1, 4))))
    assert [(order.step, order.alert_ids[0]) for order in pressed] == [
        ("reminded", "p"),
        ("escalated", "p"),
        ("returned", "p"),
    ]


def test_an_order_names_the_customer_whose_number_it_turns_out_to_be() -> None:
    desk = DeskBench(POLICY)
    (first,) = orders(desk.hear(given("a", TEN, customer=None)))
    desk.hear(profile("s-1", TEN + HOUR))
    (accepted,) = orders(desk.hear(an_answer("accepted", TEN + 2 * HOUR, "a", customer_id="c-1")))
    assert (first.customer_id, accepted.customer_id) == (None, "c-1")


@pytest.mark.parametrize(("late", "raised"), [(5 * MINUTE, True), (26 * HOUR, False)])
def test_a_contact_that_is_reported_after_the_end_of_its_order_counts_once(late: int, raised: bool) -> None:
    """Of the same day it is the contact that had led to that end; of another day it is a further one."""
    desk = DeskBench(replace(POLICY, contact=ContactPolicy(caps=((2, 30.0),))))
    desk.hear(given("a", TEN), an_answer("retained", TEN + 2 * HOUR, "a", customer_id="c-1"), over("a", TEN + 2 * HOUR))
    desk.hear(an_answer("contacted", TEN + 30 * HOUR, "a", customer_id="c-1", ts=TEN + 2 * HOUR + late))
    said = steps(desk.hear(given("v", TEN + 8 * DAY, "value_decline")))
    assert said == ([("dispatched", "value_decline")] if raised else [])
