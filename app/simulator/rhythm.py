"""Rhythm of events: the hours of a day and the days of a week in Shanghai.

A subscriber's events are a Poisson process whose intensity is piecewise constant over the hours, so a day may be cut
into spans of any length: :func:`share` gives each span its expected number, :func:`moments` draws the times, and the
spans are independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Floats, Ints
from models.contract.time_units import DAY_MS, HOUR_MS

ZONE: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
_ZONE_MS: Final = 8 * HOUR_MS


class Rhythm(NamedTuple):
    """Weights of the 24 hours (sum 1) and of the 7 days from Monday (mean 1)."""

    hours: Floats
    week: Floats


def _rhythm(hours: tuple[float, ...], week: tuple[float, ...]) -> Rhythm:
    by_hour = np.asarray(hours, dtype=np.float64)
    by_day = np.asarray(week, dtype=np.float64)
    return Rhythm(by_hour / by_hour.sum(), by_day / by_day.mean())


_FLAT_WEEK: Final = (1.05, 1.05, 1.05, 1.05, 1.1, 0.95, 0.85)
_OFFICE_WEEK: Final = (1.3, 1.3, 1.3, 1.3, 1.3, 0.35, 0.2)

PRIVATE_CALLS: Final = _rhythm(
    (0.4, 0.2, 0.1, 0.1, 0.1, 0.3, 1, 2.5, 4.5, 6, 6.5, 6.5, 5.5, 4.5, 5, 5.5, 5.5, 6, 6.5, 6.5, 6, 4.5, 2.5, 1),
    _FLAT_WEEK,
)
OFFICE_CALLS: Final = _rhythm(
    (0.05, 0.05, 0.05, 0.05, 0.05, 0.1, 0.5, 2, 7, 11, 11, 9, 4, 6, 9, 10, 10, 8, 4, 2, 1.5, 1, 0.4, 0.1),
    _OFFICE_WEEK,
)
DATA: Final = _rhythm(
    (2.5, 1.2, 0.7, 0.5, 0.4, 0.7, 1.8, 3.5, 4.5, 4, 4, 4.5, 6, 5.2, 4, 4, 4.2, 5, 6, 6.5, 7.5, 8, 7, 4.8),
    (0.96, 0.96, 0.96, 0.96, 1.02, 1.1, 1.04),
)
SITES: Final = _rhythm(  # prices are compared after dinner and in bed
    (2.5, 1, 0.5, 0.2, 0.2, 0.2, 0.5, 1, 2, 3, 3, 3.5, 4.5, 4, 3, 3, 3, 3.5, 4.5, 6, 8, 9, 8, 5),
    (1, 1, 1, 1, 1, 1.1, 1.1),
)
CARE: Final = _rhythm(
    (0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 1, 4, 8, 9, 8, 5, 5, 7, 8, 8, 7, 5, 4, 3, 2, 1, 0.5),
    (1.25, 1.1, 1.05, 1, 1, 0.85, 0.75),
)


class Span(NamedTuple):
    """A stretch of event time [start, end) that lies within one local day."""

    start: int
    end: int

    @property
    def midnight(self) -> int:
        """The local midnight at the start of the day, in epoch ms."""
        return (self.start + _ZONE_MS) // DAY_MS * DAY_MS - _ZONE_MS

    @property
    def weekday(self) -> int:
        """Monday is 0."""
        return ((self.start + _ZONE_MS) // DAY_MS + 3) % 7

    @property
    def date(self) -> datetime:
        """The local date, for days of a month and billing periods."""
        return datetime.fromtimestamp(self.midnight / 1000, ZONE)


def spans(start_ms: int, end_ms: int, cuts: int) -> Iterator[Span]:
    """Cut [start, end) at every local midnight, and each day into ``cuts`` parts, so that memory stays bounded.

    >>> [span.end - span.start for span in spans(0, DAY_MS, 1)]
    [57600000, 28800000]
    """
    step = DAY_MS // cuts
    at = start_ms
    while at < end_ms:
        into = (at + _ZONE_MS) % DAY_MS
        last = at - into + DAY_MS
        edge = min(at - into + (into // step + 1) * step, last, end_ms)
        yield Span(at, edge)
        at = edge


def _cumulative(span: Span, rhythm: Rhythm) -> tuple[Floats, Floats]:
    """Edges of the hours within the span, and the intensity summed up to each."""
    first, last = span.start - span.midnight, span.end - span.midnight
    hours = np.arange(first // HOUR_MS + 1, (last - 1) // HOUR_MS + 1) * HOUR_MS
    edges = np.concatenate(([first], hours, [last])).astype(np.float64)
    weights = rhythm.hours[(edges[:-1] // HOUR_MS).astype(np.int64)]
    mass = np.concatenate(([0.0], np.cumsum(weights * np.diff(edges) / HOUR_MS)))
    return edges + span.midnight, mass


def share(span: Span, rhythm: Rhythm) -> float:
    """Share of a mean day's events that falls into the span.

    >>> week = spans(-8 * HOUR_MS, 7 * DAY_MS - 8 * HOUR_MS, 3)
    >>> round(sum(share(span, PRIVATE_CALLS) for span in week), 6)
    7.0
    """
    _, mass = _cumulative(span, rhythm)
    return float(mass[-1] * rhythm.week[span.weekday])


def moments(rng: np.random.Generator, span: Span, rhythm: Rhythm, count: int) -> Ints:
    """``count`` times within the span, drawn by the rhythm, unsorted.

    >>> drawn = moments(np.random.default_rng(1), Span(0, HOUR_MS), PRIVATE_CALLS, 5)
    >>> bool((drawn >= 0).all() and (drawn < HOUR_MS).all())
    True
    """
    edges, mass = _cumulative(span, rhythm)
    drawn = np.interp(rng.random(count) * mass[-1], mass, edges)
    within: Ints = np.minimum(drawn.astype(np.int64), span.end - 1)
    return within
