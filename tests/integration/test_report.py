"""``holdfast report`` over a real broker: committed records only, all partitions, again by its store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from support.black_box import World

from models.contract.events import FEEDBACK, OUTCOMES, SUBSCRIBERS
from models.contract.time_units import DAY_MS, HOUR_MS
from streams.embedded_kafka.broker import EmbeddedBroker

LANES, CUSTOMERS = 3, 30
SHANGHAI_MS = 8 * HOUR_MS


@pytest.fixture
def world(broker: EmbeddedBroker, tmp_path: Path) -> Iterator[World]:
    with World(broker.bootstrap, "report.", tmp_path, LANES) as made:
        yield made


def test_report_of_yesterday(world: World, tmp_path: Path) -> None:
    nothing = world.holdfast("report", "--json")
    assert (nothing.returncode, nothing.stdout) == (3, "")
    assert "nothing is recorded" in nothing.stderr
    midnight = (int(time.time() * 1000) + SHANGHAI_MS) // DAY_MS * DAY_MS - SHANGHAI_MS
    yesterday = datetime.fromtimestamp((midnight - DAY_MS + SHANGHAI_MS) / 1000, UTC).date()
    customers = [f"s-{number}" for number in range(CUSTOMERS)]
    noon, days_ago = midnight - DAY_MS // 2, midnight - 5 * DAY_MS
    told = [(SUBSCRIBERS, who, days_ago, {"unit": f"u-{number % 2}"}) for number, who in enumerate(customers)]
    told += [(OUTCOMES, who, noon, {"outcome": "ported_out", "event_id": "once"}) for who in customers[:3] * 2]
    told.append((FEEDBACK, customers[5], midnight, {"status": "accepted"}))  # the day is over
    world.send_all(_record(*each) for each in told)
    _send(world, OUTCOMES, customers[10], noon, abort=True)

    store = str(tmp_path / "figures.db")
    for arguments in ((), ("--store", store), ("--store", store)):
        churn = _churn(world, *arguments)
        assert {line["day"] for line in churn} == {yesterday.isoformat()}
        assert [(each["numerator"], each["denominator"]) for each in churn if each["period"] == "day"] == [(3, 28.5)]
    _send(world, OUTCOMES, customers[11], noon, abort=False)
    for arguments in ((), ("--store", store)):
        units = {each["scope"]: each for each in _churn(world, *arguments, "--by", "unit") if each["period"] == "day"}
        assert {unit: each["numerator"] for unit, each in units.items()} == {"u-0": 2, "u-1": 2}
        assert {each["matured"] for each in units.values()} == {True}
    shown = world.holdfast("report", "--lang", "zh", "--day", (yesterday - timedelta(days=2)).isoformat())
    assert shown.returncode == 0
    assert "主动离网率" in shown.stdout


def _record(topic: str, who: str, ts: int, body: dict[str, Any]) -> tuple[str, bytes, bytes, int]:
    return topic, who.encode(), json.dumps({"subscriber_id": who, "ts": ts, **body}).encode(), ts


def _send(world: World, topic: str, who: str, ts: int, *, abort: bool) -> None:
    """Write an outcome in a transaction."""
    producer = Producer(
        {
            "bootstrap.servers": world.bootstrap,
            "transactional.id": f"{world.prefix}source-{abort}",
            "partitioner": "murmur2_random",
        }
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    name, key, value, at = _record(topic, who, ts, {"outcome": "lapsed"})
    producer.produce(world.prefix + name, key=key, value=value, timestamp=at)
    producer.flush(30)
    (producer.abort_transaction if abort else producer.commit_transaction)(30)


def _churn(world: World, *arguments: str) -> list[dict[str, Any]]:
    done = world.holdfast("report", "--json", "--indicator", "active_churn", *arguments)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
