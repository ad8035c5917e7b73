"""Temporarily longer retention of topics, for records of long ago; the former settings are saved and restored.

They are saved in the models topic before anything is changed, so that a killed command does not lose them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

import msgspec

from streams.kafka.broker_view import BrokerView
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TopicMissingError
from streams.model_topic.versions import RETENTION, keep, kept
from streams.records.topics import ALL_TOPICS, MODELS

_POLL_S: Final = 1.0
PATIENCE_S: Final = 120.0
"""Longest wait without progress: a worker that has just started compiles and reads its state before it commits."""
Settings = dict[str, dict[str, str]]
"""The settings that a topic has of its own, by its full name."""


class Applied(Enum):
    """How a wait for the workers ended."""

    ALL = "all is applied"
    NO_WORKER = "the group has no members"
    NO_PROGRESS = "the group applies nothing of these topics"


async def noted(client: Mapping[str, Any], prefix: str) -> Settings:
    """The settings to restore; empty if nothing was changed."""
    try:
        found = await kept(client, prefix, RETENTION)
    except TopicMissingError:
        return {}
    return {} if found is None else msgspec.json.decode(found, type=Settings)


async def lengthen(client: Mapping[str, Any], prefix: str, changes: Mapping[str, Mapping[str, str]]) -> None:
    """Change settings of topics, by full name; those before the first change stay saved until they are restored."""
    async with Cluster(client) as cluster:
        await cluster.create(prefix, 1, topics=tuple(topic for topic in ALL_TOPICS if topic.name == MODELS))
        before = {name: dict((await cluster.settings(name)).own) for name in changes}
        await keep(client, prefix, RETENTION, msgspec.json.encode(before | await noted(client, prefix)))
        for name, own in before.items():
            await cluster.give(name, {**own, **changes[name]})


async def put_back(client: Mapping[str, Any], prefix: str) -> list[str]:
    """Restore the saved settings; returns the names of the topics."""
    settings = await noted(client, prefix)
    async with Cluster(client) as cluster:
        for name, own in settings.items():
            await cluster.give(name, own)
    if settings:
        await keep(client, prefix, RETENTION, msgspec.json.encode({}))
    return sorted(settings)


async def applied(
    client: Mapping[str, Any], prefix: str, group: str, partitions: int, tell: Callable[[int], None]
) -> Applied:
    """Wait until a group has applied all that the lengthened topics hold now; `tell` takes how much is left.

    A group of that name may read another prefix, or its workers may be stuck: so the wait ends where the group has
    committed nothing of these topics for :data:`PATIENCE_S`.
    """
    names = [name.removeprefix(prefix) for name in await noted(client, prefix)]
    view = BrokerView(client, prefix)
    try:
        bounds = await view.bounds([(name, number) for name in names for number in range(partitions)])
        if bounds is None:
            raise TimeoutError("where the topics end")
        starts, ends = bounds
        async with Cluster(client) as cluster:
            last, idle = -1, 0.0
            while idle < PATIENCE_S:
                done = await cluster.committed(group)
                left = sum(
                    max(0, end - max(starts[place], done.get((prefix + place[0], place[1]), 0)))
                    for place, end in ends.items()
                )
                if not left:
                    return Applied.ALL
                members = await view.group(group)
                if members is not None and not members.members:
                    return Applied.NO_WORKER
                tell(left)
                last, idle = left, idle + _POLL_S if left == last else 0.0
                await asyncio.sleep(_POLL_S)
        return Applied.NO_PROGRESS
    finally:
        await view.close()
