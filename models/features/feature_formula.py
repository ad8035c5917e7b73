"""A feature: its name, unit, source, texts and formula, and the common formulas.

A formula is an expression over the columns of one block, as of the time `now` (ms);
:mod:`models.features.kernel_text` compiles it. Besides `now`, `DAY` and `NAN` it may name

=============  =====================================================================================================
``t_<column>``  a decayed sum as of now: for calls, data and billing NaN without any event, since a missing feed looks
                like a subscriber without use; for care and visits a true zero, since having no complaint produces no
                event
``c_<column>``  a stored column; NaN is "never"
``s_<days>``    days' worth of events in a sum over that many days: less for a new subscriber
``el``          time since the block's last event, ms; never negative, even if a sweep's `now` is earlier
``age``         time since the block's first event, ms
``ur``          usual events a day, as of the last event; 0 with too little history
=============  =====================================================================================================

and the functions of :mod:`models.kernel.arithmetic`.
"""

from __future__ import annotations

import re
from functools import cache
from math import isnan
from typing import Final, Literal, NamedTuple

from models.contract.events import CALLS, DATA_USAGE, SUBSCRIBERS
from models.state.columns import NAN, BlockSpec

Unit = Literal[
    "count",
    "minutes",
    "seconds",
    "megabytes",
    "change",  # a recent rate relative to the longer one: 1.0 is as usual
    "share",
    "times",  # multiples of the usual gap
    "days",
    "days_left",  # below zero: days ago
    "months",
    "money",
    "points",
    "score",
    "slope",  # relative change per billing period
    "step",  # relative change, once
    "flag",
]

_MIN_AGE_DAYS: Final = {"1": 3.0, "7": 14.0, "30": 45.0}
"""Least days of history, by window, for comparing a recent rate with a longer one."""
FADED: Final = 0.36
"""A single event has decayed to about this, 1/e, when the window of its sum has passed."""
_UP: Final = frozenset({"count", "minutes", "seconds", "megabytes", "share", "times", "days", "flag"})
_DOWN: Final = frozenset({"change", "days_left", "score"})
_USUAL: Final[dict[str, float]] = {
    "change": 1.0,
    "times": 1.0,
    "slope": 0.0,
    "step": 0.0,
    "flag": 0.0,
    "days_left": 91.0,  # later ends do not matter yet
    "score": 7.0,  # of ten; above it they are content
    "silent_days": 1.0,  # nobody has fallen silent within a day
}
"""Usual value by the meaning of a unit, or of one feature, besides the model's own."""
_RAISES: Final = {"off_net_calls_7d_vs_30d": 1, "outgoing_share_30d": 0}


class Formula(NamedTuple):
    """An expression, and the block of its columns; None means calls and data together."""

    block: BlockSpec | None
    text: str


class Feature(NamedTuple):
    """One number about a subscriber.

    ``source`` is its topic. In the texts ``{v}`` is the value in words and ``{s}`` the English plural; ``|`` separates
    variants: yes and no, future and past, down and up. A forward-decayed sum is not an exact count, so its variants are
    none and "about {v}", or none, one and several. A feature that is not ``disclosable`` is never mentioned to the
    subscriber: what they do elsewhere, that they use less, what leaving costs.
    """

    name: str
    unit: Unit
    source: str
    text_en: str
    text_zh: str
    disclosable: bool
    formula: Formula

    @property
    def decayed(self) -> bool:
        """Whether it is a forward-decayed sum, whose value is worded as "about"."""
        return self.formula.text.startswith("t_") and " / " not in self.formula.text

    @property
    def raises(self) -> int:
        """The side of the usual that raises the risk: 1 above, -1 below, 0 either."""
        if self.name in _RAISES:
            return _RAISES[self.name]
        if self.decayed and self.source in (CALLS, DATA_USAGE):
            return 1 if self.name.startswith("competitor") else -1
        if self.unit == "count" and self.source == SUBSCRIBERS:
            return -1  # each product ties the customer
        return 1 if self.unit in _UP else -1 if self.unit in _DOWN else 0


