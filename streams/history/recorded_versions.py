"""Models and policies by the versions that a history names, including those superseded or withdrawn since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from msgspec.structs import replace

from models.contract.policy import Policy
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot
from streams.kafka.topic_tail import TopicMissingError, tail
from streams.model_topic.versions import ModelVersions, PublishedModel
from streams.policy_topic import Policies, PublishedPolicy
from streams.records.topics import MODELS, POLICY


class RecordedVersions:
    """Scorer and policy of each transaction.

    Parameters
    ----------
    snapshot, policy
        Known without the topics: from files, or as shipped. This policy, and the newest model, replace those that are
        gone. So is the policy that this release ships.
    secret
        Key of the policies' signatures.
    base_rate
        The setting, which overrides that of every policy.

    Attributes
    ----------
    gone
        Versions that were asked for and do not exist any more.
    """

    def __init__(
        self, snapshot: Snapshot, policy: Policy, secret: str | None = None, base_rate: float | None = None
    ) -> None:
        self.gone: set[str] = set()
        self._models, self._policies = ModelVersions(), Policies(secret)
        self._base_rate = base_rate
        self._snapshots = {snapshot.version: snapshot}
        self._by_version = {each.version: each for each in (Policy(), policy)}
        self._beside = snapshot, policy
        self._both: dict[tuple[str, str], tuple[Scorer, Policy]] = {}

    def take(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        offset: int,
        ts: int,
    ) -> None:
        """Add the next record of the models or of the policies."""
        if topic == MODELS:
            model = self._models.take(key, value, offset, ts)
            if isinstance(model, PublishedModel):
                self._snapshots[model.snapshot.version] = model.snapshot
        else:
            policy = self._policies.take(key, value, headers, offset, ts)
            if isinstance(policy, PublishedPolicy):
                self._by_version[policy.policy.version] = policy.policy

    def decided_by(self, policies: Iterable[Policy]) -> None:
        """Add policies by which the desk has decided: one that no topic holds, as shipped by an earlier release."""
        self._by_version.update((each.version, each) for each in policies)

    async def read(self, client: Mapping[str, Any], prefix: str) -> None:
        """Add all records of the topics; a missing topic counts as empty."""
        for topic in (MODELS, POLICY):
            with suppress(TopicMissingError):
                async with aclosing(tail(client, prefix + topic, from_beginning=True, follow=False)) as records:
                    async for r in records:
                        self.take(topic, r.key, r.value, r.headers, r.offset, r.timestamp)

    def serving(self, model: str, version: str) -> tuple[Scorer, Policy]:
        """Scorer and policy of these versions; the same objects for the same versions."""
        found = self._both.get((model, version))
        if found is None:
            policy = self._by_version.get(version)
            if policy is None:
                self.gone.add(version)
            found = self._both[model, version] = self._ruled(model, policy or self._beside[1])
        return found

    def under(self, policy: Policy) -> Callable[[str, str], tuple[Scorer, Policy]]:
        """The same models under another policy, regardless of the policies that the history names."""
        both: dict[str, tuple[Scorer, Policy]] = {}

        def serving(model: str, _: str) -> tuple[Scorer, Policy]:
            if model not in both:
                both[model] = self._ruled(model, policy)
            return both[model]

        return serving

    def _ruled(self, model: str, policy: Policy) -> tuple[Scorer, Policy]:
        snapshot, newest = self._snapshots.get(model), self._models.newest
        if snapshot is None:
            self.gone.add(model)
            snapshot = self._beside[0] if newest is None else newest.snapshot
        if self._base_rate is not None:
            policy = replace(policy, base_rate=self._base_rate)
        return Scorer(snapshot, policy.base_rate), policy
