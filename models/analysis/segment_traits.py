"""The few features in which a group of customers differs most from others, described in both languages.

First come features that raise this group's risk above that of the others at risk; then features that raise it above
that of customers not at risk; last, features in which the group is less at risk than the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from models.arrays import Floats
from models.contract.vocabulary import Text
from models.features.catalogue import CATALOGUE, NAMES, reason_text
from models.features.feature_formula import Unit

MOST: Final = 3
LEAST_DELTA: Final = 0.33
"""Least Cliff's delta: a smaller difference counts as small [1]_ and does not distinguish a group."""
_LEAST_STEP: Final = 0.1
"""Least difference of two medians, as a share of the larger."""
_LEAST_OF: Final[dict[Unit, float]] = {"share": 0.1, "change": 0.1, "seconds": 60.0, "times": 1.0}
"""Least absolute difference of two medians, by unit: -99 % and -100 % mean the same, and nine seconds are nothing."""
_LEAST_PULL: Final = 0.1
"""Least effect on the risk, as a share of the strongest difference's: features the model ignores are no reason."""
_PASSING: Final = re.compile(r"_1d(_|$)")
"""One-day features are skipped: vectors are frozen once a week, so their last day is chance, and not "today"."""
_SILENCE: Final = re.compile(r"silent|recency_vs_rhythm")
_ALIKE: Final = {
    "call": "calls",
    "complaint": "complaints",
    "fault": "faults",
    "competitors": "competitor",
    "portability": "competitor",
}
_BESIDE: Final = {"others": ("others at risk", "其他同级客户"), "calm": ("those not at risk", "其余客户")}


class Trait(Struct, frozen=True, kw_only=True):
    """A feature in which a group differs: its median there and among the others, and Cliff's delta.

    ``beside`` says who the others are: ``others`` at risk, or the ``calm``, who are not at risk. ``against`` says
    whether the feature raises the group's risk; if not, it raises the risk of the others more.
    """

    feature: str
    value: float
    others: float
    delta: float
    beside: str
    against: bool
    text: Text


class Crowd(NamedTuple):
    """Customers as arrays, (n, F): their features, and the contribution of each to their risk."""

    x: Floats
    contributions: Floats


class _Difference(NamedTuple):
    """A distinguishing feature; ``pull`` is its strength, positive where it raises the risk of the group."""

    pull: float
    trait: Trait


def subject(name: str) -> str:
    """The subject of a feature: minutes, pages and visits on competitor sites are one subject to a reader.

    Examples
    --------
    >>> [subject(name) for name in ("competitor_dwell_7d", "portability_visits_30d", "call_minutes_7d", "arpu")]
    ['competitor', 'competitor', 'calls', 'arpu']
    """
    if _SILENCE.search(name):
        return "silence"
    first = name.partition("_")[0]
    return _ALIKE.get(first, first)


def traits(inside: Crowd, others: Crowd, calm: Crowd) -> list[Trait]:
    """Traits of the group, compared with the others at risk and with customers not at risk; one trait a subject.

    References
    ----------
    .. [1] Romano, J. et al. (2006). Appropriate statistics for ordinal level data. Florida Association of Institutional
       Research: 0.147 small, 0.33 medium, 0.474 large.
    """
    apart, against = list(_differences(inside, others, "others")), list(_differences(inside, calm, "calm"))
    chosen: dict[str, Trait] = {}
    for each in (*_strongest(apart, 1), *_strongest(against, 1), *_strongest(apart, -1)):
        chosen.setdefault(subject(each.feature), each)
    return list(chosen.values())[:MOST]


def _strongest(found: Sequence[_Difference], sign: int) -> list[Trait]:
    least = _LEAST_PULL * max((abs(each.pull) for each in found), default=0.0)
    ours = [each for each in found if each.pull * sign > least]
    return [each.trait for each in sorted(ours, key=lambda each: -abs(each.pull))]


def _differences(inside: Crowd, outside: Crowd, beside: str) -> Iterator[_Difference]:
    if not len(inside.x) or not len(outside.x):
        return
    moved = inside.contributions.mean(axis=0) - outside.contributions.mean(axis=0)
    for f, name in enumerate(NAMES):
        mine, theirs = inside.x[:, f], outside.x[:, f]
        known, known_there = mine[~np.isnan(mine)], theirs[~np.isnan(theirs)]
        if _PASSING.search(name) or 2 * len(known) < len(mine) or not len(known_there):
            continue
        delta = cliffs_delta(known, known_there)
        value, usual = float(np.median(known)), float(np.median(known_there))
        if abs(delta) >= LEAST_DELTA and _differ(f, value, usual):
            trait = _trait(f, value, usual, delta, beside, against=bool(moved[f] > 0.0))
            if trait is not None:
                yield _Difference(abs(delta) * float(moved[f]), trait)


def _differ(f: int, value: float, usual: float) -> bool:
    least = max(_LEAST_STEP * max(abs(value), abs(usual)), _LEAST_OF.get(CATALOGUE[f].unit, 0.0))
    return abs(value - usual) >= least


def _trait(f: int, value: float, usual: float, delta: float, beside: str, *, against: bool) -> Trait | None:
    """The trait in words; None if both medians read the same."""
    name, nan = NAMES[f], float("nan")
    mine, theirs = reason_text(name, value, nan), reason_text(name, usual, nan)
    if mine.en == theirs.en:
        return None
    en, zh = _BESIDE[beside]
    return Trait(
        feature=name,
        value=value,
        others=usual,
        delta=round(delta, 4),
        beside=beside,
        against=against,
        text=Text(f"{mine.en} ({en}: {theirs.en})", f"{mine.zh}（{zh}：{theirs.zh}）"),
    )


def cliffs_delta(mine: Floats, theirs: Floats) -> float:
    """Cliff's delta, -1 to 1: how much more often a value of `mine` is above one of `theirs` than below; ties count 0.

    Examples
    --------
    >>> cliffs_delta(np.array([3.0, 4.0]), np.array([1.0, 2.0])), cliffs_delta(np.array([1.0]), np.array([1.0]))
    (1.0, 0.0)
    """
    ordered = np.sort(theirs)
    below = np.searchsorted(ordered, mine, side="left")
    above = len(ordered) - np.searchsorted(ordered, mine, side="right")
    return float((below - above).sum() / (len(mine) * len(theirs)))
