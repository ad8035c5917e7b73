"""Decisions not to contact: each reason of this stage, and what is late, told twice, or not consented to."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from support.black_box import World
from support.black_box_events import DAY, HOUR, SCORES, SUPPRESSIONS
from support.black_box_subscriber import Subscriber
from support.known_model import AT_RISK, HEALTHY, WARNED

from models.contract.alerts import Suppression


def test_without_a_profile_it_is_withheld_and_raised_when_the_profile_comes(someone: Subscriber) -> None:
    place = someone.browses()
    (withheld,) = someone.suppressions()
    assert (withheld["reason"], withheld["kind"]) == ("no_profile", "competitor_browsing")
    assert someone.alerts() == []
    someone.profile()
    (alert,) = someone.alerts()
    assert (alert["event"], alert["seq"]) == ("raised", 1)
    assert alert["alert_id"] == withheld["alert_id"]
    assert alert["trigger"]["offset"] == withheld["trigger"]["offset"] == place.offset
    assert alert["customer_id"] == f"c-{someone.name}"
    assert alert["action"]["contact_by"] > someone.now - HOUR
    assert someone.withheld() == ["no_profile"]


def test_a_profile_that_comes_after_the_breach_has_ended_raises_nothing(someone: Subscriber, world: World) -> None:
    someone.browses()
    world.pass_time(someone.lane, days=8)
    someone.profile()
    assert someone.withheld() == ["no_profile"]
    assert someone.alerts() == []


def test_nobody_sees_more_of_an_alert_that_was_withheld(someone: Subscriber) -> None:
    someone.profile(do_not_contact=True)
    someone.ages()
    for answer in (AT_RISK, WARNED, AT_RISK, HEALTHY):
        someone.risks(answer)
    someone.outcome("ported_out")
    assert someone.alerts() == []
    assert someone.withheld("risk_tier") == ["do_not_contact"]


def test_a_suppression_record(world: World, someone: Subscriber) -> None:
    someone.profile(do_not_contact=True)
    place = someone.browses()
    (record,) = world.records(SUPPRESSIONS, someone.name)
    body = record.body
    msgspec.convert(body, Suppression)
    assert body["reason"] == "do_not_contact"
    assert body["decision_id"]
    assert body["subscriber_id"] == someone.name
    assert body["ts"] == someone.now
    assert body["kind"] == "competitor_browsing"
    assert body["trigger"] == {
        **body["trigger"],
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
    }
    headers = dict(record.headers)
    assert headers.pop("ce_time")
    assert headers.pop("ce_id") == body["decision_id"].encode()
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_source": f"/holdfast/{world.group}".encode(),
        "ce_type": b"holdfast.suppression.v1",
        "ce_subject": someone.name.encode(),
        "content-type": b"application/json",
    }


def browses(subscriber: Subscriber) -> None:
    subscriber.browses()


def says(reason: str) -> Callable[[Subscriber], None]:
    def said(subscriber: Subscriber) -> None:
        subscriber.care(reason)

    return said


@pytest.mark.parametrize("act", [browses, says("leave_intent"), says("port_out_query"), says("port_out_code")])
def test_do_not_contact(someone: Subscriber, act: Callable[[Subscriber], None]) -> None:
    someone.profile(do_not_contact=True)
    act(someone)
    assert someone.alerts() == []
    assert someone.withheld() == ["do_not_contact"]
    someone.profile()
    assert [step for step, _ in someone.steps()] == ["raised"]


@pytest.mark.parametrize("status", ["suspended_arrears", "suspended_fraud"])
def test_passive_churn(someone: Subscriber, status: str) -> None:
    someone.profile(status=status)
    someone.care("leave_intent")
    assert someone.alerts() == []
    assert someone.withheld() == ["passive_churn"]


def test_passive_churn_by_outcome(customer: Subscriber) -> None:
    customer.outcome("involuntary")
    customer.care("leave_intent")
    assert customer.alerts() == []
    assert customer.withheld() == ["passive_churn"]


def test_who_suspended_himself_is_still_alerted(someone: Subscriber) -> None:
    someone.profile(status="suspended_voluntary")
    someone.care("leave_intent")
    assert someone.steps() == [("raised", None)]
    assert someone.withheld() == []


def test_an_appointment_that_is_over_is_expired(customer: Subscriber) -> None:
    customer.care("disconnect_appointment", appointment_ts=customer.now - HOUR)
    assert customer.alerts() == []
    assert customer.withheld() == ["expired"]


def test_cooldown(customer: Subscriber, world: World) -> None:
    customer.browses()
    customer.feedback("retained", customer.alerts()[0]["alert_id"])
    world.pass_time(customer.lane, days=25)
    customer.browses()
    assert customer.steps() == [("raised", None), ("closed", "feedback")]
    (withheld,) = customer.suppressions()
    assert withheld["reason"] == "cooldown"
    assert withheld["alert_id"] != customer.alerts()[0]["alert_id"]
    # The breach stands for seven days, the cooldown ends before: then it is raised, under the id that was withheld.
    world.pass_time(customer.lane, days=6)
    raised = customer.alerts()[-1]
    assert (raised["event"], raised["seq"], raised["alert_id"]) == ("raised", 1, withheld["alert_id"])


def test_who_rings_again_is_heard(customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.feedback("refused", customer.alerts()[0]["alert_id"])
    customer.care("leave_intent")
    assert customer.steps() == [("raised", None), ("closed", "feedback"), ("raised", None)]
    assert customer.withheld() == []


def test_a_cooldown_is_of_one_kind(customer: Subscriber, world: World) -> None:
    customer.care("leave_intent")
    customer.feedback("retained", customer.alerts()[0]["alert_id"])
    world.pass_time(customer.lane, days=8)
    customer.browses()
    assert customer.steps("competitor_browsing") == [("raised", None)]


def test_a_person_is_contacted_once_a_week_by_whatever_number_and_department(
    customer: Subscriber, world: World
) -> None:
    other = world.subscriber(customer.lane)
    other.event("telecom.subscribers.v1", customer_id=f"c-{customer.name}")
    other.event("telecom.contacts.v1", channel="sms")
    customer.browses()
    assert (customer.steps(), customer.withheld()) == ([], ["person_cap"])
    world.pass_time(customer.lane, days=6, hours=23)
    assert customer.steps() == []
    customer.browses()
    world.pass_time(customer.lane, hours=2)
    assert customer.steps() == [("raised", None)]


def test_after_a_refusal_there_is_peace_from_what_the_customer_did_not_start(
    customer: Subscriber, world: World
) -> None:
    customer.care("leave_intent")
    customer.feedback("refused", customer.alerts()[0]["alert_id"])
    world.pass_time(customer.lane, days=80)
    customer.browses()
    assert customer.withheld() == ["cooldown"]
    world.pass_time(customer.lane, days=11)
    customer.browses()
    assert customer.steps("competitor_browsing") == [("raised", None)]


def test_behaviour_is_not_used_without_consent(someone: Subscriber, world: World) -> None:
    someone.profile(consent={"behaviour": False})
    someone.browses()
    assert someone.alerts() == []
    (withheld,) = someone.suppressions()
    assert withheld["reason"] == "no_consent"
    assert not withheld["reasons"], "what may not be used is not told either"
    someone.care("leave_intent")
    (alert,) = someone.alerts()
    assert alert["kind"] == "leave_intent"
    assert not any("competitor" in reason["code"] for reason in alert["reasons"])


def test_of_absent_consent_behaviour_is_not_used_and_the_rest_is_and_it_is_counted(
    someone: Subscriber, world: World
) -> None:
    before = world.metrics()
    someone.profile(consent=None)
    someone.browses()
    assert someone.withheld() == ["no_consent"]
    someone.ages()
    someone.risks(AT_RISK)
    (alert,) = someone.alerts()
    assert alert["kind"] == "risk_tier"
    assert not any("competitor" in reason["code"] for reason in alert["reasons"])
    after = world.metrics()
    for use in ("marketing", "behaviour", "profiling"):
        name = "consent_absent_total"
        assert after.total(name, use=use) - before.total(name, use=use) == 1


def test_a_profile_is_not_scored_without_consent(someone: Subscriber) -> None:
    someone.profile(consent={"profiling": False})
    someone.ages()
    someone.risks(AT_RISK)
    assert someone.alerts("risk_tier") == []
    assert someone.withheld("risk_tier") == ["no_consent"]


def test_a_published_risk_is_taken_back_with_the_consent_and_shown_again_with_it(
    customer: Subscriber, world: World
) -> None:
    customer.seasoned()
    customer.risks(AT_RISK)
    customer.profile(consent={"profiling": False})
    assert customer.steps("risk_tier") == [("raised", None), ("closed", "recovered")]
    scores = world.records(SCORES, customer.name)
    assert scores[-1].value is None
    customer.rates(5)
    customer.profile(consent={"profiling": False})
    assert len(world.records(SCORES, customer.name)) == len(scores)
    customer.profile()
    assert world.records(SCORES, customer.name)[-1].body["risk"] == pytest.approx(0.05, abs=1e-6)


def test_without_any_channel_there_is_no_consent(someone: Subscriber) -> None:
    channels = ["field_visit", "account_manager", "outbound_call", "store", "sms", "app_push", "wechat"]
    someone.profile(consent={"marketing": dict.fromkeys(channels, False)})
    someone.care("leave_intent")
    assert someone.alerts() == []
    assert someone.withheld() == ["no_consent"]


def test_a_channel_that_was_refused_is_not_chosen(someone: Subscriber) -> None:
    others = ["field_visit", "account_manager", "outbound_call", "store", "app_push", "wechat"]
    someone.profile(preferred_channel="outbound_call", consent={"marketing": dict.fromkeys(others, False)})
    someone.care("leave_intent")
    assert someone.alerts()[0]["action"]["channel"] == "sms"


def test_snoozed_is_closed_and_raised_anew_when_the_time_is_over(customer: Subscriber, world: World) -> None:
    customer.care("leave_intent")
    first = customer.alerts()[0]
    customer.feedback("snoozed", first["alert_id"], until_ts=customer.now + 3 * DAY)
    assert customer.steps() == [("raised", None), ("closed", "feedback")]
    customer.care("leave_intent")
    assert customer.withheld() == ["snoozed"]
    assert len(customer.alerts()) == 2
    world.pass_time(customer.lane, days=2.9)
    assert len(customer.alerts()) == 2
    world.pass_time(customer.lane, days=0.2)
    anew = customer.alerts()[-1]
    assert (anew["event"], anew["seq"], anew["kind"]) == ("raised", 1, "leave_intent")
    assert anew["alert_id"] != first["alert_id"]
    assert anew["ts"] >= first["ts"] + 3 * DAY
    assert anew["trigger"]["tick"] is not None


@pytest.mark.parametrize(("answer", "anew"), [(HEALTHY, []), (AT_RISK, [("raised", None)])])
def test_a_tier_is_raised_anew_after_a_snooze_if_the_risk_has_outlived_it(
    customer: Subscriber, answer: int, anew: list[tuple[str, str | None]]
) -> None:
    customer.seasoned()
    customer.risks(AT_RISK)
    alert = customer.alerts("risk_tier")[0]
    customer.feedback("snoozed", alert["alert_id"], until_ts=customer.now + 9 * DAY)
    customer.rates(answer)
    customer.sleeps(9)
    assert customer.steps("risk_tier") == [("raised", None), ("closed", "feedback")]
    customer.sleeps(2)
    assert customer.steps("risk_tier") == [("raised", None), ("closed", "feedback"), *anew]


def test_late_events_trigger_nothing(customer: Subscriber, world: World) -> None:
    world.drive(customer.lane)
    old = customer.now - 7 * DAY - HOUR
    customer.visit(ts=old, page="checkout", dwell_s=60)
    customer.care("leave_intent", ts=old)
    customer.care("port_out_code", ts=old)
    assert customer.alerts() == []
    assert customer.suppressions() == []


def test_an_event_not_quite_that_late_triggers(customer: Subscriber, world: World) -> None:
    world.drive(customer.lane)
    customer.care("leave_intent", ts=customer.now - 7 * DAY + HOUR)
    assert customer.steps() == [("raised", None)]


def test_a_late_event_is_folded(customer: Subscriber, world: World) -> None:
    world.drive(customer.lane)
    for days in (7.5, 7.4):
        customer.visit(ts=customer.now - round(days * DAY))
    assert customer.alerts() == []
    customer.visit(ts=customer.now - 6 * DAY)
    assert customer.steps() == [("raised", None)], "the third visit, though the first two were late"


def test_duplicates_are_counted_and_not_applied(customer: Subscriber, world: World) -> None:
    before = world.metrics()
    for _ in range(3):
        customer.visit(event_id="e-1")
    assert customer.alerts() == []
    customer.visit(event_id="e-2")
    assert customer.alerts() == []
    customer.visit(event_id="e-3")
    assert customer.steps() == [("raised", None)]
    topic = "telecom.site-visits.v1"
    after = world.metrics()
    assert after.total("duplicates_total", topic=topic) - before.total("duplicates_total", topic=topic) == 2
    assert after.total("events_total", topic=topic) - before.total("events_total", topic=topic) == 3


def test_without_an_event_id_nothing_is_a_duplicate(customer: Subscriber) -> None:
    ts = customer.now
    for _ in range(3):
        customer.visit(ts=ts)
    assert customer.steps() == [("raised", None)]


def test_only_the_last_sixteen_ids_are_known(customer: Subscriber) -> None:
    customer.care("leave_intent", event_id="first")
    for number in range(15):
        customer.care("inquiry", event_id=f"e-{number}")
    customer.care("leave_intent", event_id="first")
    assert customer.steps() == [("raised", None)]
    customer.care("inquiry", event_id="e-15")
    customer.care("leave_intent", event_id="first")
    assert customer.steps() == [("raised", None), ("escalated", None)]


def test_an_id_is_the_subscribers_own(customer: Subscriber, world: World) -> None:
    other = world.subscriber(customer.lane)
    other.profile()
    for who in (customer, other):
        who.care("leave_intent", event_id="same")
    assert customer.steps() == other.steps() == [("raised", None)]
