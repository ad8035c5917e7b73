"""Times as people, spreadsheets and databases write them, to epoch milliseconds.

The size of a number shows its unit (a spreadsheet's days, seconds, milli-, micro-, nanoseconds): for any moment of the
last fifty years the ranges do not overlap. A time without a zone is the operator's own, at the offset or in the zone
given.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.tables.reject import Reject, RejectReason, cut
from models.contract.time_units import DAY_MS

_QUARTER_MS: Final = 900_000
"""Clocks are changed at a quarter of an hour, and never in between."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_EXCEL: Final = date(1899, 12, 30).toordinal() - _EPOCH
"""Day 0 of spreadsheets, in days since the epoch; their 1900 has a 29th of February, so it is not the 31st."""

_YEAR_FIRST: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[tT\s]*(.*))")
_NUMBERED: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:(?:,?\s+|T)(.*))?")
"""A date whose cell does not show which part is the day. Excel's short form has two digits for the year."""
_DATABASE: Final = re.compile(r"(\d{1,2})[-/ ]([A-Za-z]{3,9}|\d{1,2}月)\s*[-/ ](\d{4}|\d{2})(?:,?\s+(.*))?")
"""Oracle's default date format: 01-MAY-26 08.30.00, 01-5月 -26 08.30.00 上午."""
_COMPACT: Final = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:[T\s]*(\d{2}):?(\d{2}):?(\d{2})?)?")
_CLOCK: Final = re.compile(
    r"(?P<am>上午|凌晨|中午|下午|晚上)?\s*(?P<h>\d{1,2})\s*[:.时点]\s*(?:(?P<m>\d{1,2})\s*(?:[:.分]\s*"
    r"(?:(?P<s>\d{1,2})(?:[.,](?P<f>\d{1,9}))?)?\s*秒?)?)?\s*(?P<pm>[ap]\.?\s?m\b\.?|上午|下午)?\s*(?P<zone>(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?|z|utc|gmt)?",
    re.IGNORECASE,
)
_OFFSET: Final = re.compile(r"([+-])(\d{1,2}):?(\d{2})?$")
_COMPACT_DAY: Final = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})\s+(.+)")
_CLOCK_DIGITS: Final = re.compile(r"\d{3,6}")
"""083000, or 93000 where a spreadsheet has taken the zero in front for nothing."""
_ROUNDED: Final = re.compile(r"\d([.,]\d+)?E\+\d+")
"""As spreadsheets show a number for which a column has no room; Java's 1.7775954E12 is whole."""
_SERIAL: Final = re.compile(r"[1-9]\d{4}(?:[.,]\d+)?")
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_AFTERNOON: Final = frozenset({"pm", "下午", "晚上", "中午"})
_MORNING: Final = frozenset({"am", "上午", "凌晨"})
_SCALES: Final = (
    (1e4, 1e5, float(DAY_MS), "day number of a spreadsheet"),
    (1e8, 1e11, 1e3, "epoch seconds"),
    (1e11, 1e14, 1.0, "epoch milliseconds"),
    (1e14, 1e17, 1e-3, "epoch microseconds"),
    (1e17, 1e20, 1e-6, "epoch nanoseconds"),
)


First = Literal["month", "day", "year"]
"""What comes first in 5/6/2026 or 26/5/6. One cell cannot decide, so a column is read in one format."""


