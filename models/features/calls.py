"""Features of the calls: how much, with whom, how it moves against the subscriber's own usual."""

from __future__ import annotations

from typing import Final

from models.events import CALLS as TOPIC
from models.features.definitions import Feature, Formula, Unit, change, rhythm, share, total
from models.state.columns import CALLS as _BLOCK


def _calls(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula, *, disclosable: bool = True) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, disclosable, formula)


def _rival_share(slot: str, name: str, zh: str) -> Feature:
    en = "other operators" if slot == "other" else name.replace("_", " ").title()
    return _calls(
        f"{name}_share_30d",
        "share",
        f"{{v}} of calls with {en}",
        f"与{zh}用户通话占比{{v}}",
        share(_BLOCK, f"{slot}_30", "calls_30"),
        disclosable=False,
    )


FEATURES: Final = (
    _calls("calls_1d", "count", "{v} call{s} in a day", "近1天通话{v}次", total(_BLOCK, "calls_1")),
    _calls("calls_7d", "count", "{v} call{s} in 7 days", "近7天通话{v}次", total(_BLOCK, "calls_7")),
    _calls("calls_30d", "count", "{v} call{s} in 30 days", "近30天通话{v}次", total(_BLOCK, "calls_30")),
    _calls("call_minutes_1d", "minutes", "{v} of calls in a day", "近1天通话{v}", total(_BLOCK, "minutes_1")),
    _calls("call_minutes_7d", "minutes", "{v} of calls in 7 days", "近7天通话{v}", total(_BLOCK, "minutes_7")),
    _calls("call_minutes_30d", "minutes", "{v} of calls in 30 days", "近30天通话{v}", total(_BLOCK, "minutes_30")),
    _calls("calls_1d_vs_7d", "change", "calls today {v}", "近1天通话量{v}", change(_BLOCK, "calls_1", "calls_7")),
    _calls("calls_7d_vs_30d", "change", "calls {v}", "通话量{v}", change(_BLOCK, "calls_7", "calls_30")),
    _calls(
        "calls_30d_vs_90d", "change", "calls this month {v}", "近1个月通话量{v}", change(_BLOCK, "calls_30", "calls_90")
    ),
    _calls(
        "call_minutes_7d_vs_30d", "change", "call minutes {v}", "通话时长{v}", change(_BLOCK, "minutes_7", "minutes_30")
    ),
    _calls(
        "call_minutes_30d_vs_90d",
        "change",
        "call minutes this month {v}",
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
        disclosable=False,
    ),
    _calls(
        "off_net_calls_7d_vs_30d",
        "change",
        "off-net calls {v}",
        "异网通话量{v}",
        change(_BLOCK, "off_net_7", "off_net_30"),
        disclosable=False,
    ),
    _rival_share("mobile", "china_mobile", "中国移动"),
    _rival_share("unicom", "china_unicom", "中国联通"),
    _rival_share("telecom", "china_telecom", "中国电信"),
    _rival_share("broadnet", "china_broadnet", "中国广电"),
    _rival_share("other", "other_operator", "其他运营商"),
    _calls(
        "competitor_care_calls_7d",
        "count",
        "{v} call{s} to a competitor's care line in 7 days",
        "近7天致电竞对客服{v}次",
        total(_BLOCK, "rival_care_7"),
        disclosable=False,
    ),
    _calls(
        "competitor_care_calls_30d",
        "count",
        "{v} call{s} to a competitor's care line in 30 days",
        "近30天致电竞对客服{v}次",
        total(_BLOCK, "rival_care_30"),
        disclosable=False,
    ),
    _calls(
        "forwarded_share_30d",
        "share",
        "{v} of calls are forwarded",
        "呼叫转移占比{v}",
        share(_BLOCK, "forwarded_30", "calls_30"),
        disclosable=False,
    ),
    _calls(
        "dropped_share_7d",
        "share",
        "{v} of calls dropped in 7 days",
        "近7天掉话率{v}",
        share(_BLOCK, "dropped_7", "calls_7"),
    ),
    _calls(
        "call_recency_vs_rhythm",
        "times",
        "no call for {v} times the usual gap",
        "未通话时长为平时间隔的{v}倍",
        rhythm(_BLOCK),
    ),
)
