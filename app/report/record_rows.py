"""From a record of a topic to the rows of the report's tables (:data:`app.report.facts.SCHEMA`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.orders.order_book import as_order
from models.contract.alerts import Alert, Suppression
from models.contract.events import (
    BILLING,
    CARE_CONTACTS,
    CONTACTS,
    ERASURES,
    FEEDBACK,
    OUTCOMES,
    SUBSCRIBERS,
    AnyEvent,
    Billing,
    CareContact,
    Contact,
    Deletion,
    Erasure,
    Feedback,
    Outcome,
    Profile,
)
from models.contract.work_orders import WorkOrder
from streams.kafka.topic_tail import as_alert, as_suppression
from streams.records.topics import ALERTS, SCORES, SUPPRESSIONS, WORK_ORDERS
from streams.records.wire import Rejected, decode

Row = tuple[str, tuple[Any, ...]]
"""A table, and the values of a row; in ``erased`` the subscriber's id itself, and when."""
READ: Final = (
    ERASURES,
    SUBSCRIBERS,
    OUTCOMES,
    BILLING,
    CARE_CONTACTS,
    CONTACTS,
    FEEDBACK,
    ALERTS,
    SUPPRESSIONS,
    WORK_ORDERS,
    SCORES,
)
"""Topics of the report. Erasures come first, so that no row of an erased subscriber is written at all."""
DELETED: Final = "deleted"
"""Status of a profile that was deleted."""


class _Scored(Struct, frozen=True):
    subscriber_id: str
    ts: int
    tier: str


_scored: Final = msgspec.json.Decoder(_Scored).decode


def rows_of(topic: str, record: Any) -> Iterator[Row]:
    """The rows that a record of `topic` (without prefix) adds.

    Raises
    ------
    msgspec.MsgspecError
        If it cannot be read: a worker would send it to the dead letters.
    """
    read = _READERS.get(topic)
    return _event_rows(topic, record) if read is None else read(record)


def whose(table: str, row: Sequence[Any]) -> tuple[str | None, int]:
    """Subscriber and time of a row."""
    at = {"breaches": 1, "order_alerts": 1, "steps": 2}.get(table, 0)
    return row[at], row[at + 1]


def _event_rows(topic: str, record: Any) -> Iterator[Row]:
    event = decode(topic, record, None)
    if isinstance(event, Rejected):
        raise msgspec.ValidationError(event.reason)
    if isinstance(event, Deletion):
        # What is known of them stays, for the report of the time before: but they are no customer any more.
        yield "profiles", (event.subscriber_id, record.timestamp, DELETED, None, None, None, None)
    else:
        yield _row(event)


def _row(event: AnyEvent) -> Row:
    head = (event.subscriber_id, event.ts, event.event_id)
    match event:
        case Erasure():
            return "erased", head[:2]
        case Profile():
            return "profiles", (*head[:2], event.status, event.activated_ts, event.customer_id, event.unit, event.arpu)
        case Outcome():
            return "outcomes", (*head, event.outcome)
        case Billing():
            return "bills", (*head, event.kind, event.amount)
        case CareContact():
            return "care", (*head, event.reason, event.status, event.case_id, event.due_ts, event.appointment_ts)
        case Contact():
            return "contacts", head
        case Feedback():
            return "feedback", (*head, event.status, event.alert_id)
        case _:
            raise msgspec.ValidationError("not of the report")


def _alert_rows(record: Any) -> Iterator[Row]:
    alert = as_alert(record.value)
    if alert is None:
        raise msgspec.ValidationError("no alert")
    yield from _decision_rows(f"{alert.alert_id}:{alert.seq}", alert, None)


def _suppression_rows(record: Any) -> Iterator[Row]:
    withheld = as_suppression(record.value)
    if withheld is None:
        raise msgspec.ValidationError("no suppression")
    yield from _decision_rows(withheld.decision_id, withheld, withheld.reason)


def _decision_rows(decision: str, body: Alert | Suppression, reason: str | None) -> Iterator[Row]:
    unit = None if body.action is None else body.action.unit
    if body.event in ("raised", "escalated"):
        whose = (decision, body.subscriber_id, body.ts, body.alert_id)
        yield "breaches", (*whose, body.kind, body.event, body.tier, unit, reason)
    if body.subscriber_id is not None:
        yield "tiers", (body.subscriber_id, body.ts, body.tier)


def _order_rows(record: Any) -> Iterator[Row]:
    order: WorkOrder | None = as_order(record.value)
    if order is None:
        raise msgspec.ValidationError("no work order")
    whose = (order.order_id, order.seq, order.subscriber_id, order.ts)
    yield "steps", (*whose, order.step, order.unit, order.channel, order.contact_by)
    for alert in order.alert_ids:
        yield "order_alerts", (alert, order.subscriber_id, order.ts, order.order_id)


def _score_rows(record: Any) -> Iterator[Row]:
    if record.value is not None:
        yield "tiers", tuple(msgspec.structs.astuple(_scored(record.value)))


_READERS: Final[Mapping[str, Callable[[Any], Iterator[Row]]]] = {
    ALERTS: _alert_rows,
    SUPPRESSIONS: _suppression_rows,
    WORK_ORDERS: _order_rows,
    SCORES: _score_rows,
}
