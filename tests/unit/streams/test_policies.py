"""Policies of the topic: who agrees on which is in force, whatever was published in whatever order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from models.contract.policy import Policy
from streams.policy_topic import (
    SHIPPED,
    Policies,
    PolicyRefusal,
    PublishedPolicy,
    RefusedPolicy,
    policy_record,
)
from streams.records.out_records import OutRecord

KEY = "0123456789abcdef"
SEVEN = replace(SHIPPED, version="p-7", score_step=0.3)
OTHER = replace(SEVEN, score_step=0.4)


def taken(policies: Policies, record: OutRecord, offset: int = 0) -> PublishedPolicy | RefusedPolicy | None:
    return policies.take(record.key, record.value, record.headers, offset, 0)


def topic(*published: Policy, secret: str | None = None) -> Policies:
    policies = Policies(secret)
    for offset, policy in enumerate(published):
        taken(policies, policy_record(policy, secret), offset)
    return policies


def in_force(policies: Policies) -> str | None:
    return None if policies.newest is None else policies.newest.policy.version


def test_the_one_published_last_is_in_force_also_if_it_was_before() -> None:
    eight = replace(SEVEN, version="p-8")
    assert in_force(topic(SEVEN, eight)) == "p-8"
    assert in_force(topic(SEVEN, eight, SEVEN)) == "p-7"
    assert in_force(topic(SEVEN, SHIPPED)) == SHIPPED.version
    assert in_force(topic()) is None


@pytest.mark.parametrize("first", [SEVEN, SHIPPED])
def test_a_version_means_its_first_content_for_ever(first: Policy) -> None:
    policies = topic(first)
    found = taken(policies, policy_record(replace(first, score_step=0.9), None), 1)
    assert isinstance(found, RefusedPolicy)
    assert found.reason == PolicyRefusal.VERSION_TAKEN
    assert policies.get(first.version) == first


def test_compaction_keeps_every_content_so_a_restart_judges_as_a_running_worker_did() -> None:
    running, records = Policies(None), []
    for each in (SEVEN, OTHER, replace(SEVEN, version="p-8"), SEVEN):
        records.append(policy_record(each, None, running.published(each)))
        taken(running, records[-1])
    restarted = Policies(None)
    for record in {record.key: record for record in records}.values():  # what compaction leaves
        taken(restarted, record)
    for policies in (running, restarted):
        assert in_force(policies) == "p-7"
        assert policies.get("p-7") == SEVEN


def test_a_withdrawn_policy_gives_way_to_the_one_before() -> None:
    policies = topic(SEVEN, replace(SEVEN, version="p-8"))
    key = policy_record(replace(SEVEN, version="p-8"), None).key
    assert policies.take(key, None, (), 2, 0) is None
    assert in_force(policies) == "p-7"
    assert policies.get("p-8") is None


@pytest.mark.parametrize("secret", [None, "another key of 16"])
def test_with_a_key_only_its_signatures_count(secret: str | None) -> None:
    policies = topic(SEVEN, secret=KEY)
    assert in_force(policies) == "p-7"
    found = taken(policies, policy_record(replace(SEVEN, version="p-8"), secret), 1)
    assert isinstance(found, RefusedPolicy)
    assert found.reason == ("unsigned" if secret is None else "wrongly_signed")
    assert in_force(policies) == "p-7"


def test_a_signature_is_of_this_key_and_this_value() -> None:
    signed, other = policy_record(SEVEN, KEY), policy_record(OTHER, KEY)
    for mixed in (signed._replace(value=other.value), signed._replace(key=other.key)):
        found = taken(Policies(KEY), mixed)
        assert isinstance(found, RefusedPolicy)
        assert found.reason == "wrongly_signed"


def test_without_a_key_a_signed_one_is_taken() -> None:
    policies = Policies(None)
    taken(policies, policy_record(SEVEN, KEY))
    assert in_force(policies) == "p-7"


def test_labels_keep_their_horizon() -> None:
    longer = replace(SEVEN, labels=replace(SEVEN.labels, horizon_days=60.0))
    found = taken(Policies(None), policy_record(longer, None))
    assert isinstance(found, RefusedPolicy)
    assert found.reason == "other_horizon"
    assert "HOLDFAST_POLICY" in found.detail


def test_a_field_of_a_later_release_is_refused_whole() -> None:
    key, value = policy_record(SEVEN, None)[1:3]
    assert key is not None
    assert value is not None
    found = Policies(None).take(key, value[:-1] + b',"of_later":{}}', (), 0, 0)
    assert isinstance(found, RefusedPolicy)
    assert (found.reason, found.version) == ("unreadable", "p-7")
