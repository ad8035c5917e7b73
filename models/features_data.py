"""Features of the data use: how much, how it moves, how well it works, and at which stage of use the subscriber is."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.columns import NAN
from models.decay import Floats
from models.events import DATA_USAGE as TOPIC
from models.events import DAY_MS
from models.feature import Compute, Feature, Unit, change, rhythm, share, total, usual_rate
from models.view import View

_BLOCK: Final = "data"

CANCELLED_DAYS: Final = 30.0
"""No data for so long: the use is over."""
ACQUIRED_DAYS: Final = 30.0
"""Known for less than this: a new user."""
LOSING_RATIO: Final = 0.5
"""Recent use below this share of the usual: losing interest."""
HABIT_SESSIONS: Final = 15.0
"""As many sessions in 30 days, every other day: a habit."""


def _data(name: str, unit: Unit, text_en: str, text_zh: str, compute: Compute) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, True, compute)


def stage(view: View) -> Floats:
    """Stage of use: 0 acquired, 1 interested, 2 habit, 3 losing interest, 4 cancelled; NaN for who never used data."""
    return view.once("stage", lambda: _stage_of(view))


def _stage_of(view: View) -> Floats:
    age, elapsed = view.age(_BLOCK), view.elapsed(_BLOCK)
    week, month = view.rate(_BLOCK, "sessions_7"), view.rate(_BLOCK, "sessions_30")
    found = np.where(view.total(_BLOCK, "sessions_30") >= HABIT_SESSIONS, 2.0, 1.0)
    found = np.where(week < LOSING_RATIO * month, 3.0, found)
    found = np.where(age < ACQUIRED_DAYS * DAY_MS, 0.0, found)
    found = np.where(elapsed >= CANCELLED_DAYS * DAY_MS, 4.0, found)
    return np.where(view.never(_BLOCK), NAN, found)


def _stage(number: int, name: str, en: str, zh: str) -> Feature:
    def compute(view: View) -> Floats:
        found = stage(view)
        return np.where(np.isnan(found), NAN, found == number)

    texts = f"data use: {en}|data use: not {en}", f"流量使用处于{zh}|流量使用不在{zh}"
    return _data(f"data_stage_{name}", "flag", *texts, compute)


def _silent_days(view: View) -> Floats:
    days: Floats = np.fmin(view.elapsed("calls"), view.elapsed(_BLOCK)) / DAY_MS
    return days


def _usage_rhythm(view: View) -> Floats:
    rate = usual_rate(view, "calls", "calls_30", "sms_30") + usual_rate(view, _BLOCK, "sessions_30")
    return np.where(rate > 0.0, _silent_days(view) * rate, NAN)


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
        rhythm(_BLOCK, "sessions_30"),
    ),
    _stage(0, "acquired", "just begun", "获取期"),
    _stage(1, "interested", "occasional", "兴趣期"),
    _stage(2, "habit", "a habit", "习惯期"),
    _stage(3, "losing_interest", "losing interest", "兴趣减退期"),
    _stage(4, "cancelled", "given up", "停用期"),
    _data("silent_days", "days", "neither calls nor data for {v}", "已沉默{v}", _silent_days),
    _data(
        "recency_vs_rhythm",
        "times",
        "silent for {v} times the usual gap",
        "沉默时长为平时间隔的{v}倍",
        _usage_rhythm,
    ),
)
