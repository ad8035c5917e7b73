"""Write of one record by a command: to a topic of one partition, without a transactional id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiokafka

from streams.records.out_records import OutRecord


async def written(client: Mapping[str, Any], prefix: str, record: OutRecord) -> int:
    """Write the record; after this returns it is on the broker. Returns its offset."""
    producer = aiokafka.AIOKafkaProducer(**client, enable_idempotence=True)
    try:
        await producer.start()
        topic, key, value, headers = record
        at = await producer.send_and_wait(prefix + topic, value, key, partition=0, headers=headers)
    finally:
        await producer.stop()
    offset: int = at.offset
    return offset
