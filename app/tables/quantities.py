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
"""Decimal mark. One cell cannot decide: 1,234 is a number either way, so a column is read in one format."""

KIB: Final = 1024
"""Operators bill a GB as 1,024 MB; if a file means 1,000, the difference is 7 % of a GB, the same every day."""

DAY: Final = 86_400
"""Seconds. Spreadsheets keep durations as shares of a day, of which they print seven digits."""

BYTES: Final[Mapping[str, float]] = {
    **dict.fromkeys(("b", "byte", "bytes", "字节"), 1),
    **dict.fromkeys(("k", "kb", "kib", "kbyte", "kbytes", "千字节"), KIB),
    **dict.fromkeys(("m", "mb", "mib", "mbyte", "mbytes", "兆", "兆字节"), KIB**2),
    **dict.fromkeys(("g", "gb", "gib", "gbyte", "gbytes", "吉", "吉字节"), KIB**3),
    **dict.fromkeys(("t", "tb", "tib", "tbyte", "tbytes"), KIB**4),
    **{f"{many}bit{s}": size / 8 for many, size in (("", 1), ("k", 1e3), ("m", 1e6), ("g", 1e9)) for s in ("", "s")},
}
SECONDS: Final[Mapping[str, float]] = {
    **dict.fromkeys(("ms", "毫秒"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分", "分钟"), 60),
    **dict.fromkeys(("h", "hour", "hours", "hr", "hrs", "时", "小时"), 3600),
    **dict.fromkeys(("d", "day", "days", "天"), DAY),
}
MONEY: Final[Mapping[str, float]] = {
    **dict.fromkeys(("元", "圆", "yuan", "rmb", "cny", "eur", "usd", "gbp"), 1),
    **dict.fromkeys(("角", "jiao"), 0.1),
    **dict.fromkeys(("分", "fen", "cent", "cents"), 0.01),
    **dict.fromkeys(("厘", "li"), 0.001),
}
"""Chinese billing uses fen, sometimes li; the column's header then has the unit, 金额(分)."""


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
    """A plain number; whole ones stay integers. Thousands are groups of three after blanks, apostrophes or other mark.

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
        Units by name, each in units of the contract.
    unit
        Unit of a bare number.

    Examples
    --------
    >>> quantity("12.5", BYTES, KIB**2), quantity("2 GB", BYTES, KIB**2), quantity("1分30秒", SECONDS, 1)
    (13107200, 2147483648, 90)
    >>> quantity("00:02:05", SECONDS, 1), quantity("0.0020833", SECONDS, DAY), quantity("¥350", MONEY, 0.01)
    (125, 180, 3.5)
    """
    plain = number(cell, mark)
    if not isinstance(plain, Reject):
        return _finite(_times(plain, unit))
    text = unicodedata.normalize("NFKC", str(cell)).strip().casefold()
    if units is SECONDS and (found := clock(text)):
        h, m, s = found
        # 1:30 is in minutes and seconds, unless the column is in hours.
        return _finite(m * 3600 + s * 60 if h is None and unit == 3600 else (h or 0) * 3600 + m * 60 + s)
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


def clock(text: str) -> tuple[int | None, int, float] | None:
    """A duration as a clock shows it: hours, if it has them, minutes and seconds.

    Examples
    --------
    >>> clock("1:02:03.5"), clock("75:30"), clock("75")
    ((1, 2, 3.5), (None, 75, 30.0), None)
    """
    found = _CLOCK.fullmatch(text)
    hours = None if found is None or found[1] is None else int(found[1])
    return None if found is None else (hours, int(found[2]), int(found[3]) + float(f"0.{found[4] or 0}"))


def _times(value: float, unit: float) -> float:
    if unit == DAY:
        return round(value * DAY)
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
