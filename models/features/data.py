"""Features of the data use: how much, how it moves, how well it works, and at which stage of use the subscriber is."""

from __future__ import annotations

from typing import Final

from models.events import DATA_USAGE as TOPIC
from models.features.definitions import Feature, Formula, Unit, change, rhythm, share, total
from models.state.columns import DATA as _BLOCK

CANCELLED_DAYS: Final = 30.0
"""No data for so long: the use is over."""
ACQUIRED_DAYS: Final = 30.0
"""Known for less than this: a new user."""
LOSING_RATIO: Final = 0.5
"""Recent use below this share of the usual: losing interest."""
HABIT_SESSIONS: Final = 15.0
"""As many sessions in 30 days, every other day: a habit."""
STAGE: Final = (
    f"data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, "
    f"{CANCELLED_DAYS}, {ACQUIRED_DAYS}, {LOSING_RATIO}, {HABIT_SESSIONS})"
)
"""Stage of use: 0 acquired, 1 interested, 2 habit, 3 losing interest, 4 cancelled."""


def _data(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, True, formula)


def _stage(number: int, name: str, en: str, zh: str) -> Feature:
    texts = f"data use: {en}|data use: not {en}", f"流量使用处于{zh}|流量使用不在{zh}"
    return _data(f"data_stage_{name}", "flag", *texts, Formula(_BLOCK, f"1.0 if {STAGE} == {number}.0 else 0.0"))


_SILENT: Final = "fmin(el_calls, el_data) / DAY"
_RATE: Final = "(ur_calls + ur_data)"

FEATURES: Final = (
    _data("data_mb_1d", "megabytes", "{v} of data in a day", "近1天流量{v}", total(_BLOCK, "mb_1")),
    _data("data_mb_7d", "megabytes", "{v} of data in 7 days", "近7天流量{v}", total(_BLOCK, "mb_7")),
    _data("data_mb_30d", "megabytes", "{v} of data in 30 days", "近30天流量{v}", total(_BLOCK, "mb_30")),
    _data("data_sessions_1d", "count", "{v} data session{s} in a day", "近1天上网{v}次", total(_BLOCK, "sessions_1")),
    _data("data_sessions_7d", "count", "{v} data session{s} in 7 days", "近7天上网{v}次", total(_BLOCK, "sessions_7")),
    _data(
        "data_sessions_30d", "count", "{v} data session{s} in 30 days", "近30天上网{v}次", total(_BLOCK, "sessions_30")
    ),
    _data("data_mb_1d_vs_7d", "change", "data use today {v}", "近1天流量{v}", change(_BLOCK, "mb_1", "mb_7")),
    _data("data_mb_7d_vs_30d", "change", "data use {v}", "流量{v}", change(_BLOCK, "mb_7", "mb_30")),
    _data(
        "data_mb_30d_vs_90d", "change", "data use this month {v}", "近1个月流量{v}", change(_BLOCK, "mb_30", "mb_90")
    ),
    _data(
        "data_sessions_7d_vs_30d",
        "change",
        "data sessions {v}",
        "上网次数{v}",
        change(_BLOCK, "sessions_7", "sessions_30"),
    ),
    _data(
        "data_failed_share_7d",
        "share",
        "{v} of data sessions failed in 7 days",
        "近7天上网失败率{v}",
        share(_BLOCK, "failed_7", "sessions_7"),
    ),
    _data(
        "data_throttled_share_7d",
        "share",
        "{v} of data sessions throttled in 7 days",
        "近7天限速占比{v}",
        share(_BLOCK, "throttled_7", "sessions_7"),
    ),
    _data(
        "data_recency_vs_rhythm",
        "times",
        "no data use for {v} times the usual gap",
        "未上网时长为平时间隔的{v}倍",
        rhythm(_BLOCK),
    ),
    _stage(0, "acquired", "just begun", "获取期"),
    _stage(1, "interested", "occasional", "兴趣期"),
    _stage(2, "habit", "a habit", "习惯期"),
    _stage(3, "losing_interest", "losing interest", "兴趣减退期"),
    _stage(4, "cancelled", "given up", "停用期"),
    _data("silent_days", "days", "neither calls nor data for {v}", "已沉默{v}", Formula(None, _SILENT)),
    _data(
        "recency_vs_rhythm",
        "times",
        "silent for {v} times the usual gap",
        "沉默时长为平时间隔的{v}倍",
        Formula(None, f"{_SILENT} * {_RATE} if {_RATE} > 0.0 else NAN"),
    ),
)
