"""Models and policies of a run, so that its history can be folded again by those that decided it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from support.history_check import Log, Switch

from models.contract.policy import Policy
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot
from streams.model_topic.versions import servable
from streams.policy_topic.policies import Policies, PublishedPolicy
from streams.records.topics import MODELS, POLICY


def version_switch(log: Log, beside: Snapshot, policy: Policy, base_rate: float | None) -> Switch:
    """Switches a detection fold to the versions that the history names.

    Parameters
    ----------
    beside, policy
        Those that are not in the topics: the shipped ones, or a file's.
    base_rate
        The setting; None: the policy's own.
    """
    published = [servable(record.value or b"", (record.key or b"").decode()) for record in log[MODELS][0]]
    snapshots = {s.version: s for s in [beside, *published] if isinstance(s, Snapshot)}
    topic = Policies(None)
    taken = [topic.take(r.key, r.value, r.headers, r.offset, r.timestamp) for r in log[POLICY][0]]
    policies = {p.version: p for p in [policy, *(each.policy for each in taken if isinstance(each, PublishedPolicy))]}
    if base_rate is not None:
        policies = {version: replace(each, base_rate=base_rate) for version, each in policies.items()}
    served: dict[tuple[str, str], tuple[Scorer, Policy]] = {}

    def switch(fold: Any, model: str, version: str) -> None:
        rules = policies[version]
        both = served.setdefault((model, version), (Scorer(snapshots[model], rules.base_rate), rules))
        fold.serving = lambda: both
        fold.renew()

    return switch
