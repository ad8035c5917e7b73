"""A process that has decided to end is gone in time, and a worker that is no member of its group says so and ends."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewPartitions as AIONewPartitions
from confluent_kafka.admin import NewPartitions
from support.black_box import World
from support.black_box_worker import Worker, until
from support.learner_rig import LearnerRig
from support.rig import Rig, clean, mix, now_ms

from models.contract.events import CALLS
from streams.embedded_kafka.broker import EmbeddedBroker
from streams.records.topics import EXAMPLES

GONE_S = 10.0
LANES = 2


@pytest.fixture
def world(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> Iterator[World]:
    with World(broker.bootstrap, prefix, tmp_path, LANES) as world:
        yield world


def said(worker: Worker, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def blockers(worker: Worker) -> list[str]:
    found: list[str] = json.loads(worker.get("/readyz")[1])["blockers"]
    return found


def test_a_worker_whose_stop_never_returns_is_gone_with_0(world: World) -> None:
    worker = world.new_worker(HOLDFAST_FAIL_AT="stopping:hang").wait_open(LANES)
    worker._process.send_signal(signal.SIGTERM)
    assert worker.ended(GONE_S) == 0
    (late,) = said(worker, "stop_took_too_long")
    assert late["code"] == 0
    assert said(worker, "tasks_at_the_end")


async def test_a_learner_whose_stop_never_returns_is_gone_with_0(rig: Rig, tmp_path: Path) -> None:
    learner = LearnerRig(rig, tmp_path)
    await learner.create()
    started = learner.start(HOLDFAST_FAIL_AT="stopping:hang")
    await started.said("learner_begins")
    started.signal(signal.SIGTERM)
    assert await started.ended(GONE_S) == 0
    assert started.events("stop_took_too_long", code=0)


def test_partitions_that_grow_end_a_worker_with_78_and_the_topics_name(world: World) -> None:
    """Its stop hangs too: the code that was said is the one that the supervisor gets, and within ten seconds."""
    worker = world.new_worker(HOLDFAST_FAIL_AT="stopping:hang").wait_open(LANES)
    topic = world.prefix + CALLS
    admin = world.admin()
    (made,) = admin.create_partitions([NewPartitions(topic, LANES + 1)]).values()
    made.result()
    (ends,) = until(lambda: said(worker, "worker_ends"), "it has decided to end")
    began = time.monotonic()
    assert worker.ended(GONE_S) == 78
    assert time.monotonic() - began < GONE_S
    assert ends["code"] == 78
    assert f"{topic} has {LANES + 1} and not {LANES}" in ends["error"]


async def test_a_transaction_of_unknown_fate_ends_the_worker_with_75_and_the_next_one_goes_on(
    rig: Rig, tmp_path: Path
) -> None:
    """Its lane has begun to write, and hears nothing; the next worker of the lane reads the outcome in the ledger."""
    await rig.create()
    stuck = rig.worker(HOLD_SEND=f"1:{tmp_path / 'never'}", FATE_S=3)
    await rig.send_all(mix(1, 200, 2, now_ms() - 60_000))
    (ends,) = await stuck.said("worker_ends", code=75)
    assert "lane 1: for 3 s no word whether its transaction is committed" in ends["error"]
    assert await stuck.ended(GONE_S) == 75
    heir = rig.worker()
    await rig.applied()
    assert await heir.stop() == 0
    await clean(rig, 200)


async def test_partitions_that_grow_end_a_learner_with_78_and_the_topics_name(rig: Rig, tmp_path: Path) -> None:
    learner = LearnerRig(rig, tmp_path)
    await learner.create()
    started = learner.start()
    await started.said("learner_begins")
    topic = rig.prefix + EXAMPLES
    await rig.admin(lambda admin: admin.create_partitions({topic: AIONewPartitions(2)}))
    assert await started.ended() == 78
    (ends,) = started.events("learner_ends")
    assert f"{topic} has 2 and not 1" in ends["error"]


LOST = {
    "coordination": "the task that keeps its membership has ended",
    "coordinator": "the group's coordinator does not know it",
}


@pytest.mark.timeout(300)  # and so one of the first: for a minute it only waits
def test_a_worker_that_has_lost_its_membership_is_not_ready_and_ends_with_75(
    broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """Without a record of lag. A worker beside it gets its lanes, and is ready with them."""
    with ExitStack() as stack:
        lost: dict[str, Worker] = {}
        for step in LOST:
            (tmp_path / step).mkdir()
            world = stack.enter_context(World(broker.bootstrap, f"{prefix}{step}.", tmp_path / step, LANES))
            lost[step] = world.new_worker(HOLDFAST_FAIL_AT=f"{step}:8")
            other = world.new_worker()
        turned = {}
        for step, worker in lost.items():
            until(lambda worker=worker: "not_a_member" in blockers(worker), f"{step}: it is not ready")
            turned[step] = time.monotonic()
        other.wait_open(LANES)
        for step, worker in lost.items():
            # 1: its desk was the first to hear that another worker holds what it held.
            assert worker.ended(60) in {75, 1}, step
            assert time.monotonic() - turned[step] < 60
            for stuck in said(worker, "worker_stuck"):
                assert stuck["reasons"] == [f"no member of the group for 45 s: {LOST[step]}"]
            assert worker.code == 1 or said(worker, "worker_stuck")
        assert other.stop() == 0


def test_a_worker_without_lanes_is_ready_once_its_membership_is_confirmed(world: World) -> None:
    world.new_worker().wait_open(LANES)
    others = [world.new_worker() for _ in range(LANES)]
    for other in others:
        until(lambda other=other: other.get("/readyz")[0] == 200, "it is ready")
        assert said(other, "lanes_assigned"), "it was ready before it was a member"
    assert [worker.stop() for worker in world.workers] == [0] * (LANES + 1)
