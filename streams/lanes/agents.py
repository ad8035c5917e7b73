"""The Faust agents: one an input topic, and no more than a hand-over.

An agent never waits for a lane: if it did, one slow lane would hold every partition of its topic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streams.lanes.transport import BatchApp, Fetch
from streams.records.topics import INPUT_TOPICS, Topic

HandOver = Callable[[str, int, int, Fetch], None]
"""``(topic without prefix, partition, generation, fetch)``; returns at once."""


def declare_agents(app: BatchApp, prefix: str, hand_over: HandOver) -> None:
    """Declare an agent for each input topic; call once, before the application starts."""
    for topic in INPUT_TOPICS:
        _declare(app, topic, topic.full(prefix), hand_over)


def _declare(app: BatchApp, topic: Topic, full: str, hand_over: HandOver) -> None:
    source = app.topic(full, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            hand_over(topic.name, message.partition, message.generation_id, event.value)
            # Only to keep Faust's set of open messages small: the committed offset is the lane's ledger.
            await stream.ack(event)

    app.agent(source, name=f"holdfast.{topic.name}", concurrency=1)(agent)
