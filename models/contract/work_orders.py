"""Work orders: who is to contact a person, over which channel and by when, and each step until its end."""

from __future__ import annotations

from typing import NewType

from msgspec import Struct

from models.contract.alerts import AlertId, hash_of
from models.contract.events import Channel
from models.contract.vocabulary import OrderStep, Role

OrderId = NewType("OrderId", str)


class WorkOrder(Struct, frozen=True, kw_only=True):
    """One step of a work order; a person has at most one that is open.

    ``assignee`` is null in the unit's pool. ``by`` is who took the step: ``desk``, or the author of feedback.
    """

    order_id: OrderId
    seq: int
    step: OrderStep
    reason: str
    """Reason of the step, as a code: the kind of the alert, a feedback status, a close or suppression reason,
    ``deadline_near``, ``deadline_passed``, ``deadline_long_passed``, ``unanswered``, ``other_unit``, ``other_person``,
    ``other_matter``, ``consent_changed``."""
    subscriber_id: str | None
    """Null if the order is about an account."""
    customer_id: str | None
    account_id: str | None
    """Only if the order answers an ``account_exodus``."""
    alert_ids: list[AlertId]
    """The alerts that it answers; the first one leads."""
    unit: str
    role: Role
    assignee: str | None
    channel: Channel
    contact_by: int
    by: str
    ts: int
    policy_version: str


def order_id(alert: str) -> OrderId:
    """Id of the order that an alert opens.

    Examples
    --------
    >>> len(order_id("9f0c")), order_id("9f0c") == order_id("9f0d")
    (32, False)
    """
    return OrderId(hash_of("order", alert))
