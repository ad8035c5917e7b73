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
"""Why the subscriber may leave, as the playbook knows it."""


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


Tier = Literal["healthy", "warning", "high_risk"]


TIERS: Final[tuple[Tier, ...]] = ("healthy", "warning", "high_risk")


HEALTHY: Final = 0


WARNING: Final = 1


HIGH_RISK: Final = 2
