"""An alert's record: every field of the value, its headers, its key and its place."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from support.black_box import World
from support.black_box_events import DAY, HOUR, SCORES, lane_of
from support.black_box_subscriber import Subscriber
from support.known_model import AT_RISK, BASE_RATE, HEALTHY, RISKS, WARNED

from models.contract.alerts import Alert

EXAMPLE = json.loads("""
{"alert_id": "9f0c…", "seq": 1, "event": "raised", "kind": "competitor_browsing", "close_reason": null, "severity": "normal",
 "subscriber_id": "s-10086", "customer_id": "c-77", "account_id": null, "members": null, "ts": 1780000000000,
 "risk": 0.12, "base_rate": 0.015, "tier": "high_risk", "previous_tier": "warning", "model_version": "m-00042", "policy_version": "p-7",
 "reasons": [{"code": "competitor_dwell_7d", "value": 1460.0, "usual": 12.0, "contribution": 1.31, "disclosable": false,
              "text": {"en": "24 minutes on competitor sites in 7 days", "zh": "近7天浏览竞争对手网站24分钟"}}],
 "value": {"arpu": 138.0, "segment": "high", "revenue_at_risk": 114.5},
 "priority": 114.5, "priority_factors": {"propensity": 0.12, "value": 138.0, "actionability": 0.9},
 "action": {"cause": "competitor_offer", "strategy": "home_visit_renewal", "channel": "field_visit", "unit": "tianhe-03", "assignee": "manager-7",
            "contact_from": 1780016400000, "contact_by": 1780086400000, "offer": {"code": "R-A", "name": {"en": "…", "zh": "…"}, "valid_until": 1782000000000, "cost_cap": 60.0},
            "talk_track": {"opening": {"en": "…", "zh": "…"}, "do": [], "dont": []}},
 "trigger": {"topic": "telecom.site-visits.v1", "partition": 3, "offset": 88123, "tick": null}}
""")  # noqa: E501 - the contract's own lines
MAY_BE_NULL = {
    "customer_id", "account_id", "members", "close_reason", "previous_tier", "action.assignee", "action.offer",
}  # fmt: skip
ONLY_AFTER_RAISED = {"action", "reasons"}
"""May be null on `eased` and `closed`."""
LISTS_OF_STRINGS = {"members"}


def differences(found: Any, example: Any, nullable: set[str], path: str = "") -> list[str]:
    """Where a value has another shape than the contract's example."""
    if found is None and path in nullable:
        return []
    if isinstance(example, dict):
        if not isinstance(found, dict):
            return [f"{path}: {found!r} is no object"]
        extra = [f"{path}: {key} in one only" for key in found.keys() ^ example.keys()]
        shared = [key for key in example if key in found]
        return extra + [
            line
            for key in shared
            for line in differences(found[key], example[key], nullable, f"{path}.{key}".strip("."))
        ]
    if isinstance(example, list):
        if not isinstance(found, list):
            return [f"{path}: {found!r} is no list"]
        return [line for each in found for line in differences(each, example[0] if example else each, nullable, path)]
    kind = {int: int, float: (int, float), str: str, bool: bool}.get(type(example), object)
    right = isinstance(found, kind) and isinstance(found, bool) == isinstance(example, bool)
    return [] if right or example is None else [f"{path}: {found!r} is not like {example!r}"]


def assert_in_shape(alert: dict[str, Any]) -> None:
    nullable = MAY_BE_NULL | (ONLY_AFTER_RAISED if alert["event"] in ("eased", "closed") else set())
    nullable |= {"trigger.topic", "trigger.offset"} if alert["trigger"]["tick"] is not None else set()
    assert differences(alert, EXAMPLE, nullable) == []
    assert (alert["close_reason"] is not None) == (alert["event"] == "closed")
    if alert["trigger"]["tick"] is not None:
        assert alert["trigger"]["topic"] is alert["trigger"]["offset"] is None
        assert alert["trigger"]["tick"] % (15 * 60_000) == 0
    msgspec.convert(alert, Alert)  # the closed enums


