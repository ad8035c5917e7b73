"""The learner's side of Kafka: examples in, in the order of their single partition; models and checkpoints out.

One learner holds the models topic by its transactional id. Opening fences the former holder, which notices at its next
write or when it reads another process's checkpoint.

A night's segments are made of a range of the examples, which another consumer reads, so that the learner's position
does not move. The range is defined by offsets alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import aiokafka
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from models.contract.training_example import Example
from streams.kafka.partition_read import chunks, reader
from streams.kafka.retries import R, patient
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import as_example
from streams.kafka.transaction import LaneLostError, LaneProducer, fenced
from streams.model_topic import checkpoint_record
from streams.model_topic.checkpoint_record import CheckpointMismatchError, CheckpointRecord, ExampleLog, encode
from streams.model_topic.versions import CHECKPOINT, REPORT, ModelVersions, RefusedModel, is_own
from streams.records.out_records import OutRecord
from streams.records.topics import EXAMPLES, MODELS

log = structlog.get_logger(__name__)

BATCH: Final = 500
_POLL_MS: Final = 500
ANSWER_S: Final = 5.0
"""A request pending for longer counts as an unresponsive broker for the probes."""
_BREATH: Final = 50
"""Examples between two turns of the loop for probes and signals: decoding them takes some milliseconds."""


class LearnerLostError(Exception):
    """Another learner has taken over, and this one must end."""


class Arrived(NamedTuple):
    """Result of a poll: examples in order, and whether models were published or withdrawn meanwhile."""

    examples: Sequence[Any]
    models_moved: bool


class Found(NamedTuple):
    """State of the topics at opening."""

    checkpoint: CheckpointRecord | None
    examples: ExampleLog


class LearnerTopics:
    """The learner's topics; :meth:`open`, :meth:`begin`, then :meth:`poll` and :meth:`write`, then :meth:`aclose`.

    Parameters
    ----------
    client
        aiokafka's arguments: bootstrap servers and security.
    writer
        Name of this process in its checkpoints.

    Attributes
    ----------
    versions
        The models read from the topic so far.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str, writer: str) -> None:
        self.versions = ModelVersions()
        self._client = client
        self._prefix = prefix
        self._writer = writer
        self._models = TopicPartition(prefix + MODELS, 0)
        self._examples = TopicPartition(prefix + EXAMPLES, 0)
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._producer: LaneProducer | None = None
        self._since: float | None = None
        self._topic_id = ""
        self._claimed = False
        self._written = -1
        self._moved = False

    async def open(self) -> Found:
        """Fence the former learner, and read the models topic to its end.

        Raises
        ------
        streams.model_topic.checkpoint_record.CheckpointMismatchError
            If topics are missing, or the checkpoint cannot be read.
        streams.kafka.partition_read.RestoreStalledError
            If the topic cannot be read to its end.
        """
        wanted = [self._prefix + topic for topic in (MODELS, EXAMPLES)]
        async with Cluster(self._client) as cluster:
            found = await self._asked(lambda: cluster.topics(wanted), "the topics")
        missing = sorted(set(wanted) - set(found))
        if missing:
            raise CheckpointMismatchError(f"topics are missing: {', '.join(missing)}. Run `holdfast topics create`.")
        self._topic_id = found[self._examples.topic].topic_id
        with self._waiting():
            self._producer = await fenced(self._client, self._models.topic, self._prefix, 0)
        starts, ends = await patient(self._read_models, "the models", takes_long=True)
        return Found(
            checkpoint_record.whole(self.versions.own, CHECKPOINT),
            ExampleLog(self._topic_id, starts[self._examples], ends[self._examples]),
        )

    async def _read_models(self) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """Read the models to their end; returns the starts and ends of both topics."""
        await self._let_go()
        self._consumer = consumer = reader(self._client, reset="none")
        both = [self._models, self._examples]
        await consumer.start()
        consumer.assign(both)
        for place in both:  # set a position at once: this consumer does not choose one itself
            consumer.seek(place, 0)
        consumer.pause(self._examples)
        starts, ends = await consumer.beginning_offsets(both), await consumer.end_offsets(both)
        log.info("models_reading", topic=self._models.topic, end=ends[self._models])
        async for batch in chunks(consumer, self._models, ends[self._models], lambda _: None):
            self._take(batch)
        return starts, ends

    @property
    def answered(self) -> bool:
        """Whether no request to the broker has been pending for too long."""
        return self._since is None or time.monotonic() - self._since < ANSWER_S

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    async def _asked(self, call: Callable[[], Awaitable[R]], what: str) -> R:
        with self._waiting():
            return await patient(call, what)

    def begin(self, offset: int) -> None:
        """Read examples from this offset on."""
        consumer = self._opened()
        consumer.seek(self._examples, offset)
        consumer.resume(self._examples)

    def _opened(self) -> aiokafka.AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("the topics are not open")
        return self._consumer

    async def poll(self) -> Arrived:
        """Wait briefly for new records.

        Raises
        ------
        LearnerLostError
            If another learner has written a checkpoint.
        streams.model_topic.checkpoint_record.CheckpointMismatchError
            If retention has overtaken the learner.
        """
        try:
            found = await patient(self._fetched, "the examples", takes_long=True)
        except OffsetOutOfRangeError as error:
            raise CheckpointMismatchError(
                f"records to read next were deleted: {error}. Start once with --accept-loss."
            ) from error
        self._take(found.get(self._models, []))
        # Our own publications first: until they are read back, an older model would look like the newest.
        moved = self._moved and await self._position(self._models) > self._written
        self._moved = self._moved and not moved
        return Arrived(found.get(self._examples, []), moved)

    async def _fetched(self) -> dict[TopicPartition, list[Any]]:
        found: dict[TopicPartition, list[Any]] = await self._opened().getmany(timeout_ms=_POLL_MS, max_records=BATCH)
        return found

    async def _position(self, place: TopicPartition) -> int:
        return int(await self._asked(lambda: self._opened().position(place), "the place in a topic"))

    async def position(self) -> int:
        """Offset of the next example to poll; past markers once everything before them was polled."""
        return await self._position(self._examples)

    async def lag(self) -> int:
        """Number of offsets between the next example and the end."""
        end = self._opened().last_stable_offset(self._examples)
        return 0 if end is None else max(0, end - await self.position())

    async def write(self, next_offset: int, payload: bytes, report: bytes, beside: Sequence[OutRecord]) -> None:
        """Write one transaction: checkpoint and report, with a model or a night's segments if due.

        Raises
        ------
        LearnerLostError
            If another learner holds the topic now.
        """
        record = CheckpointRecord(
            next_offset=next_offset, topic_id=self._topic_id, writer=self._writer, payload=payload
        )
        records = [
            *beside,
            *(OutRecord(MODELS, key.encode(), raw) for key, raw in encode(record, CHECKPOINT).items()),
            OutRecord(MODELS, REPORT.encode(), report),
        ]
        if self._producer is None:
            raise RuntimeError("the topics are not open")
        try:
            with self._waiting():
                written = await self._producer.write(records)
        except LaneLostError as error:
            raise LearnerLostError("another learner has taken over") from error
        self._claimed, self._written = True, written[MODELS].last_offset

    async def aclose(self) -> None:
        """Close the connections; an open transaction is aborted when the next learner fences."""
        if self._producer is not None:
            await self._producer.close()
        await self._let_go()

    async def _let_go(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    def _take(self, batch: Sequence[Any]) -> None:
        for record in batch:
            found = self.versions.take(record.key, record.value, record.offset, record.timestamp)
            if record.key == CHECKPOINT.encode():
                self._check_writer(record.value)
            elif not is_own(record.key):
                self._moved = True
            if isinstance(found, RefusedModel):
                log.warning("model_refused", version=found.version, reason=found.reason, detail=found.detail)

    def _check_writer(self, raw: bytes | None) -> None:
        """After our first write a foreign checkpoint can follow only if its writer has fenced us."""
        if self._claimed and raw is not None and checkpoint_record.decode(raw).writer != self._writer:
            raise LearnerLostError("another learner has taken over")


async def example_rows(client: Mapping[str, Any], prefix: str, start: int, end: int) -> list[Example]:
    """The examples from offset `start`, or the first one left after it, up to before `end`.

    Records that this version cannot read are skipped.

    Raises
    ------
    streams.kafka.partition_read.RestoreStalledError
        If records are left but none arrives for a minute.
    """
    consumer = reader(client)
    place = TopicPartition(prefix + EXAMPLES, 0)
    found: list[Example] = []
    try:
        await consumer.start()
        consumer.assign([place])
        async for batch in chunks(consumer, place, end, lambda _: None, max(start, 0)):
            for number, record in enumerate(batch, 1):
                example = as_example(record.value) if record.offset < end else None
                if example is not None:
                    found.append(example)
                if number % _BREATH == 0:
                    await asyncio.sleep(0)
    finally:
        await consumer.stop()
    return found
