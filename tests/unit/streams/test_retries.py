"""Another try where the broker did not answer, and no try for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import errors

from streams.kafka import retries, transaction
from streams.kafka.retries import NoAnswerError, passing, patient
from streams.kafka.transaction import LaneProducer
from streams.records.out_records import OutRecord


class Broker:
    """Fails as often as it is told to."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_a_broker_that_comes_back_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.001)
    broker = Broker(errors.NodeNotReadyError(), errors.KafkaTimeoutError(), ConnectionResetError(), TimeoutError())
    assert await patient(broker, "the topics") == "answer"
    assert broker.asked == 5


@pytest.mark.parametrize("takes_long", [False, True])
async def test_one_that_does_not_is_an_error_within_the_bound_that_says_what_was_asked(
    monkeypatch: pytest.MonkeyPatch, *, takes_long: bool
) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    broker = Broker(*[errors.NodeNotReadyError() for _ in range(1000)])
    with pytest.raises(NoAnswerError, match=r"lane 3: the inputs: no answer from Kafka for 0 s \(NodeNotReadyError\)"):
        await patient(broker, "lane 3: the inputs", bound_s=0.1, takes_long=takes_long)
    assert 1 < broker.asked < 10


async def test_a_call_that_never_returns_is_given_up() -> None:
    with pytest.raises(NoAnswerError, match="TimeoutError"):
        await patient(for_ever, "the topics", bound_s=0.05)


@pytest.mark.parametrize("error", [errors.TopicAuthorizationFailedError("t"), errors.ProducerFenced(), KeyError("k")])
async def test_what_another_try_would_not_change_is_raised_at_once(error: Exception) -> None:
    broker = Broker(error)
    with pytest.raises(type(error)):
        await patient(broker, "the topics")
    assert broker.asked == 1
    assert not passing(error)


@pytest.fixture
async def producer() -> AsyncIterator[LaneProducer]:
    made = LaneProducer({"bootstrap_servers": ["127.0.0.1:1"]}, "id", "t.", 3)
    yield made
    await made.close()


async def test_a_transaction_of_unknown_fate_is_given_up(
    monkeypatch: pytest.MonkeyPatch, producer: LaneProducer
) -> None:
    monkeypatch.setattr(transaction, "FATE_S", 0.05)
    monkeypatch.setattr(producer, "_write", lambda *_: for_ever())
    with pytest.raises(NoAnswerError, match=r"lane 3: .*no word whether its transaction is committed"):
        await producer.write([OutRecord("t", b"k", b"v")])


async def test_a_connection_that_closes_while_the_coordinator_is_looked_for_does_not_end_the_sender(
    monkeypatch: pytest.MonkeyPatch, producer: LaneProducer
) -> None:
    client = producer._producer.client
    found = Broker(errors.KafkaConnectionError("closed"), errors.KafkaConnectionError("closed"))

    async def lookup(*_: Any) -> int:
        await found()
        return 7

    async def well(*_: Any, **__: Any) -> bool:
        return True

    monkeypatch.setattr(transaction, "FIND_AGAIN_S", 0.001)
    monkeypatch.setattr(client, "coordinator_lookup", lookup)
    monkeypatch.setattr(client, "force_metadata_update", well)
    monkeypatch.setattr(client, "ready", well)
    assert await producer._producer._sender._find_coordinator(1, "id") == 7
    assert found.asked == 3
