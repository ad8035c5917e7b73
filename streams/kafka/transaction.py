"""Transactional producer: one for each lane, one transaction for each batch.

The transactional id consists of the state topic and the partition, so the next writer of that state fences the former
one, even across consumer groups.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import aiokafka
import structlog
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.producer import sender

from models.state.state_records import ROOM
from streams.kafka.retries import NoAnswerError, passing, patient
from streams.records.out_records import AnyRecord, StateBatch
from streams.records.topics import BY_NAME, STATE

log = structlog.get_logger(__name__)

TRANSACTION_TIMEOUT_MS: Final = 60_000
FATE_S: Final = 60.0
"""By then the coordinator has aborted an uncommitted transaction; its result can only be read from the log."""
CLOSE_S: Final = 5.0
"""Longest wait on close for records sent; a longer one would delay the rebalance."""
FIND_AGAIN_S: Final = 0.1
LOG_APPEND_TIME: Final = 1

# Between two transactions the coordinator answers "concurrent transactions" until its marker is written. aiokafka
# waits 20 ms before it asks again; on loopback the marker takes 2 ms.
sender.BACKOFF_OVERRIDE = 0.002


class LaneLostError(Exception):
    """Another worker has taken the lane while this one was paused or cut off. This worker must end."""


class WrittenTo(NamedTuple):
    """Offset of a topic's last record in a transaction, and the broker's append time if the topic has it."""

    last_offset: int
    append_ms: int | None


class LaneProducer:
    """The transactional producer of one lane.

    Parameters
    ----------
    client
        aiokafka's arguments: bootstrap servers and security.
    """

    def __init__(self, client: Mapping[str, Any], transactional_id: str, prefix: str, partition: int) -> None:
        self._prefix = prefix
        self._partition = partition
        self._producer = aiokafka.AIOKafkaProducer(
            **client,
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            linger_ms=0,
            max_batch_size=ROOM,
            retry_backoff_ms=10,
        )
        # A connection that closes during this one request ends aiokafka's sender for good, and with it the lane: in
        # five broker restarts two workers ended this way six times (``test_broker_restarts``).
        sending = self._producer._sender
        sending._find_coordinator = partial(_found_coordinator, sending._find_coordinator, self._producer.client)

    async def fence(self) -> None:
        """Fence former holders: after this returns they cannot commit, and their open transaction is aborted."""
        await self._producer.start()

    async def write(
        self,
        records: Iterable[AnyRecord],
        state: Sequence[StateBatch] = (),
        elsewhere: Iterable[tuple[int, Iterable[AnyRecord]]] = (),
    ) -> dict[str, WrittenTo]:
        """Write `records` and `state` in one transaction; after this all of them are visible.

        The order within a partition is kept. Every future is awaited before the commit: aiokafka's ``flush`` returns
        normally when a batch was refused, and a commit would then lose it silently.

        Parameters
        ----------
        elsewhere
            Records for the partitions of other lanes, by lane: the desk writes for all of them.

        Raises
        ------
        LaneLostError
            If another worker holds the lane now.
        streams.kafka.retries.NoAnswerError
            If the transaction is not confirmed within :data:`FATE_S`. It may or may not be committed; the next worker
            that opens the lane finds out from the ledger.
        aiokafka.errors.KafkaError
            If the broker refuses a write; then nothing is committed.
        """
        try:
            async with asyncio.timeout(FATE_S):
                return await self._write([(self._partition, records), *elsewhere], state)
        except TimeoutError as unknown:
            raise NoAnswerError(
                f"lane {self._partition}: for {FATE_S:.0f} s no word whether its transaction is committed"
            ) from unknown
        except ProducerFenced as fenced:
            raise LaneLostError(f"another worker holds lane {self._partition}") from fenced

    async def _write(
        self, records: Iterable[tuple[int, Iterable[AnyRecord]]], state: Sequence[StateBatch]
    ) -> dict[str, WrittenTo]:
        producer = self._producer
        await producer.begin_transaction()
        try:
            futures: dict[str, list[tuple[int, asyncio.Future[Any]]]] = {}
            found: list[tuple[int, str, Sequence[Any]]] = [
                (lane, topic, batches) for lane, ours in records for topic, batches in self._batches(ours).items()
            ]
            for lane, topic, batches in [*found, (self._partition, STATE, state)]:
                for batch in batches:
                    partition = BY_NAME[topic].partition(lane)
                    future = await producer.send_batch(batch, self._prefix + topic, partition=partition)
                    futures.setdefault(topic, []).append((batch.record_count(), future))
            sent = {topic: [(count, await future) for count, future in ours] for topic, ours in futures.items()}
        except asyncio.CancelledError:
            # The lane is given up and its producer closed: an abort could hang and delay the rebalance. The next
            # worker that fences the lane aborts the open transaction.
            raise
        except BaseException:
            if not producer._txn_manager.is_fatal_error():
                await producer.abort_transaction()
            raise
        await producer.commit_transaction()
        return {topic: _written(ours) for topic, ours in sent.items()}

    def _batches(self, records: Iterable[AnyRecord]) -> dict[str, list[Any]]:
        batches: dict[str, list[Any]] = {}
        for topic, key, value, headers in records:
            of_topic = batches.get(topic)
            if of_topic is None:
                of_topic = batches[topic] = [self._producer.create_batch()]
            if of_topic[-1].append(key=key, value=value, timestamp=None, headers=headers) is None:
                of_topic.append(self._producer.create_batch())
                if of_topic[-1].append(key=key, value=value, timestamp=None, headers=headers) is None:
                    raise ValueError(f"{topic}: a record of {len(value or b'')} bytes does not fit into a batch")
        return batches

    async def close(self) -> None:
        """Close the connections; an open transaction is aborted when the lane is fenced next."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._producer.stop()
        except TimeoutError:
            # The stop waits for records sent, and a broker that does not answer must not delay the rebalance.
            log.warning("producer_left_open", partition=self._partition)


async def _found_coordinator(find: Callable[[Any, str], Awaitable[int]], client: Any, kind: Any, key: str) -> int:
    """The coordinator's node, as soon as one answers; callers bound the wait."""
    while True:
        try:
            return await find(kind, key)
        except KafkaError as error:
            if not passing(error):
                raise
        await client.force_metadata_update()
        await asyncio.sleep(FIND_AGAIN_S)


def lane_id(prefix: str, partition: int) -> str:
    """The transactional id of a lane."""
    return f"{prefix}{STATE}-{partition}"


async def fenced(client: Mapping[str, Any], transactional_id: str, prefix: str, partition: int) -> LaneProducer:
    """A producer that has fenced the former holder of its lane; after this returns no other can commit there.

    Raises
    ------
    streams.kafka.retries.NoAnswerError
        If the broker does not answer for a minute.
    """
    return await patient(partial(_fenced, client, transactional_id, prefix, partition), f"lane {partition}: its fence")


async def _fenced(client: Mapping[str, Any], transactional_id: str, prefix: str, partition: int) -> LaneProducer:
    producer = LaneProducer(client, transactional_id, prefix, partition)
    try:
        await producer.fence()
    except BaseException:
        # Also on a rebalance during opening: nothing else would close this producer.
        await producer.close()
        raise
    return producer


def _written(sent: list[tuple[int, Any]]) -> WrittenTo:
    count, metadata = sent[-1]
    append_ms = metadata.timestamp if metadata.timestamp_type == LOG_APPEND_TIME else None
    return WrittenTo(metadata.offset + count - 1, append_ms)
