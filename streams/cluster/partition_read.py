"""A partition read whole, as committed, from its start to its end: what lanes and learner restore from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiokafka
from aiokafka import TopicPartition

STALL_S: Final = 60.0


_POLL_S: Final = 1.0


_CHUNK: Final = 20_000


class RestoreStalledError(Exception):
    """A topic gave nothing for a minute although more was due. Exit code 75."""


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
