"""Records of ``churn.breaches.v1``, as lanes write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from support.alerts_made import an_action, an_alert

from models.contract.alerts import AlertId, Trigger
from models.contract.breaches import Answer, Breach, Mark
from models.contract.vocabulary import AlertEvent

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
TICK_MS: Final = HOUR // 4
NINE: Final = 1_780_016_400_000
"""09:00 of a Friday in Shanghai."""
BEGIN_MS: Final = NINE + HOUR


def a_breach(
    name: str,
    at: int = NINE,
    event: AlertEvent = "raised",
    *,
    kind: Any = "silence",
    subscriber: str = "s-1",
    customer: str | None = None,
    lane: int = 0,
    unit: str = "tianhe-03",
    priority: float = 10.0,
    **fields: Any,
) -> Breach:
    """A step of the breach `name`; without `customer` the number is a person of its own."""
    action = an_action(unit=unit, channel="outbound_call", contact_from=at, contact_by=at + 9 * HOUR)
    alert = an_alert(
        alert_id=AlertId(name),
        event=event,
        kind=kind,
        subscriber_id=subscriber,
        customer_id=customer,
        ts=at,
        priority=priority,
        close_reason="recovered" if event == "closed" else None,
        action=action if event in ("raised", "escalated") else None,
        trigger=Trigger(topic=None, partition=lane, offset=None, tick=at),
    )
    alert = msgspec.structs.replace(alert, **{k: fields.pop(k) for k in list(fields) if k in alert.__struct_fields__})
    return Breach(
        lane=lane,
        clock=at,
        subscriber_id=subscriber,
        customer_id=customer,
        alert=alert,
        **({"level": 1, "channels": ("outbound_call", "store")} | fields),
    )


def a_numbered_breach(number: int, lanes: int, at: int = BEGIN_MS, *, kind: Any = "risk_tier") -> Breach:
    """The breach of a person of their own, in the lane of their number, which is its priority, too."""
    return a_breach(
        f"{number:032x}",
        at,
        kind=kind,
        subscriber=f"s-{number:04}",
        customer=f"c-{number}",
        lane=number % lanes,
        priority=float(number),
        channels=("outbound_call",),
        record_ts=at,
    )


def marks(lanes: int, tick: int) -> Sequence[Mark]:
    """Every lane has finished so many ticks."""
    return [Mark(lane=lane, tick=BEGIN_MS + tick * TICK_MS) for lane in range(lanes)]


def an_answer(status: Any, at: int, alert: str | None = None, *, subscriber: str = "s-1", **fields: Any) -> Answer:
    """What the front line said."""
    trigger = Trigger(topic="churn.alert-feedback.v1", partition=0, offset=at % 1000, tick=None)
    values = {"lane": 0, "clock": at, "ts": at, "subscriber_id": subscriber, "alert_id": alert, "by": "li"} | fields
    return Answer(status=status, trigger=trigger, **values)
