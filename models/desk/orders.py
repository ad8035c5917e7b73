"""The life of a work order: dispatched, pressed, tried, fed back, archived or withdrawn."""

from __future__ import annotations

from typing import Final

from models.contract.alerts import AlertId
from models.contract.events import Channel
from models.contract.policy import Policy
from models.contract.time_units import HOUR_MS
from models.contract.vocabulary import OrderStep
from models.contract.work_orders import WorkOrder
from models.decisions.contact_rules import working
from models.desk.persons import OpenOrder

DESK: Final = "desk"
"""Author named in the desk's own steps."""


def step_of(order: OpenOrder, step: OrderStep, reason: str, by: str, ts: int, version: str) -> WorkOrder:
    """Take a step of the order and return its record."""
    order.step = step
    order.seq += 1
    return WorkOrder(
        order_id=order.order_id,
        seq=order.seq,
        step=step,
        reason=reason,
        subscriber_id=None if order.account_id else order.subscriber_id,
        customer_id=order.customer_id,
        account_id=order.account_id,
        alert_ids=[AlertId(each) for each in order.alert_ids],
        unit=order.unit,
        role=order.role,
        assignee=order.assignee,
        channel=order.channel,
        contact_by=order.contact_by,
        by=by,
        ts=ts,
        policy_version=version,
    )


def next_pressing(order: OpenOrder, policy: Policy) -> int | None:
    """When the desk presses for a contact next; None if it does not, or has done so for the last time.

    Orders for customers who may only be answered are not pressed.
    """
    if order.contacted_ts is not None or order.answers_only or order.pressed == "returned":
        return None
    if order.pressed == "":
        left = order.contact_by - order.dispatched_ts
        return order.dispatched_ts + round(max(0, left) * policy.desk.remind_share)
    if order.pressed == "reminded":
        return order.contact_by
    return working(order.contact_by, round(policy.desk.return_hours * HOUR_MS), policy.contact)


def press(order: OpenOrder, head: str | None) -> tuple[OrderStep, str]:
    """Press one step further: remind the assignee, then give it to the head of the unit, then back to the pool."""
    if order.pressed == "":
        order.pressed = "reminded"
        return "reminded", "deadline_near"
    if order.pressed == "reminded":
        order.pressed, order.assignee = "escalated", head
        return "escalated", "deadline_passed"
    order.pressed, order.assignee = "returned", None
    return "returned", "deadline_long_passed"


def unanswered(order: OpenOrder, hour: int, policy: Policy) -> tuple[Channel, ...]:
    """Note an unanswered try; returns the channels left once there were enough tries at different hours, else none.

    Examples
    --------
    >>> order = OpenOrder(
    ...     order_id="o", subscriber_id="s", customer_id=None, lane=0, alert_ids=["a"], open_ids=["a"], unit="u",
    ...     role="caller", assignee=None, channel="outbound_call", channels=("outbound_call", "store"), contact_by=0,
    ...     dispatched_ts=0, priority=0.0, kind="silence", level=1, segment="high", corporate=False,
    ... )
    >>> [unanswered(order, hour, Policy()) for hour in (9, 9, 11, 15)]
    [(), (), (), ('store',)]
    """
    if hour not in order.tried_hours:
        order.tried_hours.append(hour)
    if len(order.tried_hours) < policy.desk.tries or order.channel not in order.channels:
        return ()
    return order.channels[order.channels.index(order.channel) + 1 :]