@lru_cache(1 << 16)
def _offsets(zone: ZoneInfo, quarter: int) -> tuple[int, int]:
    """Offsets from UTC at this local time, before and after a change of the clocks; equal if there is none."""
    naive = datetime.fromtimestamp(quarter * _QUARTER_MS // 1000, UTC).replace(tzinfo=zone)
    offsets = (naive.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    before, after = (round(offset.total_seconds() * 1000) for offset in offsets)
    return before, after


class LocalTime(NamedTuple):
    """How an incomplete time is read: its offset from UTC, and which part of its date comes first.

    Examples
    --------
    >>> berlin = LocalTime(zone=ZoneInfo("Europe/Berlin"))
    >>> moment("2026-07-01 12:00", berlin) == moment("2026-07-01 10:00", LocalTime())
    True
    >>> moment("2026-03-29 02:30", berlin).detail, moment("2026-10-25 02:30", berlin).detail
    ('the clocks of Europe/Berlin skip 2026-03-29 02:30', 'the clocks of Europe/Berlin show 2026-10-25 02:30 twice')
    """

    offset_ms: int = 0
    first: First = "month"
    zone: ZoneInfo | None = None
    """With summer time; it takes the place of the offset."""

    def __str__(self) -> str:
        return self.zone.key if self.zone else f"UTC{self.offset_ms / 3_600_000:+g}"

    def moment(self, ms: int, form: str) -> ReadTime | Reject:
        """Convert local clock time, as ms since 1970, to a moment; a date means its first."""
        if self.zone is None:
            return ReadTime(ms - self.offset_ms, form)
        early, late = _offsets(self.zone, ms // _QUARTER_MS)
        if early != late and form != "date":
            shown = datetime.fromtimestamp(ms // 1000, UTC)
            what = f"show {shown:%Y-%m-%d %H:%M} twice" if early > late else f"skip {shown:%Y-%m-%d %H:%M}"
            return Reject(RejectReason.NOT_A_TIME, f"the clocks of {self.zone.key} {what}")
        return ReadTime(ms - early, form)


class ReadTime(NamedTuple):
    """Epoch ms, and a description of the form in which it was written."""

    ms: int
    form: str


def moment(cell: object, local: LocalTime) -> ReadTime | Reject:
    """Read one cell: text, or a value of JSON or Parquet.

    Examples
    --------
    >>> china = LocalTime(8 * 3_600_000)
    >>> moment("2026/05/01 08:00:00", china) == moment("2026-05-01T00:00:00Z", china)._replace(form="local time")
    True
    >>> moment("1777593600", china), moment("46143.5", LocalTime(0)).form
    (ReadTime(ms=1777593600000, form='epoch seconds'), 'day number of a spreadsheet')
    >>> moment("2026年5月1日 下午8:30", china).ms - moment("20260501083000", china).ms == 12 * 3_600_000
    True
    >>> moment("yesterday", china).reason
    <RejectReason.NOT_A_TIME: 'not_a_time'>
    """
    if isinstance(cell, datetime):
        return _of_datetime(cell, local)
    if isinstance(cell, date):
        return local.moment((cell.toordinal() - _EPOCH) * DAY_MS, "date")
    if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        return _of_number(cell, local)
    text = str(cell).strip()
    found = _of_digits(text, local) or _of_text(text, local)
    return found or Reject(RejectReason.NOT_A_TIME, f"{cut(text)!r} is no time")


def of_day(cell: object) -> bool:
    """Whether a cell has only a time of day, so that its date must be in another column.

    Examples
    --------
    >>> of_day("08:30:00"), of_day("2026-05-01 08:30")
    (True, False)
    """
    return isinstance(cell, str) and _clock_ms(cell.strip()) is not None


def serial_day(cell: str) -> bool:
    """Whether a text is the number of a day, as a spreadsheet keeps dates.

    Examples
    --------
    >>> serial_day("46143,25"), serial_day("1777593600")
    (True, False)
    """
    return _SERIAL.fullmatch(cell) is not None


def numbered_date(cell: object) -> str:
    """The date of a cell that does not show which part is the day; empty if it does, or has no date.

    Examples
    --------
    >>> numbered_date("13/5/2026 08:30"), numbered_date("1.5.26"), numbered_date("2026-05-13")
    ('13/5/2026', '1.5.26', '')
    """
    found = _NUMBERED.fullmatch(cell.strip()) if isinstance(cell, str) and not cell[:4].isdigit() else None
    return "".join((found[1], found[2], found[3], found[2], found[4])) if found else ""


def year_may_lead(cells: list[str]) -> bool:
    """Whether years of two digits may come first: a log has many days, and few years.

    Examples
    --------
    >>> year_may_lead(["26/11/01", "26/11/02"]), year_may_lead(["01/11/26", "02/11/26"]), year_may_lead(["5/1/2026"])
    (True, False, False)
    """
    dates = [found for cell in cells if (found := _NUMBERED.fullmatch(cell)) and len(found[4]) == 2]
    return len({found[1] for found in dates}) < len({found[4] for found in dates})


def _of_datetime(cell: datetime, local: LocalTime) -> ReadTime | Reject:
    aware = cell if cell.tzinfo is not None else cell.replace(tzinfo=UTC)
    span = aware - datetime(1970, 1, 1, tzinfo=UTC)
    ms = span.days * DAY_MS + span.seconds * 1000 + span.microseconds // 1000
    return ReadTime(ms, "time with a zone") if cell.tzinfo is not None else local.moment(ms, "local time")


def _of_number(value: int | float | Decimal, local: LocalTime) -> ReadTime | Reject:
    for low, high, scale, form in _SCALES:
        if low <= value < high:
            # Integers are scaled as integers: a float cannot hold nanoseconds of this century.
            whole = int(value) if isinstance(value, int) or value == int(value) else None
            if scale < 1 and whole is not None:
                return ReadTime(whole // round(1 / scale), form)
            ms = round(float(value) * scale)
            return local.moment(ms + _EXCEL * DAY_MS, form) if scale == DAY_MS else ReadTime(ms, form)
    return Reject(RejectReason.NOT_A_TIME, f"{value} is no time")


def _of_digits(text: str, local: LocalTime) -> ReadTime | Reject | None:
    if not text[:1].isdigit():
        return None
    if found := _COMPACT.fullmatch(text):
        day = _day(found[1], found[2], found[3])
        h, m, s = (int(part or 0) for part in found.groups()[3:])
        if day is not None and h * 3600 + m * 60 + s <= 86_400 and m < 60 and s < 60:
            return local.moment(day + (h * 3600 + m * 60 + s) * 1000, "local time")
    if _ROUNDED.fullmatch(text):
        return Reject(RejectReason.NOT_A_TIME, f"{cut(text)!r} was rounded: export times as text")
    try:
        # A spreadsheet's day may have a decimal comma; a number of seconds or days has no other commas.
        return _of_number(int(text) if text.isdecimal() else float(text.replace(",", ".")), local)
    except (ValueError, OverflowError):
        return None


def _of_text(text: str, local: LocalTime) -> ReadTime | Reject | None:
    day, rest = _date_of(text, local.first)
    if day is None:
        return None
    if not rest:
        return local.moment(day, "date")
    clock = _clock_ms(rest)
    if clock is None:
        return None
    ms, zone_ms = clock
    if zone_ms is None:
        return local.moment(day + ms, "local time")
    return ReadTime(day + ms - zone_ms, "time with a zone")


def _date_of(text: str, first: First) -> tuple[int | None, str]:
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[2], found[3]), found[4].strip()
    if found := _COMPACT_DAY.fullmatch(text):
        return _day(found[1], found[2], found[3]), found[4]
    if found := _NUMBERED.fullmatch(text):
        rest = (found[5] or "").strip()
        if first == "year":
            return (_day(_year(found[1]), found[3], found[4]) if len(found[4]) == 2 else None), rest
        month, day = (found[3], found[1]) if first == "day" else (found[1], found[3])
        return _day(_year(found[4]), month, day), rest
    if found := _DATABASE.fullmatch(text):
        named = found[2].rstrip("月")
        number = named if named.isdecimal() else str(_MONTHS.find(named[:3].lower()) // 4 + 1)
        return _day(_year(found[3]), number, found[1]), (found[4] or "").strip()
    return None, ""


def _year(digits: str) -> str:
    """Year of two digits as in POSIX: 69 is 1969, 68 is 2068."""
    return digits if len(digits) == 4 else f"{'19' if digits >= '69' else '20'}{digits:0>2}"


@lru_cache(4096)
def _day(year: str, month: str, day: str) -> int | None:
    """A date as ms; cached, since a log has few."""
    try:
        return (date(int(year), int(month), int(day)).toordinal() - _EPOCH) * DAY_MS
    except ValueError:
        return None


def _clock_ms(text: str) -> tuple[int, int | None] | None:
    """A time of day in ms, and its zone's offset if it names one."""
    if _CLOCK_DIGITS.fullmatch(text):
        digits = text.zfill(4 if len(text) < 5 else 6)
        text = ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
    found = _CLOCK.fullmatch(text)
    if found is None or (found["m"] is None and not text.rstrip().endswith(("时", "点"))):
        return None
    h, m, s = (int(found[part] or 0) for part in "hms")
    half = (found["am"] or found["pm"] or "").lower()
    if "." in half or " " in half:
        half = half.replace(".", "").replace(" ", "")
    if half in _AFTERNOON and h < 12 and not (half == "中午" and h == 11):
        h += 12
    elif half in _MORNING and h >= 12:
        h = h - 12 if h == 12 else 99  # 13:05 AM is no time
    if h * 3600 + m * 60 + s > 86_400 or m > 59 or s > 59:
        return None
    ms = int((found["f"] or "0").ljust(3, "0")[:3])
    return (h * 3600 + m * 60 + s) * 1000 + ms, _zone_ms(found["zone"])


def _zone_ms(zone: str | None) -> int | None:
    if zone is None:
        return None
    found = _OFFSET.search(zone)
    if found is None:
        return 0
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return (-60_000 if found[1] == "-" else 60_000) * minutes
