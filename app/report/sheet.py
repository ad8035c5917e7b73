"""The report as a table, in both languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.table import Table

from app.alerts.card_and_line import Card
from app.alerts.masking import printable
from app.config.settings import Language
from app.report.figures import TOTAL, Asked, IndicatorValue, Result, in_order
from app.report.indicators import INDICATORS
from app.report.periods import PERIODS, PeriodName, periods
from models.contract.alerts import UNASSIGNED
from models.contract.vocabulary import SEGMENTS, TIERS, Text

_WORDS: Final[Mapping[str, Text]] = {
    "indicator": Text("indicator", "指标"),
    "total": Text("by", "维度"),
    "unit": Text("unit", "单位"),
    "tier": Text("tier", "质态等级"),
    "segment": Text("segment", "价值分层"),
    "month": Text("{}/{} to date", "{}月截至{}日"),
    "of": Text("num / den", "分子 / 分母"),
    "day_before": Text("vs day", "较前日"),
    "month_before": Text("vs month", "较上月"),
    "not_over": Text("not over", "未到期"),
    "not_kept": Text("not kept", "无记录"),
    "after": Text(", known after {} days", "（{}天后可知）"),
    "unknown": Text("unknown", "未知"),
    "gone_of": Text(
        "Not kept: the topics do not reach back far enough. With --store, run each night, they are kept from now on.",
        "无记录：主题保留时间不足。请每晚带--store运行，以保留Kafka将删除的记录。",
    ),
    "open_of": Text(
        "Not over: not known yet; the numbers are those so far. Records end at {:%Y-%m-%d %H:%M}.",
        "未到期：结果尚不可知，所列为目前已知数。记录截至{:%Y-%m-%d %H:%M}。",
    ),
    "undecided_of": Text(
        "Unknown: cases without a bill before or after; they are left out.", "未知：前后缺账单、无法判定，未计入。"
    ),
    "unread_of": Text("{}: {:,} records could not be read.", "{}：{:,}条记录无法读取。"),
}
_ROOMY: Final = 110
"""Width in cells from which the table shows changes."""
_RATES: Final = ("share", "mix", "difference")


def table(found: Sequence[IndicatorValue], asked: Asked, lang: Language, width: int) -> Table:
    """A row an indicator, scope and part: the day and the month to date, each with what it is of.

    Its change stands beside it, where the table may be as wide as that.
    """
    titles = 3 if width >= _ROOMY else 2

    def word(key: str) -> str:
        return str(getattr(_WORDS[key], lang))

    month = periods(asked.day)[1].days
    drawn = Table(box=None, pad_edge=False)
    drawn.add_column(word("indicator"), min_width=16)
    if asked.by != TOTAL:
        drawn.add_column(word(asked.by))
    for name, before in (
        (f"{asked.day:%m-%d}", "day_before"),
        (word("month").format(month.last.month, month.last.day), "month_before"),
    ):
        for title in (name, word("of"), word(before))[:titles]:
            drawn.add_column(title, justify="right", no_wrap=True)
    rows: dict[tuple[str, str, str], dict[PeriodName, IndicatorValue]] = {}
    for figure in found:
        rows.setdefault((figure.indicator.key, figure.scope, figure.part), {})[figure.period] = figure
    former, keys = "", list(dict.fromkeys(key for key, _, _ in rows))
    for key, scope, part in sorted(rows, key=lambda row: (keys.index(row[0]), in_order(row[1:]))):
        by_period = rows[key, scope, part]
        if part and not any(figure.now.numerator for figure in by_period.values()):
            continue
        one = next(iter(by_period.values()))
        name = _part(part, lang) if part else getattr(one.indicator.name, lang)
        cells = [name if key != former or part else ""]
        cells += [] if asked.by == TOTAL else [_scope(scope, lang)]
        for period in PERIODS:
            cells += (["", "", ""] if period not in by_period else _cells(by_period[period], lang))[:titles]
        drawn.add_row(*cells)
        former = key
    return drawn


def _cells(figure: IndicatorValue, lang: Language) -> list[str]:
    now, measure = figure.now, figure.indicator.measure
    if now.why is not None:
        value = str(getattr(_WORDS[now.why], lang))
    elif now.value is None:
        value = "-"
    else:
        value = _number(now.value, measure)
        if now.low is not None and now.high is not None:
            value += f" [{_number(now.low, measure)}, {_number(now.high, measure)}]"
    return [value, _of(now, figure, lang), "" if figure.change is None else _signed(figure.change, measure)]


def _of(now: Result, figure: IndicatorValue, lang: Language) -> str:
    """Numerator and denominator, shares as such."""
    measure = figure.indicator.measure
    if measure in ("times", "difference"):
        return " / ".join("-" if each is None else f"{each:.2%}" for each in (now.numerator, now.denominator))
    if measure == "median_days":
        return f"{now.denominator:,.0f}" if now.denominator else "-"
    text = f"{_count(now.numerator)} / {_count(now.denominator)}"
    return text + (f" +{now.unknown:,} {getattr(_WORDS['unknown'], lang)}" if now.unknown else "")


def _count(number: float | None) -> str:
    """A count or an amount, without a fraction unless it has one.

    Examples
    --------
    >>> _count(1234.0), _count(0.5), _count(None)
    ('1,234', '0.5', '-')
    """
    if number is None:
        return "-"
    return f"{number:,.0f}" if number == round(number) or abs(number) >= 1000 else f"{number:,.1f}"


def _number(value: float, measure: str) -> str:
    if measure in _RATES:
        return f"{value:.1%}" if abs(value) >= 0.1 or not value else f"{value:.2%}"
    return f"{value:.1f}x" if measure == "times" else f"{value:.1f}"


def _signed(change: float, measure: str) -> str:
    """A change; of shares in points.

    Examples
    --------
    >>> _signed(0.0123, "share"), _signed(-1.5, "times")
    ('+1.23 pt', '-1.5')
    """
    return f"{100 * change:+.2f} pt" if measure in _RATES else f"{change:+.1f}"


def _part(part: str, lang: Language) -> str:
    return f"  {Card(lang).word(f'withheld_{part}')}"


def _scope(scope: str, lang: Language) -> str:
    if scope in (UNASSIGNED, *TIERS, *SEGMENTS):
        return Card(lang).word(scope)
    if scope == TOTAL:
        return "-"  # nothing to divide
    return str(getattr(_WORDS[scope], lang)) if scope == "unknown" else printable(scope)


def legend(lang: Language) -> Iterator[str]:
    """What each indicator is of, two lines each."""
    for each in INDICATORS:
        name, of, by = (str(getattr(text, lang)) for text in (each.name, each.of, each.by))
        after = str(getattr(_WORDS["after"], lang)).format(each.horizon_days) if each.horizon_days else ""
        yield f"{each.key}  {name}{after}"
        yield f"    {of} / {by}"


def remarks(
    found: Sequence[IndicatorValue], unread: Mapping[str, int], known_to: datetime, lang: Language
) -> Iterator[str]:
    """Remarks needed to read the figures."""

    def word(key: str) -> str:
        return str(getattr(_WORDS[key], lang))

    whys = {result.why for figure in found for result in (figure.now, figure.before)}
    if "not_over" in whys:
        yield word("open_of").format(known_to)
    if "not_kept" in whys:
        yield word("gone_of")
    if any(figure.now.unknown for figure in found):
        yield word("undecided_of")
    for topic, count in sorted(unread.items()):
        yield word("unread_of").format(topic, count)
