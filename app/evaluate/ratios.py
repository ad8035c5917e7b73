"""Ratios that tell more than the columns they come from: now against before, per minute, per line, shares of a whole.

Three dropped calls are nothing in a thousand minutes and everything in ten. On real data the ratios are worth as much
as boosted trees over the raw columns. Trying all pairs does not pay (AUC 0.672 against 0.675), so the pairs are those
whose units go together, read from the columns' names; where names tell nothing, those that move together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations, groupby
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Floats

MOST: Final = 120
"""More ratios than this make a table of two hundred columns slow and no better."""
_NAMELESS: Final = 12
"""Columns that are paired by correlation alone."""
_NAMELESS_STEMS: Final = frozenset(["v", "x", "f", "var", "feature", "feat", "col", "column", "attr", "field", "字段"])
_LONGEST: Final = 24
"""Var1 to Var230 are no months of one thing."""


class Unit(StrEnum):
    """What a column counts."""

    CHANGE = "change"
    COUNT = "count"
    MONEY = "money"
    TIME = "time"
    VOLUME = "volume"
    LINES = "lines"
    SPAN = "span"


class RatioForm(StrEnum):
    """How two columns make one."""

    SHARE = "share"
    """Of the two together, each in terms of its median: bounded, and it needs no care where both are zero."""
    CHANGE = "change"
    """A change against the level that it changed."""


_Wish = tuple[RatioForm, str, tuple[str, ...]]


class Ratio(NamedTuple):
    """One column made of two, or of one and the mean of several. Scales are medians of the first rows."""

    name: str
    way: RatioForm
    above: str
    below: tuple[str, ...]
    scale_above: float
    scale_below: float


# In the order of what decides: total_rech_num is a count though it names a recharge, PercChangeRevenues is a change.
_WORDS: Final[dict[Unit, frozenset[str]]] = {
    Unit.CHANGE: frozenset(
        ["perc", "percent", "pct", "change", "chg", "delta", "diff", "trend", "growth", "环比", "同比", "变化", "增长"]
    ),
    Unit.COUNT: frozenset(["num", "number", "count", "cnt", "times", "次数", "次", "笔数"]),
    Unit.MONEY: frozenset(
        [
            "revenue",
            "revenues",
            "charge",
            "charges",
            "arpu",
            "amount",
            "amt",
            "fee",
            "fees",
            "cost",
            "bill",
            "spend",
            "spending",
            "payment",
            "payments",
            "rech",
            "recharge",
            "费",
            "费用",
            "话费",
            "金额",
            "消费",
            "收入",
            "充值",
        ]
    ),
    Unit.TIME: frozenset(["minute", "minutes", "min", "mins", "mou", "duration", "seconds", "secs", "时长", "分钟"]),
    Unit.VOLUME: frozenset(["mb", "gb", "kb", "bytes", "vol", "volume", "traffic", "流量"]),
    Unit.LINES: frozenset(
        ["subs", "lines", "handsets", "models", "devices", "products", "users", "members", "号码数", "产品数"]
    ),
    Unit.SPAN: frozenset(
        ["months", "days", "weeks", "years", "tenure", "aon", "length", "在网", "天数", "月数", "网龄"]
    ),
}
_EVENTS: Final = frozenset(
    ["calls", "call", "sms", "messages", "msgs", "sessions", "visits", "logins", "texts", "通话", "短信", "访问"]
)
_AMOUNTS: Final = (Unit.COUNT, Unit.MONEY, Unit.TIME, Unit.VOLUME)
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case.

    Examples
    --------
    >>> words_of("PercChangeMinutes"), words_of("total_rech_num_6"), words_of("MOU3")
    (['perc', 'change', 'minutes'], ['total', 'rech', 'num', '6'], ['mou', '3'])
    """
    return [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+", name)]


def unit_of(name: str) -> Unit | None:
    """What a column counts, by its name; Chinese names by the parts that they contain.

    Examples
    --------
    >>> unit_of("MonthlyMinutes"), unit_of("DroppedCalls"), unit_of("当月话费"), unit_of("x17")
    (<Unit.TIME: 'time'>, <Unit.COUNT: 'count'>, <Unit.MONEY: 'money'>, None)
    """
    words = words_of(name)
    for unit, known in _WORDS.items():
        if any(w in known or (not w.isascii() and any(k in w for k in known if not k.isascii())) for w in words):
            return unit
    if any(w in _EVENTS or (not w.isascii() and any(k in w for k in _EVENTS if not k.isascii())) for w in words):
        return Unit.COUNT
    return None


def period_of(name: str) -> tuple[str, int] | None:
    """The name without the period at its end, and the period: ``arpu_6`` is the sixth ``arpu``.

    Examples
    --------
    >>> period_of("arpu_6"), period_of("jun_vbc_3g"), period_of("BILL_AMT2"), period_of("tenure")
    (('arpu', 6), ('vbc 3 g', 6), ('bill amt', 2), None)
    """
    words = words_of(name)
    if len(words) > 1 and words[-1].isdecimal() and len(words[-1]) <= 2:
        return " ".join(words[:-1]), int(words[-1])
    for place, word in enumerate(words):
        if word in _MONTHS and len(words) > 1:
            return " ".join(words[:place] + words[place + 1 :]), _MONTHS.index(word) + 1
    return None


def infer(columns: Mapping[str, Floats]) -> list[Ratio]:
    """The ratios worth having, from names and the first rows, without any label.

    Examples
    --------
    >>> rows = {n: np.arange(1.0, 50.0) for n in ("arpu_6", "arpu_7", "arpu_8", "MonthlyMinutes", "DroppedCalls")}
    >>> [r.name for r in infer(rows)][:2]
    ['arpu_8 / arpu_6, arpu_7', 'DroppedCalls / MonthlyMinutes']
    """
    columns = {name: values for name, values in columns.items() if not np.isnan(values).all()}
    scales = {name: _scale(values) for name, values in columns.items()}
    units = {name: unit_of(name) for name in columns}
    series = list(_series(columns))
    latest = {name for _, names in series for name in names[:-1]}
    # Of a series the last stands for all: six months of every pair would say the same six times.
    current = {name: unit for name, unit in units.items() if name not in latest}
    found: list[_Wish] = [(RatioForm.SHARE, names[-1], tuple(names[:-1])) for _, names in series]
    if any(unit in _AMOUNTS for unit in current.values()):
        found += _by_units(current, columns)
    else:
        found += _by_correlation(columns, list(current))
    made: dict[str, Ratio] = {}
    for way, above, below in found:
        name = f"{above} / {', '.join(below)}"
        if above not in below and len(made) < MOST:
            made.setdefault(name, Ratio(name, way, above, below, scales[above], _together(scales, below)))
    return list(made.values())


def compute(ratio: Ratio, columns: Mapping[str, Floats]) -> Floats:
    """The ratio for many rows; NaN where a part is missing.

    Examples
    --------
    >>> half = Ratio("out / in", RatioForm.SHARE, "out", ("in",), 10.0, 1.0)
    >>> compute(half, {"out": np.array([10.0, 0.0, 0.0, np.nan]), "in": np.array([1.0, 5.0, 0.0, 1.0])}).tolist()
    [0.5, 0.0, 0.5, nan]
    """
    above = columns[ratio.above] / ratio.scale_above
    below = np.zeros(len(above))
    for name in ratio.below:
        below += columns[name]
    below /= len(ratio.below) * ratio.scale_below
    if ratio.way is RatioForm.CHANGE:
        # A tenth of the usual level keeps a change from nothing finite.
        return np.asarray(above / (np.abs(below) + 0.1))
    whole = np.abs(above) + np.abs(below)
    return np.where(whole == 0.0, 0.5, above / np.where(whole == 0.0, 1.0, whole))


def _scale(values: Floats) -> float:
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    return float(np.median(sizes)) if len(sizes) else 1.0


def _together(scales: Mapping[str, float], names: Sequence[str]) -> float:
    return sum(scales[name] for name in names) / len(names)


def _series(names: Mapping[str, Floats]) -> Iterator[tuple[str, list[str]]]:
    """Columns that differ by their period alone, in its order."""
    dated = sorted((*period, name) for name in names if (period := period_of(name)))
    for stem, group in groupby(dated, key=lambda each: each[0]):
        members = [name for _, _, name in group]
        if 1 < len(members) <= _LONGEST and stem not in _NAMELESS_STEMS:
            yield stem, members


def _by_units(units: Mapping[str, Unit | None], columns: Mapping[str, Floats]) -> list[_Wish]:
    of: dict[Unit, list[str]] = {unit: [n for n, u in units.items() if u is unit] for unit in Unit}
    amounts = [name for unit in _AMOUNTS for name in of[unit]]
    # The main volume of each unit is the one that is largest: the whole, of which the others are parts.
    main = {unit: max(of[unit], key=lambda name: float(np.nanmean(columns[name]))) for unit in _AMOUNTS if of[unit]}
    found: list[_Wish] = [
        (RatioForm.CHANGE, change, (main[unit],)) for change in of[Unit.CHANGE] for unit in main if _same(change, unit)
    ]
    base = main.get(Unit.TIME) or main.get(Unit.COUNT) or main.get(Unit.VOLUME) or main.get(Unit.MONEY)
    found += [(RatioForm.SHARE, name, (base,)) for name in amounts if base]
    found += [(RatioForm.SHARE, a, (b,)) for a, b in combinations(of[Unit.SPAN], 2)]
    found += [(RatioForm.SHARE, a, (b,)) for a, b in combinations(of[Unit.LINES], 2)]
    found += [(RatioForm.SHARE, name, (line,)) for line in of[Unit.LINES] for name in main.values()]
    found += [(RatioForm.SHARE, span, (line,)) for line in of[Unit.LINES] for span in of[Unit.SPAN]]
    found += [(RatioForm.SHARE, name, (span,)) for span in of[Unit.SPAN] for name in main.values()]
    found += [(RatioForm.SHARE, name, (whole,)) for unit, whole in main.items() for name in of[unit]]
    return found


def _same(change: str, unit: Unit) -> bool:
    words = set(words_of(change))
    return bool(words & (_WORDS[unit] | (_EVENTS if unit is Unit.COUNT else frozenset())))


def _by_correlation(columns: Mapping[str, Floats], names: list[str]) -> list[_Wish]:
    """Pairs of amounts (never negative, of many values) that move together most."""
    amounts = [n for n in names if len(np.unique(columns[n])) > 20 and np.nanmin(columns[n], initial=0.0) >= 0.0]
    ranks = {name: _ranks(columns[name]) for name in amounts}
    pairs = sorted(combinations(amounts, 2), key=lambda pair: -abs(float((ranks[pair[0]] * ranks[pair[1]]).mean())))
    most = _NAMELESS * (_NAMELESS - 1) // 2
    return [(RatioForm.SHARE, a, (b,)) for a, b in pairs[:most]]


def _ranks(values: Floats) -> Floats:
    order = np.argsort(np.argsort(np.where(np.isnan(values), 0.0, values), kind="stable"), kind="stable")
    centred = np.asarray(order - order.mean(), dtype=np.float64)
    spread = float(centred.std())
    return centred / spread if spread else centred
