"""The policies of ``churn.policy.v1`` by version: which are valid, which is in force, which were refused and why.

Workers and ``holdfast policy`` all read the topic through this, so that they agree: in force is the valid policy that
was published last, else the shipped one. A record holds a whole policy as JSON. A version means the content that was
published first under it, since a history names versions only. So the key is the version, a digest of the value, and how
often the same was published before: compaction then loses no publication. A tombstone withdraws one.

With a key, each record carries its HMAC-SHA256 over key and value, and only such are taken.

A worker reads the topic before its first event and follows it from then on. A refused policy is counted and logged, and
the last good one stays in force. Lanes ask for :attr:`PolicyFeed.policy` between transactions. Commands read it once,
or publish one policy. It may import :mod:`streams.records` and
:mod:`streams.kafka`.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from models.contract.policy import Policy
from streams.kafka.followed_topic import FollowedRecord, FollowedTopic
from streams.kafka.one_record import written
from streams.kafka.topic_tail import tail
from streams.records.out_records import OutRecord
from streams.records.topics import POLICY

SIGNATURE: Final = "holdfast.signature"
"""Header with ``sha256=`` and the HMAC in hexadecimal."""
_DIGEST: Final = 16
SHIPPED: Final = Policy()
log = structlog.get_logger(__name__)


class PolicyRefusal(StrEnum):
    """Why a policy is not put into force."""

    UNREADABLE = "unreadable"
    """Not readable by this release: damaged, with an unknown field, or a value out of its range."""
    WRONG_KEY = "wrong_key"
    UNSIGNED = "unsigned"
    WRONGLY_SIGNED = "wrongly_signed"
    VERSION_TAKEN = "version_taken"
    """Another content was published under its version, or ships under it."""
    OTHER_HORIZON = "other_horizon"
    """Its label horizon is not the one by which vectors already wait for their labels and the learner learns."""


class RefusedPolicy(NamedTuple):
    """A record whose policy is not taken; the last good one stays in force."""

    version: str
    offset: int
    reason: PolicyRefusal
    detail: str


class PublishedPolicy(NamedTuple):
    """A valid policy with its offset in the topic; ``ts`` is the record's timestamp, ms."""

    policy: Policy
    offset: int
    ts: int


def encode(policy: Policy) -> bytes:
    """The whole policy as JSON.

    Examples
    --------
    >>> msgspec.json.decode(encode(Policy()), type=Policy) == Policy()
    True
    """
    return msgspec.json.encode(policy)


def policy_record(policy: Policy, secret: str | None, before: int = 0) -> OutRecord:
    """The record that publishes a policy, signed if there is a secret.

    Parameters
    ----------
    before
        How often the same was published before.

    Examples
    --------
    >>> record = policy_record(Policy(version="p-7"), "0123456789abcdef", before=2)
    >>> record.key[:4], record.key[-2:], record.headers[0][0], len(record.headers[0][1])
    (b'p-7/', b'/2', 'holdfast.signature', 71)
    """
    value = encode(policy)
    key = _key(policy.version, value) + (b"/%d" % before if before else b"")
    return OutRecord(POLICY, key, value, [] if secret is None else [(SIGNATURE, signature(key, value, secret))])


def _key(version: str, value: bytes) -> bytes:
    return f"{version}/{sha256(value).hexdigest()[:_DIGEST]}".encode()


def signature(key: bytes, value: bytes, secret: str) -> bytes:
    """HMAC-SHA256 of a record, for its header."""
    return b"sha256=" + hmac.new(secret.encode(), key + b"\0" + value, sha256).hexdigest().encode()


def other_horizon(policy: Policy) -> str | None:
    """The fault of a published policy whose label horizon is not the shipped one; None if it is."""
    horizon, shipped = policy.labels.horizon_days, SHIPPED.labels.horizon_days
    if horizon == shipped:
        return None
    return (
        f"labels.horizon_days is {horizon:g}, here labels are made by {shipped:g}, and open ones must not change: "
        "leave it out, or begin under another topic prefix with HOLDFAST_POLICY"
    )


