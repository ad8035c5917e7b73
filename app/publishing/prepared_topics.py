"""Topics of a simulation or a replay: existing, timestamped by event time, with retention for weeks-old records.

A topic with the usual week of retention loses a history of 45 days minutes after it was written: Kafka ages a segment
by its records' timestamps, and these are old when they arrive.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.config.settings import Settings
from models.contract.time_units import DAY_MS
from streams.kafka.topic_admin import Cluster
from streams.model_topic import retention
from streams.records.topics import INPUT_TOPICS

KEPT: Final = {"retention.ms": "-1"}
"""For topics created here: those of a simulation or a replay are deleted as a whole, not by age."""
_SLACK_MS: Final = 14 * DAY_MS
_SAY_S: Final = 30.0


def mended(config: Mapping[str, str], span_ms: int) -> dict[str, str]:
    """Changes of a topic's configuration by which it keeps records of ``span_ms`` ago, with their timestamps.

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
    settings: Settings,
    span_ms: int,
    only: Collection[str] | None = None,
    *,
    lengthen: bool = True,
    say: Callable[[str], None],
) -> None:
    """Make the input topics fit for records of ``span_ms`` ago; every change is shown before it is made.

    Missing ones are created; existing ones get a longer retention where it is too short, unless `lengthen` is false.
    With `only`, no other topics than those (without prefix) are touched.
    """
    client, prefix = settings.kafka_client_kwargs(), settings.topic_prefix
    topics = tuple(topic for topic in INPUT_TOPICS if only is None or topic.name in only)
    async with Cluster(client) as cluster:
        report = await cluster.create(prefix, settings.partitions, overrides=KEPT, topics=topics)
        created = [topic for topic in report if topic.created]
        await _settled(client, {topic.name: topic.partitions for topic in created})
        for topic in created:
            say(f"created {topic.name} with {topic.partitions} partitions")
        there = sorted(topic.name for topic in report if not topic.created)
        found = {name: mended((await cluster.settings(name)).all, span_ms) for name in there}
    changes = {name: of_topic for name, of_topic in found.items() if of_topic}
    for name, of_topic in changes.items():
        what = ", ".join(f"{key} to {value}" for key, value in of_topic.items())
        if lengthen:
            say(f"{name}: for records of {span_ms // DAY_MS} days ago this sets {what} (--keep-retention: not)")
        else:
            say(f"{name}: records of {span_ms // DAY_MS} days ago are deleted soon; to keep them, set {what}")
    if changes and lengthen:
        await retention.lengthen(client, prefix, changes)


async def put_back(settings: Settings, say: Callable[[str], None]) -> None:
    """Restore the settings that :func:`prepare` has changed, as soon as the workers have applied all records."""
    client, prefix = settings.kafka_client_kwargs(), settings.topic_prefix
    if not await retention.noted(client, prefix):
        return
    say("the topics get their own retention back when the workers have applied all; Ctrl-C leaves that to you")
    said = -math.inf

    def tell(left: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _SAY_S:
            said = time.monotonic()
            say(f"waiting for group {settings.group}: {left:,} records are not applied yet")

    end = await retention.applied(client, prefix, settings.group, settings.partitions, tell)
    if end is retention.Applied.ALL:
        for name in await retention.put_back(client, prefix):
            say(f"{name}: has its own retention back")
        return
    why = {
        retention.Applied.NO_WORKER: "no worker runs.",
        retention.Applied.NO_PROGRESS: f"group {settings.group} has applied nothing of it for "
        f"{retention.PATIENCE_S:.0f} s; do its workers read the topics of another prefix?",
    }
    say(f"{why[end]} When one has applied all of it:  holdfast topics restore")


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
