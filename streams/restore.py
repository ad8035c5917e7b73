"""Reading a lane's state back: its partition of the state topic, whole, as committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import aiokafka
from aiokafka import TopicPartition

from streams import ledger
from streams.ledger import LEDGER_KEY, Ledger

STALL_S: Final = 60.0
_POLL_S: Final = 1.0
_CHUNK: Final = 20_000


class RestoreStalledError(Exception):
    """The state topic gave nothing for a minute although more was due. Exit code 75."""


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
    consumer = _consumer(client)
    tp = TopicPartition(state_topic, partition)
    await consumer.start()
    try:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        await consumer.seek_to_beginning(tp)
        found: Ledger | None = None
        position, count, stalled = await consumer.position(tp), 0, 0.0
        while position < end:
            remaining(end - position)
            batch = (await consumer.getmany(tp, timeout_ms=int(_POLL_S * 1000), max_records=_CHUNK)).get(tp, [])
            rows = []
            for record in batch:
                if record.key == LEDGER_KEY:
                    if record.value is not None:
                        found = ledger.decode(record.value)
                else:
                    rows.append((record.key, record.value))
            into.load(rows)
            count += len(batch)
            moved = await consumer.position(tp)
            stalled = 0.0 if moved > position else stalled + _POLL_S
            if stalled >= STALL_S:
                raise RestoreStalledError(
                    f"{state_topic}-{partition}: nothing to read at offset {position} for {STALL_S:.0f} s, "
                    f"{end - position} still due"
                )
            position = moved
        remaining(0)
        return Restored(found, end, count)
    finally:
        await consumer.stop()


async def state_end(client: Mapping[str, Any], state_topic: str, partition: int) -> int:
    """Offset after the last committed record of the lane's state."""
    consumer = _consumer(client)
    tp = TopicPartition(state_topic, partition)
    await consumer.start()
    try:
        return int((await consumer.end_offsets([tp]))[tp])
    finally:
        await consumer.stop()


def _consumer(client: Mapping[str, Any]) -> aiokafka.AIOKafkaConsumer:
    return aiokafka.AIOKafkaConsumer(
        **client,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=100,
    )
