"""The policy in force for workers with these settings: a file's, else the topic's newest, else the shipped one."""

from __future__ import annotations

import asyncio
from typing import Literal, NamedTuple

from msgspec.structs import replace

from app.config.operator_files import policy_of_file
from app.config.options import talking_to
from app.config.settings import Settings
from models.contract.policy import Policy
from streams.kafka.topic_tail import TopicMissingError
from streams.policy_topic import SHIPPED, Policies, policies_of_topic

Origin = Literal["file", "topic", "shipped"]


class Governing(NamedTuple):
    """The policy in force and where it comes from; offset and time only of one from the topic."""

    policy: Policy
    origin: Origin
    offset: int | None = None
    since_ms: int | None = None


def read_policies(settings: Settings) -> Policies:
    """All policies of the topic; none where there is no topic, as before it was created.

    Raises
    ------
    app.errors.Refused
        If no broker answers.
    """
    with talking_to(settings):
        try:
            return asyncio.run(
                policies_of_topic(settings.kafka_client_kwargs(), settings.topic_prefix, settings.policy_key)
            )
        except TopicMissingError:
            return Policies(settings.policy_key)


def governing(settings: Settings, policies: Policies | None = None) -> Governing:
    """The policy in force; the topic is read if no file is set and it was not read before.

    Raises
    ------
    app.errors.Refused
        If the file is no valid policy, or no broker answers.
    """
    if settings.policy is not None:
        return Governing(policy_of_file(settings.policy, settings.base_rate), "file")
    newest = (read_policies(settings) if policies is None else policies).newest
    policy = SHIPPED if newest is None else newest.policy
    if settings.base_rate is not None:
        policy = replace(policy, base_rate=settings.base_rate)
    return Governing(policy, "shipped") if newest is None else Governing(policy, "topic", newest.offset, newest.ts)
