"""A feature: its name, unit, source and words, and the ways in which most of them are computed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import numpy as np

from models.columns import NAN, TAU_DAYS
from models.decay import Floats, span_days
from models.events import DAY_MS
from models.view import View, tau_of

Compute = Callable[[View], Floats]
Unit = Literal[
    "count",
    "minutes",
    "seconds",
    "megabytes",
    "change",  # a recent rate against the longer one: 1.0 is as usual
    "share",
    "times",  # so many times the usual gap
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

_MIN_AGE_DAYS: Final = {1: 3.0, 7: 14.0, 30: 45.0}
"""How long a subscriber must be known before the recent rate over so many days says anything against the longer one."""


class Feature(NamedTuple):
    """One number about a subscriber.

    ``source`` is the topic it is made of. In the texts ``{v}`` is the value in words, ``{times}`` how often in
    English, and ``{s}`` and ``{ies}`` the English plural;
    two texts stand apart by ``|`` where the sign matters: yes and no, to come and past, down and up. What is not
    ``disclosable`` is never said to the subscriber.
    """

    name: str
    unit: Unit
    source: str
    text_en: str
    text_zh: str
    disclosable: bool
    compute: Compute


def family(name: str) -> str:
    """A feature without its window: over 1, 7 and 30 days it says one thing three times.

    Examples
    --------
    >>> family("calls_7d"), family("calls_7d_vs_30d"), family("arpu")
    ('calls', 'calls', 'arpu')
    """
    return re.sub(r"_\d+d(_vs_\d+d)?$", "", name)


def total(block: str, column: str) -> Compute:
    """A sum as of now. In the blocks of calls, data and billing it is NaN for who never had an event there.

    He may not use the service, or its feed is missing; nobody can tell that from a silence. In those of care and
    visits it is a true zero: who has no complaint leaves no event that says so.
    """

    def compute(view: View) -> Floats:
        return view.total(block, column)

    return compute


def share(block: str, part: str, whole: str) -> Compute:
    """One sum as a share of another; NaN while the whole is less than one event's worth."""

    def compute(view: View) -> Floats:
        base = view.total(block, whole)
        return np.where(base >= 1.0, view.total(block, part) / base, NAN)

    return compute


def change(block: str, short: str, long: str, least: float = 1.0) -> Compute:
    """The recent rate against the longer one, 1.0 as usual.

    NaN with too little history: the subscriber is too new, or less than `least` is left of the longer sum.
    """
    min_age = _MIN_AGE_DAYS[TAU_DAYS[tau_of(short)]] * DAY_MS

    def compute(view: View) -> Floats:
        old = view.once(("old", block, min_age), lambda: view.age(block) >= min_age)
        enough = old & (view.total(block, long) >= least)
        return np.where(enough, view.rate(block, short) / view.rate(block, long), NAN)

    return compute


def usual_rate(view: View, block: str, *columns: str) -> Floats:
    """Events a day as of the last event, from the 30-day sums; 0 with too little history (a week, two events).

    Taken at the last event and not now, or the usual gap would grow with the very silence that is measured by it.
    """

    def compute() -> Floats:
        count = sum((view.column(block, c) for c in columns[1:]), view.column(block, columns[0]))
        age = view.column(block, "ref_ts") - view.column(block, "first_ts")
        enough = (age >= 7.0 * DAY_MS) & (count >= 2.0)
        return np.where(enough, count / span_days(age, tau_of(columns[0])), 0.0)

    return view.once(("usual_rate", block, columns), compute)


def rhythm(block: str, *columns: str) -> Compute:
    """Time since the last event in units of the subscriber's own usual gap; NaN with too little history."""

    def compute(view: View) -> Floats:
        rate = usual_rate(view, block, *columns)
        return np.where(rate > 0.0, view.elapsed(block) / DAY_MS * rate, NAN)

    return compute


def held(block: str, column: str) -> Compute:
    """A column as it is."""

    def compute(view: View) -> Floats:
        return view.column(block, column)

    return compute
