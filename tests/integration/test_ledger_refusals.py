"""State and topics that disagree: the worker ends with 78, names what is wrong, and goes on at the operator's word."""

from __future__ import annotations

import signal
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewPartitions
from support.rig import Rig, clean, event, mix, now_ms

from models.contract.events import BILLING, CALLS, CONTACTS, OUTCOMES, SUBSCRIBERS
from streams.records.topics import ALERTS, ALL_TOPICS, LANE_TOPICS, STATE


async def ran(rig: Rig, seed: int = 1, count: int = 100, begin: int | None = None, **environment: Any) -> None:
    """Create, write, apply and stop."""
    await rig.create()
    await rig.send_all(mix(seed, count, rig.partitions, begin or now_ms() - 60_000))
    worker = rig.worker(**environment)
    await rig.applied()
    assert await worker.stop() == 0


async def refused(rig: Rig, **environment: Any) -> str:
    """Start a worker that must refuse; what it says."""
    worker = rig.worker(**environment)
    assert await worker.ended() == 78, worker.tail()
    return str(worker.events("worker_ends")[0]["error"])


async def test_other_group_is_refused_until_it_takes_over(rig: Rig) -> None:
    await ran(rig)
    other = f"{rig.prefix}other"
    said = await refused(rig, GROUP=other)
    assert f"'{rig.group}'" in said
    assert f"'{other}'" in said
    assert "--take-over" in said
    # Accepting a loss is not taking over.
    assert "--take-over" in await refused(rig, GROUP=other, ACCEPT_LOSS=1)
    worker = rig.worker(GROUP=other, TAKE_OVER=1)
    await rig.send_all(mix(2, 100, rig.partitions, now_ms() - 30_000))
    await rig.applied()
    assert await worker.stop() == 0
    assert {ledger.group for ledger in (await rig.ledgers()).values()} == {other}
    await clean(rig, 200)


async def test_trimmed_log_is_refused(rig: Rig) -> None:
    """Retention has overtaken a worker that was down."""
    await ran(rig)
    begin = now_ms() - 30_000
    for number in range(10):
        await rig.send(CALLS, 1, event(CALLS, "s", begin + number), b"s", begin + number)
    last = rig.sent[CALLS, 1]
    await rig.trim(CALLS, 1, last - 3)
    said = await refused(rig)
    assert said.startswith("lane 1: ")
    assert f"{CALLS} starts at offset {last - 3}" in said
    assert "6 records were deleted unread" in said
    worker = rig.worker(ACCEPT_LOSS=1)
    await rig.applied()
    assert await worker.stop() == 0
    assert worker.events("loss_accepted", partition=1)
    again = rig.worker()
    await again.said("lane_opened", rig.partitions)
    assert await again.stop() == 0


async def test_log_trimmed_up_to_the_ledger_loses_nothing(rig: Rig) -> None:
    await ran(rig)
    for (topic, partition), last in rig.sent.items():
        if topic != SUBSCRIBERS:  # compacted: the broker deletes none of it
            await rig.trim(topic, partition, last + 1)
    worker = rig.worker()
    await worker.said("lane_opened", rig.partitions)
    assert await worker.stop() == 0


async def test_log_trimmed_past_the_marker_of_a_transaction_loses_nothing(rig: Rig) -> None:
    """The marker behind the last record is nothing that could be read."""
    await rig.create()
    ts = now_ms() - 1000
    upstream = AIOKafkaProducer(**rig.client, transactional_id=f"{rig.prefix}upstream")
    async with upstream, upstream.transaction():
        await upstream.send_and_wait(rig.prefix + CALLS, event(CALLS, "s", ts), b"s", partition=0, timestamp_ms=ts)
    rig.sent[CALLS, 0] = 0
    worker = rig.worker()
    await rig.applied()
    assert await worker.stop() == 0
    await rig.trim(CALLS, 0, 2)
    again = rig.worker()
    await again.said("lane_opened", rig.partitions)
    assert await again.stop() == 0


