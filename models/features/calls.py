"""Features of calls: volume, peers, and change relative to the subscriber's own usual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from models.contract.events import CALLS as TOPIC
from models.features.feature_formula import Feature, Formula, Unit, change, rhythm, share, total, within
from models.state.columns import CALLS as _BLOCK


def _calls(
    name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula, *, disclosable: bool = False
) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, disclosable, formula)


def _rival_share(slot: str, name: str, zh: str) -> Feature:
    en = "other operators" if slot == "other" else name.replace("_", " ").title()
    return _calls(
        f"{name}_share_30d",
        "share",
        f"{{v}} of calls with {en}",
        f"与{zh}用户通话占比{{v}}",
        share(_BLOCK, f"{slot}_30", "calls_30"),
    )


def _over(name: str, column: str, unit: Unit, texts_en: str, texts_zh: str) -> Iterator[Feature]:
    for days in (1, 7, 30):
        yield _calls(f"{name}_{days}d", unit, *within(days, texts_en, texts_zh), total(_BLOCK, f"{column}_{days}"))


def _rival_care(days: int) -> Feature:
    line = "a competitor's care line"
    texts_en = f"no call to {line}|called {line}|called {line} several times"
    texts = within(days, texts_en, "未致电竞对客服|致电过竞对客服|多次致电竞对客服")
    return _calls(f"competitor_care_calls_{days}d", "count", *texts, total(_BLOCK, f"rival_care_{days}"))


FEATURES: Final = (
    *_over("calls", "calls", "count", "no calls|{v} call{s}", "无通话|通话{v}次"),
    *_over("call_minutes", "minutes", "minutes", "hardly any call time|{v} of calls", "几乎无通话|通话{v}"),
    _calls(
        "calls_1d_vs_7d",
        "change",
        "calls within the last day {v}",
        "近1天通话量{v}",
        change(_BLOCK, "calls_1", "calls_7"),
    ),
    _calls(
        "calls_7d_vs_30d",
        "change",
        "calls within the last week {v}",
        "近1周通话量{v}",
        change(_BLOCK, "calls_7", "calls_30"),
    ),
    _calls(
        "calls_30d_vs_90d",
        "change",
        "calls within the last month {v}",
        "近1个月通话量{v}",
        change(_BLOCK, "calls_30", "calls_90"),
    ),
    _calls(
        "call_minutes_7d_vs_30d",
        "change",
        "call time within the last week {v}",
        "近1周通话时长{v}",
        change(_BLOCK, "minutes_7", "minutes_30"),
    ),
    _calls(
        "call_minutes_30d_vs_90d",
        "change",
        "call time within the last month {v}",
        "近1个月通话时长{v}",
        change(_BLOCK, "minutes_30", "minutes_90"),
    ),
    _calls(
        "outgoing_share_30d",
        "share",
        "{v} of calls are outgoing",
        "主叫占比{v}",
        share(_BLOCK, "outgoing_30", "calls_30"),
    ),
    _calls(
        "off_net_share_30d",
        "share",
        "{v} of calls are off-net",
        "异网呼叫占比{v}",
        share(_BLOCK, "off_net_30", "calls_30"),
    ),
    _calls(
        "off_net_calls_7d_vs_30d",
        "change",
        "off-net calls within the last week {v}",
        "近1周异网通话量{v}",
        change(_BLOCK, "off_net_7", "off_net_30"),
    ),
    _rival_share("mobile", "china_mobile", "中国移动"),
    _rival_share("unicom", "china_unicom", "中国联通"),
    _rival_share("telecom", "china_telecom", "中国电信"),
    _rival_share("broadnet", "china_broadnet", "中国广电"),
    _rival_share("other", "other_operator", "其他运营商"),
    _rival_care(7),
    _rival_care(30),
    _calls(
        "forwarded_share_30d",
        "share",
        "{v} of calls are forwarded",
        "呼叫转移占比{v}",
        share(_BLOCK, "forwarded_30", "calls_30"),
    ),
    _calls(
        "dropped_share_7d",
        "share",
        "{v} of calls dropped within the last week",
        "近1周掉话率{v}",
        share(_BLOCK, "dropped_7", "calls_7"),
        disclosable=True,
    ),
    _calls(
        "call_recency_vs_rhythm",
        "times",
        "no call for {v} times the usual gap",
        "未通话时长为平时间隔的{v}倍",
        rhythm(_BLOCK),
    ),
)
