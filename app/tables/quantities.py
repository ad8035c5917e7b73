"""Numbers with and without units: money, durations, volumes of data, as exports write them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal

from app.tables.reject import Reject, RejectReason, cut

Mark = Literal["point", "comma"]
"""What stands before decimals. One cell cannot tell: 1,234 is a number either way, so a column is read in one way."""

KIB: Final = 1024
"""Operators bill a GB as 1,024 MB; where a file means thousands, the difference is 7 % of a GB, the same every day."""

BYTES: Final[Mapping[str, float]] = {
    **dict.fromkeys(("b", "byte", "bytes", "字节"), 1),
    **dict.fromkeys(("k", "kb", "kib", "千字节"), KIB),
    **dict.fromkeys(("m", "mb", "mib", "兆", "兆字节"), KIB**2),
    **dict.fromkeys(("g", "gb", "gib", "吉"), KIB**3),
    **dict.fromkeys(("t", "tb", "tib"), KIB**4),
}
SECONDS: Final[Mapping[str, float]] = {
    **dict.fromkeys(("ms", "毫秒"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分", "分钟"), 60),
    **dict.fromkeys(("h", "hour", "hours", "hr", "hrs", "时", "小时"), 3600),
}
MONEY: Final[Mapping[str, float]] = {
    **dict.fromkeys(("元", "圆", "yuan", "rmb", "cny", "eur", "usd", "gbp"), 1),
    **dict.fromkeys(("角", "jiao"), 0.1),
    **dict.fromkeys(("分", "fen", "cent", "cents"), 0.01),
    **dict.fromkeys(("厘", "li"), 0.001),
}
"""Chinese billing keeps fen, sometimes li; a column says so in its header, 金额(分)."""


def _written(mark: str, grouping: str) -> re.Pattern[str]:
    grouped = rf"[1-9]\d{{0,2}}(?:(?P<by>[ '’{grouping}])\d{{3}})(?:(?P=by)\d{{3}})*"
    return re.compile(rf"[+-]? ?(?:{grouped}|\d+|(?=[{mark}]\d))(?:[{mark}]\d*)?(?:[eE][+-]?\d+)?")


_NUMBERS: Final[Mapping[Mark, re.Pattern[str]]] = {"point": _written(".", ","), "comma": _written(",", ".")}
_ASCII: Final[Mapping[Mark, Mapping[int, int | None]]] = {
    "point": str.maketrans("", "", " '’,"),
    "comma": str.maketrans(",", ".", " '’."),
}
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2})(?:[.,](\d+))?")
_PART: Final = re.compile(r"([+-]?[\d.,'’]+(?: \d{3}[\d.,]*)*)\s*([^\d\s.,:]*)\s*")
_SIGNS: Final = str.maketrans("−", "-", "¥￥$€£")


def number(cell: object, mark: Mark = "point") -> float | Reject:
    """A plain number; whole ones stay whole. Thousands stand in threes, behind blanks, apostrophes or the other mark.

    Examples
    --------
    >>> number("¥1,234.50"), number("12,5", "comma"), number(" 88 "), number("1,234"), number("1 234,5", "comma")
    (1234.5, 12.5, 88, 1234, 1234.5)
    >>> number("many").reason, number("12,5").reason
    (<RejectReason.NOT_A_NUMBER: 'not_a_number'>, <RejectReason.NOT_A_NUMBER: 'not_a_number'>)
    """
    if isinstance(cell, bool):
        return Reject(RejectReason.NOT_A_NUMBER, f"{cell} is no number")
    if isinstance(cell, int | float | Decimal):
        return _finite(cell)
    text = unicodedata.normalize("NFKC", str(cell)).translate(_SIGNS).strip()
    if not _NUMBERS[mark].fullmatch(text):
        return Reject(RejectReason.NOT_A_NUMBER, repr(cut(cell)))
    return _finite(float(text.translate(_ASCII[mark])))


def quantity(cell: object, units: Mapping[str, float], unit: float, mark: Mark = "point") -> float | Reject:
    """A number in `unit`, unless it names its own; several parts add up.

    Parameters
    ----------
    units
        Words of units, and how much each is of the contract's.
    unit
        That of a bare number.

    Examples
    --------
    >>> quantity("12.5", BYTES, KIB**2), quantity("2 GB", BYTES, KIB**2), quantity("1分30秒", SECONDS, 1)
    (13107200, 2147483648, 90)
    >>> quantity("00:02:05", SECONDS, 1), quantity("¥350", MONEY, 0.01)
    (125, 3.5)
    """
    plain = number(cell, mark)
    if not isinstance(plain, Reject):
        return _finite(_times(plain, unit))
    text = unicodedata.normalize("NFKC", str(cell)).strip().casefold()
    if units is SECONDS and (found := _CLOCK.fullmatch(text)):
        h, m, s = (int(part or 0) for part in found.groups()[:3])
        return _finite(h * 3600 + m * 60 + s + float(f"0.{found[4] or 0}"))
    parts = _PART.findall(text)
    if not parts or "".join(_PART.split(text)[::3]).strip():
        return plain
    total = 0.0
    for size, word in parts:
        value = number(size, mark)
        if isinstance(value, Reject) or word not in units:
            return plain
        total += _times(value, units[word])
    return _finite(total)


def _times(value: float, unit: float) -> float:
    # 350 fen are 3.5, not 3.5000000000000004.
    return value * unit if unit >= 1 else value / round(1 / unit)


def _finite(value: int | float | Decimal) -> float | Reject:
    try:
        given = float(value)
    except OverflowError:
        given = math.inf
    if not math.isfinite(given):
        return Reject(RejectReason.NOT_A_NUMBER, "is too large, or no number")
    return int(given) if given.is_integer() else given
