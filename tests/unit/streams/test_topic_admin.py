"""Topics created, checked and told apart, without a cluster."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from streams.kafka.topic_admin import (
    Cluster,
    TopicOnCluster,
    _MetadataRequest,
    _MetadataRequestStruct,
    _MetadataResponse,
)
from streams.records.topics import ALL_TOPICS, DEAD_LETTERS, HISTORY, SCORES, STATE

PREFIX = "t1."


class Found(NamedTuple):
    """One topic of a metadata response."""

    error: int
    name: str
    topic_id: bytes = bytes(16)
    internal: bool = False
    partitions: tuple[int, ...] = (0, 1)
    operations: int = 0
    tags: tuple[()] = ()


class Admin:
    """aiokafka's admin client as far as the module asks it."""

    def __init__(self, found: list[Found], brokers: int = 1, errors: tuple[int, ...] = (), unseen_for: int = 0) -> None:
        self.created: list[Any] = []
        self.unseen_for = unseen_for
        self._found = {topic.name: topic for topic in found}
        self._errors = errors
        self._client = SimpleNamespace(cluster=SimpleNamespace(brokers=lambda: set(range(brokers))))

    async def _send_request(self, request: Any) -> Any:
        asked = request.build(_MetadataRequestStruct)
        assert asked.allow_auto_topic_creation is False
        unknown = [Found(3, name) for _, name, _ in asked.topics if name not in self._found]
        if self.created:
            # The controller has them; the broker that is asked learns of them a little later.
            self.unseen_for -= 1
            if self.unseen_for < 0:
                self._found |= {t.name: Found(0, t.name, partitions=(0,) * t.num_partitions) for t in self.created}
        known = [self._found[name] for _, name, _ in asked.topics if name in self._found]
        return SimpleNamespace(topics=[*unknown, *known])

    async def create_topics(self, topics: list[Any]) -> Any:
        self.created = topics
        errors = self._errors or (0,) * len(topics)
        return SimpleNamespace(topic_errors=[(t.name, e, "why") for t, e in zip(topics, errors, strict=True)])


def cluster(admin: Admin) -> Cluster:
    made = Cluster.__new__(Cluster)
    made._admin = admin  # type: ignore[assignment]
    return made


def everything(**partitions: int) -> list[Found]:
    counts = {t.name: partitions.get(t.name, t.partitions(2)) for t in ALL_TOPICS}
    return [Found(0, PREFIX + name, partitions=tuple(range(count))) for name, count in counts.items()]


async def test_topics_that_exist_with_their_ids() -> None:
    admin = Admin([Found(0, "a", bytes(range(16)), partitions=(0, 1, 2))])
    found = await cluster(admin).topics(["a", "b"])
    assert found == {"a": TopicOnCluster("a", "000102030405060708090a0b0c0d0e0f", 3)}


async def test_other_errors_are_not_taken_for_absence() -> None:
    with pytest.raises(TopicAuthorizationFailedError, match="metadata of a"):
        await cluster(Admin([Found(29, "a")])).topics(["a"])


async def test_faults_name_what_is_missing_and_what_is_of_another_count() -> None:
    assert await cluster(Admin(everything())).faults(PREFIX, 2) == []
    lacking = [topic for topic in everything(**{SCORES: 5}) if topic.name != PREFIX + STATE]
    told = "\n".join(await cluster(Admin(lacking)).faults(PREFIX, 2))
    assert PREFIX + STATE in told
    assert f"{PREFIX}{SCORES} has 5" in told
    assert HISTORY not in told


async def test_only_what_is_missing_is_created_as_the_table_says() -> None:
    there = [topic for topic in everything() if topic.name not in (PREFIX + STATE, PREFIX + DEAD_LETTERS)]
    admin = Admin(there)
    told = await cluster(admin).create(PREFIX, 4, overrides={"retention.ms": "1"})
    assert {topic.name for topic in admin.created} == {PREFIX + STATE, PREFIX + DEAD_LETTERS}
    configs = {topic.name: topic.topic_configs for topic in admin.created}
    assert configs[PREFIX + STATE]["cleanup.policy"] == "compact"
    assert "retention.ms" not in configs[PREFIX + STATE]
    assert configs[PREFIX + DEAD_LETTERS] == {"cleanup.policy": "delete", "retention.ms": "1"}
    assert {topic.num_partitions for topic in admin.created} == {4}
    assert {made.name for made in told if made.created} == {PREFIX + STATE, PREFIX + DEAD_LETTERS}
    assert len(told) == len(ALL_TOPICS)


async def test_create_returns_when_the_broker_knows_what_the_controller_made() -> None:
    admin = Admin([], unseen_for=3)
    made = cluster(admin)
    await made.create(PREFIX, 2)
    assert await made.faults(PREFIX, 2) == []
    assert admin.unseen_for < 0


@pytest.mark.parametrize(("brokers", "replication", "expected"), [(1, None, 1), (5, None, 3), (5, 2, 2)])
async def test_replication_is_three_where_there_are_three(brokers: int, replication: int | None, expected: int) -> None:
    admin = Admin([], brokers)
    await cluster(admin).create(PREFIX, 2, replication=replication)
    assert {topic.replication_factor for topic in admin.created} == {expected}


async def test_topic_that_another_has_created_meanwhile_is_fine_and_a_refusal_is_not() -> None:
    exists = (36, *(0 for _ in ALL_TOPICS[1:]))
    await cluster(Admin([], errors=exists)).create(PREFIX, 2)
    with pytest.raises(TopicAuthorizationFailedError, match="why"):
        await cluster(Admin([], errors=(29, *exists[1:]))).create(PREFIX, 2)


def test_metadata_travels_with_its_topic_ids() -> None:
    """Version 10 is not in aiokafka; its bytes are read here by the schema, one field after the other."""
    request = _MetadataRequest(["a"]).build(_MetadataRequestStruct)
    encoded = request.encode()
    assert encoded.startswith(b"\x02" + bytes(16) + b"\x02a\x00")
    response = _MetadataResponse.SCHEMA.encode(
        (7, [(1, "host", 9092, None, {})], "cluster", 1, [(0, "a", bytes(range(16)), False, [], 0, {})], 0, {})
    )
    decoded = _MetadataResponse.decode(io.BytesIO(response))
    ((error, name, topic_id, *_),) = decoded.topics
    assert (error, name, topic_id) == (0, "a", bytes(range(16)))