def unusual(feature: Feature, value: float, usual: float) -> bool:
    """Whether a value differs from the usual on the side that raises the risk.

    Parameters
    ----------
    usual
        Usual value of similar customers; NaN if unknown, and then only the unit's usual counts. If both are unknown, a
        value can count as high but not as low.

    Examples
    --------
    >>> from models.features.catalogue import CATALOGUE, INDEX
    >>> calls, score = CATALOGUE[INDEX["calls_7d_vs_30d"]], CATALOGUE[INDEX["last_satisfaction"]]
    >>> unusual(calls, 0.4, NAN), unusual(calls, 1.4, NAN), unusual(score, 9.0, NAN), unusual(score, 9.0, 10.0)
    (True, False, False, False)
    >>> silent = CATALOGUE[INDEX["silent_days"]]
    >>> unusual(silent, 0.6, 0.05), unusual(silent, 1.6, 0.05)
    (False, True)
    """
    side = feature.raises
    if side > 0 and feature.decayed and value < FADED:
        return False
    bounds = [usual, _USUAL.get(feature.name, _USUAL.get(feature.unit, NAN))]
    known = [bound for bound in bounds if not isnan(bound)]
    if not known:
        return side > 0
    if side == 0:
        return all(value != bound for bound in known)
    return all((value - bound) * side > 0 for bound in known)


@cache
def family(name: str) -> str:
    """A feature's name without its window: over 1, 7 and 30 days it is one reason, not three.

    Examples
    --------
    >>> family("calls_7d"), family("calls_7d_vs_30d"), family("arpu")
    ('calls', 'calls', 'arpu')
    """
    return re.sub(r"_\d+d(_vs_\d+d)?$", "", name)


def within(days: int, texts_en: str, texts_zh: str) -> tuple[str, str]:
    """The texts with their time window appended.

    Examples
    --------
    >>> within(7, "no calls|{v} call{s}", "无通话|通话{v}次")
    ('no calls within the last week|{v} call{s} within the last week', '近1周无通话|近1周通话{v}次')
    """
    en, zh = {1: ("day", "天"), 7: ("week", "周"), 30: ("month", "个月")}[days]
    return (
        "|".join(f"{each} within the last {en}" for each in texts_en.split("|")),
        "|".join(f"近1{zh}{each}" for each in texts_zh.split("|")),
    )


def total(block: BlockSpec, column: str) -> Formula:
    """A decayed sum as of now."""
    return Formula(block, f"t_{column}")


def share(block: BlockSpec, part: str, whole: str) -> Formula:
    """One sum as a share of another; NaN while the whole is less than one event."""
    return Formula(block, f"t_{part} / t_{whole} if t_{whole} >= 1.0 else NAN")


def change(block: BlockSpec, short: str, long: str) -> Formula:
    """The recent rate relative to the longer one; 1.0 is as usual.

    NaN with too little history: the subscriber is too new, or the longer sum is less than one event.

    Examples
    --------
    >>> from models.state.columns import CALLS
    >>> change(CALLS, "calls_7", "calls_30").text
    '(t_calls_7 / s_7) / (t_calls_30 / s_30) if age >= 14.0 * DAY and t_calls_30 >= 1.0 else NAN'
    """
    recent, usual = short.rpartition("_")[2], long.rpartition("_")[2]
    ratio = f"(t_{short} / s_{recent}) / (t_{long} / s_{usual})"
    return Formula(block, f"{ratio} if age >= {_MIN_AGE_DAYS[recent]} * DAY and t_{long} >= 1.0 else NAN")


def rhythm(block: BlockSpec) -> Formula:
    """Time since the last event in units of the subscriber's own usual gap; NaN with too little history."""
    return Formula(block, "el / DAY * ur if ur > 0.0 else NAN")


def held(block: BlockSpec, column: str) -> Formula:
    """A stored column."""
    return Formula(block, f"c_{column}")
