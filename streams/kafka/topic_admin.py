"""Topic administration: create topics, check them, and identify them by their ids."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import CoordinationType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    SecurityDisabled,
    TopicAlreadyExistsError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.admin import DescribeAclsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from streams.records.topics import ALL_TOPICS, Topic

_UNKNOWN_TOPIC: Final = 3
_TOPIC_LEVEL: Final = 1
_FETCH: Final = 1
_FETCH_SINCE: Final = ((18, "4.1"), (17, "3.9"), (16, "3.7"), (15, "3.5"), (13, "3.1"), (12, "2.7"))
"""Releases by the version of the fetch request that they introduced: a broker does not report its own release."""
OPERATIONS: Final = {"READ": 3, "WRITE": 4, "DESCRIBE": 8}
"""Operations of Kafka's ACLs that matter here, by their number."""
_ANY: Final = 1
VISIBLE_S: Final = 30.0
"""Longest wait for new topics to be visible; after it the caller's own check names the missing ones."""

RECOUNT_S: Final = 10.0


class TopicOnCluster(NamedTuple):
    """A topic on the cluster. ``topic_id`` changes when a topic is deleted and created again."""

    name: str
    topic_id: str
    partitions: int


class Created(NamedTuple):
    """Result of ``topics create`` for one topic."""

    name: str
    partitions: int
    created: bool


class TopicSettings(NamedTuple):
    """Effective settings of a topic, and those that were set for it."""

    all: Mapping[str, str]
    own: Mapping[str, str]


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]
    """UUID type of 16 bytes; aiokafka's types do not cover the versions with topic ids."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: Any) -> bytes:
        return bytes(data.read(16))

    @classmethod
    def repr(cls, value: bytes) -> str:
        return value.hex()


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY: ClassVar[int] = 3
    API_VERSION: ClassVar[int] = 10
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequestStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION: ClassVar[bool] = True
    API_KEY: ClassVar[int] = 3
    API_VERSION: ClassVar[int] = 10
    RESPONSE_TYPE: ClassVar[type[Response]] = _MetadataResponse
    SCHEMA: ClassVar[Schema] = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataRequestStruct]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: list[str], *, operations: bool = False) -> None:
        self._topics: list[str] = topics
        self._operations = operations

    def build(self, request_struct_class: type[_MetadataRequestStruct]) -> _MetadataRequestStruct:
        topics: list[tuple[bytes, str, dict[int, bytes]]] = [(bytes(16), name, {}) for name in self._topics]
        return request_struct_class(topics, False, False, self._operations, {})


class Cluster:
    """An administrator's connection; use as an async context manager.

    Parameters
    ----------
    client
        Keyword arguments for aiokafka clients: bootstrap servers and security.
    """

    def __init__(self, client: Mapping[str, Any]) -> None:
        self._admin = AIOKafkaAdminClient(**client)

    async def __aenter__(self) -> Cluster:
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()

    async def brokers(self) -> tuple[int, str | None]:
        """Number of brokers, and the oldest release that one of them can be; None if that is before 2.7."""
        client = self._admin._client
        nodes = [node.nodeId for node in client.cluster.brokers()]
        _, fetch = (await client._get_conn(nodes[0]))._versions[_FETCH]
        return len(nodes), next((release for version, release in _FETCH_SINCE if fetch >= version), None)

    async def topics(self, names: list[str]) -> dict[str, TopicOnCluster]:
        """Those of `names` that exist."""
        response = await self._admin._send_request(_MetadataRequest(names))
        found = {}
        for error, name, topic_id, _internal, partitions, *_ in response.topics:
            if error == _UNKNOWN_TOPIC:
                continue
            if error:
                raise for_code(error)(f"metadata of {name}")
            found[name] = TopicOnCluster(name, topic_id.hex(), len(partitions))
        return found

    async def has_authoriser(self) -> bool:
        """Whether the broker checks permissions (ACLs) at all."""
        answer = await self._admin._send_request(
            DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY)  # only its error is read
        )
        return bool(answer.error_code != SecurityDisabled.errno)

    async def allowed(self, names: list[str]) -> dict[str, frozenset[str]]:
        """Which of :data:`OPERATIONS` this user may do with topics; what the broker does not report is left out."""
        response = await self._admin._send_request(_MetadataRequest(names, operations=True))
        return {
            name: frozenset(word for word, bit in OPERATIONS.items() if bits >> bit & 1)
            for error, name, _id, _internal, _partitions, bits, *_ in response.topics
            if not error and bits >= 0
        }

    async def refused_ids(self, transactional_ids: list[str]) -> list[str]:
        """The transactional ids that this user may not describe; whether they may write shows only in a write."""
        refused = []
        for each in transactional_ids:
            try:
                await self._admin._client.coordinator_lookup(CoordinationType.TRANSACTION, each)
            except TransactionalIdAuthorizationFailed:
                refused.append(each)
            except GroupCoordinatorNotAvailableError:
                continue  # there is none before a cluster's first transaction; the lookup itself was allowed
        return refused

    async def create(
        self,
        prefix: str,
        partitions: int,
        *,
        replication: int | None = None,
        overrides: Mapping[str, str] | None = None,
        topics: tuple[Topic, ...] = ALL_TOPICS,
    ) -> list[Created]:
        """Create the missing topics of the table; existing ones are not changed.

        ``replication`` defaults to 3, or the number of brokers if there are fewer. ``overrides`` replace configuration
        of topics that expire by time (a demo keeps records of 45 days ago).
        """
        replication = replication or min(3, len(self._admin._client.cluster.brokers()))
        existing = await self.topics([topic.full(prefix) for topic in topics])
        report = [Created(t.name, t.partitions, False) for t in existing.values()]
        wanted = [
            NewTopic(
                topic.full(prefix),
                topic.partitions(partitions),
                replication,
                topic_configs={
                    **topic.config,
                    **((overrides or {}) if topic.config["cleanup.policy"] == "delete" else {}),
                },
            )
            for topic in topics
            if topic.full(prefix) not in existing
        ]
        counts = {topic.name: topic.num_partitions for topic in wanted}
        if wanted:
            response = await self._admin.create_topics(wanted)
            for name, error, *rest in response.topic_errors:
                if error and for_code(error) is not TopicAlreadyExistsError:
                    raise for_code(error)(f"create {name}: {rest[0] if rest else ''}")
                report.append(Created(name, counts[name], True))
            await self._visible([topic.name for topic in wanted])
        return report

    async def settings(self, name: str) -> TopicSettings:
        """The settings of a topic."""
        (answer,) = await self._admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        entries = [entry for entry in answer.resources[0][4] if entry[1] is not None]
        own = {entry[0]: entry[1] for entry in entries if entry[3] == _TOPIC_LEVEL}
        return TopicSettings({entry[0]: entry[1] for entry in entries}, own)

    async def give(self, name: str, own: Mapping[str, str]) -> None:
        """Set exactly these settings on a topic: Kafka's call replaces all of them."""
        (answer,) = await self._admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, dict(own))])
        if error := answer.resources[0][0]:
            raise for_code(error)(f"settings of {name}: {answer.resources[0][1]}")

    async def committed(self, group: str) -> dict[tuple[str, int], int]:
        """The offsets that a group has committed, by topic and partition."""
        found = await self._admin.list_consumer_group_offsets(group)
        return {(place.topic, place.partition): at.offset for place, at in found.items()}

    async def _visible(self, names: list[str]) -> None:
        """Wait until the broker knows the topics that its controller has created.

        The controller answers before the brokers have read its log: an immediate query reported the topics just
        created as missing.
        """
        end = time.monotonic() + VISIBLE_S
        while time.monotonic() < end and len(await self.topics(names)) < len(names):
            await asyncio.sleep(0.05)

    async def faults(self, prefix: str, partitions: int, topics: tuple[Topic, ...] = ALL_TOPICS) -> list[str]:
        """Messages on missing topics and wrong partition counts; empty when all is well."""
        found = await self.topics([topic.full(prefix) for topic in topics])
        missing = [topic.full(prefix) for topic in topics if topic.full(prefix) not in found]
        faults = [f"missing: {', '.join(missing)}; run `holdfast topics create`"] if missing else []
        if told := miscounted(found, table(prefix, partitions)):
            faults.append(
                f"partitions: {told}; there are {partitions} lanes (HOLDFAST_PARTITIONS), and every topic has a "
                "partition for each, but the learner's and that of policies, which have one"
            )
        return faults


