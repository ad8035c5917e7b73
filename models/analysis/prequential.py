"""Quality figures and curves of risks that were scored before their labels were known, over a window of rows.

They are plain structs: metrics show the figures, plots draw the curves. An undefined figure is None, never 0: without
leavers there is no AUC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from models.analysis import score_metrics
from models.analysis.labelled_window import Judged
from models.analysis.paired_test import Bounded, Whos, auc_bounded
from models.analysis.score_metrics import proportion
from models.arrays import Bools, Floats
from models.contract.vocabulary import SEGMENTS

_POINTS: Final = 101
"""Points of a curve: enough for a page, few enough for a report."""
_BINS: Final = 10
LEAD_BINS: Final = (1.0, 3.0, 7.0, 14.0, 21.0, 30.0, 45.0, 60.0)
"""Upper ends of the classes of lead time, days; the last class is open."""


class Figures(Struct, frozen=True, kw_only=True):
    """Quality of risks; the 95 % bounds of `roc_auc` treat the rows of one subscriber as a cluster."""

    rows: int
    positives: int
    rate: float | None
    mean_risk: float | None
    log_loss: float | None
    ece: float | None
    roc_auc: Bounded | None = None
    pr_auc: float | None = None
    lift_top_decile: float | None = None
    precision_top_5pct: float | None = None
    precision_at: dict[str, float] = {}
    """Precision among the riskiest k rows, by k."""


class Calibration(Struct, frozen=True, array_like=True):
    """Rows of similar risk: `told` is their mean predicted risk, `happened` the share that left."""

    told: float
    happened: float
    rows: int


class Curves(Struct, frozen=True, kw_only=True):
    """Points for plots: (false, true) positive rates; (share, lift); calibration by tenths of the rows."""

    roc: list[tuple[float, float]]
    lift: list[tuple[float, float]]
    calibration: list[Calibration]


class LeadTime(Struct, frozen=True, kw_only=True):
    """Lead time of alerts: `told` of the `leavers` had one; days of lead, and counts by class (`LEAD_BINS`)."""

    leavers: int
    told: int
    median_days: float | None
    upto_days: list[float | None]
    counts: list[int]


class Uplift(Struct, frozen=True, kw_only=True):
    """Effect of contact: churn of the hold-out minus that of the others, 95 % interval. Each subscriber counts once."""

    hold_out: int
    hold_out_left: int
    others: int
    others_left: int
    saved: Bounded | None


class Delay(Struct, frozen=True, kw_only=True):
    """Delay of labels, days."""

    median_days: float | None
    p90_days: float | None


def figures(risk: Floats, left: Bools, who: Whos, ks: Sequence[int] = (100, 500)) -> Figures:
    """All figures at once.

    Examples
    --------
    >>> risk, left = np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, True, False])
    >>> found = figures(risk, left, np.arange(4, dtype=np.uint32), ks=(1,))
    >>> found.roc_auc.value, found.precision_at, figures(risk[:0], left[:0], left[:0]).rate
    (0.75, {'1': 1.0}, None)
    """
    rows, positives = len(left), int(left.sum())
    if not rows:
        return Figures(rows=0, positives=0, rate=None, mean_risk=None, log_loss=None, ece=None)
    both = 0 < positives < rows
    return Figures(
        rows=rows,
        positives=positives,
        rate=positives / rows,
        mean_risk=float(risk.mean()),
        log_loss=score_metrics.log_loss(risk, left),
        ece=score_metrics.calibration_error(risk, left),
        roc_auc=auc_bounded(risk, left, who) if both else None,
        pr_auc=score_metrics.pr_auc(risk, left) if positives else None,
        lift_top_decile=score_metrics.lift(risk, left, 0.10) if positives else None,
        precision_top_5pct=score_metrics.precision_at(risk, left, 0.05),
        precision_at={str(k): score_metrics.precision_at(risk, left, k / rows) for k in ks if k <= rows},
    )


def curves(risk: Floats, left: Bools) -> Curves | None:
    """Curves for plots; None if nobody left or everybody did.

    Examples
    --------
    >>> found = curves(np.array([0.9, 0.6, 0.4, 0.1]), np.array([True, False, True, False]))
    >>> found.roc[0], found.roc[-1], found.lift[-1]
    ((0.0, 0.0), (1.0, 1.0), (1.0, 1.0))
    """
    positives, rows = int(left.sum()), len(left)
    if not 0 < positives < rows:
        return None
    order = np.argsort(-risk, kind="stable")
    ranked, answers = risk[order], left[order]
    ends = np.flatnonzero(np.append(np.diff(ranked) != 0.0, True)) + 1  # ties are one point: row order is irrelevant
    taken = np.concatenate([[0.0], ends])
    found = np.concatenate([[0.0], np.cumsum(answers)[ends - 1]])
    true, false = found / positives, (taken - found) / (rows - positives)
    at = np.linspace(0.0, 1.0, _POINTS)
    share = np.maximum(at, 1.0 / rows)
    gained = np.interp(share * rows, taken, found) / (share * positives)
    # Where many points share one false-positive rate, take the highest true-positive rate.
    steps = np.interp(at, false - np.arange(len(false))[::-1] * 1e-12, true)
    return Curves(
        roc=[(0.0, 0.0), *zip(at[1:-1].tolist(), steps[1:-1].tolist(), strict=True), (1.0, 1.0)],
        lift=list(zip(share.tolist(), gained.tolist(), strict=True)),
        calibration=[
            Calibration(float(ranked[part].mean()), float(answers[part].mean()), len(part))
            for part in np.array_split(np.arange(rows), min(_BINS, rows))[::-1]
        ],
    )


def by_segment(rows: Judged, risk: Floats) -> dict[str, Figures]:
    """Figures of each value segment."""
    found: dict[str, Figures] = {}
    for code, segment in enumerate(SEGMENTS):
        part = rows.segment == code
        found[segment] = figures(risk[part], rows.left[part], rows.who[part])
    return found


def lead_time(leads: Sequence[float | None]) -> LeadTime:
    """Lead time of alerts: `leads` is days of lead for each leaver, None where there was no alert.

    Examples
    --------
    >>> found = lead_time([None, 2.0, 10.0, 90.0])
    >>> found.leavers, found.told, found.median_days, found.counts
    (4, 3, 10.0, [0, 1, 0, 1, 0, 0, 0, 0, 1])
    """
    days = np.array([lead for lead in leads if lead is not None])
    place = np.searchsorted(LEAD_BINS, days, side="left")
    return LeadTime(
        leavers=len(leads),
        told=len(days),
        median_days=float(np.median(days)) if len(days) else None,
        upto_days=[*LEAD_BINS, None],
        counts=np.bincount(place, minlength=len(LEAD_BINS) + 1).tolist(),
    )


def difference(hits: int, rows: int, other_hits: int, other_rows: int) -> Bounded:
    """Difference of two shares with Newcombe's 95 % interval [1]_, which unlike Wald's holds for rare events.

    References
    ----------
    .. [1] Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions: comparison
       of eleven methods. Statistics in Medicine 17(8). (Method 10; the example is the paper's, 56/70 against 48/80.)

    Examples
    --------
    >>> found = difference(56, 70, 48, 80)
    >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    one, two = proportion(hits, rows), proportion(other_hits, other_rows)
    gap = one.rate - two.rate
    below = math.hypot(one.rate - one.low, two.high - two.rate)
    above = math.hypot(one.high - one.rate, two.rate - two.low)
    return Bounded(gap, gap - below, gap + above)


def uplift(rows: Judged) -> Uplift:
    """Effect of contact, by intention to treat: all others against the hold-out, contacted or not.

    Only the latest row of each subscriber counts: their rows overlap, and would be counted as several people.
    """
    _, latest = np.unique(rows.who[::-1], return_index=True)
    pick = len(rows.who) - 1 - latest
    held, left = rows.hold_out[pick], rows.left[pick]
    counts = int(held.sum()), int(left[held].sum()), int((~held).sum()), int(left[~held].sum())
    saved = difference(counts[1], counts[0], counts[3], counts[2]) if counts[0] and counts[2] else None
    return Uplift(hold_out=counts[0], hold_out_left=counts[1], others=counts[2], others_left=counts[3], saved=saved)


def delay(days: Floats) -> Delay:
    """Delay of labels: median and 90th percentile, days.

    Examples
    --------
    >>> delay(np.array([10.0, 30.0, 50.0])).median_days, delay(np.zeros(0)).median_days
    (30.0, None)
    """
    if not len(days):
        return Delay(median_days=None, p90_days=None)
    return Delay(median_days=float(np.median(days)), p90_days=float(np.quantile(days, 0.9)))
