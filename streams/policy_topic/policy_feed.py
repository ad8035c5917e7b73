"""Policy feed of a worker: the topic of policies, read before the first event and followed from then on.

A refused policy is counted and logged, and the last good one stays in force. Lanes ask for :attr:`PolicyFeed.policy`
between transactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog
from msgspec.structs import replace

from models.contract.policy import Policy
from streams.cluster.followed_topic import FollowedRecord, FollowedTopic
from streams.policy_topic.policies import SHIPPED, Policies, PolicyRefusal, RefusedPolicy
from streams.records.topics import POLICY

log = structlog.get_logger(__name__)


class PolicyReport(Protocol):
    """Port for metrics of the feed. No method may block or raise."""

    def governing(self, policy: Policy) -> None:
        """Called when a policy comes into force for all lanes of the worker, also for the first one."""

    def policy_refused(self, reason: PolicyRefusal) -> None:
        """Called for each record whose policy is not put into force."""


class PolicyFeed(FollowedTopic):
    """A worker's policies.

    Parameters
    ----------
    secret
        Key of the signatures; None takes unsigned policies.
    base_rate
        The operator's setting, which overrides that of every policy.

    Attributes
    ----------
    policy
        Policy in force; another object for another policy.
    """

    def __init__(
        self, client: Mapping[str, Any], prefix: str, secret: str | None, base_rate: float | None, report: PolicyReport
    ) -> None:
        super().__init__(client, prefix + POLICY, "policies")
        self._base_rate = base_rate
        self._report = report
        self._policies = Policies(secret)
        self._published: Policy | None = None
        self.policy = self._at_base_rate(SHIPPED)

    def _at_base_rate(self, policy: Policy) -> Policy:
        return policy if self._base_rate is None else replace(policy, base_rate=self._base_rate)

    def _take(self, batch: Sequence[FollowedRecord]) -> None:
        for record in batch:
            found = self._policies.take(record.key, record.value, record.headers, record.offset, record.timestamp)
            if isinstance(found, RefusedPolicy):
                self._report.policy_refused(found.reason)
                log.warning(
                    "policy_refused",
                    version=found.version,
                    offset=found.offset,
                    reason=found.reason,
                    detail=found.detail,
                )

    def _serve(self) -> None:
        newest = self._policies.newest
        policy = SHIPPED if newest is None else newest.policy
        if policy is self._published:
            return
        self._published = policy
        self.policy = self._at_base_rate(policy)
        self._report.governing(policy)
        log.info("policy_serving", version=policy.version, offset=None if newest is None else newest.offset)
