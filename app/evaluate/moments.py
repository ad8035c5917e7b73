"""When each event was, in days since 1970, however the log writes it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from app.errors import Refused
from app.evaluate.kinds import days, number
from app.replay.evidence import Evidence
from app.replay.fields import Field, Reading, Sort, ways
from app.replay.moments import DAY_MS, First, LocalTime

Floats = npt.NDArray[np.float64]

_UNITS: Final = ((1e17, 86_400e9), (1e14, 86_400e6), (1e11, 86_400e3), (1e5, 86_400.0), (0.0, 1.0))
"""From which size on a number is nanoseconds, microseconds, milliseconds or seconds; smaller ones are days already."""
_COMPACT: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def moments(values: list[str], column: str, first: First | None = None) -> Floats:
    """Days since 1970; NaN for what is no time.

    Parameters
    ----------
    first
        What stands in front in 5/6/2026; None to let the dates tell.

    Raises
    ------
    Refused
        If fewer than half of the values are times, or none of them tells what is the day.

    Examples
    --------
    >>> moments(["86400", "172800000"], "ts").tolist(), moments(["86400000000"] * 2, "ts").tolist()
    ([1.0, 2000.0], [1000000.0, 1000000.0])
    >>> moments(["20240131", "20240201"], "ts").tolist(), moments(["1970-01-02T12:00:00Z", "?"], "ts").tolist()
    ([19753.0, 19754.0], [1.5, nan])
    """
    found = _from_numbers(values)
    if np.isnan(found).all():
        found = _from_words(values, column, first)
    if 2 * int(np.isfinite(found).sum()) < len(found):
        strange = next((v for v, at in zip(values, found.tolist(), strict=True) if math.isnan(at)), "")
        raise Refused(f"column {column!r} is no time: {strange!r}", "known are epoch seconds to nanoseconds and dates")
    return found


def _from_numbers(values: list[str]) -> Floats:
    form = _compact(values)
    if form is not None:
        return np.array([days(value, form) for value in values], dtype=np.float64)
    found = np.array([number(value) for value in values], dtype=np.float64)
    if np.isnan(found).all():
        return found
    usual = float(np.nanmedian(np.abs(found)))
    return found / next(size for least, size in _UNITS if usual >= least)


def _compact(values: list[str]) -> str | None:
    """The format of dates written as one number: 20240131, not so many seconds."""
    sample = [value for value in values[:200] if value]
    form = _COMPACT.get(len(sample[0])) if sample else None
    if form is None:
        return None
    fits = sum(value.isdecimal() and 1950 <= int(value[:4]) < 2100 and days(value, form) >= -1e5 for value in sample)
    return form if fits >= 0.98 * len(sample) else None


def _from_words(values: list[str], column: str, first: First | None) -> Floats:
    field = Field(column, Sort.TIME, required=True)
    evidence = Evidence(field, "the log", values)
    for row, value in enumerate(values, 2):
        evidence.look(row, value)
    read = map(ways(field, Reading("", LocalTime(0)))[first or evidence.settled()], values)
    return np.array([ms / DAY_MS if isinstance(ms, int) else math.nan for ms in read], dtype=np.float64)
