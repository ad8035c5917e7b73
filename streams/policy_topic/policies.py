"""The policies of ``churn.policy.v1`` by version: which are valid, which is in force, which were refused and why.

Workers and ``holdfast policy`` all read the topic through this, so that they agree: in force is the valid policy that
was published last, else the shipped one. A record holds a whole policy as JSON. A version means the content that was
published first under it, since a history names versions only. So the key is the version, a digest of the value, and how
often the same was published before: compaction then loses no publication. A tombstone withdraws one.

With a key, each record carries its HMAC-SHA256 over key and value, and only such are taken.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from models.contract.policy import Policy
from streams.records.out_records import OutRecord
from streams.records.topics import POLICY

SIGNATURE: Final = "holdfast.signature"
"""Header with ``sha256=`` and the HMAC in hexadecimal."""
_DIGEST: Final = 16
SHIPPED: Final = Policy()


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
