"""Reading a partition whole, as committed: a lane's state back from the state topic, and the one of the models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from aiokafka import TopicPartition

from streams.cluster.partition_read import chunks, reader
from streams.lanes import ledger
from streams.lanes.ledger import LEDGER_KEY, Ledger


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


async def state_end(client: Mapping[str, Any], state_topic: str, partition: int) -> int:
    """Offset after the last committed record of the lane's state."""
    consumer = reader(client)
    tp = TopicPartition(state_topic, partition)
    try:
        await consumer.start()
        return int((await consumer.end_offsets([tp]))[tp])
    finally:
        await consumer.stop()
