"""Alerts as the contract's example has them, for tests of what shows or reads them."""

from __future__ import annotations

from typing import Any, Final

from models.contract.alerts import (
    Action,
    Alert,
    AlertId,
    AlertReason,
    Offer,
    PriorityFactors,
    Suppression,
    TalkTrack,
    Trigger,
    Value,
)
from models.contract.playbook import GENERAL_DO, GENERAL_DONT
from models.contract.vocabulary import Text

NUMBER: Final = "13812348000"
RAISED_MS: Final = 1_780_000_000_000
"""2026-05-29 04:26:40 in Shanghai."""


def an_action(**changed: Any) -> Action:
    """What to do about it."""
    fields: dict[str, Any] = {
        "cause": "competitor_offer",
        "strategy": "home_visit_renewal",
        "channel": "field_visit",
        "unit": "tianhe-03",
        "assignee": None,
        "contact_from": RAISED_MS,
        "contact_by": RAISED_MS + 20_000_000,
        "offer": Offer(
            code="R-A", name=Text("Renewal package A", "续约礼包A"), valid_until=RAISED_MS * 2, cost_cap=60.0
        ),
        "talk_track": TalkTrack(
            opening=Text("Your contract ends next month; do you have a minute?", "您的合约下月到期，方便吗？"),
            do=list(GENERAL_DO),
            dont=list(GENERAL_DONT),
        ),
    }
    return Action(**{**fields, **changed})


def an_alert(**changed: Any) -> Alert:
    """An alert for a subscriber who reads a competitor's pages."""
    fields: dict[str, Any] = {
        "alert_id": AlertId("9f0c11223344556677889900aabbccdd"),
        "seq": 1,
        "event": "raised",
        "kind": "competitor_browsing",
        "close_reason": None,
        "severity": "normal",
        "subscriber_id": NUMBER,
        "customer_id": "c-77",
        "account_id": None,
        "members": None,
        "ts": RAISED_MS,
        "risk": 0.12,
        "base_rate": 0.015,
        "tier": "high_risk",
        "previous_tier": "warning",
        "model_version": "m-00042",
        "policy_version": "p-7",
        "reasons": [
            _reason("competitor_dwell_7d", "24 minutes on competitor sites", "浏览竞对网站24分钟", disclosable=False),
            _reason("contract_days_left", "21 days of contract left", "合约剩21天", disclosable=True),
        ],
        "value": Value(arpu=138.0, segment="high", revenue_at_risk=114.5),
        "priority": 114.5,
        "priority_factors": PriorityFactors(propensity=0.12, value=138.0, actionability=0.9),
        "action": an_action(),
        "trigger": Trigger(topic="telecom.site-visits.v1", partition=3, offset=88123, tick=None),
    }
    return Alert(**{**fields, **changed})


def a_suppression(**changed: Any) -> Suppression:
    """The same, withheld."""
    body = {name: getattr(an_alert(), name) for name in Alert.__struct_fields__}
    return Suppression(**{**body, "decision_id": "d" * 32, "reason": "cooldown", "seq": 0, **changed})


def _reason(code: str, en: str, zh: str, *, disclosable: bool) -> AlertReason:
    return AlertReason(
        code=code, value=24.0, usual=1.0, contribution=1.3, disclosable=disclosable, text=Text(en=en, zh=zh)
    )
