"""Capacity goes to the best of all lanes, whichever lane is read first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from support.black_box import World
from support.black_box_events import ALERTS, CARE, HOUR
from support.black_box_outputs import BREACHES

from streams.embedded_kafka.broker import EmbeddedBroker

LANES, IN_A_LANE, CAPACITY = 4, 20, 10
NOBODY_IS_URGENT = f"""
[desk]
urgent = []
[[units]]
name = "tianhe-03"
capacity = {{ outbound_call = {CAPACITY}, store = 0, sms = 0, app_push = 0, wechat = 0 }}
"""


@pytest.fixture
def world(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> Iterator[World]:
    with World(broker.bootstrap, prefix, tmp_path, lanes=LANES, policy=NOBODY_IS_URGENT) as world:
        yield world


def for_the_desk(world: World) -> list[dict[str, object]]:
    """All records of the breaches' topic."""
    reader = Consumer({"bootstrap.servers": world.bootstrap, "group.id": world.prefix, "enable.auto.commit": False})
    place = TopicPartition(world.prefix + BREACHES, 0, 0)
    reader.assign([place])
    _, end = reader.get_watermark_offsets(place)
    found = []
    while (message := reader.poll(5)) is not None:
        found.append(json.loads(message.value() or b""))
        if (message.offset() or 0) >= end - 2:  # the last is a transaction's marker
            break
    reader.close()
    return found


def test_a_backlog_that_a_restart_finds_is_decided_on_over_all_lanes(world: World) -> None:
    world.new_worker().wait_open(LANES)
    people = [world.subscriber(lane) for lane in range(LANES) for _ in range(IN_A_LANE)]
    for number, person in enumerate(people):
        person.profile(arpu=10.0 + 7 * number % 80)  # each another priority
    for lane in range(LANES):
        world.settle(lane)
    world.worker.discard()
    now = (max(world.clock.values()) // HOUR + 2) * HOUR  # a tick: a lane's first mark says that it has been reached
    leaving = {"ts": now, "reason": "leave_intent"}
    world.send_all(
        (CARE, each.name.encode(), json.dumps({"subscriber_id": each.name} | leaving).encode(), now) for each in people
    )
    world.new_worker().wait_open(LANES)
    for lane in range(LANES):
        world.settle(lane)
    told = for_the_desk(world)
    priorities = [each["alert"]["priority"] for each in told if each["what"] == "breach"]  # type: ignore[index]
    assert len(priorities) == len(people)
    bodies = [record.body for record in world.outputs.records[ALERTS]]
    raised = [body["priority"] for body in bodies if body["event"] == "raised"]
    assert sorted(raised) == sorted(priorities)[-CAPACITY:]
    opened = [each["generation"] for each in told if "generation" in each]
    assert (len(opened), len(set(opened))) == (2 * LANES, 2), "each lane once in each generation of the group"
