"""A topic of one partition that a worker reads whole before its first event, and follows from then on.

It uses no group, so that every worker sees every record and no offsets move.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import aiokafka
import structlog
from aiokafka import TopicPartition

from streams.kafka.partition_read import chunks, reader
from streams.kafka.retries import patient

log = structlog.get_logger(__name__)

_POLL_MS: Final = 1_000


class FollowedRecord(Protocol):
    """The parts of a record that a follower may need."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    offset: int
    timestamp: int


class FollowedTopic(ABC):
    """Reader of one such topic: call :meth:`read` once, then :meth:`follow` until cancelled, then :meth:`close`.

    Parameters
    ----------
    client
        aiokafka's arguments: bootstrap servers and security.
    topic
        Full name.
    what
        Its content, in a word: ``models``.

    Attributes
    ----------
    read_whole
        Whether :meth:`read` has come to the topic's end.
    """

    def __init__(self, client: Mapping[str, Any], topic: str, what: str) -> None:
        self.what = what
        self.read_whole = False
        self._client = client
        self._tp = TopicPartition(topic, 0)
        self._consumer: aiokafka.AIOKafkaConsumer | None = None

    @abstractmethod
    def _take(self, batch: Sequence[FollowedRecord]) -> None:
        """Take up records; none of them is in force yet."""

    @abstractmethod
    def _serve(self) -> None:
        """Put the newest into force; once a batch, so that superseded ones are skipped."""

    async def read(self) -> None:
        """Read the topic to its end; after this returns the newest is in force.

        Raises
        ------
        streams.kafka.partition_read.RestoreStalledError
            If records are left but none arrives for a minute.
        streams.kafka.retries.NoAnswerError
            If no try succeeds for a minute.
        """
        await patient(self._read, f"the {self.what}", takes_long=True)

    async def _read(self) -> None:
        await self.close()
        self._consumer = consumer = reader(self._client)
        await consumer.start()
        consumer.assign([self._tp])
        end = (await consumer.end_offsets([self._tp]))[self._tp]
        log.info("topic_reading", topic=self._tp.topic, end=end)
        async for batch in chunks(consumer, self._tp, end, lambda _: None):
            self._take(batch)
        self._serve()
        self.read_whole = True

    async def follow(self) -> None:
        """Follow the topic until cancelled; an error ends the worker, which would otherwise serve an old one."""
        while True:
            batch = await patient(self._poll, f"the {self.what}", takes_long=True)
            if batch:
                self._take(batch)
                self._serve()

    async def _poll(self) -> list[FollowedRecord]:
        if self._consumer is None:
            raise RuntimeError(f"the {self.what} were not read")
        polled = await self._consumer.getmany(self._tp, timeout_ms=_POLL_MS)
        found: list[FollowedRecord] = polled.get(self._tp, [])
        return found

    async def close(self) -> None:
        """Close the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
