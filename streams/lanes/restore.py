"""Reading a partition whole, as committed: a lane's state back from the state topic, and the one of the models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import aiokafka
from aiokafka import TopicPartition

from streams.lanes import ledger
from streams.lanes.ledger import LEDGER_KEY, Ledger

STALL_S: Final = 60.0
_POLL_S: Final = 1.0
_CHUNK: Final = 20_000


class RestoreStalledError(Exception):
    """A topic gave nothing for a minute although more was due. Exit code 75."""


class Loads(Protocol):
    """What state is loaded into."""

    def load(self, records: list[tuple[bytes, bytes | None]]) -> None:
        """Take up state records, in the topic's order; the last of a key wins."""


class Restored(NamedTuple):
    """What came back: the ledger, if there is one, the end of the partition, and how many records were read."""

    ledger: Ledger | None
    end: int
    records: int


async def restore(
    client: Mapping[str, Any],
    state_topic: str,
    partition: int,
    into: Loads,
    remaining: Callable[[int], None],
) -> Restored:
    """Read partition `partition` of `state_topic` from its start to its end into `into`.

    Call it after the lane has fenced its former holder: the end is that of committed records, and fencing has
    settled the transaction that he may have left open.

    Parameters
    ----------
    remaining
        Called with the number of offsets still to read, after each chunk.

    Raises
    ------
    RestoreStalledError
        If the position did not move for :data:`STALL_S` seconds.
    """
    consumer = reader(client)
    tp = TopicPartition(state_topic, partition)
    try:
        await consumer.start()
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        found: Ledger | None = None
        count = 0
        async for batch in chunks(consumer, tp, end, remaining):
            rows = []
            for record in batch:
                if record.key == LEDGER_KEY:
                    if record.value is not None:
                        found = ledger.decode(record.value)
                else:
                    rows.append((record.key, record.value))
            into.load(rows)
            count += len(batch)
        return Restored(found, end, count)
    finally:
        await consumer.stop()


async def chunks(
    consumer: aiokafka.AIOKafkaConsumer,
    tp: TopicPartition,
    end: int,
    remaining: Callable[[int], None],
    start: int | None = None,
) -> AsyncIterator[list[Any]]:
    """The committed records of an assigned partition, from its start to `end`; the consumer then stands at `end`.

    Parameters
    ----------
    start
        An offset to begin at instead; where it was deleted, the consumer goes where its `reset` says.

    Raises
    ------
    RestoreStalledError
        If the position did not move for :data:`STALL_S` seconds.
    """
    if start is None:
        await consumer.seek_to_beginning(tp)
    else:
        consumer.seek(tp, start)
    position, stalled = await consumer.position(tp), 0.0
    while position < end:
        remaining(end - position)
        yield (await consumer.getmany(tp, timeout_ms=int(_POLL_S * 1000), max_records=_CHUNK)).get(tp, [])
        moved = await consumer.position(tp)
        stalled = 0.0 if moved > position else stalled + _POLL_S
        if stalled >= STALL_S:
            raise RestoreStalledError(
                f"{tp.topic}-{tp.partition}: nothing to read at offset {position} for {STALL_S:.0f} s, "
                f"{end - position} still due"
            )
        position = moved
    remaining(0)


async def state_end(client: Mapping[str, Any], state_topic: str, partition: int) -> int:
    """Offset after the last committed record of the lane's state."""
    consumer = reader(client)
    tp = TopicPartition(state_topic, partition)
    try:
        await consumer.start()
        return int((await consumer.end_offsets([tp]))[tp])
    finally:
        await consumer.stop()


def reader(client: Mapping[str, Any], reset: str = "earliest") -> aiokafka.AIOKafkaConsumer:
    """A consumer without a group, of committed records, to be started and assigned by the caller.

    Parameters
    ----------
    reset
        Where to go on when the place to read next was deleted; ``none`` is an error.
    """
    return aiokafka.AIOKafkaConsumer(
        **client,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset=reset,
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=100,
    )
