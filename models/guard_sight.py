"""What guards see in the latest rows: whether the champion's risks, or those that were served, make no sense.

Each look prefers the champion: what is wrong with it must not be published. Only where it is well, or has said nothing
yet, is the served risk looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from models.evidence import auc_bounded
from models.risk import Floats
from models.window import SERVED, Bools, Judged

CHAMPION: Final = "champion"
_LEAST_ROWS: Final = 200
_SAME: Final = 1e-9
"""Risks that differ by less are one risk."""


class Sight(NamedTuple):
    """What was seen: the figure, whether it is beyond its bound, and whose it is."""

    on: bool
    seen: float | None
    of_champion: bool


_NOTHING: Final = Sight(on=False, seen=None, of_champion=True)
_One = Callable[[Floats, Bools, Judged], tuple[bool, float] | None]


def _look(rows: Judged, one: _One) -> Sight:
    first: Sight | None = None
    for name in (CHAMPION, SERVED):
        told = ~np.isnan(rows.told[name])
        part = rows.of(told)
        found = one(part.told[name], part.left, part) if len(part.left) >= _LEAST_ROWS else None
        if found is not None:
            sight = Sight(found[0], found[1], name == CHAMPION)
            if sight.on:
                return sight
            first = first or sight
    return first or _NOTHING


def ranking(rows: Judged, least_positives: int, near_half: float) -> Sight:
    """An AUC near 0.5: the risk tells nobody apart."""

    def one(risk: Floats, left: Bools, part: Judged) -> tuple[bool, float] | None:
        if not _telling(left, least_positives):
            return None
        auc = auc_bounded(risk, left, part.who)
        return auc.value < near_half and auc.low < 0.5, auc.value

    return _look(rows, one)


def flip(rows: Judged, least_positives: int) -> Sight:
    """An AUC clearly below 0.5: the labels contradict what all labels before them taught."""

    def one(risk: Floats, left: Bools, part: Judged) -> tuple[bool, float] | None:
        if not _telling(left, least_positives):
            return None
        auc = auc_bounded(risk, left, part.who, z=2.58)
        return auc.high < 0.5, auc.value

    return _look(rows, one)


def _telling(left: Bools, least: int) -> bool:
    return least <= int(left.sum()) and least <= int((~left).sum())


def calibration(rows: Judged, times: float, z: float) -> Sight:
    """So many times more, or fewer, leave than was told, and it is no chance [1]_.

    References
    ----------
    .. [1] Spiegelhalter, D. J. (1986). Probabilistic prediction in patient management and clinical trials. Statistics
       in Medicine 5(5). (The variance of the sum of labels, if the risks were true.)

    Examples
    --------
    >>> from models.window import Window
    >>> calibration(Window(1, ("champion",)).latest(), 1.5, 4.0).on
    False
    """

    def one(risk: Floats, left: Bools, _: Judged) -> tuple[bool, float] | None:
        told, happened = float(risk.sum()), float(left.sum())
        sure = math.sqrt(float((risk * (1.0 - risk)).sum()))
        if told <= 0.0 or sure <= 0.0:
            return None
        off = max(happened, 0.5) / told
        far = off if off >= 1.0 else 1.0 / off
        return far > times and abs(happened - told) > z * sure, far

    return _look(rows, one)


def collapse(rows: Judged) -> Sight:
    """Everybody has the same risk: the figure is how far apart the highest and the lowest are."""

    def one(risk: Floats, _: Bools, __: Judged) -> tuple[bool, float] | None:
        spread = float(np.ptp(risk))
        return spread < _SAME, spread

    return _look(rows, one)
