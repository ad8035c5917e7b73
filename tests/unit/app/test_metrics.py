"""Metrics: names and zeros of the contract, counts by commit, lanes that come and go."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import pytest
from msgspec import Struct
from prometheus_client import generate_latest

from app.worker.metrics import EVENTS, SUPPRESSIONS, Metrics
from models.contract.events import CALLS, INPUTS, SITE_VISITS
from models.contract.policy import Policy
from models.contract.vocabulary import KINDS, ORDER_STEPS, TIERS
from models.desk.capacity import UnitProgress
from models.detection.signals import ACCOUNT_SIGNS
from streams.desk.desk_report import DeskCommit, DeskReport, DeskStanding
from streams.lanes.ports import Commit, LaneReport
from streams.records.topics import BREACHES
from streams.records.wire import DEAD_LETTER_REASONS

CONTRACT = {
    "events_total",
    "dead_letters_total",
    "duplicates_total",
    "alerts_total",
    "breaches_total",
    "suppressions_total",
    "waiting",
    "event_to_alert_seconds",
    "batch_seconds",
    "transaction_seconds",
    "lag_records",
    "lag_seconds",
    "watermark_timestamp_seconds",
    "subscribers",
    "state_rows",
    "restore_remaining_records",
    "last_progress_timestamp_seconds",
    "model_info",
    "model_examples_total",
    "model_roc_auc",
    "model_lift_top_decile",
    "model_calibration_error",
    "label_delay_seconds",
    "retention_success_ratio",
    "work_orders_total",
    "unknown_breaches_total",
    "desk_open",
    "desk_lag_records",
    "desk_time_timestamp_seconds",
    "desk_held_up_by",
    "unit_contacts",
    "unit_capacity",
    "unit_saves",
    "unit_target",
    "contacts_settled_total",
    "leave_reasons_total",
    "migrations_total",
    "migrated_revenue_total",
    "account_signs_total",
}


class Body(Struct):
    kind: str = "silence"
    event: str = "raised"
    tier: str = "warning"
    reason: str = "cooldown"
    step: str = "dispatched"
    subscriber_id: str = "s-10086"


class Out(NamedTuple):
    kind: str
    body: object


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"holdfast_{name}", labels)


def text(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_every_family_of_the_contract_is_exposed(metrics: Metrics) -> None:
    exposed = set(re.findall(r"^# TYPE holdfast_(\S+)", text(metrics), re.MULTILINE))
    assert exposed >= CONTRACT


def test_every_series_has_the_prefix(metrics: Metrics) -> None:
    metrics.lane_opened(0)
    metrics.committed(0, Commit(watermark_ms=1))
    names = {line.split("{")[0].split(" ")[0] for line in text(metrics).splitlines() if not line.startswith("#")}
    assert names
    assert all(name.startswith("holdfast_") for name in names)
    assert not [name for name in names if name.endswith("_created")]


def test_every_label_value_starts_at_zero(metrics: Metrics) -> None:
    for topic in INPUTS:
        assert value(metrics, "events_total", topic=topic) == 0
        assert value(metrics, "duplicates_total", topic=topic) == 0
        for poison in DEAD_LETTER_REASONS:
            assert value(metrics, "dead_letters_total", topic=topic, reason=poison) == 0
    for kind in KINDS:
        assert value(metrics, "breaches_total", kind=kind) == 0
        for event in EVENTS:
            for tier in TIERS:
                assert value(metrics, "alerts_total", kind=kind, event=event, tier=tier) == 0
    for reason in SUPPRESSIONS:
        assert value(metrics, "suppressions_total", reason=reason) == 0
    for tier in TIERS:
        assert value(metrics, "subscribers", tier=tier) == 0
    for step in ORDER_STEPS:
        assert value(metrics, "work_orders_total", step=step) == 0


def test_what_is_not_known_is_nan_and_not_zero(metrics: Metrics) -> None:
    unknown = value(metrics, "model_roc_auc")
    assert unknown is not None
    assert math.isnan(unknown)
    metrics.model_quality(0.7, 2.0, float("nan"))
    assert value(metrics, "model_roc_auc") == 0.7
    assert math.isnan(value(metrics, "model_calibration_error") or 0.0)


def test_a_commit_is_counted_once(metrics: Metrics) -> None:
    report: LaneReport = metrics
    report.lane_opened(3)
    report.committed(
        3,
        Commit(
            events={CALLS: 5, SITE_VISITS: 1},
            duplicates={CALLS: 2},
            rejected={(CALLS, "not_json"): 1},
            late={CALLS: 1},
            ignored={CALLS: 3},
            unknown_feedback=2,
            outputs=[Out("alert", Body()), Out("suppression", Body()), Out("score", Body()), Out("receipt", Body())],
            breaches={"silence": 2},
            matured={("risk_tier", "positive"): 2, ("risk_tier", "negative"): 3},
            leavers={"risk_tier": 2, "none": 1},
            leads_s=[3 * 86_400.0, 20 * 86_400.0],
            recovered={"longer": 4},
            consent_absent={"behaviour": 6},
            batch_s=0.01,
            transaction_s=0.02,
            watermark_ms=1_780_000_000_000,
            tiers={"healthy": 7, "warning": 1},
            state_rows=8,
            now_s=1_780_000_100.5,
        ),
    )
    assert value(metrics, "events_total", topic=CALLS) == 5
    assert value(metrics, "duplicates_total", topic=CALLS) == 2
    assert value(metrics, "dead_letters_total", topic=CALLS, reason="not_json") == 1
    assert value(metrics, "late_events_total", topic=CALLS) == 1
    assert value(metrics, "ignored_events_total", topic=CALLS) == 3
    assert value(metrics, "unknown_feedback_total") == 2
    assert value(metrics, "alerts_total", kind="silence", event="raised", tier="warning") == 1
    assert value(metrics, "suppressions_total", reason="cooldown") == 1
    assert value(metrics, "breaches_total", kind="silence") == 2
    assert value(metrics, "alerts_matured_total", kind="risk_tier", label="positive") == 2
    assert value(metrics, "alerts_matured_total", kind="risk_tier", label="void") == 0
    assert value(metrics, "leavers_total", alert="risk_tier") == 2
    assert value(metrics, "alert_lead_seconds_bucket", le="259200.0") == 1
    assert value(metrics, "tier_episodes_recovered_total", length="longer") == 4
    assert value(metrics, "consent_absent_total", use="behaviour") == 6
    assert value(metrics, "consent_absent_total", use="marketing") == 0
    assert value(metrics, "watermark_timestamp_seconds", partition="3") == 1_780_000_000
    assert value(metrics, "last_progress_timestamp_seconds") == 1_780_000_100.5
    assert value(metrics, "subscribers", tier="healthy") == 7


def test_the_desk_is_counted_and_takes_its_gauges_along(metrics: Metrics) -> None:
    report: DeskReport = metrics
    assert value(metrics, "desk_open") == 0
    metrics.lag(BREACHES, 0, 7, 3.0)
    assert value(metrics, "desk_lag_records") == 0, "it is not here"
    idle, busy = UnitProgress(0, None, 0, None), UnitProgress(9, 12, 2, 5)
    report.desk_opened(DeskStanding(0, 0, {"north": 1, "south": 0}, {}, {"north": idle, "south": idle}))
    assert [value(metrics, f"unit_{name}", unit="north") for name in ("contacts", "saves")] == [0, 0]
    assert all(math.isnan(value(metrics, f"unit_{name}", unit="north") or 0.0) for name in ("capacity", "target"))
    assert math.isnan(value(metrics, "desk_time_timestamp_seconds") or 0.0)
    assert value(metrics, "waiting", unit="north") == 1
    assert math.isnan(value(metrics, "retention_success_ratio", unit="north") or 0.0), "known in a month"
    outputs = [Out("alert", Body()), Out("suppression", Body()), Out("work_order", Body())]
    settled, leavers = {("corporate_visit", "left"): 2}, {("price", "china-unicom"): 3}
    commit = DeskCommit(outputs, {"silence": 2}, 3, {"pays_less": 4}, settled, leavers, latencies_s=[0.03, 7.0])
    report.desk_committed(commit, DeskStanding(9000, 2, {"south": 4}, {"south": 0.5}, {"south": busy}))
    assert value(metrics, "contacts_settled_total", strategy="corporate_visit", result="left") == 2
    assert value(metrics, "leave_reasons_total", reason="price", to="china-unicom") == 3
    assert value(metrics, "leave_reasons_total", reason="network", to="unknown") == 0
    assert [value(metrics, "account_signs_total", sign=sign) for sign in ACCOUNT_SIGNS] == [0, 4]
    names = ("contacts", "capacity", "saves", "target")
    assert [value(metrics, f"unit_{name}", unit="south") for name in names] == [9, 12, 2, 5]
    metrics.lag(BREACHES, 0, 7, 3.0)
    assert value(metrics, "alerts_total", kind="silence", event="raised", tier="warning") == 1
    assert value(metrics, "suppressions_total", reason="cooldown") == 1
    assert value(metrics, "work_orders_total", step="dispatched") == 1
    assert value(metrics, "breaches_total", kind="silence") == 2
    assert value(metrics, "unknown_breaches_total") == 3
    assert value(metrics, "event_to_alert_seconds_count") == 2
    assert value(metrics, "event_to_alert_seconds_bucket", le="0.05") == 1
    assert value(metrics, "desk_open") == 1
    assert value(metrics, "desk_time_timestamp_seconds") == 9
    assert value(metrics, "desk_held_up_by") == 2
    assert value(metrics, "desk_lag_records") == 7
    assert value(metrics, "waiting", unit="north") is None
    assert value(metrics, "waiting", unit="south") == 4
    assert value(metrics, "retention_success_ratio", unit="south") == 0.5
    report.desk_closed()
    assert value(metrics, "waiting", unit="south") is None
    assert value(metrics, "retention_success_ratio", unit="south") is None
    assert value(metrics, "unit_saves", unit="south") is None
    assert math.isnan(value(metrics, "desk_time_timestamp_seconds") or 0.0)
    assert [value(metrics, f"desk_{name}") for name in ("open", "lag_records", "held_up_by")] == [0, 0, 0]


def test_each_play_of_the_policy_has_its_series_at_zero(metrics: Metrics) -> None:
    assert value(metrics, "contacts_settled_total", strategy="answer_only", result="left") is None
    metrics.governing(Policy())
    for play in Policy().playbook:
        assert value(metrics, "contacts_settled_total", strategy=play.strategy, result="left") == 0


def test_a_lane_that_was_restored_is_counted_before_its_first_commit(metrics: Metrics) -> None:
    metrics.lane_opened(1, Commit(tiers={"warning": 2, "healthy": 3}, state_rows=5, watermark_ms=7000))
    assert value(metrics, "state_rows") == 5
    assert value(metrics, "subscribers", tier="warning") == 2
    assert value(metrics, "watermark_timestamp_seconds", partition="1") == 7


def test_gauges_are_sums_over_lanes_and_a_closed_lane_takes_its_share_along(metrics: Metrics) -> None:
    for partition in (0, 1):
        metrics.lane_opened(partition)
        metrics.committed(partition, Commit(tiers={"high_risk": 2}, state_rows=10, watermark_ms=1000))
        metrics.lag(CALLS, partition, 4, 1.5)
    assert value(metrics, "state_rows") == 20
    assert value(metrics, "subscribers", tier="high_risk") == 4
    metrics.lane_closed(1)
    assert value(metrics, "state_rows") == 10
    assert value(metrics, "subscribers", tier="high_risk") == 2
    assert value(metrics, "lag_records", topic=CALLS, partition="0") == 4
    assert value(metrics, "lag_records", topic=CALLS, partition="1") is None
    assert value(metrics, "watermark_timestamp_seconds", partition="1") is None
    assert value(metrics, "watermark_timestamp_seconds", partition="0") == 1


def test_lag_of_a_closed_lane_is_not_set_again(metrics: Metrics) -> None:
    metrics.lane_opened(0)
    metrics.lane_closed(0)
    metrics.lag(CALLS, 0, 9, 9.0)
    assert value(metrics, "lag_records", topic=CALLS, partition="0") is None


def test_closing_a_lane_that_never_committed_is_no_error(metrics: Metrics) -> None:
    metrics.lane_closed(5)
    metrics.restore_remaining(5, 100)
    metrics.lane_closed(5)
    assert value(metrics, "restore_remaining_records") == 0


def test_restore_counts_down_over_all_lanes(metrics: Metrics) -> None:
    metrics.restore_remaining(0, 10)
    metrics.restore_remaining(1, 5)
    assert value(metrics, "restore_remaining_records") == 15
    metrics.lane_opened(0)
    assert value(metrics, "restore_remaining_records") == 5


def test_only_the_model_served_now_is_told(metrics: Metrics) -> None:
    metrics.serving("m-00001")
    metrics.serving("m-00002")
    assert value(metrics, "model_info", version="m-00001") is None
    assert value(metrics, "model_info", version="m-00002") == 1


def test_no_label_carries_a_subscriber(metrics: Metrics) -> None:
    metrics.committed(0, Commit(outputs=[Out(kind, Body()) for kind in ("alert", "suppression", "score", "receipt")]))
    assert "s-10086" not in text(metrics)


def test_two_instances_do_not_share_series() -> None:
    first, second = Metrics(), Metrics()
    first.committed(0, Commit(events={CALLS: 1}))
    assert value(second, "events_total", topic=CALLS) == 0
