"""Read of a whole partition, committed records only; lanes and learner restore with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition

STALL_S: Final = 60.0


_POLL_S: Final = 1.0


_CHUNK: Final = 20_000


class RestoreStalledError(Exception):
    """A topic delivered nothing for a minute although records were left. Exit code 75."""


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
        Offset to begin at instead; if it was deleted, the consumer's `reset` decides.

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


def reader(client: Mapping[str, Any], reset: str = "earliest", wait_ms: int = 100) -> aiokafka.AIOKafkaConsumer:
    """A consumer without a group, of committed records, to be started and assigned by the caller.

    Parameters
    ----------
    reset
        Where to continue if the next offset was deleted; with ``none`` that is an error.
    wait_ms
        How long the broker holds a request for which there is nothing yet.
    """
    return aiokafka.AIOKafkaConsumer(
        **client,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset=reset,
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=wait_ms,
    )
