"""The worker as a process: topics, metrics, probes, exit codes, the group, restarts."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from itertools import product

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import ConfigResource, OffsetSpec, ResourceType
from support.black_box import World
from support.black_box_events import ALERTS, DEAD_LETTERS, INPUTS, OUTPUTS, SCORES, STATE, SUBSCRIBERS
from support.black_box_subscriber import Subscriber
from support.black_box_worker import Metrics, Worker, until

from streams.embedded_kafka.broker import EmbeddedBroker

KINDS = (
    "risk_tier", "competitor_browsing", "leave_intent", "port_out", "disconnect_appointment", "value_decline",
    "silence", "contract_expiry", "complaint_overdue", "account_exodus", "win_back",
)  # fmt: skip
EVENTS = ("raised", "escalated", "eased", "closed")
TIERS = ("healthy", "warning", "high_risk")
POISONS = (
    "not_json", "not_utf8", "null_key", "null_value", "key_mismatch", "missing_field", "wrong_type", "out_of_range",
    "unknown_enum", "non_finite", "future_ts", "too_large", "too_deep",
)  # fmt: skip
SUPPRESSION_REASONS = (
    "no_profile", "no_consent", "do_not_contact", "passive_churn", "cooldown", "channel_cap", "person_cap",
    "quiet_hours", "capacity", "expired", "hold_out", "snoozed", "blocked", "low_priority", "legal", "stale_feed",
)  # fmt: skip
RAISED = ("raised", None)

# Topics


def test_topics_are_created_with_one_partition_count(world: World) -> None:
    found = world.admin().list_topics(timeout=10).topics
    ours = {name.removeprefix(world.prefix): t for name, t in found.items() if name.startswith(world.prefix)}
    assert set(INPUTS) | set(OUTPUTS) <= set(ours)
    counts = {name: len(topic.partitions) for name, topic in ours.items()}
    ones = (
        "churn.training-examples.v1",
        "churn.models.v1",
        "churn.policy.v1",
        "churn.breaches.v1",
        "churn.desk-state.v1",
    )
    single = dict.fromkeys(ones, 1)
    assert counts == dict.fromkeys(ours, world.lanes) | single
    checked = world.holdfast("topics", "check", "--json")
    assert (checked.returncode, json.loads(checked.stdout)) == (0, {"ok": True, "fault": None})


def test_creating_topics_again_changes_nothing(world: World) -> None:
    again = world.holdfast("topics", "create", "--json")
    assert again.returncode == 0
    assert [json.loads(line)["created"] for line in again.stdout.splitlines()] == [False] * len(world.created)


@pytest.mark.parametrize(
    ("topic", "policy"), [(SUBSCRIBERS, "compact"), (SCORES, "compact"), (STATE, "compact"), (DEAD_LETTERS, "delete")]
)
def test_how_a_topic_is_kept(world: World, topic: str, policy: str) -> None:
    asked = ConfigResource(ResourceType.TOPIC, world.prefix + topic)
    admin = world.admin()
    (future,) = admin.describe_configs([asked]).values()
    assert future.result()["cleanup.policy"].value == policy


# Metrics


def closed_series() -> Iterator[tuple[str, dict[str, str]]]:
    """Every series whose labels are closed sets of the contract."""
    for topic in INPUTS:
        yield "events_total", {"topic": topic}
        yield "duplicates_total", {"topic": topic}
        for reason in POISONS:
            yield "dead_letters_total", {"topic": topic, "reason": reason}
        for partition in range(4):
            for name in ("lag_records", "lag_seconds"):
                yield name, {"topic": topic, "partition": str(partition)}
    for kind, event, tier in product(KINDS, EVENTS, TIERS):
        yield "alerts_total", {"kind": kind, "event": event, "tier": tier}
    for kind in KINDS:
        yield "breaches_total", {"kind": kind}
    for reason in SUPPRESSION_REASONS:
        yield "suppressions_total", {"reason": reason}
    for tier in TIERS:
        yield "subscribers", {"tier": tier}
    for histogram in ("event_to_alert_seconds", "label_delay_seconds"):
        yield f"{histogram}_count", {}
    yield "state_rows", {}
    yield "restore_remaining_records", {}


def test_every_closed_series_is_there_at_zero_before_any_event(world: World) -> None:
    start = world.metrics_at_start
    found = {(name, tuple(labels.items())): start.value(name, **labels) for name, labels in closed_series()}
    assert {series: value for series, value in found.items() if value != 0} == {}


def test_the_other_series_are_declared(world: World) -> None:
    _, text = world.worker.get()
    for name in (
        "batch_seconds", "transaction_seconds", "waiting", "watermark_timestamp_seconds",
        "last_progress_timestamp_seconds", "model_examples_total", "model_roc_auc", "model_lift_top_decile",
        "model_calibration_error", "retention_success_ratio",
    ):  # fmt: skip
        assert f"# TYPE holdfast_{name.removesuffix('_total')}" in text, name
    assert world.metrics_at_start.value("model_info", version="m-00007") == 1


def test_no_series_names_a_subscriber(world: World, customer: Subscriber) -> None:
    customer.care("leave_intent")
    assert customer.steps() == [RAISED]
    _, text = world.worker.get()
    assert customer.name not in text
    assert all(line.startswith(("#", "holdfast_")) for line in text.splitlines() if line)


def test_counts_after_commits(world: World, customer: Subscriber) -> None:
    before = world.metrics()
    customer.browses()
    customer.profile(do_not_contact=True)
    customer.care("leave_intent")
    assert customer.steps() == [RAISED]
    assert customer.withheld() == ["do_not_contact"]

    def moved(name: str, **labels: str) -> float:
        return (after.value(name, **labels) or 0) - (before.value(name, **labels) or 0)

    after = world.metrics()
    assert moved("events_total", topic="telecom.site-visits.v1") == 1
    assert moved("events_total", topic="telecom.subscribers.v1") == 1
    assert moved("breaches_total", kind="competitor_browsing") == moved("breaches_total", kind="leave_intent") == 1
    assert moved("alerts_total", kind="competitor_browsing", event="raised", tier="healthy") == 1
    assert moved("suppressions_total", reason="do_not_contact") == 1
    assert moved("event_to_alert_seconds_count") == 1
    assert 0 <= moved("event_to_alert_seconds_sum") < 60
    assert moved("transaction_seconds_count") >= 1
    assert moved("batch_seconds_count") >= 1
    assert after.value("last_progress_timestamp_seconds")
    assert (after.value("state_rows") or 0) >= (before.value("state_rows") or 0) > 0
    assert after.total("subscribers") == after.value("state_rows")


def test_breaches_are_raised_or_suppressed_and_nothing_is_lost_between(world: World) -> None:
    now = world.metrics()
    raised, withheld = now.total("alerts_total", event="raised"), now.total("suppressions_total")
    assert now.total("breaches_total") == raised + withheld + now.total("waiting")
    records = world.outputs.records
    assert raised == sum(r.body["event"] == "raised" for r in records[ALERTS])
    assert now.total("alerts_total") == len(records[ALERTS])
    assert withheld == len(records["churn.suppressions.v1"])
    assert now.total("dead_letters_total") == len(records[DEAD_LETTERS])


# Probes


def test_probes(world: World) -> None:
    assert world.worker.get("/livez")[0] == 200
    assert world.worker.get("/readyz")[0] == 200


@pytest.mark.parametrize("wanted", ["text/plain", "application/openmetrics-text"])
def test_metrics_come_as_text_or_as_openmetrics(world: World, wanted: str) -> None:
    request = urllib.request.Request(world.worker.url(), headers={"Accept": wanted})  # noqa: S310 - http on loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.headers["Content-Type"].startswith(wanted)


def test_stdout_has_the_address_of_the_metrics_and_nothing_else(world: World) -> None:
    (line,) = world.worker.stdout
    told = json.loads(line)
    assert set(told) == {"metrics"}
    assert told["metrics"].startswith("http://127.0.0.1:")
    assert told["metrics"].endswith("/metrics")


# The group and the transactions


def test_the_group_has_the_configured_name_and_reports_the_ledger(world: World, customer: Subscriber) -> None:
    sent = customer.care("inquiry")
    world.settle(customer.lane)
    until(lambda: world.committed().get((sent.topic, sent.partition)) == sent.offset + 1, "offset committed", 10)
    admin = world.admin()
    described = admin.describe_consumer_groups([world.group])[world.group].result()
    assert len(described.members) == 1
    ours = [g.group_id for g in admin.list_consumer_groups().result().valid if g.group_id.startswith(world.prefix)]
    assert ours == [world.group]


def test_outputs_are_written_in_transactions(world: World, customer: Subscriber) -> None:
    customer.care("leave_intent")
    (record,) = customer.alert_records()
    place = TopicPartition(world.prefix + ALERTS, record.place.partition)
    admin = world.admin()
    (end,) = (f.result().offset for f in admin.list_offsets({place: OffsetSpec.latest()}).values())
    assert end == record.place.offset + 2, "the commit's marker takes an offset of its own"


def test_every_output_is_unique(world: World) -> None:
    for topic in (ALERTS, SCORES, "churn.suppressions.v1", "churn.receipts.v1"):
        ids = [record.headers["ce_id"] for record in world.outputs.records[topic]]
        assert len(ids) == len(set(ids)), topic


# Ends and beginnings


@pytest.fixture(scope="module")
def other(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A second state, whose workers come and go."""
    with World(broker.bootstrap, "contract-other.", tmp_path_factory.mktemp("other"), lanes=2) as world:
        yield world


