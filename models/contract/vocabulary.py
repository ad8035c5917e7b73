"""The closed vocabularies of the outputs, and texts in the two languages of the front line."""

from __future__ import annotations

from typing import Final, Literal, get_args

from msgspec import Struct

Kind = Literal[
    "risk_tier",
    "competitor_browsing",
    "leave_intent",
    "port_out",
    "disconnect_appointment",
    "value_decline",
    "silence",
    "contract_expiry",
    "complaint_overdue",
    "account_exodus",
    "win_back",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
FORETELLS: Final[frozenset[Kind]] = frozenset(KINDS) - {"contract_expiry", "account_exodus", "win_back"}
"""Kinds that foretell that a subscriber leaves; the end of a contract alone does not.

Only their vectors are kept for learning, only they count as foretelling a leaver, and only they count in an account.
"""
Severity = Literal["normal", "high"]
Segment = Literal["high", "mid", "low"]
SEGMENTS: Final[tuple[Segment, ...]] = get_args(Segment)
AlertEvent = Literal["raised", "escalated", "eased", "closed"]
CloseReason = Literal["recovered", "expired", "feedback", "outcome", "suspended", "erased", "superseded"]
SuppressionReason = Literal[
    "no_profile",
    "no_consent",
    "do_not_contact",
    "passive_churn",
    "cooldown",
    "channel_cap",
    "person_cap",
    "quiet_hours",
    "capacity",
    "expired",
    "hold_out",
    "snoozed",
    "blocked",
    "low_priority",
    "legal",
    "stale_feed",
]
OrderStep = Literal[
    "dispatched",
    "accepted",
    "reminded",
    "escalated",
    "returned",
    "reassigned",
    "contacted",
    "fed_back",
    "archived",
    "withdrawn",
]
ORDER_STEPS: Final[tuple[OrderStep, ...]] = get_args(OrderStep)
Role = Literal["assault_team", "account_manager", "disconnect_specialist", "visitor", "caller", "counter", "digital"]
"""Role that works an order: the assault team takes high-value customers at high risk, ``digital`` is a message."""
Cause = Literal[
    "competitor_offer",
    "stated_leave",
    "port_out_query",
    "port_out_code",
    "disconnect",
    "silence",
    "complaint",
    "service_quality",
    "contract_end",
    "contract_notice",
    "price",
    "plan_used_up",
    "usage_decline",
    "subcard_unlinked",
    "plan_downgrade",
    "spend_decline",
    "second_sim",
    "win_back",
    "general",
]
"""Why the subscriber may leave, as used in the playbook."""


LeaveReason = Literal[
    "price",
    "network",
    "service",
    "competitor_offer",
    "family",
    "relocation",
    "unneeded",
    "other",
    "unknown",
]
LEAVE_REASONS: Final[tuple[LeaveReason, ...]] = get_args(LeaveReason)
"""Why subscribers left, by outcomes and feedback: ``other`` if no word matched, ``unknown`` if nothing was said."""
Destination = Literal["china-mobile", "china-unicom", "china-telecom", "china-broadnet", "other", "unknown"]
DESTINATIONS: Final[tuple[Destination, ...]] = get_args(Destination)
"""The operators that leavers went to."""


class Text(Struct, frozen=True):
    """One text in both languages."""

    en: str
    zh: str


CAUSE_TEXTS: Final[dict[str, Text]] = {
    "competitor_offer": Text("competitor's offer", "竞对优惠"),
    "stated_leave": Text("said to be leaving", "离网意向"),
    "port_out_query": Text("port-out query", "携转资格查询"),
    "port_out_code": Text("port-out code", "携转授权码"),
    "disconnect": Text("disconnect appointment", "拆机预约"),
    "silence": Text("silence", "沉默"),
    "complaint": Text("complaint", "投诉"),
    "service_quality": Text("service quality", "服务质量"),
    "contract_end": Text("contract ends", "合约到期"),
    "contract_notice": Text("notice of a contract's end", "合约到期告知"),
    "price": Text("price", "价格"),
    "plan_used_up": Text("plan used up", "套餐不够用"),
    "usage_decline": Text("usage declines", "用量下滑"),
    "subcard_unlinked": Text("sub-card unlinked", "副卡解绑"),
    "plan_downgrade": Text("moved to a cheaper plan", "降档"),
    "spend_decline": Text("spending falls", "消费下滑"),
    "second_sim": Text("uses a second SIM", "副号分流"),
    "win_back": Text("left, may come back", "离网赢回"),
    "general": Text("other", "其他"),
}
"""Text of each :data:`Cause`."""
LEAVE_TEXTS: Final[dict[LeaveReason, Text]] = {
    "price": Text("price", "资费"),
    "network": Text("network", "网络质量"),
    "service": Text("service", "服务"),
    "competitor_offer": Text("competitor's offer", "竞对优惠"),
    "family": Text("joins family or company", "随家庭或单位转网"),
    "relocation": Text("moved away", "异地搬迁"),
    "unneeded": Text("not needed any more", "不再需要"),
    "other": Text("other", "其他"),
    "unknown": Text("not said", "未说明"),
}
"""Text of each :data:`LeaveReason`."""
DESTINATION_TEXTS: Final[dict[Destination, Text]] = {
    "china-mobile": Text("China Mobile", "中国移动"),
    "china-unicom": Text("China Unicom", "中国联通"),
    "china-telecom": Text("China Telecom", "中国电信"),
    "china-broadnet": Text("China Broadnet", "中国广电"),
    "other": Text("another", "其他运营商"),
    "unknown": Text("unknown", "去向不明"),
}
"""Text of each :data:`Destination`."""


Tier = Literal["healthy", "warning", "high_risk"]


TIERS: Final[tuple[Tier, ...]] = ("healthy", "warning", "high_risk")


HEALTHY: Final = 0


WARNING: Final = 1


HIGH_RISK: Final = 2
