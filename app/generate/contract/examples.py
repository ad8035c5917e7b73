"""An example or two of each message: what a producer may send, and what Holdfast writes, by its own encoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from app.generate.contract.schemas import NIGHT
from models.analysis.daily_segments import Night, NightReason
from models.analysis.offer_outcomes import CAVEAT, Association, Associations
from models.analysis.risk_segments import Departures, RiskSegment
from models.analysis.segment_traits import Trait
from models.contract.alerts import (
    Action,
    Alert,
    AlertId,
    AlertReason,
    Offer,
    PriorityFactors,
    Receipt,
    Remains,
    Score,
    Suppression,
    TalkTrack,
    Trigger,
    Value,
    subscriber_hash,
)
from models.contract.playbook import GENERAL_DO, GENERAL_DONT
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import OrderStep, Text
from models.contract.work_orders import WorkOrder, order_id
from models.detection.outbox import Output
from streams.kafka.parking import ANSWER, ATTEMPTS, ENDPOINT, REASON, STATUS
from streams.policy_topic import policy_record
from streams.records.dead_letters import dead_letter, note
from streams.records.out_records import Headers, out_records
from streams.records.topics import ALERTS, DEAD_LETTERS, PARKED, POLICY, RECEIPTS, SCORES, SUPPRESSIONS, WORK_ORDERS
from streams.records.wire import Rejected

Example = dict[str, Any]
"""As AsyncAPI has it: ``name``, ``headers`` where there are some, and ``payload``."""

WHO: Final = "s-10086"
TS: Final = 1_780_000_000_000
_ALERT_ID: Final = AlertId("9f0c11223344556677889900aabbccdd")
_GROUP: Final = "holdfast"

_SENT: Final[Mapping[str, dict[str, Any]]] = {
    "telecom.calls.v1": {"direction": "outgoing", "duration_s": 74, "peer_network": "off_net", "dropped": True},
    "telecom.data-usage.v1": {"bytes": 48_000_000, "duration_s": 600, "rat": "5g", "app_category": "video"},
    "telecom.site-visits.v1": {"operator": "rival", "dwell_s": 310, "pages": 4, "page": "number_portability"},
    "telecom.care-contacts.v1": {
        "reason": "complaint",
        "channel": "hotline",
        "case_id": "case-31",
        "product": "mobile",
    },
    "telecom.billing.v1": {"kind": "bill", "amount": 138.0, "period": "2026-05", "plan": "5G-129"},
    "telecom.contacts.v1": {"channel": "sms", "purpose": "marketing"},
    "telecom.subscribers.v1": {
        "activated_ts": TS - 900 * DAY_MS,
        "arpu": 138.0,
        "plan": "5G-129",
        "products": [{"product": "mobile", "contract_end_ts": TS + 21 * DAY_MS}],
        "customer_id": "c-77",
        "unit": "tianhe-03",
        "manager": "manager-7",
        "language": "zh",
        "consent": {"marketing": {"sms": False}, "behaviour": True},
    },
    "telecom.outcomes.v1": {"outcome": "lapsed", "last_activity_ts": TS - 9 * DAY_MS},
    "telecom.erasures.v1": {"request_id": "r-2026-0042"},
    "churn.alert-feedback.v1": {
        "status": "contacted",
        "alert_id": _ALERT_ID,
        "by": "manager-7",
        "channel": "outbound_call",
        "note": "rings back on Friday",
    },
}
"""Fields beside those that all inputs have."""

_TRIGGER: Final = Trigger(topic="telecom.site-visits.v1", partition=3, offset=88123, tick=None)
_RAISED: Final = Alert(
    alert_id=_ALERT_ID,
    seq=1,
    event="raised",
    kind="competitor_browsing",
    close_reason=None,
    severity="normal",
    subscriber_id=WHO,
    customer_id="c-77",
    account_id=None,
    members=None,
    ts=TS,
    risk=0.12,
    base_rate=0.015,
    tier="high_risk",
    previous_tier="warning",
    model_version="m-00042",
    policy_version="p-7",
    reasons=[
        AlertReason(
            code="competitor_dwell_7d",
            value=1460.0,
            usual=12.0,
            contribution=1.31,
            disclosable=False,
            text=Text("24 minutes on competitor sites in 7 days", "近7天浏览竞争对手网站24分钟"),
        )
    ],
    value=Value(arpu=138.0, segment="high", revenue_at_risk=114.5),
    priority=114.5,
    priority_factors=PriorityFactors(propensity=0.12, value=138.0, actionability=0.9),
    action=Action(
        cause="competitor_offer",
        strategy="home_visit_renewal",
        channel="field_visit",
        unit="tianhe-03",
        assignee="manager-7",
        contact_from=TS,
        contact_by=TS + 24 * HOUR_MS,
        offer=Offer(
            code="R-A", name=Text("Renewal package A", "续约礼包A"), valid_until=TS + 30 * DAY_MS, cost_cap=60.0
        ),
        talk_track=TalkTrack(
            opening=Text("Your contract ends soon; do you have a minute?", "您的合约即将到期，方便吗？"),
            do=list(GENERAL_DO),
            dont=list(GENERAL_DONT),
        ),
    ),
    trigger=_TRIGGER,
)
_CLOSED: Final = replace(
    _RAISED, seq=2, event="closed", close_reason="feedback", ts=TS + HOUR_MS, reasons=None, action=None
)
_WITHHELD: Final = Suppression(
    decision_id="5d1f00112233445566778899aabbccdd",
    reason="no_profile",
    **{
        **msgspec.structs.asdict(replace(_RAISED, seq=0, customer_id=None)),
        **dict.fromkeys(("value", "priority", "priority_factors", "action")),
    },
)
_SCORE: Final = Score(
    subscriber_id=WHO,
    ts=TS,
    risk=0.12,
    base_rate=0.015,
    tier="high_risk",
    previous_tier="warning",
    model_version="m-00042",
    policy_version="p-7",
    unit="tianhe-03",
    segment="high",
    reason="competitor_dwell_7d",
)
_DISPATCHED: Final = WorkOrder(
    order_id=order_id(f"{_ALERT_ID}:0"),
    seq=1,
    step="dispatched",
    reason="competitor_browsing",
    subscriber_id=WHO,
    customer_id="c-77",
    account_id=None,
    alert_ids=[_ALERT_ID],
    unit="tianhe-03",
    role="visitor",
    assignee="visitor-2",
    channel="field_visit",
    contact_by=TS + 24 * HOUR_MS,
    by="desk",
    ts=TS,
    policy_version="p-7",
)
_ORDER_STEPS: Final[tuple[tuple[OrderStep, str, str, int], ...]] = (
    ("dispatched", "competitor_browsing", "desk", 0),
    ("accepted", "accepted", "visitor-2", 1),
    ("reminded", "deadline_near", "desk", 18),
    ("contacted", "contacted", "visitor-2", 20),
    ("fed_back", "retained", "visitor-2", 21),
    ("archived", "retained", "visitor-2", 21),
)
"""Steps of an example order: step, reason, author, and hours after the dispatch."""
_ORDER: Final = [
    replace(_DISPATCHED, seq=seq, step=step, reason=reason, by=by, ts=TS + hours * HOUR_MS)
    for seq, (step, reason, by, hours) in enumerate(_ORDER_STEPS, 1)
]
_RECEIPT: Final = Receipt(
    request_id="r-2026-0042",
    subscriber_hash=subscriber_hash(WHO),
    ts=TS,
    deleted=[Remains(where="churn.risk-scores.v1", what="latest risk", until=TS + DAY_MS)],
    remaining=[Remains(where="churn.retention-alerts.v1", what="alerts", until=TS + 30 * DAY_MS)],
)
_NIGHT: Final = Night(
    day="2026-05-28",
    since=TS - 30 * DAY_MS,
    until=TS,
    model_version="m-00042",
    reason=NightReason.MADE,
    text=Text("1 group of 40 customers", "1个群组，共40位客户"),
    groups=Departures(
        examples=9_000,
        foreign=0,
        early=0,
        customers=40,
        tier="high_risk",
        silhouette=0.0,
        segments=[
            RiskSegment(
                number=1,
                size=40,
                share=1.0,
                known=38,
                left=12,
                left_share=0.316,
                left_low=0.19,
                left_high=0.475,
                mean_risk=0.2,
                revenue=4_100.0,
                value={"high": 10, "mid": 20, "low": 10},
                traits=[
                    Trait(
                        feature="silent_days",
                        value=9.0,
                        others=0.4,
                        delta=0.8,
                        beside="calm",
                        against=True,
                        text=Text("9 days of silence", "沉默9天"),
                    )
                ],
                text=Text("40 customers, silent for days", "40位客户，连续沉默"),
            )
        ],
    ),
    offers=Associations(
        caveat=CAVEAT,
        n=60,
        left=15,
        rate=0.25,
        least=30,
        too_few=0,
        pairs=[
            Association(
                cause="silence", offer_code=None, n=60, left=15, rate=0.25, low=0.16, high=0.37, lift=1.0, apart=False
            )
        ],
    ),
)
_REFUSED: Final = {ENDPOINT: "crm", REASON: "refused", STATUS: "422", ANSWER: "no such unit", ATTEMPTS: "1"}
_WRITTEN: Final[Mapping[str, tuple[Output, ...]]] = {
    ALERTS: (
        Output("alert", WHO, _RAISED, _RAISED.ts, f"{_ALERT_ID}:1", None),
        Output("alert", WHO, _CLOSED, _CLOSED.ts, f"{_ALERT_ID}:2", None),
    ),
    PARKED: (Output("alert", WHO, _RAISED, _RAISED.ts, f"{_ALERT_ID}:1", None),),
    SCORES: (
        Output("score", WHO, _SCORE, TS, "1a2b00112233445566778899aabbccdd", None),
        Output("score", WHO, None, TS, "3c4d00112233445566778899aabbccdd", None),
    ),
    SUPPRESSIONS: (Output("suppression", WHO, _WITHHELD, TS, _WITHHELD.decision_id, None),),
    WORK_ORDERS: tuple(
        Output("work_order", WHO, order, order.ts, f"{order.order_id}:{order.seq}", None) for order in _ORDER
    ),
    RECEIPTS: (Output("receipt", _RECEIPT.subscriber_hash, _RECEIPT, TS, "telecom.erasures.v1:3:17", None),),
}


class _Poison:
    """A record that is no event."""

    offset, timestamp, key, value = 4711, TS, b"s-10086", b'{"subscriber_id":"s-10086"}'


def examples(topic: str) -> list[Example]:
    """The examples of a topic's messages.

    Examples
    --------
    >>> examples("telecom.contacts.v1")[0]["payload"]["channel"]
    'sms'
    """
    if topic in _SENT:
        return [{"payload": {"subscriber_id": WHO, "ts": TS, **_SENT[topic]}}]
    if topic == NIGHT:
        return [{"payload": msgspec.to_builtins(_NIGHT)}]
    if topic == POLICY:
        record = policy_record(Policy(version="p-7"), "an example is signed by no secret")
        return [{"headers": _text(record.headers), "payload": json.loads(record.value or b"")}]
    if topic == DEAD_LETTERS:
        letter = dead_letter("telecom.calls.v1", 3, _Poison(), Rejected("missing_field", "no `ts`"))
        sent_again = note("3:17", "telecom.calls.v1", 3, 90_441)
        return [{"headers": _text(letter.headers)}, {"headers": _text(sent_again), "payload": None}]
    written = out_records(_WRITTEN[topic], _GROUP)
    if topic == PARKED:
        written = [(*written[0][:3], [*written[0][3], *((name, text.encode()) for name, text in _REFUSED.items())])]
    return [
        {"headers": _text(headers), "payload": None if value is None else json.loads(value)}
        for _, _, value, headers in written
    ]


def _text(headers: Headers) -> dict[str, str]:
    return {name: value.decode() for name, value in headers}
