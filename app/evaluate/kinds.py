"""Kind of each column of a table, guessed from its first rows: number, category, date, or nothing to learn from."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import numpy as np

from app.evaluate.ratios import words_of
from models.arrays import Floats

MISSING: Final = frozenset(
    ["", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", "\\n", "#n/a", "无", "未知", "空"]
)
_UNKNOWN: Final = frozenset(["unknown", "other", "inf", "-inf", "+inf", "infinity", "-infinity"])
"""Missing in a column of numbers; a level of its own in a column of words."""
_NEARLY: Final = 0.98
"""Share of the present values that must fit: one typing error in a hundred must not make a number a category."""
_FORMATS: Final = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M", "%Y年%m月%d日",
)  # fmt: skip
_DIGITS: Final = re.compile(r"[\s,¥$€£%]")
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
    numbers = sum(not math.isnan(number(value)) for value in words)
    if words and numbers >= _NEARLY * len(words):
        named = bool(_IDENTITY & set(words_of(name))) or name.lower() in _ROW_NUMBER
        return Kind.IDENTITY if named and len(different) == len(values) else Kind.NUMBER
    if there and date_format(there) is not None:
        return Kind.DATE
    # As many levels as rows: what is learned of a level would never apply again.
    return Kind.IDENTITY if len(different) > 0.9 * len(values) and len(values) > 20 else Kind.CATEGORY


def number(text: str) -> float:
    """A number as people write it; NaN for anything else, also for infinities.

    Examples
    --------
    >>> number("1,234.5"), number("¥20"), number("inf"), number("gold")
    (1234.5, 20.0, nan, nan)
    """
    try:
        value = float(_DIGITS.sub("", text))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def numbers(values: list[str]) -> Floats:
    """A whole column of numbers. All numbers come through here, so none is infinite.

    Examples
    --------
    >>> numbers(["1", "", "-inf", "1e999"]).tolist()
    [1.0, nan, nan, nan]
    """
    return np.array([number(value) for value in values], dtype=np.float64)


def date_format(values: list[str]) -> str | None:
    """The date format that fits nearly all values; of two that fit, the first in the list.

    Examples
    --------
    >>> date_format(["6/21/2014", "7/1/2014"]), date_format(["gold"])
    ('%m/%d/%Y', None)
    """
    sample = values[:200]
    for form in _FORMATS:
        if sum(not math.isnan(days(value, form)) for value in sample) >= _NEARLY * len(sample):
            return form
    return None


def days(text: str, form: str) -> float:
    """Days since 1970 of a date; NaN if the text is no date.

    Examples
    --------
    >>> days("1970-01-03", "%Y-%m-%d"), days("yesterday", "%Y-%m-%d")
    (2.0, nan)
    """
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() / 86_400.0
    except ValueError:
        return math.nan
