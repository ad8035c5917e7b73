"""Names, and events that are valid as they stand: what a producer has to know of Holdfast."""

from __future__ import annotations

from typing import Any, Final

from aiokafka.partitioner import murmur2

CALLS: Final = "telecom.calls.v1"
DATA: Final = "telecom.data-usage.v1"
VISITS: Final = "telecom.site-visits.v1"
CARE: Final = "telecom.care-contacts.v1"
BILLING: Final = "telecom.billing.v1"
CONTACTS: Final = "telecom.contacts.v1"
SUBSCRIBERS: Final = "telecom.subscribers.v1"
OUTCOMES: Final = "telecom.outcomes.v1"
ERASURES: Final = "telecom.erasures.v1"
FEEDBACK: Final = "churn.alert-feedback.v1"
INPUTS: Final = (CALLS, DATA, VISITS, CARE, BILLING, CONTACTS, SUBSCRIBERS, OUTCOMES, ERASURES, FEEDBACK)
ALERTS: Final = "churn.retention-alerts.v1"
SCORES: Final = "churn.risk-scores.v1"
SUPPRESSIONS: Final = "churn.suppressions.v1"
DEAD_LETTERS: Final = "churn.dead-letters.v1"
RECEIPTS: Final = "churn.receipts.v1"
STATE: Final = "churn.state.v1"
HISTORY: Final = "churn.history.v1"
WORK_ORDERS: Final = "churn.work-orders.v1"
OUTPUTS: Final = (ALERTS, WORK_ORDERS, SCORES, SUPPRESSIONS, DEAD_LETTERS, RECEIPTS, STATE, HISTORY)
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

FIELDS: Final[dict[str, dict[str, Any]]] = {
    CALLS: {"direction": "outgoing", "duration_s": 60, "peer_network": "on_net"},
    DATA: {"bytes": 1_000_000},
    VISITS: {"operator": "rival", "dwell_s": 5, "page": "home"},
    CARE: {"reason": "inquiry"},
    BILLING: {"kind": "accrual", "amount": 1.0},
    CONTACTS: {"channel": "sms"},
    SUBSCRIBERS: {
        "arpu": 138.0,
        "unit": "tianhe-03",
        "manager": "manager-7",
        "plan": "5G-129",
        "consent": {"behaviour": True},
    },
    OUTCOMES: {"outcome": "ported_out"},
    ERASURES: {"request_id": "r-1"},
    FEEDBACK: {"status": "accepted"},
}
"""A valid event of each input, beside ``subscriber_id`` and ``ts``."""


def lane_of(key: str, lanes: int) -> int:
    """Partition that Kafka's Java client would choose."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % lanes
