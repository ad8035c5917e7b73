"""The figures of a report: each indicator's query asked for the day, the month to date, and those before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from statistics import median
from typing import Any, Final, Literal, NamedTuple, get_args

from app.report.facts import Facts
from app.report.indicators import INDICATORS, Indicator
from app.report.periods import Days, PeriodName, month_before, month_end_ms, periods, same_days
from models.analysis.prequential import difference
from models.contract.alerts import UNASSIGNED
from models.contract.events import BILLING, Channel
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import SEGMENTS, TIERS
from models.desk.capacity import Units

By = Literal["total", "unit", "tier", "segment"]
Why = Literal["not_over", "not_kept"]
TOTAL: Final = "total"
QUIET_MS: Final = 6 * HOUR_MS
"""Longest time without any record, as in a small operator's night: later than this the day is not recorded to its end.
A report of a day that has not reached the topics would otherwise say that nobody left."""
_CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
_SCOPE: Final[dict[By, str]] = {
    "total": f"'{TOTAL}'",
    "unit": "coalesce(c.unit, p.unit, 'unassigned')",
    "segment": "coalesce(p.segment, 'unknown')",
    "tier": "coalesce((SELECT t.tier FROM tiers t WHERE t.subscriber_id = c.subscriber_id AND t.ts <= c.ts"
    " ORDER BY t.ts DESC LIMIT 1), 'unknown')",
}
"""The scope of a case `c` of a person `p`. A tier is that which was last published by then."""
_ORDER: Final = (*reversed(TIERS), *SEGMENTS, "", UNASSIGNED, "unknown")
"""Of scopes that are no units, which stand in the place of the empty one."""


class Asked(NamedTuple):
    """What a report is asked for.

    Attributes
    ----------
    as_of
        Until when outcomes are known, ms.
    base
        First day of the base month; None for the month before that of the period.
    started
        Whether cases count on the day on which they began, not on the one on which their horizon ended.
    only
        Keys of the wanted indicators; all if empty.
    """

    day: date
    as_of: int
    by: By = "total"
    unit: str | None = None
    base: date | None = None
    revenue: Literal["bill", "accrual"] = "bill"
    started: bool = False
    only: tuple[str, ...] = ()


class Result(NamedTuple):
    """One indicator, scope and part over some days.

    ``value`` is None if there is no case, or if `why` says why it is not known; numerator and denominator are then
    what is known so far. ``unknown`` is the number of cases that the topics do not decide.
    """

    first: date
    last: date
    numerator: float | None
    denominator: float | None
    value: float | None
    low: float | None = None
    high: float | None = None
    unknown: int = 0
    why: Why | None = None


class IndicatorValue(NamedTuple):
    """A line of the report: a result, and that of the day or month before.

    ``first`` and ``last`` of a result are the days on which its cases began.
    """

    indicator: Indicator
    scope: str
    part: str
    period: PeriodName
    now: Result
    before: Result

    @property
    def change(self) -> float | None:
        """Difference of the two values."""
        return None if self.now.value is None or self.before.value is None else self.now.value - self.before.value


class _Window(NamedTuple):
    """Days on which cases begin, and the parameters of the queries for them."""

    days: Days
    of: dict[str, Any]
    why: Why | None


def figures(facts: Facts, policy: Policy, asked: Asked) -> Iterator[IndicatorValue]:
    """All figures, by indicator; each has at least the line of an empty total.

    Parameters
    ----------
    facts
        With all records taken, and derived.
    """
    _tell_policy(facts, policy, asked)
    for indicator in INDICATORS:
        if (asked.only and indicator.key not in asked.only) or (
            asked.by in ("tier", "segment") and not indicator.by_subscriber
        ):
            continue
        for period in periods(asked.day):
            now = _window(facts, policy, asked, indicator, period.days)
            before = _window(facts, policy, asked, indicator, period.before)
            found, former = (_results(facts, asked, indicator, window) for window in (now, before))
            empty = (asked.unit or TOTAL, "")
            for scope, part in sorted({*found, *former} or {empty}, key=in_order):
                yield IndicatorValue(
                    indicator,
                    scope,
                    part,
                    period.name,
                    found.get((scope, part)) or _nothing(now),
                    former.get((scope, part)) or _nothing(before),
                )


def _tell_policy(facts: Facts, policy: Policy, asked: Asked) -> None:
    """Make the tables of what the policy allows: caps, capacity and targets of the days that are asked about."""
    facts.db.executescript(
        "CREATE TEMP TABLE caps (most INTEGER, span INTEGER); CREATE TEMP TABLE cap_exempt (kind TEXT);"
        "CREATE TEMP TABLE hold_out_exempt (kind TEXT); CREATE TEMP TABLE targets (unit TEXT, ts INTEGER, saves REAL);"
        "CREATE TEMP TABLE capacity (unit TEXT, ts INTEGER, channel TEXT, contacts REAL);"
    )
    contact, units = policy.contact, Units()
    units.govern(policy)
    first, _ = periods(asked.day)[1].before
    days = [first + timedelta(days=number) for number in range((asked.day - first).days + 1)]
    insert = facts.db.executemany
    insert("INSERT INTO caps VALUES (?, ?)", [(most, round(span * DAY_MS)) for most, span in contact.caps])
    insert("INSERT INTO cap_exempt VALUES (?)", [(kind,) for kind in contact.cooldown_exempt])
    insert("INSERT INTO cap_exempt VALUES ('walk_in')", [()])
    insert("INSERT INTO hold_out_exempt VALUES (?)", [(kind,) for kind in contact.hold_out_exempt])
    begins = [(day, Days(day, day).ms(contact.utc_offset_hours)[0]) for day in days]
    limits = (
        (unit, at, channel, limit)
        for unit in units.names
        for day, at in begins
        for channel in _CHANNELS
        if (limit := units.limit(unit, channel, day.toordinal() - date(1970, 1, 1).toordinal())) is not None
    )
    insert("INSERT INTO capacity VALUES (?, ?, ?, ?)", limits)
    targets = ((unit.name, at, unit.target) for unit in policy.units if unit.target is not None for _, at in begins)
    insert("INSERT INTO targets VALUES (?, ?, ?)", targets)


def _window(facts: Facts, policy: Policy, asked: Asked, indicator: Indicator, days: Days) -> _Window:
    offset, back = policy.contact.utc_offset_hours, timedelta(days=0 if asked.started else indicator.horizon_days)
    began = Days(days.first - back, days.last - back)
    first, last = began.ms(offset)
    base = asked.base or month_before(days.last)
    base_first, base_last = same_days(began, base).ms(offset)
    base_end, horizon = month_end_ms(base, offset), indicator.horizon_days * DAY_MS
    of = {
        "first": first,
        "last": last,
        "horizon": horizon,
        "base_first": base_first,
        "base_last": base_last,
        "base_end": base_end,
        "look_back": round(policy.labels.horizon_days * DAY_MS),
        "revenue": asked.revenue,
    }
    why: Why | None = None
    if last + horizon > min(asked.as_of, facts.known_to() + QUIET_MS):
        why = "not_over"
    for topic, more in indicator.needs.items():
        known = facts.known_from(topic)
        since = first
        if indicator.of_base:
            since = min(first, base_first if topic == BILLING else base_end)
        since -= round(more * DAY_MS)
        if known is None or known > since + DAY_MS:  # a feed rarely has a record of the first minute of its first day
            why = "not_kept"
    return _Window(began, of, why)


def _results(facts: Facts, asked: Asked, indicator: Indicator, window: _Window) -> dict[tuple[str, str], Result]:
    """By scope and part."""
    db = facts.db
    db.execute("DROP TABLE IF EXISTS temp.cases")
    db.execute(
        "CREATE TEMP TABLE cases"
        " (subscriber_id TEXT, ts INTEGER, unit TEXT, part TEXT, n REAL, d REAL, unknown INTEGER)"
    )
    # Names are those of this package: no text of a user is in a query.
    db.execute(f"INSERT INTO cases ({', '.join(indicator.columns)}) {indicator.sql}", window.of)
    scoped = (
        f"SELECT {_SCOPE[asked.by]} AS scope, coalesce(c.part, '') AS part, c.n, c.d, c.unknown"
        " FROM cases c LEFT JOIN people p USING (subscriber_id)"
    )
    if asked.unit is not None:
        scoped += f" WHERE {_SCOPE['unit']} = :unit"
    named = {"unit": asked.unit}
    if indicator.measure == "median_days":
        rows = db.execute(f"SELECT scope, n FROM ({scoped}) ORDER BY scope", named)
        return {
            (scope, ""): _result(window, None, len(days), median(days))
            for scope, days in ((scope, [n for _, n in each]) for scope, each in groupby(rows, itemgetter(0)))
        }
    rows = db.execute(
        f"SELECT scope, part, sum(n), sum(d), coalesce(sum(unknown), 0) FROM ({scoped}) GROUP BY 1, 2 ORDER BY 1",
        named,
    )
    return {
        (scope, part): result
        for scope, each in groupby(rows, itemgetter(0))
        for part, result in _measured(indicator, window, [row[1:] for row in each])
    }


def _measured(
    indicator: Indicator, window: _Window, parts: list[tuple[str, float, float, int]]
) -> Iterator[tuple[str, Result]]:
    """Results of one scope from the sums of its parts."""
    sums = {part: (n, d) for part, n, d, _ in parts}
    match indicator.measure:
        case "mix":
            whole = sum(d for _, d in sums.values())
            yield from ((part, _share(window, n, whole)) for part, (n, _) in sums.items() if part)
            yield "", _share(window, sum(n for n, _ in sums.values()), whole)
        case "times":
            one, two = (sums.get(part, (0.0, 0.0)) for part in ("flagged", "all"))
            precision, overall = _ratio(*one), _ratio(*two)
            value = None if precision is None else _ratio(precision, overall or 0.0)
            yield "", _result(window, precision, overall, value)
        case "difference":
            held, eligible = (sums.get(part, (0.0, 0.0)) for part in ("hold_out", "eligible"))
            result = _result(window, _ratio(*held), _ratio(*eligible), None)
            if held[1] and eligible[1] and window.why is None:
                gap = difference(*(round(each) for each in (*held, *eligible)))
                result = result._replace(value=gap.value, low=gap.low, high=gap.high)
            yield "", result
        case _:
            for part, n, d, unknown in parts:
                yield part, _share(window, n, d)._replace(unknown=unknown)


def _ratio(part: float, whole: float) -> float | None:
    """A share; None of nothing.

    Examples
    --------
    >>> _ratio(1.0, 4.0), _ratio(0.0, 0.0)
    (0.25, None)
    """
    return part / whole if whole else None


def _share(window: _Window, part: float, whole: float) -> Result:
    return _result(window, part, whole, _ratio(part, whole))


def _result(window: _Window, numerator: float | None, denominator: float | None, value: float | None) -> Result:
    known = None if window.why else value
    return Result(window.days.first, window.days.last, numerator, denominator, known, why=window.why)


def _nothing(window: _Window) -> Result:
    return _result(window, 0, 0, None)


def anything(facts: Facts, policy: Policy, asked: Asked, found: Iterable[IndicatorValue]) -> bool:
    """Whether anything is recorded of the day: the topics reach it, and some indicator has a case."""
    reached = facts.known_to() >= Days(asked.day, asked.day).ms(policy.contact.utc_offset_hours)[0]
    return reached and any(figure.now.why != "not_kept" and figure.now.denominator for figure in found)


def in_order(scope_and_part: tuple[str, str]) -> tuple[int, str, str]:
    """Place of a line: the highest tier and segment first, and last who has none.

    Examples
    --------
    >>> sorted([("unknown", ""), ("low", ""), ("high", ""), ("tianhe-03", "")], key=in_order)
    [('high', ''), ('low', ''), ('tianhe-03', ''), ('unknown', '')]
    """
    scope, part = scope_and_part
    return (_ORDER.index(scope) if scope in _ORDER else _ORDER.index(""), scope, part)
