"""Read of a range of the examples for a night's segments, next to the running learner.

It has its own consumer, so that the learner's position does not move. The range is defined by offsets alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import TopicPartition

from models.contract.training_example import Example
from streams.cluster.partition_read import chunks, reader
from streams.cluster.topic_tail import as_example
from streams.records.topics import EXAMPLES

_BREATH: Final = 50
"""Examples between two turns of the loop for probes and signals: decoding them takes some milliseconds."""


async def example_rows(client: Mapping[str, Any], prefix: str, start: int, end: int) -> list[Example]:
    """The examples from offset `start`, or the first one left after it, up to before `end`.

    Records that this version cannot read are skipped.

    Raises
    ------
    streams.cluster.partition_read.RestoreStalledError
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
