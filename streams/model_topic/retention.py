"""Temporarily longer retention of topics, for records of long ago; the former settings are saved and restored.

They are saved in the models topic before anything is changed, so that a killed command does not lose them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from streams.kafka.broker_view import BrokerView
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TopicMissingError
from streams.model_topic.versions import RETENTION, keep, kept
from streams.records.topics import ALL_TOPICS, MODELS

_POLL_S: Final = 1.0
Settings = dict[str, dict[str, str]]
"""The settings that a topic has of its own, by its full name."""


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


async def applied(client: Mapping[str, Any], prefix: str, group: str, partitions: int) -> bool:
    """Wait until a group has applied all that the lengthened topics hold now; False where it has no members."""
    names = [name.removeprefix(prefix) for name in await noted(client, prefix)]
    view = BrokerView(client, prefix)
    try:
        bounds = await view.bounds([(name, number) for name in names for number in range(partitions)])
        if bounds is None:
            return False
        starts, ends = bounds
        async with Cluster(client) as cluster:
            while True:
                members = await view.group(group)
                if members is None or not members.members:
                    return False
                done = await cluster.committed(group)
                if all(
                    end <= max(starts[place], done.get((prefix + place[0], place[1]), 0)) for place, end in ends.items()
                ):
                    return True
                await asyncio.sleep(_POLL_S)
    finally:
        await view.close()
