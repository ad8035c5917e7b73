"""A topic as a bystander reads it: what it holds in the order of time, whichever partition answers first."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.topic_tail import TailRecord, tail


class Raw(NamedTuple):
    partition: int
    offset: int
    timestamp: int
    key: bytes = b"s"
    value: bytes = b"{}"
    headers: tuple[()] = ()


class Consumer:
    """Answers with one batch of one partition at a time, the last partition first: the worst order there is."""

    def __init__(self, logs: Mapping[int, list[Raw]], late: list[Raw], batch: int) -> None:
        self._logs = {number: list(log) for number, log in logs.items()}
        self._ends = {number: len(log) for number, log in logs.items()}
        for record in late:
            self._logs[record.partition].append(record)
        self._at: dict[TopicPartition, int] = {}
        self._batch = batch
        metadata = SimpleNamespace(partitions_for_topic=lambda topic: set(self._logs))

        async def fetched() -> Any:
            return metadata

        self._client = SimpleNamespace(fetch_all_metadata=fetched)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def assign(self, places: list[TopicPartition]) -> None:
        self._at = dict.fromkeys(places, 0)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self._ends[place.partition] for place in places}

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._at[place] = offset

    async def position(self, place: TopicPartition) -> int:
        return self._at[place]

    async def getmany(self, *places: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Raw]]:
        for place in sorted(places or self._at, reverse=True):
            log, at = self._logs[place.partition], self._at[place]
            if at < len(log):
                self._at[place] = min(at + self._batch, len(log))
                return {place: log[at : at + self._batch]}
        return {}


def log_of(partition: int, times: list[int]) -> list[Raw]:
    return [Raw(partition, offset, ts) for offset, ts in enumerate(times)]


async def read(consumer: Consumer, count: int, *, follow: bool) -> list[TailRecord]:
    found: list[TailRecord] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aiokafka.AIOKafkaConsumer", lambda **_: consumer)
        records = tail({}, "t", from_beginning=True, follow=follow)
        async for record in records:
            found.append(record)
            if len(found) == count:
                break
        await records.aclose()
    return found


@given(
    times=st.lists(st.lists(st.integers(0, 50), max_size=6).map(sorted), min_size=1, max_size=4),
    batch=st.integers(1, 4),
    limit=st.integers(1, 10),
)
async def test_the_first_n_are_the_oldest_n_whatever_partition_answers_first(
    times: list[list[int]], batch: int, limit: int
) -> None:
    logs = {number: log_of(number, of_one) for number, of_one in enumerate(times)}
    found = await read(Consumer(logs, [], batch), limit, follow=False)
    assert [each.timestamp for each in found] == sorted(ts for of_one in times for ts in of_one)[:limit]


async def test_what_comes_while_the_old_is_read_follows_it_and_none_is_lost() -> None:
    logs = {0: log_of(0, [1, 5]), 1: log_of(1, [2, 3])}
    found = await read(Consumer(logs, [Raw(1, 2, 4)], batch=9), 5, follow=True)
    assert [each.timestamp for each in found] == [1, 2, 3, 5, 4]
