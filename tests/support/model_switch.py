"""The models of a run, so that its history can be folded again by those that decided it."""

from __future__ import annotations

from typing import Any

from support.history_check import Log, Switch

from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot
from streams.model_topic.versions import servable
from streams.records.topics import MODELS


def model_switch(log: Log, beside: Snapshot, base_rate: float) -> Switch:
    """Switches a detection fold to the version that the history names.

    Parameters
    ----------
    beside
        The one that is not in the topic: the shipped one, or a file's.
    """
    published = [servable(record.value or b"", (record.key or b"").decode()) for record in log[MODELS][0]]
    scorers = {s.version: Scorer(s, base_rate) for s in [beside, *published] if isinstance(s, Snapshot)}

    def switch(fold: Any, model: str, _policy: str) -> None:
        fold.serving = lambda: scorers[model]
        fold.renew()

    return switch
