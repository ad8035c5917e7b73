"""Which days count: the day and the month to date, those before them, and the base month; in the operator's days."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, NamedTuple, get_args

from models.contract.time_units import DAY_MS, HOUR_MS

PeriodName = Literal["day", "month"]
PERIODS: Final[tuple[PeriodName, ...]] = get_args(PeriodName)
_EPOCH: Final = date(1970, 1, 1)


class Days(NamedTuple):
    """Whole days, the first and the last one included."""

    first: date
    last: date

    def ms(self, offset_hours: float) -> tuple[int, int]:
        """Begin and end, epoch ms; the end is the next day's beginning.

        Examples
        --------
        >>> day = Days(date(1970, 1, 2), date(1970, 1, 2))
        >>> day.ms(0.0), day.ms(8.0)
        ((86400000, 172800000), (57600000, 144000000))
        """
        first, end = (self.first - _EPOCH).days, (self.last - _EPOCH).days + 1
        shift = round(offset_hours * HOUR_MS)
        return first * DAY_MS - shift, end * DAY_MS - shift


class Period(NamedTuple):
    """The day or the month to date of a report, and the same of the day or month before, which it is compared with."""

    name: PeriodName
    days: Days
    before: Days


def periods(day: date) -> tuple[Period, Period]:
    """The two periods of a report on `day`; a month is compared with as many days of the month before.

    Examples
    --------
    >>> daily, monthly = periods(date(2026, 3, 30))
    >>> str(daily.before.last), [str(each) for each in monthly.before]
    ('2026-03-29', ['2026-02-01', '2026-02-28'])
    """
    yesterday, first = day - timedelta(days=1), day.replace(day=1)
    return (
        Period("day", Days(day, day), Days(yesterday, yesterday)),
        Period("month", Days(first, day), same_days(Days(first, day), month_before(day))),
    )


def month_before(day: date) -> date:
    """First day of the month before that of `day`."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def same_days(days: Days, month: date) -> Days:
    """The same days of another month, as far as it has them.

    Examples
    --------
    >>> [str(each) for each in same_days(Days(date(2026, 3, 31), date(2026, 3, 31)), date(2026, 2, 1))]
    ['2026-02-28', '2026-02-28']
    """
    most = monthrange(month.year, month.month)[1]
    return Days(*(month.replace(day=min(each.day, most)) for each in days))


def month_end_ms(month: date, offset_hours: float) -> int:
    """End of the month that begins with `month`, epoch ms."""
    last = month.replace(day=monthrange(month.year, month.month)[1])
    return Days(month, last).ms(offset_hours)[1]


def yesterday(now_ms: int, offset_hours: float) -> date:
    """The operator's day before the one at `now_ms`.

    Examples
    --------
    >>> str(yesterday(16 * HOUR_MS - 1, 8.0)), str(yesterday(16 * HOUR_MS, 8.0))
    ('1969-12-31', '1970-01-01')
    """
    return local_date(now_ms, offset_hours) - timedelta(days=1)


def local_date(at_ms: int, offset_hours: float) -> date:
    """The operator's day at a time."""
    return datetime.fromtimestamp(at_ms / 1000 + offset_hours * 3600, UTC).date()
