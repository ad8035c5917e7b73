"""The served model: the prior, moved further towards the two learned models the more leavers they have seen.

In log-odds, served = prior + s x (learned - prior), where s = n / (n + 200) after n leavers and learned is the weighted
mean of both models of the ensemble. Prior and models are sums of one curve a feature, so the served model is too.
River's curves may lie only so far from the prior's: a broken feed must not bend one feature without bound.

The operator's level is their base rate on the latest vectors, or the rate that the labels show where it differs beyond
chance. Each week it moves a quarter of the way there: with full steps, risks of one week and the next differed merely
by which subscribers had been scored. Cut-offs and usual values are those of the latest vectors.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import river

from models.arrays import Floats
from models.contract.vocabulary import SEGMENTS
from models.learning.ensemble import Ensemble
from models.learning.recent_vectors import Recent
from models.scoring.calibration import levelling
from models.scoring.scorer import Scorer, logit
from models.scoring.snapshot import Curve, Cutoff, Provenance, ScoredVector, Snapshot

SHARES: Final = (0.005, 0.01, 0.02, 0.05, 0.10, 0.20, 0.35, 0.50)
"""Shares of the subscribers at which cut-offs are given; between them they are interpolated."""
SHRINK: Final = 200.0
"""Leavers at which prior and learned curves weigh the same."""
REACH: Final = 2.0
"""Most log-odds that River may move one feature's curve away from the prior's."""
LEVEL_STEP: Final = 0.25
"""Weekly step from the level in force to that of the latest vectors, as a share of the distance."""
_NEVER_CERTAIN: Final = 1e-9
_EXAMPLES: Final = 8
_ENOUGH: Final = 50
"""Fewest rows for which a value segment has medians of its own."""


def cutoffs(risk: Floats) -> list[Cutoff]:
    """The risks that each of :data:`SHARES` of the subscribers reached.

    Examples
    --------
    >>> [round(c.risk, 3) for c in cutoffs(np.linspace(0.0, 1.0, 1001))[:3]]
    [0.995, 0.99, 0.98]
    """
    found = np.clip(np.quantile(risk, [1.0 - share for share in SHARES]), _NEVER_CERTAIN, 1.0 - _NEVER_CERTAIN)
    return [Cutoff(share, float(cut)) for share, cut in zip(SHARES, found.tolist(), strict=True)]


def medians(curves: list[Curve], recent: Recent) -> list[Curve]:
    """Curves with the medians of the latest rows: of all, and of each value segment with enough rows."""
    x, segment = recent.x, recent.segment
    parts = {worth: x[:, segment == code] for code, worth in enumerate(SEGMENTS)}
    parts = {worth: part for worth, part in parts.items() if part.shape[1] >= _ENOUGH}
    return [
        msgspec.structs.replace(
            curve, usual=_usual(x[f]), usual_of={worth: _usual(part[f]) for worth, part in parts.items()}
        )
        for f, curve in enumerate(curves)
    ]


def _usual(values: Floats) -> float | None:
    """The median; None for a feature that is missing in half of the rows or more."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if 2 * len(known) > len(values) else None


def share_learned(heard: int) -> float:
    """The weight s of the learned curves after learning from `heard` leavers.

    Examples
    --------
    >>> share_learned(0), share_learned(200)
    (0.0, 0.5)
    """
    return heard / (heard + SHRINK)


def moved(prior: Snapshot, ensemble: Ensemble, rows: Floats) -> list[Curve]:
    """The prior's curves plus what was learned; River's differences are shifted to median 0 over `rows`, (F, n)."""
    share, river, trust = share_learned(ensemble.heard), ensemble.share_of_river, ensemble.posterior.trust
    curves = []
    pairs = zip(
        prior.curves, ensemble.ground.knots, ensemble.river.curves(), ensemble.posterior.curves(), rows, strict=True
    )
    for curve, own, river_says, posterior_says, row in pairs:
        knots = np.union1d(curve.knots, own)
        before = np.interp(knots, curve.knots, curve.values)
        by_river = np.append(np.interp(knots, own, river_says), 0.0) - np.append(before, curve.missing)
        middle = float(np.median(np.where(np.isnan(row), by_river[-1], np.interp(row, knots, by_river[:-1]))))
        by_river = np.clip(by_river - middle, -REACH, REACH)
        by_posterior = np.append(np.interp(knots, own, posterior_says), 0.0) + trust * np.append(before, curve.missing)
        after = np.append(before, curve.missing) + share * (river * by_river + (1.0 - river) * by_posterior)
        curves.append(
            Curve(feature=curve.feature, knots=knots.tolist(), values=after[:-1].tolist(), missing=float(after[-1]))
        )
    return curves


def blended_snapshot(
    prior: Snapshot,
    ensemble: Ensemble | None,
    recent: Recent,
    rate: float,
    named: tuple[str, int | None],
    in_force: Snapshot | None = None,
) -> Snapshot:
    """The snapshot to publish, with the version and watermark `named`, at the base rate `rate` on the latest rows.

    Without an ensemble it is the prior at the operator's level. With a snapshot `in_force` the level starts from its
    level.
    """
    x = recent.x
    bare = Snapshot(
        version=named[0],
        curves=prior.curves if ensemble is None else moved(prior, ensemble, x),
        intercept=logit(rate),
        base_rate=rate,
        river_version=river.__version__,  # type: ignore[attr-defined]  # river does not list it in __all__
        catalogue_hash=prior.catalogue_hash,
    )
    level = levelling(Scorer(bare).score(x).risk, rate if ensemble is None else ensemble.rate(rate))
    if in_force is not None:
        former = in_force.intercept - logit(in_force.base_rate)
        level = former + LEVEL_STEP * (level - former)
    bare = msgspec.structs.replace(bare, intercept=bare.intercept + level)
    risk = Scorer(bare).score(x).risk
    picked = np.unique(np.linspace(0, x.shape[1] - 1, _EXAMPLES).astype(np.int64)).tolist()
    heard = 0 if ensemble is None else ensemble.left
    return msgspec.structs.replace(
        bare,
        curves=medians(bare.curves, recent),
        cutoffs=cutoffs(risk),
        examples=[
            ScoredVector(x=[None if np.isnan(v) else v for v in x[:, i].tolist()], risk=float(risk[i])) for i in picked
        ],
        watermark=named[1],
        provenance=Provenance(
            source=f"{prior.version}, moved by the operator's own labels" if heard else f"{prior.version}, levelled",
            rows=0 if ensemble is None else ensemble.left + ensemble.stayed,
            positives=heard,
        ),
    )
