"""A feature's value in business words: no epoch milliseconds, no bare 0.83, Chinese in the trade's own terms."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Final

from models.contract.events import BILLING, CALLS, CARE_CONTACTS, DATA_USAGE, SITE_VISITS, SUBSCRIBERS
from models.contract.vocabulary import Text
from models.features.feature_formula import FADED, Feature

Words = tuple[str, str]
"""English and Chinese."""

_MISSING: Final[dict[str, Words]] = {
    CALLS: ("too few calls on record to tell", "通话记录不足，暂无法判断"),
    DATA_USAGE: ("too little data use on record to tell", "上网记录不足，暂无法判断"),
    SITE_VISITS: ("nothing known of visits to competitor sites", "无竞争对手网站访问信息"),
    CARE_CONTACTS: ("no opinion given yet", "暂无满意度评分"),
    BILLING: ("too little billing on record to tell", "账单记录不足，暂无法判断"),
    SUBSCRIBERS: ("not in the customer file", "客户档案无此项信息"),
}
_COMPARED: Final = frozenset({"count", "minutes", "megabytes", "share"})
_LITTLE: Final = 0.05
_HARDLY: Final = 0.5
"""Less than half a minute, or half a megabyte, counts as hardly any."""


def _plain(value: float) -> str:
    """A number for people: whole from ten, one decimal below."""
    rounded = round(value) if abs(value) >= 10 else round(value, 1)
    return f"{rounded:,.0f}" if float(rounded).is_integer() else f"{rounded:.1f}"


def _count(value: float) -> Words:
    number = max(0, round(value))
    return "no" if number == 0 else f"{number:,}", f"{number}"


def duration(seconds: float) -> Words:
    """A duration in everyday words."""
    minutes = round(seconds / 60)
    if minutes < 1:
        whole = round(seconds)
        return f"{whole} second{'' if whole == 1 else 's'}", f"{whole}秒"
    if minutes < 180:
        return f"{minutes} minute{'' if minutes == 1 else 's'}", f"{minutes}分钟"
    hours = _plain(seconds / 3600)
    return f"{hours} hours", f"{hours}小时"


def _minutes(value: float) -> Words:
    return duration(60 * value)


def _megabytes(value: float) -> Words:
    text = f"{_plain(value / 1000)} GB" if value >= 1000 else f"{_plain(value)} MB"
    return text, text.replace(" ", "")


def _percent(value: float) -> Words:
    percent = _plain(100 * abs(value))
    return f"{percent} %", f"{percent}%"


def _change(value: float) -> Words:
    if abs(value - 1) < _LITTLE:
        return "as usual", "与平时相当"
    if value >= 2:
        times = _plain(value)
        return f"about {times} times their usual", f"约为平时的{times}倍"
    percent = round(100 * abs(value - 1))
    if value > 1:
        return f"about {percent} % above their usual", f"较平时上升约{percent}%"
    return f"about {percent} % below their usual", f"较平时下降约{percent}%"


def _share(value: float) -> Words:
    en, zh = _percent(value)
    return f"about {en}", f"约{zh}"


def _times(value: float) -> Words:
    return _plain(value), _plain(value)


def _days(value: float) -> Words:
    days = int(abs(value))
    if days < 1:
        return "less than a day", "不到1天"
    return f"{days} day{'' if days == 1 else 's'}", f"{days}天"


def _months(value: float) -> Words:
    months = int(value)
    if months < 1:
        return "less than a month", "不足1个月"
    return f"{months} month{'' if months == 1 else 's'}", f"{months}个月"


def _money(value: float) -> Words:
    return _plain(value), f"{_plain(value).replace(',', '')}元"


def _points(value: float) -> Words:
    return f"{value:,.0f}", f"{value:.0f}"


def _score(value: float) -> Words:
    return f"{_plain(value)} of 10", f"{_plain(value)}分"


_WORDS: Final[dict[str, Callable[[float], Words]]] = {
    "count": _count,
    "minutes": _minutes,
    "seconds": duration,
    "megabytes": _megabytes,
    "change": _change,
    "share": _share,
    "times": _times,
    "days": _days,
    "days_left": _days,
    "months": _months,
    "money": _money,
    "points": _points,
    "score": _score,
    "slope": _percent,
    "step": _percent,
    "flag": _times,
}


class Saying:
    """The texts of a feature, prepared once, so that only the value must be filled in.

    Examples
    --------
    >>> from models.features.visits import FEATURES
    >>> saying = next(Saying(feature) for feature in FEATURES if feature.name == "competitor_dwell_7d")
    >>> saying.of(1460.0, 12.0).en
    'about 24 minutes on competitor sites within the last week'
    """

    def __init__(self, feature: Feature) -> None:
        self._unit = feature.unit
        self._decayed = feature.decayed
        self._words = _WORDS[feature.unit]
        self._missing = Text(*_MISSING[feature.source])
        self._compared = feature.unit in _COMPARED and feature.source in (CALLS, DATA_USAGE)
        en, zh = feature.text_en.split("|"), feature.text_zh.split("|")
        self._texts = [(a.replace("{s}", ""), a.replace("{s}", "s"), b) for a, b in zip(en, zh, strict=True)]

    def of(self, value: float, usual: float) -> Text:
        """The value in words, as :func:`models.features.catalogue.reason_text` returns it."""
        if isnan(value):
            return self._missing
        en, zh = self._said(value)
        one, many, text_zh = self._texts[self._variant(value)]
        said_en = (one if en.removeprefix("about ") == "1" else many).replace("{v}", en)
        said_zh = text_zh.replace("{v}", zh)
        if self._compared and usual > 0.0:  # neither zero nor an unknown usual is worth comparing
            typical_en, typical_zh = self._said(usual)
            if typical_en != en:
                said_en, said_zh = (
                    f"{said_en} (similar customers: {typical_en})",
                    f"{said_zh}（同类客户：{typical_zh}）",
                )
        return Text(said_en, said_zh)

    def _said(self, value: float) -> Words:
        if not self._decayed:
            return self._words(value)
        if self._none(value):
            return "none", "无"
        en, zh = self._words(max(value, 1.0) if self._unit == "count" else value)
        return f"about {en}", f"约{zh}"

    def _none(self, value: float) -> bool:
        return value < (FADED if self._unit == "count" else _HARDLY)

    def _variant(self, value: float) -> int:
        """Index of the text: the first for yes, future, down and none."""
        if len(self._texts) == 1:
            return 0
        if self._decayed:
            # Several only if an older event still counts: otherwise only one lies in the window.
            several = len(self._texts) > 2 and value >= 1.0 + FADED
            return 0 if self._none(value) else 2 if several else 1
        if self._unit == "flag":
            return 0 if value else 1
        if self._unit == "days_left":
            return 0 if value >= 0 else 1
        return 0 if value < 0 else 1
