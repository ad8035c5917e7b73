"""What a broker with an authoriser lets this user do, as the doctor asks it."""

from __future__ import annotations

from typing import Final

from aiokafka.protocol.admin import CreateAclsRequest
from support.rig import until

from streams.embedded_kafka.broker import EmbeddedBroker
from streams.kafka.topic_admin import Cluster
from streams.kafka.transaction import lane_id
from streams.records.topics import ALERTS, SUPPRESSIONS

TOPIC: Final = 2
TRANSACTIONAL_ID: Final = 5
LITERAL: Final = 3
ALL: Final = 2
WRITE: Final = 4
DENY: Final = 2
ALLOW: Final = 3
ANONYMOUS: Final = "User:ANONYMOUS"
AUTHORISED: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


async def rule(cluster: Cluster, kind: int, name: str, operation: int, permission: int) -> None:
    asked = CreateAclsRequest(kind, name, LITERAL, ANONYMOUS, "*", operation, permission)
    (answer,) = (await cluster._admin._send_to_controller(asked)).creation_responses
    assert answer[0] == 0, answer


async def test_a_broker_with_rules_tells_them_and_one_without_says_that_it_has_none(
    broker: EmbeddedBroker, prefix: str
) -> None:
    async with Cluster({"bootstrap_servers": [broker.bootstrap]}) as free:
        assert not await free.has_authoriser()
    with EmbeddedBroker.start(properties=AUTHORISED) as guarded:
        async with Cluster({"bootstrap_servers": [guarded.bootstrap]}) as cluster:
            await cluster.create(prefix, 2)
            assert await cluster.has_authoriser()
            await rule(cluster, TOPIC, prefix + ALERTS, ALL, ALLOW)
            await rule(cluster, TOPIC, prefix + ALERTS, WRITE, DENY)
            await rule(cluster, TRANSACTIONAL_ID, lane_id(prefix, 1), ALL, DENY)
            ids = [lane_id(prefix, lane) for lane in (0, 1)]

            async def in_force() -> bool:
                return bool(await cluster.refused_ids(ids[1:]))

            await until(in_force, "the last rule")
            assert await cluster.refused_ids(ids) == ids[1:]
            assert await cluster.allowed([prefix + ALERTS, prefix + SUPPRESSIONS]) == {
                prefix + ALERTS: {"READ", "DESCRIBE"},
                prefix + SUPPRESSIONS: {"READ", "WRITE", "DESCRIBE"},
            }
