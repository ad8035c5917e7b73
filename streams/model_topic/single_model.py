"""The models topic for commands: read once, or publish one model.

A command writes without the learner's transactional id, which would end the learner.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from models.scoring.snapshot import Snapshot, encode
from streams.cluster.one_record import written
from streams.cluster.topic_tail import tail
from streams.model_topic.versions import ModelVersions
from streams.records.out_records import OutRecord
from streams.records.topics import MODELS


async def read(client: Mapping[str, Any], prefix: str) -> ModelVersions:
    """Everything in the topic now.

    Raises
    ------
    streams.cluster.topic_tail.TopicMissingError
        If there is no such topic.
    """
    versions = ModelVersions()
    async with aclosing(tail(client, prefix + MODELS, from_beginning=True, follow=False)) as records:
        async for record in records:
            versions.take(record.key, record.value, record.offset, record.timestamp)
    return versions


async def publish(client: Mapping[str, Any], prefix: str, snapshot: Snapshot) -> None:
    """Write a model under its version; after this returns every process that follows the topic will serve it."""
    await keep(client, prefix, snapshot.version, encode(snapshot))


async def keep(client: Mapping[str, Any], prefix: str, key: str, value: bytes) -> None:
    """Write one record; after this returns it is on the broker."""
    await written(client, prefix, OutRecord(MODELS, key.encode(), value))


async def kept(client: Mapping[str, Any], prefix: str, key: str) -> bytes | None:
    """The newest record of a key; None if there is none.

    Raises
    ------
    streams.cluster.topic_tail.TopicMissingError
        If there is no such topic.
    """
    found: bytes | None = None
    async with aclosing(tail(client, prefix + MODELS, from_beginning=True, follow=False)) as records:
        async for record in records:
            if record.key == key.encode():
                found = record.value
    return found
