"""The table of all topics: inputs, outputs, and their retention.

Names here are without prefix; :meth:`Topic.full` puts ``HOLDFAST_TOPIC_PREFIX`` in front.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from models.contract import events
from models.contract.time_units import HOUR_MS

STATE: Final = "churn.state.v1"
HISTORY: Final = "churn.history.v1"
ALERTS: Final = "churn.retention-alerts.v1"
SCORES: Final = "churn.risk-scores.v1"
SUPPRESSIONS: Final = "churn.suppressions.v1"
WORK_ORDERS: Final = "churn.work-orders.v1"
BREACHES: Final = "churn.breaches.v1"
DESK_STATE: Final = "churn.desk-state.v1"
DEAD_LETTERS: Final = "churn.dead-letters.v1"
RECEIPTS: Final = "churn.receipts.v1"
PARKED: Final = "churn.parked.v1"
EXAMPLES: Final = "churn.training-examples.v1"
MODELS: Final = "churn.models.v1"
POLICY: Final = "churn.policy.v1"

_COMPACTED: Final = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
_STATE_CONFIG: Final = {
    **_COMPACTED,
    # An erased subscriber must leave the disk within a known time, and the active segment is never compacted.
    "max.compaction.lag.ms": str(24 * HOUR_MS),
    "delete.retention.ms": str(24 * HOUR_MS),
    "segment.ms": str(HOUR_MS),
    "segment.bytes": str(64 << 20),
}
_MODELS_CONFIG: Final = {
    **_COMPACTED,
    # Every worker reads the whole topic before its first event, and the learner's checkpoints have nearly a megabyte
    # each: only closed segments are compacted.
    "segment.bytes": str(16 << 20),
}
_KEPT_WEEK: Final = {"cleanup.policy": "delete", "retention.ms": str(7 * 24 * HOUR_MS)}
_KEPT_MONTH: Final = {"cleanup.policy": "delete", "retention.ms": str(30 * 24 * HOUR_MS)}


class Topic(NamedTuple):
    """One topic of the contract. A lane writes partition p of each, so each has one partition a lane.

    A `single` topic has one partition, because it is read in one order: those of the desk, the learner and the
    policies.
    """

    name: str
    role: Literal["input", "output", "internal"]
    config: dict[str, str]
    single: bool = False

    def full(self, prefix: str) -> str:
        """Name on the cluster."""
        return prefix + self.name

    def partitions(self, lanes: int) -> int:
        """Partition count for this number of lanes."""
        return 1 if self.single else lanes

    def partition(self, lane: int) -> int:
        """Partition that a lane writes to."""
        return 0 if self.single else lane


INPUT_TOPICS: Final = tuple(
    Topic(name, "input", _COMPACTED if name == events.SUBSCRIBERS else _KEPT_WEEK) for name in events.INPUTS
)
"""Inputs by rank: of two records with the same timestamp the earlier topic goes first."""

OUTPUT_TOPICS: Final = (
    Topic(ALERTS, "output", _KEPT_MONTH),
    Topic(SCORES, "output", _COMPACTED),
    Topic(SUPPRESSIONS, "output", _KEPT_MONTH),
    Topic(WORK_ORDERS, "output", _KEPT_MONTH),
    Topic(DEAD_LETTERS, "output", _KEPT_MONTH),
    Topic(RECEIPTS, "output", _KEPT_MONTH),
    Topic(STATE, "internal", _STATE_CONFIG),
    # Each record of the history returns the broker's clock, with which record times are compared.
    Topic(HISTORY, "internal", {**_KEPT_MONTH, "message.timestamp.type": "LogAppendTime"}),
    # Not compacted: its order is the desk's history, and records of the erased expire within a week.
    Topic(BREACHES, "internal", _KEPT_WEEK, single=True),
    Topic(DESK_STATE, "internal", _STATE_CONFIG, single=True),
    # Not compacted: the learner reads every one of them, and records of the erased expire within a month.
    Topic(EXAMPLES, "internal", _KEPT_MONTH, single=True),
    Topic(MODELS, "internal", _MODELS_CONFIG, single=True),
    Topic(POLICY, "internal", _COMPACTED, single=True),
)

RELAY_TOPICS: Final = (
    # Alerts that an endpoint refused for good, under their own timestamps, so that they expire when the originals do.
    Topic(PARKED, "output", _KEPT_MONTH),
)

LANE_TOPICS: Final = INPUT_TOPICS + OUTPUT_TOPICS
"""Without these no worker starts."""
ALL_TOPICS: Final = LANE_TOPICS + RELAY_TOPICS
BY_NAME: Final = {topic.name: topic for topic in ALL_TOPICS}
RANK: Final = {topic.name: rank for rank, topic in enumerate(INPUT_TOPICS)}

BOOTSTRAP: Final = (events.SUBSCRIBERS, events.ERASURES)
"""A new ledger applies these up to their ends before anything else, so that the first call finds its profile. Outcomes
keep their place in time: events before an outcome are learned from."""
