"""What the learner tells of itself: quality, guards, drift, challengers and the last publication, as plain structs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, get_args

import numpy as np
from msgspec import Struct

from models import drift, evidence, prequential
from models.checkpoint import LearnerState
from models.compiled import base_rate
from models.drift_watch import DriftState
from models.evidence import Comparison, Verdict
from models.example import Label
from models.guard_sight import CHAMPION
from models.guards import Guards, GuardState
from models.learner_settings import LearnerSettings
from models.lesson import Lesson
from models.lineage import Kind
from models.lineages import (
    CHAMPION_THEN,
    FRESH_THEN,
    INCUMBENT,
    RIVAL_THEN,
    Crowned,
    Lineages,
    Why,
)
from models.prequential import Curves, Delay, Figures, LeadTime, Uplift
from models.publication import Look, PublicationState, promotion_demands
from models.recent import Recent
from models.risk import Floats
from models.shadow import DURABLE, WHY_NOT_SERVED
from models.snapshot import Curve
from models.trial import matched
from models.window import SERVED, Judged, Window

RIVAL: Final = "rival"
FRESH: Final = "fresh"
_LATE: Final = 1_000
"""Scores of the latest so many rows are compared with those before."""


class Alerted(Struct, frozen=True, kw_only=True):
    """Of the examples taken at alerts of one kind: how many left within the horizon."""

    rows: int
    positives: int
    precision: float


class Challenger(Struct, frozen=True, kw_only=True):
    """A model in the shadow against the champion, on rows that both told.

    ``why_not_served`` says why it stays there even if `verdict` says that it is better; None: it can take over.
    ``durable`` is False where it, and the evidence on it, begins anew after a restart.
    """

    name: str
    figures: Figures
    comparison: Comparison | None
    verdict: Verdict | None
    better: bool
    durable: bool
    why_not_served: str | None


class Drift(Struct, frozen=True, kw_only=True):
    """What has moved; PSI of features is of a week, less what chance makes; over the bound it is another population.

    ``over`` are the features that went over it and have not come back below half of it.
    """

    psi: dict[str, float]
    psi_bound: float
    over: list[str]
    psi_served: float | None
    psi_champion: float | None
    loss_mean: float | None
    loss_changes: int
    loss_rises: int
    warnings: int
    last: str | None
    last_labels: int


class Quality(Struct, frozen=True, kw_only=True):
    """Over the window of weekly rows: what was served, and what the champion would have said in time.

    ``incumbent`` is the snapshot in force, on rows whose vectors were frozen since it was published.
    """

    served: Figures
    incumbent: Figures
    champion: Figures
    by_segment: dict[str, Figures]
    served_curves: Curves | None
    champion_curves: Curves | None
    alerts: dict[str, Alerted]
    lead_time: LeadTime
    uplift: Uplift
    uplift_at_risk: Uplift
    delay: Delay


class Report(Struct, frozen=True, kw_only=True):
    """See the module.

    Attributes
    ----------
    examples_total, outcomes_total
        By what became of them; by label, duplicates and foreign ones left out.
    frozen
        Whether the knots are frozen; until then `warm_rows` rows are waiting.
    follows
        Whether what is served is an earlier self of the champion.
    base_rate
        Share of leavers in the window: what the next snapshot would say.
    served_version, published, latest
        What is served; the look at which it was published, and the last look, with their evidence and reason.
    champion
        How the one that leads learns.
    waiting
        Leavers' examples that wait until their companions are known.
    crowned, fresh
        When another model last became the champion, and why there is one now that would.
    curves
        Of the champion as it is now.
    """

    labels: int
    positives: int
    frozen: bool
    warm_rows: int
    examples_total: dict[Lesson, int]
    outcomes_total: dict[str, int]
    served_version: str
    follows: bool
    published: Look | None
    latest: Look | None
    champion: Kind | None
    waiting: int
    crowned: Crowned | None
    fresh: Why | None
    base_rate: float | None
    operator_base_rate: float | None
    watermark: int | None
    quality: Quality
    guards: list[GuardState]
    held: bool
    drift: Drift
    challengers: list[Challenger]
    curves: list[Curve]


def alerted(origins: Sequence[str], rows: Judged) -> dict[str, Alerted]:
    """Precision of each kind of alert."""
    total, left = Counter(origins), Counter(o for o, one in zip(origins, rows.left.tolist(), strict=True) if one)
    return {
        origin: Alerted(rows=count, positives=left[origin], precision=left[origin] / count)
        for origin, count in sorted(total.items())
    }


def quality(rows: Judged, alerts: dict[str, Alerted], leads: Sequence[float | None], since: int) -> Quality:
    """All of a window; what is served now knows nothing of the outcome of vectors from `since` on, ms."""

    def of(name: str, since: int | None = None) -> tuple[Floats, Judged]:
        part = rows.of(~np.isnan(rows.told[name]))
        part = part if since is None else part.of(part.ts >= since)
        return part.told[name], part

    served, of_served = of(SERVED)
    champion, of_champion = of(CHAMPION_THEN)
    incumbent, of_incumbent = of(INCUMBENT, since)
    return Quality(
        served=prequential.figures(served, of_served.left, of_served.who),
        incumbent=prequential.figures(incumbent, of_incumbent.left, of_incumbent.who),
        champion=prequential.figures(champion, of_champion.left, of_champion.who),
        by_segment=prequential.by_segment(of_served, served),
        served_curves=prequential.curves(served, of_served.left),
        champion_curves=prequential.curves(champion, of_champion.left),
        alerts=alerts,
        lead_time=prequential.lead_time(leads),
        uplift=prequential.uplift(rows),
        uplift_at_risk=prequential.uplift(rows.of(rows.at_risk)),
        delay=prequential.delay(rows.delay_days),
    )


def challengers(rows: Judged, settings: LearnerSettings, *, fresh: bool) -> list[Challenger]:
    """The rival, the fresh model if there is one, and those in the shadow that were asked for."""
    then = {RIVAL: RIVAL_THEN} | ({FRESH: FRESH_THEN} if fresh else {})
    return [
        *(_challenger(rows, name, then[name], CHAMPION_THEN, settings) for name in then),
        *(_challenger(rows, name, name, CHAMPION, settings) for name in settings.shadow),
    ]


def _challenger(rows: Judged, name: str, told: str, against: str, settings: LearnerSettings) -> Challenger:
    rows = rows.of(~np.isnan(rows.told[told]) & ~np.isnan(rows.told[against]))
    risk = rows.told[told]
    found = matched(risk, rows.told[against], rows.left, rows.who)
    verdict = None if found is None else evidence.better(found, promotion_demands(settings))
    return Challenger(
        name=name,
        figures=prequential.figures(risk, rows.left, rows.who),
        comparison=found,
        verdict=verdict,
        better=verdict in evidence.WINS,
        durable=name in (*DURABLE, RIVAL, FRESH),
        why_not_served=WHY_NOT_SERVED.get(name),
    )


def psi_of_scores(rows: Judged, name: str) -> float | None:
    """The latest scores against those before them in the window."""
    told = rows.told[name]
    told = told[~np.isnan(told)]
    return drift.psi_of_scores(told[:-_LATE], told[-_LATE:])


def curves_of(lineages: Lineages | None, publication: PublicationState) -> list[Curve]:
    """The champion's curves now; before it has begun, those that are served."""
    if lineages is None:
        return publication.served.curves
    return lineages.champion.model.snapshot("now", 0.5, "").curves


