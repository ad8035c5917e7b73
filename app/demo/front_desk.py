"""The desk as the demonstration shows it: the card's work order, its unit's day, and the viewer's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final, NamedTuple

from app.orders.order_book import OrderBook, OrderLife
from models.contract.events import Channel, FeedbackStatus
from models.contract.policy import Policy, UnitPolicy
from models.contract.work_orders import OrderId, WorkOrder
from models.desk.capacity import UnitDay, Units
from models.detection.contact_rules import local_day

VIEWER: Final = "viewer"
"""Author of the feedback that the keys give."""
ANSWERS: Final[Mapping[str, FeedbackStatus]] = {
    "a": "accepted",
    "c": "contacted",
    "u": "unreachable",
    "r": "retained",
    "x": "refused",
}
"""Feedback that each key gives on the card's order."""
_LISTED: Final = 3


@dataclass(slots=True)
class Answered:
    """Feedback of the viewer, and how long the desk took to write its step.

    ``seconds`` is None until then; an unanswered try has no step until the desk turns to another channel.
    """

    order_id: OrderId
    status: FeedbackStatus
    began: float
    seconds: float | None = None


class ChannelDay(NamedTuple):
    """Contacts of a unit over one channel in a day; without a limit ``capacity`` is None."""

    channel: Channel
    used: int
    capacity: int | None


class UnitToday(NamedTuple):
    """A unit's day: number of open orders, the most urgent of them, capacity, and saves."""

    unit: str
    open: int
    contacted: int
    waiting: int
    saved: int
    target: int | None
    channels: list[ChannelDay]
    first: list[OrderLife]


@dataclass(slots=True)
class FrontDesk:
    """Work orders, units and answers so far.

    Attributes
    ----------
    policy
        The policy by which the desk decides; None before it has written one.
    waiting
        Waiting breaches by unit.
    """

    orders: OrderBook = field(default_factory=OrderBook)
    policy: Policy | None = None
    days: dict[tuple[str, int], UnitDay] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    answered: Answered | None = None
    _units: Units = field(default_factory=Units)

    def govern(self, policy: Policy) -> None:
        """Take the policy by which the desk decides from now on."""
        self.policy = policy
        self._units.govern(policy)

    def ordered(self, order: WorkOrder, value: bytes, at: float) -> None:
        """Add a committed step; the first one caused by the viewer's answer stops its clock."""
        self.orders.take(order, value)
        said = self.answered
        if said is not None and said.seconds is None and (order.order_id, order.by) == (said.order_id, VIEWER):
            said.seconds = round(at - said.began, 3)

    def answering(self, alert_id: str) -> OrderLife | None:
        """The order that answers an alert."""
        return self.orders.of_alert(alert_id)

    def today(self, unit: str, now_ms: int) -> UnitToday:
        """The unit's day at `now_ms`; channels in use come before unused ones."""
        policy = self.policy or Policy()
        day = local_day(now_ms, policy.contact)
        done = self.days.get((unit, day), UnitDay())
        used, ours = done.used, next((each for each in policy.units if each.name == unit), UnitPolicy(name=unit))
        channels = [
            ChannelDay(channel, used.get(channel, 0), self._units.limit(unit, channel, day))
            for channel in dict.fromkeys((*ours.capacity, *used))
        ]
        channels.sort(key=lambda each: not each.used and each.capacity != 0)
        found = self.orders.today(now_ms, UTC, units=(unit,), only_open=True)
        contacted = sum(life.contacted for life in found)
        waiting, listed = self.waiting.get(unit, 0), found[:_LISTED]
        return UnitToday(unit, len(found), contacted, waiting, done.saved, ours.target, channels, listed)
