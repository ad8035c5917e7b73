"""Prometheus, its rules, the dashboards' queries and the runbooks' commands over a running worker and learner."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from msgspec import json
from support.ruled_examples import examples
from support.watched import Watched

from app.generate.dashboards.rendering import DASHBOARDS
from streams.embedded.broker import EmbeddedBroker
from streams.records.topics import EXAMPLES

RUNBOOKS: Final = Path(__file__).parents[2] / "deploy" / "runbooks"
PANELS: Final = [panel for plan in DASHBOARDS for panels in (plan.stats, *plan.rows.values()) for panel in panels]
SELECTOR: Final = re.compile(r"(?:\bup|holdfast_\w+|\w+:holdfast_\w+:\w+)(?:\{[^}]*\})?")
UNKNOWN_YET: Final = {
    "Uplift of contact, with its interval": "the shipped policy has no hold-out",
}
"""Panels whose figures are NaN in a run as short as this, and why."""


async def send(watched: Watched, topic: str, *values: bytes) -> None:
    """Write values under one key."""
    producer = AIOKafkaProducer(bootstrap_servers=watched.environment["HOLDFAST_BROKERS"], linger_ms=5)
    await producer.start()
    try:
        full = watched.environment["HOLDFAST_TOPIC_PREFIX"] + topic
        await asyncio.gather(*[await producer.send(full, value, b"s-1", partition=0) for value in values])
    finally:
        await producer.stop()


@pytest.fixture(scope="module")
def watched(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with ExitStack() as stack:
        made = Watched(stack, broker.bootstrap, "watched.", tmp_path_factory.mktemp("watched"))
        prometheus = made.start_prometheus()
        made.holdfast("topics", "create")
        worker, learner = made.start("worker", "worker"), made.start("learner", "learner", port="9109")
        made.until('up{job="holdfast-worker"} == 1', 30)
        made.until("holdfast_lanes_open == 2", 30)
        made.until('up{job="holdfast-learner"} == 1', 30)
        asyncio.run(send(made, "telecom.calls.v1", b"no JSON"))
        asyncio.run(send(made, EXAMPLES, *(json.encode(each) for each in examples(4, 400))))
        made.holdfast("simulate", "--subscribers", "150", "--days", "9", "--churn", "0.2")
        load = made.start("load", "simulate", "--subscribers", "150", "--days", "1", "--seed", "8", "--speed", "2000")
        made.until("sum(holdfast_event_to_alert_seconds_count) > 0", 30)
        yield made
        for process in (prometheus, worker, learner):
            assert process.code is None, process.tail()
        assert load.code in {None, 0}, load.tail()


def test_every_panel_has_data(watched: Watched) -> None:
    watched.until("sum(holdfast_lag_records) == 0", 30)
    empty, unknown = [], set()
    for panel in PANELS:
        for legend, query in panel.queries.items():
            values = watched.query(query.replace("$__rate_interval", "1m"))
            if not values:
                empty.append((panel.title, legend))
            elif all(map(math.isnan, values)):
                unknown.add(panel.title)
    assert not empty
    assert unknown == set(UNKNOWN_YET)


def test_every_rule_has_data(watched: Watched) -> None:
    rules = [rule for group in watched.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["type"] for rule in rules} == {"recording", "alerting"}
    for rule in rules:
        watched.until(f"vector({int(rule['health'] == 'ok')}) == 1", 1)
        assert not rule.get("lastError"), rule
        wanted = [rule["name"]] if rule["type"] == "recording" else SELECTOR.findall(rule["query"])
        assert wanted or rule["query"] == "vector(1)", rule["query"]
        for selector in wanted:
            assert watched.query(selector), (rule["name"], selector)
    firing = {alert["labels"]["alertname"] for alert in watched.ask("alerts")["alerts"] if alert["state"] == "firing"}
    assert firing == {"HoldfastWatchdog"}
