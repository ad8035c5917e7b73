"""Models and policies of a run, so that its history can be folded again by those that decided it."""

from __future__ import annotations

from typing import Any

from support.history_check import Log, Switch

from models.contract.policy import Policy
from models.scoring.snapshot import Snapshot
from streams.history.recorded_versions import RecordedVersions
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
    versions = RecordedVersions(beside, policy, base_rate=base_rate)
    for topic in (MODELS, POLICY):
        for r in log[topic][0]:
            versions.take(topic, r.key, r.value, r.headers, r.offset, r.timestamp)

    def switch(fold: Any, model: str, version: str) -> None:
        both = versions.serving(model, version)
        assert not versions.gone
        fold.serving = lambda: both
        fold.renew()

    return switch
