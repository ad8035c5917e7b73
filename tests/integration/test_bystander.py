"""Readers without a group, on a real broker: as committed, past markers, creating nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiokafka
import pytest

from models.contract.events import CALLS, OUTCOMES
from streams.embedded_kafka.broker import EmbeddedBroker
from streams.kafka.broker_view import BrokerView
from streams.kafka.key_placement import misplaced
from streams.kafka.membership import Group
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TopicMissingError, tail

PARTITIONS = 2


@pytest.fixture
def client(broker: EmbeddedBroker) -> dict[str, Any]:
    return {"bootstrap_servers": [broker.bootstrap]}


@pytest.fixture
async def topic(client: dict[str, Any], prefix: str) -> str:
    async with Cluster(client) as cluster:
        await cluster.create(prefix, PARTITIONS)
    return prefix + CALLS


@pytest.fixture
async def producer(client: dict[str, Any], topic: str) -> AsyncIterator[aiokafka.AIOKafkaProducer]:
    producer = aiokafka.AIOKafkaProducer(**client, transactional_id=topic)
    await producer.start()
    yield producer
    await producer.stop()


async def commit(producer: aiokafka.AIOKafkaProducer, topic: str, *values: bytes, partition: int = 0) -> None:
    async with producer.transaction():
        for value in values:
            await producer.send(topic, value, b"s-1", partition=partition)


async def abort(producer: aiokafka.AIOKafkaProducer, topic: str, value: bytes, partition: int = 0) -> None:
    await producer.begin_transaction()
    await producer.send(topic, value, b"s-1", partition=partition)
    await producer.flush()
    await producer.abort_transaction()


async def all_of(client: dict[str, Any], topic: str) -> list[bytes | None]:
    async with aclosing(tail(client, topic, from_beginning=True, follow=False)) as records:
        return [record.value async for record in records]


async def test_a_topic_is_read_to_its_end_past_aborted_records_and_markers(
    client: dict[str, Any], topic: str, producer: aiokafka.AIOKafkaProducer
) -> None:
    await commit(producer, topic, b"a", b"b")
    await abort(producer, topic, b"never")
    await commit(producer, topic, b"c", partition=1)
    await abort(producer, topic, b"never", partition=1)
    assert sorted(filter(None, await all_of(client, topic))) == [b"a", b"b", b"c"]


async def test_an_empty_topic_ends_at_once(client: dict[str, Any], topic: str) -> None:
    assert await all_of(client, topic) == []


async def test_a_follower_from_the_end_sees_only_what_comes(
    client: dict[str, Any], topic: str, producer: aiokafka.AIOKafkaProducer
) -> None:
    await commit(producer, topic, b"old")
    async with aclosing(tail(client, topic, from_beginning=False, follow=True)) as records:
        first = asyncio.ensure_future(anext(records))
        while not first.done():  # the follower takes its place at some moment; what comes after that is seen
            await commit(producer, topic, b"new")
            await asyncio.wait({first}, timeout=0.2)
        assert first.result().value == b"new"


async def test_a_missing_topic_is_told_and_not_created(client: dict[str, Any], topic: str) -> None:
    with pytest.raises(TopicMissingError):
        await all_of(client, topic + ".not")
    async with Cluster(client) as cluster:
        assert await cluster.topics([topic + ".not"]) == {}


async def test_bounds_are_those_of_committed_records(
    client: dict[str, Any], topic: str, prefix: str, producer: aiokafka.AIOKafkaProducer
) -> None:
    await commit(producer, topic, b"a", b"b")
    view = BrokerView(client, prefix)
    try:
        found = await view.bounds([(CALLS, 0), (OUTCOMES, 1)])
        assert found == ({(CALLS, 0): 0, (OUTCOMES, 1): 0}, {(CALLS, 0): 3, (OUTCOMES, 1): 0})
        assert await view.bounds([]) == ({}, {})
    finally:
        await view.close()


async def test_a_peek_tells_a_record_from_markers(
    client: dict[str, Any], topic: str, prefix: str, producer: aiokafka.AIOKafkaProducer
) -> None:
    await commit(producer, topic, b"a")
    await commit(producer, topic, b"b", partition=1)
    view = BrokerView(client, prefix)
    peeked = await view.peek({(CALLS, 0): 0, (CALLS, 1): 1})
    assert peeked[CALLS, 0] is not None
    assert peeked[CALLS, 1] is None
    assert await view.peek({}) == {}


async def test_a_group_is_as_its_coordinator_has_it(client: dict[str, Any], topic: str, prefix: str) -> None:
    view = BrokerView(client, prefix)
    found = None
    async with asyncio.timeout(60):  # a new broker's coordinator takes a while to be there
        while found is None:
            found = await view.group(f"{prefix}g")
    assert found == Group("Dead", {})
    member = aiokafka.AIOKafkaConsumer(topic, **client, group_id=f"{prefix}g")
    await member.start()
    try:
        found = await view.group(f"{prefix}g")
        assert found == Group("Stable", {member._coordinator.member_id: frozenset(range(PARTITIONS))})
    finally:
        await member.stop()
    assert await view.group(f"{prefix}g") == Group("Empty", {})
    await view.close()


async def test_a_broker_that_is_not_there_is_none_and_no_error() -> None:
    view = BrokerView({"bootstrap_servers": ["127.0.0.1:1"]}, "")
    assert await view.bounds([(CALLS, 0)]) is None
    assert await view.peek({(CALLS, 0): 0}) == {}
    assert await view.group("g") is None


async def test_keys_that_another_partitioner_has_placed_are_named(
    client: dict[str, Any], topic: str, prefix: str
) -> None:
    producer = aiokafka.AIOKafkaProducer(**client)
    await producer.start()
    try:
        for number in range(20):
            await producer.send(topic, b"{}", b"s-%d" % number)
        await producer.flush()
        assert await misplaced(client, prefix, PARTITIONS) == []
        for number in range(20):
            await producer.send(topic, b"{}", b"s-%d" % number, partition=0)
        await producer.flush()
    finally:
        await producer.stop()
    (said,) = await misplaced(client, prefix, PARTITIONS)
    assert f"of 20 in the newest records of {topic}" in said
    assert "partitioner=murmur2_random" in said
