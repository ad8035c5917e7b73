"""The detector as a lane's fold: its clock in the ledger, its decisions as records, its counts for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from models.contract.breaches import LANE_LATE_MS, Heard, Idle, Joined, Mark
from models.contract.events import Arrival
from models.contract.policy import Policy
from models.contract.training_example import WEEKLY, Example
from models.detection.detector import Detector
from models.detection.outbox import Output
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot
from models.state.state_records import StateRecord
from streams.lanes.ports import Commit, Folded
from streams.records.out_records import AnyRecord, out_records

MARK_MS: Final = 50
"""Time between two marks of a lane that is late, unless a tick has passed."""
_NEVER: Final = -1
"""No tick: the lane has written no mark since it opened."""


class InForce:
    """Scorer and policy in force for all lanes of a worker, made of the newest model and the newest policy.

    Parameters
    ----------
    snapshot, policy
        Return the newest.
    """

    def __init__(self, snapshot: Callable[[], Snapshot], policy: Callable[[], Policy]) -> None:
        self._snapshot = snapshot
        self._policy = policy
        self._scorer = Scorer(snapshot(), policy().base_rate)

    def __call__(self) -> tuple[Scorer, Policy]:
        """Scorer and policy; the same objects as long as neither changes."""
        snapshot, policy = self._snapshot(), self._policy()
        if snapshot is not self._scorer.snapshot or policy.base_rate != self._scorer.base_rate:
            self._scorer = Scorer(snapshot, policy.base_rate)
        return self._scorer, policy


class DetectionFold:
    """:class:`streams.lanes.ports.Fold` over a :class:`models.detection.detector.Detector`.

    Parameters
    ----------
    group
        Consumer group, which is the source named in output events.
    serving
        Returns scorer and policy in force; called between transactions. None: always the detector's own.

    Attributes
    ----------
    serving
        May be replaced when a history is folded again.
    """

    def __init__(
        self, detector: Detector, group: str, serving: Callable[[], tuple[Scorer, Policy]] | None = None
    ) -> None:
        self.serving = serving
        self._detector = detector
        self._group = group
        self._marked: int | None = _NEVER
        self._mark_ms = 0
        """When the next mark is due if the lane is late."""

    @property
    def versions(self) -> tuple[str, str]:
        """Model and policy in force."""
        return self._detector.versions

    @property
    def owed(self) -> bool:
        """Whether a sweep did not fit into the transaction."""
        return self._detector.owed

    def renew(self) -> None:
        """Switch to the model and policy now in force."""
        mine = self._detector.scorer, self._detector.policy
        scorer, policy = mine if self.serving is None else self.serving()
        if scorer is not mine[0] or policy is not mine[1] or not self._detector.settled:
            self._detector.switch(scorer, policy)

    def load(self, records: list[StateRecord]) -> None:
        """Load state records."""
        self._detector.load(records)

    def resume(self, clock: Mapping[str, Any], policy: str = "") -> None:
        """Continue from clock and policy in the ledger."""
        self._detector.resume(clock, policy)

    def clock(self) -> dict[str, Any]:
        """The clock to keep in the ledger."""
        builtins: dict[str, Any] = msgspec.to_builtins(self._detector.clock)
        return builtins

    def joining(self) -> list[AnyRecord]:
        """Records that hand over what a release without a desk has left, and the one that announces this lane."""
        said = [*self._detector.handed_over(), Joined(lane=self._detector.partition)]
        return out_records([_told(each) for each in said], self._group)

    def opening(self, generation: int) -> list[AnyRecord]:
        """The record for the desk that this lane has opened and may find a backlog."""
        self._marked = _NEVER
        return out_records([_told(self._mark(generation))], self._group)

    def idling(self) -> list[AnyRecord]:
        """The record for the desk that this lane has read everything."""
        return out_records([_told(Idle(lane=self._detector.partition))], self._group)

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        """Apply in order; returns how many were applied."""
        return self._detector.apply(arrivals)

    def take(self, now_ms: int | None = None) -> Folded:
        """The results since the last call; `now_ms` is the time at which they are written, None if they are not.

        They end with a mark of the newest tick if one has passed, if the lane has just opened, and often while it is
        late: the desk must know how far it is, to know which record of late lanes comes next.
        """
        records, outputs, counts = self._detector.take()
        clock = self._detector.clock
        now_ms = 0 if now_ms is None else now_ms
        late = clock.watermark is not None and now_ms - clock.watermark > LANE_LATE_MS
        if (late and now_ms >= self._mark_ms) or (clock.watermark is not None and clock.last_tick != self._marked):
            self._marked, self._mark_ms = clock.last_tick, now_ms + MARK_MS
            outputs.append(_told(self._mark()))
        examples = [output.body for output in outputs if isinstance(output.body, Example)]
        return Folded(
            records,
            out_records(outputs, self._group),
            self.standing()._replace(
                events=counts.applied,
                duplicates=counts.duplicates,
                late=counts.late,
                ignored=counts.ignored,
                unknown_feedback=counts.unknown_feedback,
                outcomes_ignored={"later": counts.later_outcomes, "late": counts.late_outcomes},
                outputs=outputs,
                examples=_labels(examples),
                label_delays_s=[example.delay_ms / 1000 for example in examples],
                breaches=counts.breaches,
                matured=_matured(examples),
                leavers=counts.leavers,
                leads_s=[lead / 1000 for lead in counts.leads_ms],
                recovered=counts.recovered,
                migrations=counts.migrations,
                migrated_revenue=counts.migrated_revenue,
                consent_absent=counts.consent_absent,
            ),
            late,
        )

    def _mark(self, generation: int | None = None) -> Mark:
        clock = self._detector.clock
        # What an unfinished sweep still writes is as of its ticks, before the watermark.
        reached = clock.last_tick if self._detector.owed else clock.watermark
        return Mark(lane=self._detector.partition, tick=clock.last_tick or 0, clock=reached, generation=generation)

    def standing(self) -> Commit:
        """Present watermark, tiers and rows."""
        return Commit(
            watermark_ms=self._detector.clock.watermark,
            tiers=self._detector.tiers_count(),
            state_rows=len(self._detector.population),
            state_bytes=self._detector.population.memory(),
        )


def _told(heard: Heard) -> Output:
    return Output("heard", "", heard, 0, "", None)


def _labels(examples: Sequence[Example]) -> Counter[str]:
    """Count of each label; a move to a cheaper plan counts under its own label too, as a target of its own."""
    return Counter([e.label for e in examples] + ["downgraded" for e in examples if e.downgraded])


def _matured(examples: Sequence[Example]) -> Counter[tuple[str, str]]:
    """Alerts with a known label, by kind and label; without the hold-out, which gets no alerts."""
    return Counter((e.origin, e.label) for e in examples if e.origin != WEEKLY and not e.hold_out)