def test_every_field_of_a_raised_alert(someone: Subscriber) -> None:
    someone.profile(preferred_channel="outbound_call", account_id=None)
    place = someone.browses()
    (alert,) = someone.alerts()
    assert_in_shape(alert)
    assert alert["seq"] == 1
    assert (alert["event"], alert["kind"], alert["close_reason"]) == ("raised", "competitor_browsing", None)
    assert (alert["subscriber_id"], alert["customer_id"]) == (someone.name, f"c-{someone.name}")
    assert (alert["account_id"], alert["members"]) == (None, None)
    assert alert["ts"] == someone.now
    assert (alert["base_rate"], alert["model_version"]) == (BASE_RATE, "m-00007")
    assert alert["policy_version"]
    # The model says 0.005; the policy knows what such a visit means.
    assert (alert["tier"], alert["risk"]) == ("healthy", 0.1)
    assert alert["value"]["arpu"] == 138.0
    assert alert["value"]["segment"] == "high"
    assert alert["value"]["revenue_at_risk"] > 0
    factors = alert["priority_factors"]
    assert factors["value"] == 138.0
    assert alert["priority"] == pytest.approx(factors["propensity"] * factors["value"] * factors["actionability"])
    assert alert["action"]["cause"] == "competitor_offer"
    assert alert["action"]["channel"] == "outbound_call"
    assert (alert["action"]["unit"], alert["action"]["assignee"]) == ("tianhe-03", "manager-7")
    assert alert["action"]["contact_by"] > alert["ts"]
    assert alert["trigger"] == {
        "topic": "telecom.site-visits.v1",
        "partition": place.partition,
        "offset": place.offset,
        "tick": None,
    }


def test_what_the_customer_may_hear_of_browsing_is_nothing(customer: Subscriber) -> None:
    customer.browses()
    (alert,) = customer.alerts()
    browsing = [reason for reason in alert["reasons"] if reason["code"].startswith("competitor")]
    assert browsing
    assert not any(reason["disclosable"] for reason in browsing)
    opening = alert["action"]["talk_track"]["opening"]
    assert "rival" not in json.dumps(alert["action"])
    assert "competitor" not in opening["en"].lower()
    assert "竞" not in opening["zh"]


def test_a_subscriber_of_whom_little_is_known_has_nulls_only_where_they_are_allowed(someone: Subscriber) -> None:
    someone.event("telecom.subscribers.v1", arpu=None, unit=None, manager=None, customer_id=None, plan=None)
    someone.browses()
    (alert,) = someone.alerts()
    assert_in_shape(alert)
    assert alert["customer_id"] is None
    assert alert["action"]["assignee"] is None
    assert alert["action"]["unit"]


def test_headers_key_and_partition(world: World, customer: Subscriber) -> None:
    customer.browses()
    (record,) = customer.alert_records()
    alert = record.body
    headers = dict(record.headers)
    moment = headers.pop("ce_time").decode()
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": f"{alert['alert_id']}:1".encode(),
        "ce_source": f"/holdfast/{world.group}".encode(),
        "ce_type": b"holdfast.alert.v1",
        "ce_subject": customer.name.encode(),
        "content-type": b"application/json",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", moment)
    assert datetime.fromisoformat(moment) == datetime.fromtimestamp(alert["ts"] / 1000, UTC)
    assert record.key == customer.name.encode()
    assert record.place.partition == lane_of(customer.name, world.lanes) == customer.lane