def test_refusals(world: World, other: World) -> None:
    # Side by side: a start costs seconds.
    cases: dict[str, tuple[Worker, int, str]] = {
        "no brokers": (_without(world, "HOLDFAST_BROKERS"), 2, "HOLDFAST_BROKERS"),
        "missing topics": (world.new_worker(HOLDFAST_TOPIC_PREFIX="contract-nowhere."), 78, "contract-nowhere."),
        "another count": (world.new_worker(HOLDFAST_PARTITIONS="3"), 78, "partitions"),
        "unknown key": (world.new_worker(HOLDFAST_BROKRES="x"), 2, "did you mean HOLDFAST_BROKERS"),
    }
    try:
        for name, (worker, code, said) in cases.items():
            assert worker.ended() == code, f"{name}: {worker.tail()}"
            assert said in worker.tail(), name
            assert worker.stdout == [], name
    finally:
        for worker, _, _ in cases.values():
            worker.discard()
            world.workers.remove(worker)


def _without(world: World, setting: str) -> Worker:
    kept, world.settings = world.settings, {k: v for k, v in world.settings.items() if k != setting}
    try:
        return world.new_worker()
    finally:
        world.settings = kept


def test_a_state_over_the_lives_of_its_workers(other: World) -> None:
    # Profiles that were there at the first start are applied before older events of other topics.
    early = other.subscriber(0)
    early.browses()
    early.profile()
    assert other.new_worker().wait_open(2)
    assert early.steps() == [RAISED]
    assert early.withheld() == []
    (raised,) = early.alerts()
    late = other.subscriber(1)
    late.profile()
    late.care("leave_intent")
    late.care("leave_intent")
    assert late.steps() == [RAISED, ("escalated", None)]
    assert other.worker.stop() == 0

    # What happened while nobody worked is done at the next start, once.
    early.event("churn.alert-feedback.v1", status="retained", alert_id=raised["alert_id"])
    restarted = _without(other, "HOLDFAST_MODEL").wait_open(2)
    assert early.steps() == [RAISED, ("closed", "feedback")]
    assert early.alerts()[-1]["seq"] == 2
    assert late.steps() == [RAISED, ("escalated", None)]
    known = until(lambda: _rows(restarted.metrics()), "rows after a restart")
    assert known >= 2
    (served,) = restarted.metrics().labels("holdfast_model_info")
    assert served["version"] != "m-00007", "the shipped model, where no other is named"
    assert restarted.stop() == 0

    # Another group is refused, unless it takes over.
    foreign = other.new_worker(HOLDFAST_GROUP="contract-other.second")
    assert foreign.ended() == 78, foreign.tail()
    assert other.group in foreign.tail()
    taking = other.new_worker("--take-over", HOLDFAST_GROUP="contract-other.second").wait_open(2)
    metrics = taking.metrics()
    assert _rows(metrics), "state is counted before the first event"
    assert metrics.total("subscribers") == metrics.value("state_rows")
    assert metrics.value("watermark_timestamp_seconds", partition="1")
    late.feedback("lost", late.alerts()[0]["alert_id"])
    record = late.alert_records()[-1]
    assert (record.body["event"], record.body["seq"]) == ("closed", 3)
    assert record.headers["ce_source"] == b"/holdfast/contract-other.second"
    assert taking.stop() == 0


def _rows(metrics: Metrics) -> float:
    return metrics.value("state_rows") or 0


def test_the_verb_shows_alerts(world: World, customer: Subscriber) -> None:
    customer.care("leave_intent")
    assert customer.steps() == [RAISED]
    shown = world.holdfast("alerts", "tail", "--from-beginning", "--limit", "2", "--json")
    assert shown.returncode == 0, shown.stderr
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    published = [record.body for record in world.outputs.records[ALERTS]]
    assert len(rows) == 2
    assert all(any(row.items() >= alert.items() for alert in published) for row in rows)