async def test_log_trimmed_before_its_first_record_was_read_is_refused(rig: Rig) -> None:
    """A topic that had nothing when the state began is as much owed as any."""
    await rig.create()
    ts = now_ms() - 60_000
    await rig.send(CALLS, 0, event(CALLS, "s", ts), b"s", ts)
    await rig.send(CALLS, 1, event(CALLS, "s", ts), b"s", ts)
    worker = rig.worker()
    await rig.applied()
    assert await worker.stop() == 0
    for number in range(5):
        await rig.send(BILLING, 0, event(BILLING, "s", ts + number), b"s", ts + number)
    await rig.trim(BILLING, 0, 3)
    assert f"{BILLING} starts at offset 3" in await refused(rig)


async def test_retention_that_overtakes_a_running_worker_ends_it(rig: Rig) -> None:
    rig.partitions = 1
    await rig.create()
    begin = now_ms() - 60_000
    worker = rig.worker(PAUSE_AT="before_commit:3", SESSION_TIMEOUT_S=20)
    await worker.said("lane_opened")
    await rig.send(CALLS, 0, event(CALLS, "s", begin), b"s", begin)
    await rig.applied()
    await rig.send(CALLS, 0, event(CALLS, "s", begin), b"s", begin)
    await worker.said("struck")
    for number in range(10):
        await rig.send(CALLS, 0, event(CALLS, "s", begin + number), b"s", begin + number)
    await rig.trim(CALLS, 0, rig.sent[CALLS, 0])
    worker.signal(signal.SIGCONT)
    assert await worker.ended() == 78, worker.tail()
    assert f"{CALLS}-0 at " in worker.events("worker_ends")[0]["error"]


async def test_missing_and_recreated_topics_are_refused(rig: Rig) -> None:
    await ran(rig)
    await rig.delete(CONTACTS)
    said = await refused(rig)
    assert f"missing: {rig.prefix}{CONTACTS};" in said
    assert "topics create" in said
    await rig.create()
    said = await refused(rig)
    assert f"{CONTACTS} was recreated" in said
    for partition in range(rig.partitions):
        rig.sent[CONTACTS, partition] = -1
    await rig.send_all(mix(2, 100, rig.partitions, now_ms() - 30_000))
    worker = rig.worker(ACCEPT_LOSS=1)
    await rig.applied()
    assert await worker.stop() == 0


async def test_changed_partition_count_is_refused(rig: Rig) -> None:
    await ran(rig)
    said = await refused(rig, PARTITIONS=3)
    assert f"{rig.prefix}{CALLS} has 2" in said
    assert "there are 3 lanes" in said
    grown = {topic.full(rig.prefix): NewPartitions(3) for topic in ALL_TOPICS if not topic.single}
    await rig.admin(lambda admin: admin.create_partitions(grown))
    assert f"{rig.prefix}{CALLS} has 3" in await refused(rig, PARTITIONS=2)
    assert "written for 2 partitions, the topics have 3" in await refused(rig, PARTITIONS=3)


async def test_lost_state_is_refused(rig: Rig) -> None:
    """An empty state topic with a group that has read is no first start."""
    await ran(rig)
    await rig.delete(STATE)
    await rig.create()
    said = await refused(rig)
    assert "the state was lost" in said
    assert "--accept-loss" in said
    worker = rig.worker(ACCEPT_LOSS=1)
    await worker.said("lane_opened", rig.partitions)
    await rig.applied()
    assert await worker.stop() == 0


async def test_topic_of_another_count_is_refused_before_anything_is_read(rig: Rig) -> None:
    await rig.create(topics=tuple(topic for topic in ALL_TOPICS if topic.name != ALERTS))
    await rig.create(topics=tuple(topic for topic in ALL_TOPICS if topic.name == ALERTS), partitions=1)
    said = await refused(rig)
    assert f"{rig.prefix}{ALERTS} has 1 and not 2" in said
    assert OUTCOMES not in said


async def test_a_topic_that_only_a_relay_writes_is_none_that_a_worker_waits_for(rig: Rig) -> None:
    """An update brings it, and workers start before somebody has run `topics create`."""
    await rig.create(topics=LANE_TOPICS)
    worker = rig.worker()
    await worker.said("lane_opened", rig.partitions)
    assert await worker.stop() == 0
