"""What leaves a lane is shaped as in the contract."""

from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest
from support.detecting import DAY, HOUR, START, Bench

from models.contract.alerts import Alert, Suppression, Trigger, alert_id, decision_id, subscriber_hash
from models.contract.vocabulary import KINDS, SuppressionReason

ALERT_FIELDS = """alert_id seq event kind close_reason severity subscriber_id customer_id account_id members ts risk
base_rate tier previous_tier model_version policy_version reasons value priority priority_factors action trigger"""
MAY_BE_NULL = {"customer_id", "account_id", "members", "close_reason", "previous_tier"}


def trigger(offset: int | None = 1, tick: int | None = None, topic: str | None = "telecom.calls.v1") -> Trigger:
    return Trigger(topic=topic, partition=3, offset=offset, tick=tick)


def test_alert_id_is_a_hash_of_kind_subject_and_trigger() -> None:
    found = alert_id("leave_intent", "s-1", trigger())
    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")
    others = {
        alert_id("port_out", "s-1", trigger()),
        alert_id("leave_intent", "s-2", trigger()),
        alert_id("leave_intent", "s-1", trigger(offset=2)),
        alert_id("leave_intent", "s-1", trigger(offset=None, topic=None, tick=1)),
    }
    assert len(others | {found}) == 5
    assert found == alert_id("leave_intent", "s-1", trigger())


def test_decision_id_differs_by_reason_and_by_what_made_us_look() -> None:
    ids = {decision_id("a", "cooldown", trigger()), decision_id("a", "no_profile", trigger())}
    assert len(ids | {decision_id("a", "cooldown", trigger(offset=2))}) == 3


def test_subscriber_hash_hides_the_number() -> None:
    assert "13812348000" not in subscriber_hash("13812348000")


@pytest.fixture(scope="module")
def bench() -> Bench:
    bench = Bench()
    bench.send("profile", "s-1", START - DAY)
    end = bench.week("s-1")
    bench.send("care", "s-1", end + HOUR, reason="complaint", case_id="c-1")
    bench.send("care", "s-1", end + 2 * HOUR, reason="complaint", case_id="c-2")
    bench.send("call", "s-1", end + DAY)
    bench.send("call", "s-1", end + 2 * DAY)
    bench.send("visit", "s-1", end + 2 * DAY, dwell_s=900)
    bench.send("visit", "s-1", end + 2 * DAY + HOUR, page="checkout", dwell_s=45)
    bench.send("care", "s-1", end + 2 * DAY, reason="complaint", case_id="c-2", status="resolved")
    bench.send("care", "s-1", end + 2 * DAY, reason="complaint", case_id="c-1", status="resolved")
    for day in range(3, 12):
        bench.send("call", "s-1", end + day * DAY)
    bench.send("care", "s-9", end + 12 * DAY, reason="leave_intent")
    return bench


def as_json(body: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(msgspec.json.encode(body))
    return found


def test_alert_has_the_fields_of_the_contract_in_their_order(bench: Bench) -> None:
    assert {a.event for a in bench.alerts()} == {"raised", "escalated", "eased", "closed"}
    for alert in bench.alerts():
        assert list(as_json(alert)) == ALERT_FIELDS.split()


def test_alert_leaves_null_only_what_may_be(bench: Bench) -> None:
    for alert in bench.alerts():
        null = {name for name, value in as_json(alert).items() if value is None}
        ending = {"action", "reasons"} if alert.event in ("eased", "closed") else set()
        assert null <= MAY_BE_NULL | ending
        assert (alert.close_reason is not None) == (alert.event == "closed")
        if alert.action is not None:
            null = {name for name, value in as_json(alert.action).items() if value is None}
            assert null <= {"assignee", "offer"}


def test_alert_numbers_are_plain(bench: Bench) -> None:
    raised = next(a for a in bench.alerts() if a.kind == "competitor_browsing")
    factors = raised.priority_factors
    assert raised.priority == pytest.approx(factors.propensity * factors.value * factors.actionability, abs=1e-3)
    assert raised.value.revenue_at_risk == pytest.approx(factors.propensity * 138.0 * 12, abs=0.01)
    assert (raised.value.segment, raised.tier, raised.previous_tier) == ("high", "high_risk", "healthy")
    assert raised.trigger == Trigger(topic="telecom.site-visits.v1", partition=3, offset=1, tick=None)
    assert raised.reasons is not None
    assert [r.code for r in raised.reasons] == ["competitor_dwell_7d", "complaints_open"]


def test_suppression_holds_the_body_as_far_as_it_was_made(bench: Bench) -> None:
    (found,) = bench.suppressions()
    assert list(as_json(found)) == ["decision_id", "reason", *ALERT_FIELDS.split()]
    assert (found.reason, found.kind, found.subscriber_id, found.seq) == ("no_profile", "leave_intent", "s-9", 0)
    assert found.reasons is not None
    assert (found.action, found.value) == (None, None)


def test_every_record_has_an_id_of_its_own(bench: Bench) -> None:
    for output in bench.outputs:
        if isinstance(output.body, Alert):
            assert output.ce_id == f"{output.body.alert_id}:{output.body.seq}"
        elif isinstance(output.body, Suppression):
            assert output.ce_id == output.body.decision_id
        assert output.key in ("s-1", "s-9")
    assert len({o.ce_id for o in bench.outputs}) == len(bench.outputs)


def test_words_are_those_of_the_contract() -> None:
    assert len(KINDS) == 11
    assert len(get_args(SuppressionReason)) == 16
