"""The champion as a snapshot to serve: curves, cut-offs, base rate, medians and proofs, of fair rows only."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from models.champion import Champion
from models.guard_sight import CHAMPION
from models.learner_settings import LearnerSettings
from models.level import log_odds
from models.lineages import CHAMPION_THEN
from models.newton import sigmoid
from models.recent import Recent
from models.risk import Floats, Scorer
from models.smooth import Smooth
from models.snapshot import Curve, Cutoff, Example, Provenance, Snapshot
from models.window import Bools, Window
from models.words import SEGMENTS

SHARES: Final = (0.005, 0.01, 0.02, 0.05, 0.10, 0.20, 0.35, 0.50)
"""Of the subscribers: cut-offs are known at these, and between them in proportion."""
_NEVER_CERTAIN: Final = 1e-9
_SOURCE: Final[dict[type, str]] = {
    Champion: "labels of this operator, learned one by one (River, AdaGrad)",
    Smooth: "labels of this operator, learned in lots (Newton steps over smooth curves, added to the model before)",
}
_ENOUGH: Final = 50
"""Rows of one worth, before their medians say anything."""


def base_rate(left: Bools) -> float:
    """Share of leavers, never 0 or 1: half a leaver and half a stayer are added [1]_.

    References
    ----------
    .. [1] Krichevsky, R., Trofimov, V. (1981). The performance of universal encoding. IEEE Transactions on
       Information Theory 27(2).

    Examples
    --------
    >>> base_rate(np.array([True, False, False])), base_rate(np.zeros(0, dtype=bool))
    (0.375, 0.5)
    """
    return float((left.sum() + 0.5) / (len(left) + 1.0))


def cutoffs(risk: Floats) -> list[Cutoff]:
    """The risks that these shares of the subscribers had at least.

    Examples
    --------
    >>> [round(c.risk, 3) for c in cutoffs(np.linspace(0.0, 1.0, 1001))[:3]]
    [0.995, 0.99, 0.98]
    """
    found = np.clip(np.quantile(risk, [1.0 - share for share in SHARES]), _NEVER_CERTAIN, 1.0 - _NEVER_CERTAIN)
    return [Cutoff(share, float(cut)) for share, cut in zip(SHARES, found.tolist(), strict=True)]


def medians(curves: list[Curve], recent: Recent) -> list[Curve]:
    """Curves with the medians of the latest rows, of all and of each worth of which there are enough."""
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
    """The median; none of a feature that is usually missing."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if 2 * len(known) > len(values) else None


def _as_now(told: Floats, now: Floats) -> Floats:
    """What earlier selves told of many rows, moved and stretched in log-odds as it takes for the latest ones.

    `now` is what is said now of about those. Compared with other rows, chance would move the level of all cut-offs.
    """
    then = log_odds(told)
    latest = then[-len(now) :]
    wider = now.std() / latest.std() if latest.std() > 0.0 else 0.0
    return sigmoid((then - latest.mean()) * wider + now.mean())


def compiled(
    settings: LearnerSettings,
    champion: Champion | Smooth,
    window: Window,
    recent: Recent,
    named: tuple[str, str, int | None],
) -> Snapshot:
    """The champion as it is now, once its level is that of the window.

    Cut-offs are of the risks that it told of the latest rows; examples are told by the model itself, so that whoever
    serves the snapshot proves the compilation by computing them. `named` are version, hash of the catalogue and
    watermark.
    """
    fair = window.latest()
    rate = base_rate(fair.left)
    x = recent.x
    champion = champion.calibrated(x, rate)
    told = np.where(np.isnan(fair.told[CHAMPION]), fair.told[CHAMPION_THEN], fair.told[CHAMPION])
    told = told[~np.isnan(told)][-settings.cutoff_rows :]
    version, catalogue, watermark = named
    bare = champion.snapshot(version, rate, catalogue)
    picked = np.unique(np.linspace(0, x.shape[1] - 1, settings.examples).astype(np.int64)).tolist()
    return msgspec.structs.replace(
        bare,
        curves=medians(bare.curves, recent),
        cutoffs=cutoffs(_as_now(told, Scorer(bare).score(x).logit)),
        examples=[
            Example(x=[None if np.isnan(v) else v for v in x[:, i].tolist()], risk=champion.predict(x[:, i].tolist()))
            for i in picked
        ],
        watermark=watermark,
        provenance=Provenance(
            source=_SOURCE[type(champion)],
            rows=champion.examples,
            positives=champion.positives,
        ),
    )