def rate_of(rows: Judged) -> float | None:
    """Share of leavers in the window; None without rows."""
    return base_rate(rows.left) if len(rows.left) else None


def reported(
    settings: LearnerSettings,
    state: LearnerState,
    windows: tuple[Window, Window],
    lineages: Lineages | None,
    recent: Recent,
    guards: Guards,
) -> Report:
    """The report of a learner in this state; `windows` are of weekly rows and of alerts."""
    rows = windows[0].latest()
    leads = [leaving.lead_days for leaving in state.leavings.latest.values()]
    model = state.lineages
    return Report(
        labels=state.labels,
        positives=0 if lineages is None else lineages.champion.model.positives,
        frozen=model is not None,
        warm_rows=len(recent) if model is None else 0,
        examples_total={lesson: state.lessons.get(lesson, 0) for lesson in Lesson},
        outcomes_total={label: state.outcomes.get(label, 0) for label in get_args(Label)},
        served_version=state.publication.served.version,
        follows=state.publication.follows,
        published=state.publication.last,
        latest=state.publication.latest,
        champion=None if lineages is None else lineages.champion.kind,
        waiting=len(state.held),
        crowned=None if model is None else model.crowned,
        fresh=None if model is None or model.fresh is None else model.fresh.why,
        base_rate=rate_of(rows),
        operator_base_rate=state.base_rate,
        watermark=state.watermark,
        quality=quality(rows, alerted(state.origins, windows[1].latest()), leads, state.publication.evidence_from),
        guards=guards.states(),
        held=guards.hold,
        drift=drifted(state.drift, rows),
        challengers=challengers(rows, settings, fresh=model is not None and model.fresh is not None),
        curves=curves_of(lineages, state.publication),
    )


def drifted(state: DriftState, rows: Judged) -> Drift:
    """What has moved."""
    told = state.losses.told
    return Drift(
        psi=state.psi,
        psi_bound=drift.PSI_BOUND,
        over=list(state.over),
        psi_served=psi_of_scores(rows, SERVED),
        psi_champion=psi_of_scores(rows, CHAMPION),
        loss_mean=sum(told) / len(told) if told else None,
        loss_changes=state.losses.detections,
        loss_rises=state.losses.rose,
        warnings=state.warnings,
        last=state.last,
        last_labels=state.last_labels,
    )