def table(prefix: str, partitions: int) -> dict[str, int]:
    """Expected partition count of each topic."""
    return {topic.full(prefix): topic.partitions(partitions) for topic in ALL_TOPICS}


async def recounted(client: Mapping[str, Any], wanted: Mapping[str, int]) -> str:
    """Check partition counts from time to time; returns a message once a topic has another count.

    A partition added while processes run has no lane, and some keys move to other partitions from then on.
    """
    while True:
        await asyncio.sleep(RECOUNT_S)
        try:
            async with asyncio.timeout(RECOUNT_S), Cluster(client) as cluster:
                found = miscounted(await cluster.topics(list(wanted)), wanted)
        except (KafkaError, OSError, TimeoutError):
            continue  # a broker that does not answer is noticed elsewhere
        if found:
            return f"partitions: {found}"


def miscounted(found: Mapping[str, TopicOnCluster], wanted: Mapping[str, int]) -> str:
    """Message on topics with a wrong partition count; empty if there are none.

    Examples
    --------
    >>> miscounted({"t": TopicOnCluster("t", "", 9)}, {"t": 8}), miscounted({}, {"t": 8})
    ('t has 9 and not 8', '')
    """
    counts = {each.name: each.partitions for each in found.values() if each.partitions != wanted[each.name]}
    return ", ".join(f"{name} has {count} and not {wanted[name]}" for name, count in sorted(counts.items()))