class Policies:
    """The policies of the topic, built up record by record.

    Parameters
    ----------
    secret
        Key of the signatures; None: signatures are not looked at.

    Attributes
    ----------
    refused
        The newest refused record of each key.

    Examples
    --------
    >>> policies = Policies(None)
    >>> policies.take(b"p-7/0", b"{", (), 0, 0).reason
    <PolicyRefusal.UNREADABLE: 'unreadable'>
    >>> policies.newest is None
    True
    """

    def __init__(self, secret: str | None) -> None:
        self.refused: dict[bytes, RefusedPolicy] = {}
        self._secret = secret
        self._valid: dict[bytes, PublishedPolicy] = {}

    def take(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], offset: int, ts: int
    ) -> PublishedPolicy | RefusedPolicy | None:
        """Add the topic's next record; returns the policy published or refused, None for a tombstone."""
        key = key or b""
        if value is None:
            self.refused.pop(key, None)
            self._valid.pop(key, None)
            return None
        found = self._judged(key, value, dict(headers).get(SIGNATURE))
        if isinstance(found, tuple):
            version = key.decode(errors="replace").partition("/")[0]
            refused = self.refused[key] = RefusedPolicy(version, offset, *found)
            return refused
        self.refused.pop(key, None)
        self._valid.pop(key, None)  # a policy published again becomes the newest
        published = self._valid[key] = PublishedPolicy(found, offset, ts)
        return published

    def _judged(self, key: bytes, value: bytes, signed: bytes | None) -> Policy | tuple[PolicyRefusal, str]:
        # The signature first: of a record that somebody else wrote, no other fault is reported.
        if self._secret is not None:
            if signed is None:
                return PolicyRefusal.UNSIGNED, "it has no signature, and HOLDFAST_POLICY_KEY is set"
            if not hmac.compare_digest(signed, signature(key, value, self._secret)):
                return PolicyRefusal.WRONGLY_SIGNED, "its signature is not by HOLDFAST_POLICY_KEY"
        try:
            policy = msgspec.json.decode(value, type=Policy)
        except msgspec.MsgspecError as error:
            return PolicyRefusal.UNREADABLE, f"not a policy: {error}"
        if not f"{key.decode(errors='replace')}/".startswith(f"{_key(policy.version, value).decode()}/"):
            return PolicyRefusal.WRONG_KEY, f"version {policy.version!r} under another key"
        if (horizon := other_horizon(policy)) is not None:
            return PolicyRefusal.OTHER_HORIZON, horizon
        if self.get(policy.version) not in (None, policy):
            return PolicyRefusal.VERSION_TAKEN, f"{policy.version} is the version of other settings"
        return policy

    @property
    def newest(self) -> PublishedPolicy | None:
        """The policy to put into force; None while there is none."""
        return next(reversed(self._valid.values()), None)

    def get(self, version: str) -> Policy | None:
        """The policy of a version: of the topic, or the shipped one; None for an unknown one."""
        found = (each.policy for each in self if each.policy.version == version)
        return next(found, SHIPPED if version == SHIPPED.version else None)

    def published(self, policy: Policy) -> int:
        """Number of times that it was published."""
        return sum(each.policy == policy for each in self)

    def __iter__(self) -> Iterator[PublishedPolicy]:
        """Valid policies, from the oldest to the newest."""
        return iter(self._valid.values())


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


async def policies_of_topic(client: Mapping[str, Any], prefix: str, secret: str | None) -> Policies:
    """Everything in the topic now.

    Raises
    ------
    streams.kafka.topic_tail.TopicMissingError
        If there is no such topic.
    """
    policies = Policies(secret)
    async with aclosing(tail(client, prefix + POLICY, from_beginning=True, follow=False)) as records:
        async for record in records:
            policies.take(record.key, record.value, record.headers, record.offset, record.timestamp)
    return policies


async def publish_policy(
    client: Mapping[str, Any], prefix: str, policy: Policy, secret: str | None, before: int
) -> int:
    """Publish a policy; after this returns all workers that follow the topic will apply it. Returns the offset.

    Parameters
    ----------
    before
        :meth:`streams.policy_topic.Policies.published`.
    """
    return await written(client, prefix, policy_record(policy, secret, before))
