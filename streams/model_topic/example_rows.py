"""A stretch of the examples, read back beside the learner: what a night looks back on.

By a consumer of its own, so that the learner's stays where it is. What is in the stretch is decided by offsets alone.
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
"""Examples between two looks of the loop at probes and signals: so many are decoded in some milliseconds."""


async def example_rows(client: Mapping[str, Any], prefix: str, start: int, end: int) -> list[Example]:
    """The examples from offset `start`, or what is left from there on, up to before `end`.

    Records that this version cannot read are passed over.

    Raises
    ------
    streams.cluster.partition_read.RestoreStalledError
        If there is more, and for a minute nothing comes.
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
