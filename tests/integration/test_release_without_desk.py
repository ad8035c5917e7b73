"""A worker opens the state of a release without a desk: what was open goes on, and nobody is alerted twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from support.black_box import World
from support.black_box_subscriber import Subscriber
from support.without_desk import left

from models.contract.time_units import HOUR_MS
from streams.embedded_kafka.broker import EmbeddedBroker
from streams.kafka.topic_admin import Cluster
from streams.lanes import ledger
from streams.lanes.ledger import LEDGER_KEY, Ledger
from streams.records.topics import INPUT_TOPICS, STATE


@pytest.fixture
def world(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> Iterator[World]:
    with World(broker.bootstrap, prefix, tmp_path, lanes=1) as world:
        yield world


def written_by_the_former_release(world: World) -> None:
    """Its state, and a ledger that has read none of these topics yet and knows of no desk."""

    async def ids() -> dict[str, str]:
        full = {topic.full(world.prefix): topic.name for topic in INPUT_TOPICS}
        async with Cluster({"bootstrap_servers": [world.bootstrap]}) as cluster:
            return {full[name]: found.topic_id for name, found in (await cluster.topics(list(full))).items()}

    found, topic_ids = left(), asyncio.run(ids())
    offsets = dict.fromkeys(topic_ids, -1)
    known = Ledger(world.group, 1, topic_ids, offsets, clock=found.clock, model="m", policy=found.policy)
    former = {name: value for name, value in json.loads(ledger.encode(known)).items() if name != "joined"}
    producer = Producer({"bootstrap.servers": world.bootstrap})
    for key, value in [*found.state.items(), (LEDGER_KEY, json.dumps(former).encode())]:
        producer.produce(world.prefix + STATE, value, key, partition=0)
    assert not producer.flush(30)
    world.clock[0] = found.clock["watermark"] + HOUR_MS


def test_open_alerts_go_on_under_the_desk_and_are_told_of_once(world: World) -> None:
    written_by_the_former_release(world)
    world.new_worker().wait_open(1)
    alerts = left().alerts
    stronger, closed = Subscriber(world, "s-open", 0), Subscriber(world, "s-twice", 0)
    stronger.care("leave_intent")
    closed.feedback("retained", alerts["s-twice"], by="li")
    steps = {each.name: [(a["alert_id"], a["event"], a["seq"]) for a in each.alerts()] for each in (stronger, closed)}
    assert steps == {
        "s-open": [(alerts["s-open"], "escalated", 2)],
        "s-twice": [(alerts["s-twice"], "closed", 3)],
    }
    assert stronger.order_steps() == ["dispatched"]
    assert closed.order_steps() == []
    capped = Subscriber(world, "s-called", 0)
    capped.browses()
    assert capped.withheld() == ["person_cap"]
    assert world.metrics().total("unknown_breaches_total") == 0
    assert world.worker.stop() == 0
    world.new_worker().wait_open(1)
    world.drive(0)
    world.settle(0)
    told = world.outputs.told
    assert (told["inherited"], told["joined"]) == (4, 1), "once, and not at every opening"
