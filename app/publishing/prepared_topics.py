"""Topics of a simulation or a replay: existing, timestamped by event time, with retention for weeks-old records.

A topic with the usual week of retention loses a history of 45 days minutes after it was written: Kafka ages a segment
by its records' timestamps, and these are old when they arrive.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from models.contract.time_units import DAY_MS
from streams.cluster.topic_admin import Cluster
from streams.records.topics import INPUT_TOPICS

KEPT: Final = {"retention.ms": "-1"}
"""For topics created here: those of a simulation or a replay are deleted as a whole, not by age."""
_SLACK_MS: Final = 14 * DAY_MS


def mended(config: Mapping[str, str], span_ms: int) -> dict[str, str]:
    """Changes of a topic's configuration so that it keeps records of ``span_ms`` ago, with their timestamps.

    >>> mended({"retention.ms": "604800000", "message.timestamp.type": "CreateTime"}, 45 * DAY_MS)
    {'retention.ms': '5097600000'}
    >>> mended({"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"}, DAY_MS)
    {'message.timestamp.type': 'CreateTime'}
    >>> mended({"retention.ms": "1", "cleanup.policy": "compact"}, DAY_MS)
    {}
    """
    changes = {}
    if config.get("message.timestamp.type", "CreateTime") != "CreateTime":
        changes["message.timestamp.type"] = "CreateTime"
    limits = ["message.timestamp.before.max.ms"]
    if "delete" in config.get("cleanup.policy", "delete"):
        limits.append("retention.ms")
    for limit in limits:
        if 0 <= int(config.get(limit, -1)) < span_ms:
            changes[limit] = str(span_ms + _SLACK_MS)
    return changes


async def prepare(
    client: Mapping[str, Any], prefix: str, partitions: int, span_ms: int, only: Collection[str] | None = None
) -> list[str]:
    """Make the input topics fit for records of ``span_ms`` ago; returns messages on what was done.

    Missing topics are created with ``partitions``; existing ones get a longer retention where it is too short. With
    `only` (names without prefix), no other topics are touched.
    """
    topics = tuple(topic for topic in INPUT_TOPICS if only is None or topic.name in only)
    async with Cluster(client) as cluster:
        report = await cluster.create(prefix, partitions, overrides=KEPT, topics=topics)
        created = [topic for topic in report if topic.created]
        await _settled(client, {topic.name: topic.partitions for topic in created})
        done = [f"created {topic.name} with {topic.partitions} partitions" for topic in created]
        for name in sorted(topic.name for topic in report if not topic.created):
            done += [f"{name}: {change}" for change in await _mend(cluster, name, span_ms)]
    return done


async def _settled(client: Mapping[str, Any], created: Mapping[str, int]) -> None:
    """Wait until every partition has a leader that answers: before that a producer fills the log with errors."""
    places = [TopicPartition(name, at) for name, count in created.items() for at in range(count)]
    if not places:
        return
    consumer = AIOKafkaConsumer(**client)
    await consumer.start()
    try:
        await consumer.end_offsets(places)
    finally:
        await consumer.stop()


async def _mend(cluster: Cluster, name: str, span_ms: int) -> list[str]:
    """Apply the changes to one topic."""
    settings = await cluster.settings(name)
    changes = mended(settings.all, span_ms)
    if changes:
        await cluster.give(name, {**settings.own, **changes})
    return [f"{key} set to {value}" for key, value in changes.items()]
