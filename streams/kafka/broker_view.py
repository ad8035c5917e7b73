"""View of the broker from outside the group: start and end of inputs, next records, group members.

The watchdog uses it, since it must not trust the client that it watches. The view joins no group and keeps no state: a
client that does not answer in time is discarded, since one was seen to stay stuck after a broker's restart
(aiokafka#1154).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import aiokafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from streams.kafka.membership import Group
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import REFUSED, UNREACHABLE

Input = tuple[str, int]
"""Topic without prefix, and partition."""
Bounds = tuple[dict[Input, int], dict[Input, int]]
"""First offset in each log, and the offset after its last committed record."""

ANSWER_S: Final = 5.0
PEEK_S: Final = 3.0
PEEKS_AT_ONCE: Final = 16
"""A peek may fetch up to a mebibyte of each partition."""


class BrokerView:
    """View of the broker for the watchdog. Use it from one event loop only.

    Parameters
    ----------
    client
        aiokafka's arguments: bootstrap servers and security.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def bounds(self, inputs: Iterable[Input]) -> Bounds | None:
        """Start and end offsets of `inputs`, or None if the broker did not answer in time."""
        names = {self._place(each): each for each in inputs}
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._consumer is None:
                    self._consumer = self._new()
                    await self._consumer.start()
                if not names:
                    await self._consumer.topics()
                    return {}, {}
                starts = await self._consumer.beginning_offsets(list(names))
                ends = await self._consumer.end_offsets(list(names))
        except (KafkaError, OSError, TimeoutError):
            await self._close_consumer()
            return None
        return {names[tp]: start for tp, start in starts.items()}, {names[tp]: end for tp, end in ends.items()}

    async def peek(self, positions: Mapping[Input, int]) -> dict[Input, float | None]:
        """Timestamps (s) of the first record at or after each position; None where no record can be read.

        Partitions without an answer are left out: a silent broker proves nothing.
        """
        asked = dict(list(positions.items())[:PEEKS_AT_ONCE])
        if not asked:
            return {}
        names = {self._place(each): each for each in asked}
        found: dict[Input, float | None] = {}
        consumer = self._new(auto_offset_reset="earliest")
        try:
            async with asyncio.timeout(ANSWER_S):
                await consumer.start()
                consumer.assign(list(names))
                for tp, each in names.items():
                    consumer.seek(tp, asked[each])
            await self._read_first(consumer, names, found)
        except (KafkaError, OSError, TimeoutError):
            return found
        finally:
            await _stopped(consumer)
        return {each: found.get(each) for each in asked}

    async def _read_first(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        names: Mapping[TopicPartition, Input],
        found: dict[Input, float | None],
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PEEK_S
        while len(found) < len(names) and (left := deadline - loop.time()) > 0:
            waiting = [tp for tp, each in names.items() if each not in found]
            for tp, records in (await consumer.getmany(*waiting, timeout_ms=int(left * 1000), max_records=1)).items():
                if records:
                    found[names[tp]] = records[0].timestamp / 1000

    async def group(self, name: str) -> Group | None:
        """The group as its coordinator reports it, or None if no coordinator answered in time."""
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._admin is None:
                    self._admin = AIOKafkaAdminClient(**self._client, request_timeout_ms=int(ANSWER_S * 1000))
                    await self._admin.start()
                (response,) = await self._admin.describe_consumer_groups([name])
                (error, _, state, _, _, members, *_), *_ = response.groups
        except (KafkaError, OSError, TimeoutError):
            await self._close_admin()
            return None
        # A coordinator that is still loading answers with an error and has no members.
        return None if error else Group(state, {member[0]: _lanes(member[4]) for member in members})

    async def close(self) -> None:
        """Close the clients; the next question opens new ones."""
        await self._close_admin()
        await self._close_consumer()

    async def _close_admin(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    await admin.close()

    async def _close_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _stopped(consumer)

    def _place(self, each: Input) -> TopicPartition:
        return TopicPartition(self._prefix + each[0], each[1])

    def _new(self, auto_offset_reset: str = "none") -> aiokafka.AIOKafkaConsumer:
        return aiokafka.AIOKafkaConsumer(
            **self._client,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset=auto_offset_reset,
            request_timeout_ms=int(ANSWER_S * 1000),
        )


def _lanes(assignment: bytes) -> frozenset[int]:
    """The partition numbers in a member's assignment; none before the leader has assigned any.

    Examples
    --------
    >>> sorted(_lanes(ConsumerProtocolMemberAssignment(0, [("a", [0, 2]), ("b", [0, 2])], b"").encode())), _lanes(b"")
    ([0, 2], frozenset())
    """
    if not assignment:
        return frozenset()
    dealt = ConsumerProtocolMemberAssignment.decode(assignment).assignment
    return frozenset(partition for _, partitions in dealt for partition in partitions)


async def _stopped(consumer: aiokafka.AIOKafkaConsumer) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            await consumer.stop()


class GroupProgress(NamedTuple):
    """Progress at one time; topics are without prefix, and only those that exist.

    Attributes
    ----------
    done
        Offsets that the group has committed.
    members
        None if no coordinator answered.
    """

    starts: Mapping[Input, int]
    ends: Mapping[Input, int]
    done: Mapping[Input, int]
    members: int | None

    def lag(self) -> int:
        """Number of records not applied yet.

        Examples
        --------
        >>> calls, data = ("calls", 0), ("data", 0)
        >>> GroupProgress({calls: 5, data: 0}, {calls: 9, data: 7}, {data: 6}, 1).lag()
        5
        """
        return sum(max(0, end - max(self.starts[place], self.done.get(place, 0))) for place, end in self.ends.items())


async def group_progress(
    client: Mapping[str, Any], view: BrokerView, prefix: str, group: str, topics: Iterable[str]
) -> GroupProgress | None:
    """Read the progress with these topics once; None if the broker did not answer in time."""
    try:
        async with Cluster(client) as cluster:
            there = await cluster.topics([prefix + name for name in topics])
            done = await cluster.committed(group)
    except (*UNREACHABLE, REFUSED):
        return None
    places = [(each.name.removeprefix(prefix), at) for each in there.values() for at in range(each.partitions)]
    bounds = await view.bounds(places)
    if bounds is None:
        return None
    found = await view.group(group)
    applied = {(name.removeprefix(prefix), at): offset for (name, at), offset in done.items()}
    return GroupProgress(*bounds, applied, None if found is None else len(found.members))
