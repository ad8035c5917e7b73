"""The learner's report as plain structs: quality, guard, and the last publication with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

import numpy as np
from msgspec import Struct

from models.analysis import prequential
from models.analysis.labelled_window import PRIOR, SERVED, Judged
from models.analysis.prequential import Curves, Delay, Figures, LeadTime, Uplift
from models.contract.training_example import Label
from models.learning.admission import Leaving, Lesson
from models.learning.blend import share_learned
from models.learning.checkpoint import LearnerState, Step
from models.learning.ensemble import Ensemble
from models.learning.guards import LabelGuardState


class Alerted(Struct, frozen=True, kw_only=True):
    """Vectors taken at alerts of one kind, and how many of their subscribers left within the horizon."""

    rows: int
    positives: int
    precision: float


class ServedQuality(Struct, frozen=True, kw_only=True):
    """Quality over the window of labelled examples: of the served risks, and of the prior alone on the same rows."""

    served: Figures
    prior: Figures
    by_segment: dict[str, Figures]
    served_curves: Curves | None
    prior_curves: Curves | None
    alerts: dict[str, Alerted]
    lead_time: LeadTime
    tier_lead_time: LeadTime | None = None
    """Lead of the tier alerts alone; None in a report of an earlier release."""
    uplift: Uplift
    uplift_at_risk: Uplift
    delay: Delay


class LastPublication(Struct, frozen=True, kw_only=True):
    """The learner's last snapshot: why it was published, after how many labels, and at which label time, ms."""

    version: str
    step: Step
    labels: int
    at: int


class LearnerReport(Struct, frozen=True, kw_only=True):
    """The learner's state for metrics and ``model show``.

    Attributes
    ----------
    labels, leavers
        PersonWeeks learned, and those of leavers among them.
    examples_total, outcomes_total
        PersonWeeks and examples by result; examples by label, without duplicates and foreign ones.
    frozen
        Whether knots and level are frozen; until then `warm_rows` vectors are collected.
    share
        Weight of the learned curves against the prior if published now, 0 to 1.
    stake
        Evidence that the served model is worse than the prior; at 200 it is withdrawn.
    """

    labels: int
    leavers: int
    frozen: bool
    warm_rows: int
    examples_total: dict[Lesson, int]
    outcomes_total: dict[str, int]
    prior_version: str
    served_version: str
    published: LastPublication | None
    share: float
    stake: float
    operator_base_rate: float | None
    base_rate: float | None
    watermark: int | None
    quality: ServedQuality
    guard: LabelGuardState


def alerted(origins: Sequence[str], rows: Judged) -> dict[str, Alerted]:
    """Precision of each kind of alert."""
    total, left = Counter(origins), Counter(o for o, one in zip(origins, rows.left.tolist(), strict=True) if one)
    return {
        origin: Alerted(rows=count, positives=left[origin], precision=left[origin] / count)
        for origin, count in sorted(total.items())
    }


def quality(rows: Judged, alerts: dict[str, Alerted], leavings: Sequence[Leaving]) -> ServedQuality:
    """All quality figures of a window."""
    served, prior = rows.told[SERVED], rows.told[PRIOR]
    return ServedQuality(
        served=prequential.figures(served, rows.left, rows.who),
        prior=prequential.figures(prior, rows.left, rows.who),
        by_segment=prequential.by_segment(rows, served),
        served_curves=prequential.curves(served, rows.left),
        prior_curves=prequential.curves(prior, rows.left),
        alerts=alerts,
        lead_time=prequential.lead_time([each.lead_days for each in leavings]),
        tier_lead_time=prequential.lead_time([each.tier_lead_days for each in leavings]),
        uplift=prequential.uplift(rows),
        uplift_at_risk=prequential.uplift(rows.of(rows.at_risk)),
        delay=prequential.delay(rows.delay_days),
    )


def reported(
    state: LearnerState, rows: Judged, at_alerts: Judged, ensemble: Ensemble | None, stake: float
) -> LearnerReport:
    """The report of a learner in this state, with its windows of weekly vectors and of those taken at alerts."""
    leavings = list(state.leavings.latest.values())
    publication, frozen = state.publication, ensemble is not None
    published = None
    if publication.step is not None and publication.at is not None:
        published = LastPublication(
            version=publication.served.version,
            step=publication.step,
            labels=publication.labels,
            at=publication.at,
        )
    return LearnerReport(
        labels=state.labels,
        leavers=0 if ensemble is None else ensemble.left,
        frozen=frozen,
        warm_rows=0 if frozen else len(state.recent.segment),
        examples_total={lesson: state.lessons.get(lesson, 0) for lesson in Lesson},
        outcomes_total={label: state.outcomes.get(label, 0) for label in get_args(Label)},
        prior_version=state.prior.version,
        served_version=publication.served.version,
        published=published,
        share=0.0 if ensemble is None else share_learned(ensemble.heard),
        stake=stake,
        operator_base_rate=state.base_rate,
        base_rate=float(np.mean(rows.left)) if len(rows.left) else None,
        watermark=state.watermark,
        quality=quality(rows, alerted(state.origins, at_alerts), leavings),
        guard=state.guard,
    )
