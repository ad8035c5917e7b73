"""Read of several whole topics, one partition after the other, committed records only.

Each partition is read from where an earlier read has ended, or from its start, to its end at the time of opening. Eight
partitions are fetched at a time, so at most 64 MiB of fetches are in memory. It uses no group, so no offsets move.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition

from streams.kafka.partition_read import chunks, reader
from streams.kafka.topic_admin import Cluster, TopicOnCluster
from streams.kafka.topic_tail import TopicMissingError

Place = tuple[str, int]
"""A topic, without prefix, and a partition."""
_TOGETHER: Final = 8
"""Partitions assigned at a time: their fetches, of 8 MiB at most each, are what is in memory beside the chunk."""


class Chunk(NamedTuple):
    """Records of one partition, in their order.

    Attributes
    ----------
    topic_id
        Changes when a topic is deleted and created again: then the places of an earlier read mean nothing.
    begins
        The first offset that the partition still holds; more than 0 if earlier records were deleted.
    next
        The offset from which a later read goes on.
    """

    topic: str
    topic_id: str
    partition: int
    records: Sequence[Any]
    begins: int
    next: int


class RecreatedError(Exception):
    """A topic was deleted and created again since an earlier read."""


async def read_chunks(
    client: Mapping[str, Any],
    prefix: str,
    topics: Sequence[str],
    places: Mapping[Place, tuple[str, int]],
    update: Callable[[float, float, int], None],
) -> AsyncGenerator[Chunk, None]:
    """All committed records of these topics, in the order in which the topics are named.

    A partition without new records gives one empty chunk. Close the generator (``contextlib.aclosing``), or the
    connection stays open.

    Parameters
    ----------
    topics
        Names without prefix.
    places
        Where an earlier read has ended: the topic's id, and the next offset.
    update
        Called with how many offsets are read, out of how many, and the number of records.

    Raises
    ------
    streams.kafka.topic_tail.TopicMissingError
        If one of the topics does not exist.
    RecreatedError
        If one of them was recreated since the earlier read.
    streams.kafka.partition_read.RestoreStalledError
        If records are left but none arrives for a minute.
    """
    found = await _there(client, [prefix + topic for topic in topics])
    async with AsyncExitStack() as closing:
        consumer = reader(client)
        closing.push_async_callback(consumer.stop)
        await consumer.start()
        every = [TopicPartition(name, number) for name in found for number in range(found[name].partitions)]
        starts, ends = await consumer.beginning_offsets(every), await consumer.end_offsets(every)
        firsts = {place: max(starts[place], _reached(places, prefix, place, found)) for place in every}
        total, done, count = sum(ends[place] - firsts[place] for place in every), 0, 0
        waiting = [place for place in every if firsts[place] < ends[place]]
        for place in every:
            if place not in waiting:
                yield _chunk(found, prefix, place, (), starts[place], firsts[place])
        for begin in range(0, len(waiting), _TOGETHER):
            group = waiting[begin : begin + _TOGETHER]
            # As in `streams.history.recorded_log`: right after an assignment aiokafka's fetcher would swallow a Ctrl-C.
            await asyncio.sleep(0)
            consumer.assign(group)
            for place in group:
                consumer.seek(place, firsts[place])
            for place in group:
                first, end = firsts[place], ends[place]
                async for batch in chunks(consumer, place, end, lambda _: None, first):
                    records = [record for record in batch if record.offset < end]
                    reached, count = min(await consumer.position(place), end), count + len(records)
                    yield _chunk(found, prefix, place, records, starts[place], reached)
                    update(done + reached - first, total, count)
                done += end - first


async def _there(client: Mapping[str, Any], names: list[str]) -> dict[str, TopicOnCluster]:
    """The topics, in the order in which they are named."""
    async with Cluster(client) as cluster:
        found = await cluster.topics(names)
    for name in names:
        if name not in found:
            raise TopicMissingError(name)
    return {name: found[name] for name in names}


def _reached(
    places: Mapping[Place, tuple[str, int]],
    prefix: str,
    place: TopicPartition,
    found: Mapping[str, TopicOnCluster],
) -> int:
    """Offset that an earlier read has reached, or 0.

    Examples
    --------
    >>> now, place = {"p.t": TopicOnCluster("p.t", "new", 1)}, TopicPartition("p.t", 0)
    >>> _reached({("t", 0): ("new", 7)}, "p.", place, now), _reached({}, "p.", place, now)
    (7, 0)
    >>> _reached({("t", 0): ("old", 7)}, "p.", place, now)
    Traceback (most recent call last):
    streams.kafka.whole_topics.RecreatedError: p.t
    """
    topic_id, reached = places.get((place.topic[len(prefix) :], place.partition), ("", 0))
    if topic_id not in ("", found[place.topic].topic_id):
        raise RecreatedError(place.topic)
    return reached


def _chunk(
    found: Mapping[str, TopicOnCluster],
    prefix: str,
    place: TopicPartition,
    records: Sequence[Any],
    begins: int,
    reached: int,
) -> Chunk:
    topic = place.topic
    return Chunk(topic[len(prefix) :], found[topic].topic_id, place.partition, records, begins, reached)