def test_an_event_is_processed_in_the_partition_in_which_it_arrives(world: World, someone: Subscriber) -> None:
    elsewhere = (someone.lane + 1) % world.lanes
    body = {"subscriber_id": someone.name, "ts": world.clock[elsewhere], "operator": "rival", "dwell_s": 40.0}
    value = json.dumps({**body, "page": "checkout"}).encode()
    world.send("telecom.site-visits.v1", someone.name, value, partition=elsewhere)
    world.settle(elsewhere)
    (told,) = (r for r in world.outputs.records["churn.suppressions.v1"] if r.key == someone.name.encode())
    assert told.place.partition == elsewhere
    assert told.body["reason"] == "no_profile"


def test_alert_id_is_stable_and_seq_has_no_gaps_over_a_whole_life(world: World, someone: Subscriber) -> None:
    someone.seasoned()
    for answer in (WARNED, AT_RISK, WARNED, AT_RISK):
        someone.risks(answer)
    someone.rates(HEALTHY)
    someone.sleeps(7)
    records = someone.alert_records("risk_tier")
    alerts = [record.body for record in records]
    assert [a["event"] for a in alerts] == ["raised", "eased", "escalated", "eased", "closed"]
    assert [a["seq"] for a in alerts] == [1, 2, 3, 4, 5]
    assert len({a["alert_id"] for a in alerts}) == 1
    assert [r.headers["ce_id"].decode() for r in records] == [f"{alerts[0]['alert_id']}:{n}" for n in range(1, 6)]
    assert [(a["previous_tier"], a["tier"]) for a in alerts] == [
        ("warning", "high_risk"),
        ("high_risk", "warning"),
        ("warning", "high_risk"),
        ("high_risk", "warning"),
        ("warning", "healthy"),
    ]
    assert [a["close_reason"] for a in alerts] == [None, None, None, None, "recovered"]
    for alert in alerts:
        assert_in_shape(alert)
    assert alerts[0]["risk"] == alerts[2]["risk"] == pytest.approx(RISKS[AT_RISK], abs=1e-6)


def test_high_risk_is_contacted_within_a_day(someone: Subscriber) -> None:
    someone.seasoned()
    someone.risks(AT_RISK)
    (alert,) = someone.alerts("risk_tier")
    assert (alert["event"], alert["tier"]) == ("raised", "high_risk")
    assert 9 * HOUR <= alert["action"]["contact_by"] - alert["ts"] <= DAY
    assert alert["reasons"][0]["code"] == "last_satisfaction"


def test_a_warning_is_a_line_of_the_list_that_the_scores_make_and_no_alert(world: World, someone: Subscriber) -> None:
    someone.seasoned()
    someone.risks(WARNED)
    assert someone.alerts() == someone.suppressions() == []
    score = world.records(SCORES, someone.name)[-1].body
    assert (score["tier"], score["unit"], score["segment"]) == ("warning", "tianhe-03", "high")
    assert score["reason"] == "last_satisfaction"


def test_a_tier_needs_a_week_of_history_and_a_signal_needs_none(customer: Subscriber) -> None:
    customer.rates(AT_RISK)
    customer.sleeps(6)
    customer.care("leave_intent")
    assert [a["kind"] for a in customer.alerts()] == ["leave_intent"]
    customer.sleeps(3)
    assert [a["kind"] for a in customer.alerts()] == ["leave_intent", "risk_tier"]


def test_two_kinds_are_two_alerts(customer: Subscriber) -> None:
    customer.browses()
    customer.care("leave_intent")
    first, second = customer.alerts()
    assert {first["kind"], second["kind"]} == {"competitor_browsing", "leave_intent"}
    assert first["alert_id"] != second["alert_id"]
    assert first["seq"] == second["seq"] == 1
    customer.feedback("retained", first["alert_id"])
    assert customer.steps("leave_intent") == [("raised", None)]
    assert customer.steps("competitor_browsing") == [("raised", None), ("closed", "feedback")]


def test_the_prefix_is_in_no_value(world: World, customer: Subscriber) -> None:
    customer.browses()
    (alert,) = customer.alerts()
    assert world.prefix not in json.dumps(alert)
