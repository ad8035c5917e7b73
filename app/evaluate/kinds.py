"""Kind of each column of a table, guessed from its first rows: number, category, date, or nothing to learn from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Final, cast, get_args

import numpy as np

from app.evaluate.ratios import words_of
from app.tables.quantities import Mark
from app.tables.quantities import number as quantity
from app.tables.reject import Reject
from app.tables.times import First, LocalTime, moment
from models.arrays import Floats
from models.contract.time_units import DAY_MS

MISSING: Final = frozenset(
    ["", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", "\\n", "#n/a", "无", "未知", "空"]
)
_UNKNOWN: Final = frozenset(["unknown", "other", "inf", "-inf", "+inf", "infinity", "-infinity"])
"""Missing in a column of numbers; a level of its own in a column of words."""
_NEARLY: Final = 0.98
"""Share of the present values that must fit: one typing error in a hundred must not make a number a category."""
_IDENTITY: Final = frozenset(
    ["id", "key", "msisdn", "phone", "mobile", "imsi", "imei", "uuid", "guid", "account", "编号", "号码", "手机"]
)


_ROW_NUMBER: Final = frozenset(["", "index", "row", "unnamed: 0", "序号"])
"""Names that other programs give to the row number. In a file sorted by the label it would reveal the label."""


class Kind(StrEnum):
    """Kind of a column."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"
    CONSTANT = "constant"
    IDENTITY = "identity"


def kind_of(name: str, values: list[str]) -> Kind:
    """Guess a column's kind.

    Examples
    --------
    >>> kind_of("arpu", ["1.5", "", "2,000"]), kind_of("plan", ["gold", "tin", "tin"])
    (<Kind.NUMBER: 'number'>, <Kind.CATEGORY: 'category'>)
    >>> kind_of("since", ["2024-01-31", "2024-02-01"]), kind_of("CustomerID", ["3001", "3002"])
    (<Kind.DATE: 'date'>, <Kind.IDENTITY: 'identity'>)
    """
    there = [value for value in values if value.lower() not in MISSING]
    different = set(there)
    if len(different) <= 1 and len(there) in (0, len(values)):
        return Kind.CONSTANT
    words = [value for value in there if value.lower() not in _UNKNOWN]
    if words and _mostly(words, [partial(number, mark=mark) for mark in get_args(Mark)]):
        named = bool(_IDENTITY & set(words_of(name))) or name.lower() in _ROW_NUMBER
        return Kind.IDENTITY if named and len(different) == len(values) else Kind.NUMBER
    if there and _mostly(there, [partial(days, first=first) for first in get_args(First)]):
        return Kind.DATE
    # As many levels as rows: what is learned of a level would never apply again.
    return Kind.IDENTITY if len(different) > 0.9 * len(values) and len(values) > 20 else Kind.CATEGORY


def _mostly(values: list[str], reads: Sequence[Callable[[str], float]]) -> bool:
    """Whether nearly all values can be read by one of `reads`."""
    bad = {value for value in set(values) if all(math.isnan(read(value)) for read in reads)}
    return sum(value in bad for value in values) <= (1.0 - _NEARLY) * len(values)


def number(text: str, mark: Mark = "point") -> float:
    """A number as people write it; NaN for anything else, also for infinities.

    Examples
    --------
    >>> number("1,234.5"), number("1.234,5", "comma"), number("¥20"), number("5 %"), number("inf"), number("gold")
    (1234.5, 1234.5, 20.0, 5.0, nan, nan)
    """
    read = quantity(text.rstrip(" %"), mark)
    return math.nan if isinstance(read, Reject) else float(read)


def days(text: str, first: First = "month") -> float:
    """Days since 1970 of a date; NaN if the text is no date.

    Examples
    --------
    >>> days("1970-01-03"), days("3/1/1970", "day"), days("3/1/1970"), days("yesterday")
    (2.0, 2.0, 59.0, nan)
    """
    read = moment(text, LocalTime(first=first))
    return math.nan if isinstance(read, Reject) else read.ms / DAY_MS


def amounts(values: Sequence[str], read: Callable[[str], float]) -> Floats:
    """A whole column of numbers or days. The one door: nothing infinite gets past it.

    Examples
    --------
    >>> amounts(["1", "", "-inf", "1e999"], number).tolist()
    [1.0, nan, nan, nan]
    """
    known = {value: read(value) for value in set(values)}
    return np.array([known[value] for value in values], dtype=np.float64)


def reader(kind: Kind, way: str) -> Callable[[str], float]:
    """What reads the values of a column that is written in one way.

    Examples
    --------
    >>> reader(Kind.NUMBER, "comma")("1,5"), reader(Kind.DATE, "day")("3/1/1970")
    (1.5, 2.0)
    """
    if kind is Kind.DATE:
        return partial(days, first=cast("First", way))
    return partial(number, mark=cast("Mark", way))
