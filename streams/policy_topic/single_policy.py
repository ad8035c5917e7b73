"""The topic of policies for commands: read once, or publish one policy."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from models.contract.policy import Policy
from streams.cluster.one_record import written
from streams.cluster.topic_tail import tail
from streams.policy_topic.policies import Policies, policy_record
from streams.records.topics import POLICY


async def read(client: Mapping[str, Any], prefix: str, secret: str | None) -> Policies:
    """Everything in the topic now.

    Raises
    ------
    streams.cluster.topic_tail.TopicMissingError
        If there is no such topic.
    """
    policies = Policies(secret)
    async with aclosing(tail(client, prefix + POLICY, from_beginning=True, follow=False)) as records:
        async for record in records:
            policies.take(record.key, record.value, record.headers, record.offset, record.timestamp)
    return policies


async def publish(client: Mapping[str, Any], prefix: str, policy: Policy, secret: str | None, before: int) -> int:
    """Publish a policy; after this returns all workers that follow the topic will apply it. Returns the offset.

    Parameters
    ----------
    before
        :meth:`streams.policy_topic.policies.Policies.published`.
    """
    return await written(client, prefix, policy_record(policy, secret, before))
