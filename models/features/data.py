"""Features of data usage: volume, change, quality, and the stage of use.

The five stages of data-service use (acquired, interested, habit, losing interest, cancelled) are defined here alone, by
name, threshold and formula. There is a feature for each, and the simulator's subscribers pass through them
(``app.simulator.people.data_habits``). The rule itself is ``data_stage`` of :mod:`models.kernel.arithmetic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from models.contract.events import DATA_USAGE as TOPIC
from models.features.feature_formula import Feature, Formula, Unit, change, rhythm, share, total, within
from models.state.columns import DATA as _BLOCK

_SILENT: Final = "fmin(el_calls, el_data) / DAY"
_RATE: Final = "(ur_calls + ur_data)"
DATA_STAGES: Final = ("acquired", "interested", "habit", "losing_interest", "cancelled")
"""Names of the stages, each at the number by which the kernel calls it."""
CANCELLED_DAYS: Final = 30.0
"""Days without data after which use counts as cancelled."""
ACQUIRED_DAYS: Final = 30.0
"""Days for which a user counts as new."""
LOSING_RATIO: Final = 0.5
"""Share of the usual use below which a user is losing interest."""
HABIT_SESSIONS: Final = 15.0
"""Sessions in 30 days (every other day) from which use is a habit."""
_STAGE: Final = (
    f"data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, "
    f"{CANCELLED_DAYS}, {ACQUIRED_DAYS}, {LOSING_RATIO}, {HABIT_SESSIONS})"
)


def in_stage(name: str) -> str:
    """The formula that is 1 for users in the stage, else 0.

    Examples
    --------
    >>> in_stage("habit").partition(" if ")[0], in_stage("habit")[-15:]
    ('1.0', '== 2.0 else 0.0')
    """
    return f"1.0 if {_STAGE} == {DATA_STAGES.index(name)}.0 else 0.0"


def _data(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula, *, disclosable: bool = False) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, disclosable, formula)


def _over(column: str, unit: Unit, texts_en: str, texts_zh: str) -> Iterator[Feature]:
    for days in (1, 7, 30):
        yield _data(
            f"data_{column}_{days}d", unit, *within(days, texts_en, texts_zh), total(_BLOCK, f"{column}_{days}")
        )


def _stage(name: str, text_en: str, text_zh: str) -> Feature:
    return _data(f"data_stage_{name}", "flag", text_en, text_zh, Formula(_BLOCK, in_stage(name)))


FEATURES: Final = (
    *_over("mb", "megabytes", "hardly any data|{v} of data", "几乎无流量|流量{v}"),
    *_over("sessions", "count", "no data session|{v} data session{s}", "未上网|上网{v}次"),
    _data(
        "data_mb_1d_vs_7d", "change", "data use within the last day {v}", "近1天流量{v}", change(_BLOCK, "mb_1", "mb_7")
    ),
    _data(
        "data_mb_7d_vs_30d",
        "change",
        "data use within the last week {v}",
        "近1周流量{v}",
        change(_BLOCK, "mb_7", "mb_30"),
    ),
    _data(
        "data_mb_30d_vs_90d",
        "change",
        "data use within the last month {v}",
        "近1个月流量{v}",
        change(_BLOCK, "mb_30", "mb_90"),
    ),
    _data(
        "data_sessions_7d_vs_30d",
        "change",
        "data sessions within the last week {v}",
        "近1周上网次数{v}",
        change(_BLOCK, "sessions_7", "sessions_30"),
    ),
    _data(
        "data_failed_share_7d",
        "share",
        "{v} of data sessions failed within the last week",
        "近1周上网失败率{v}",
        share(_BLOCK, "failed_7", "sessions_7"),
        disclosable=True,
    ),
    _data(
        "data_throttled_share_7d",
        "share",
        "{v} of data sessions throttled within the last week",
        "近1周上网限速占比{v}",
        share(_BLOCK, "throttled_7", "sessions_7"),
        disclosable=True,
    ),
    _data(
        "data_recency_vs_rhythm",
        "times",
        "no data use for {v} times the usual gap",
        "未上网时长为平时间隔的{v}倍",
        rhythm(_BLOCK),
    ),
    _stage("acquired", "just began to use data|did not just begin to use data", "刚开始使用流量|不是刚开始使用流量"),
    _stage(
        "interested", "uses data now and then|does not use data just now and then", "偶尔使用流量|不只是偶尔使用流量"
    ),
    _stage("habit", "uses data regularly|does not use data regularly", "经常使用流量|不常使用流量"),
    _stage(
        "losing_interest",
        "uses far less data than before|uses no less data than before",
        "流量使用明显减少|流量使用未见减少",
    ),
    _stage("cancelled", "no longer uses data|still uses data", "已不再使用流量|仍在使用流量"),
    _data("silent_days", "days", "neither calls nor data for {v}", "已沉默{v}", Formula(None, _SILENT)),
    _data(
        "recency_vs_rhythm",
        "times",
        "silent for {v} times the usual gap",
        "沉默时长为平时间隔的{v}倍",
        Formula(None, f"{_SILENT} * {_RATE} if {_RATE} > 0.0 else NAN"),
    ),
)
