"""Work orders as read from their topic: the state of each, since when, and what it is about."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, tzinfo
from typing import Final

import msgspec

from models.contract.vocabulary import KINDS, OrderStep
from models.contract.work_orders import OrderId, WorkOrder

ENDS: Final[frozenset[OrderStep]] = frozenset({"archived", "withdrawn"})
_decode: Final = msgspec.json.Decoder(WorkOrder).decode


def as_order(value: bytes | None) -> WorkOrder | None:
    """The work order of a record, or None if this version cannot read it.

    Examples
    --------
    >>> as_order(b"{}") is None, as_order(None) is None
    (True, True)
    """
    try:
        return _decode(value or b"")
    except msgspec.MsgspecError:
        return None


class OrderLife:
    """What is known of one order after the records so far.

    Attributes
    ----------
    newest, value
        Its last step, decoded and as in the topic.
    since
        When it was first dispatched, ms.
    contacted
        Whether a contact was made since it was last dispatched.
    """

    def __init__(self, first: WorkOrder, value: bytes) -> None:
        self.newest, self.value, self.since, self.contacted = first, value, first.ts, False
        self._kinds: dict[str, str] = {}
        self.take(first, value)

    def take(self, order: WorkOrder, value: bytes) -> None:
        """Add a step."""
        self.newest, self.value = order, value
        self.contacted = order.step == "contacted" or (self.contacted and order.step != "dispatched")
        if order.step == "dispatched":
            # This dispatch is about the alert that is new in it.
            for alert in order.alert_ids:
                self._kinds.setdefault(alert, order.reason)

    @property
    def open(self) -> bool:
        """Whether it is neither archived nor withdrawn."""
        return self.newest.step not in ENDS

    @property
    def about(self) -> str:
        """Kind of the leading alert; if its dispatch is no longer in the topic, the reason of the last step."""
        found = self._kinds.get(self.newest.alert_ids[0], "") if self.newest.alert_ids else ""
        return found if found in KINDS else self.newest.reason


class OrderBook:
    """Takes the records of work orders, in the order of each partition."""

    def __init__(self) -> None:
        self._lives: dict[OrderId, OrderLife] = {}
        self._answering: dict[str, OrderId] = {}

    def take(self, order: WorkOrder, value: bytes) -> None:
        """Add a record."""
        self._answering.update(dict.fromkeys(order.alert_ids, order.order_id))
        known = self._lives.get(order.order_id)
        if known is None:
            self._lives[order.order_id] = OrderLife(order, value)
        else:
            known.take(order, value)

    def of_alert(self, alert_id: str) -> OrderLife | None:
        """The newest order that answers an alert."""
        order = self._answering.get(alert_id)
        return None if order is None else self._lives[order]

    def steps(self) -> Counter[str]:
        """Number of orders at each step."""
        return Counter(life.newest.step for life in self._lives.values())

    def today(
        self, now_ms: int, zone: tzinfo, *, units: tuple[str, ...] = (), only_open: bool = False
    ) -> list[OrderLife]:
        """The list of a day: customers to contact, most urgent first; those contacted; and orders that ended today."""
        day = datetime.fromtimestamp(now_ms / 1000, zone).date()
        found = [
            life
            for life in self._lives.values()
            if (not units or life.newest.unit in units)
            and (life.open or (not only_open and datetime.fromtimestamp(life.newest.ts / 1000, zone).date() == day))
        ]
        return sorted(
            found, key=lambda life: (not life.open, life.contacted, life.newest.contact_by, life.newest.order_id)
        )
