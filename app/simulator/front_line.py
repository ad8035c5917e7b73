"""The simulated front line: it accepts work orders, contacts customers, and feeds back the results.

Its feedback depends on its seed and the work orders alone: the same orders get the same answers at the same moments,
regardless of anything else. How people answer is assumed, not measured. A subscriber who is retained here may still
leave, since the simulated population does not know of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple

from app.publishing.record import TimedRecord, encode
from models.contract.events import FEEDBACK, FeedbackStatus
from models.contract.policy import ContactPolicy
from models.contract.time_units import MINUTE_MS
from models.contract.work_orders import OrderId, WorkOrder
from models.detection.contact_rules import working

Chances = Sequence[tuple[float, FeedbackStatus]]

_ACCEPTED_MIN: Final = (5, 45)
"""Least and most minutes within the contact windows until an order is accepted."""
_TRY_MIN: Final = (10, 90)
"""From there to the first try; a message is sent after as long."""
_AGAIN_MIN: Final = (70, 200)
"""To the next try, which is then at another hour."""
_RESULT_MIN: Final = (10, 600)
"""From the contact to its result."""
_REACHED: Final = 0.65
_DELIVERED: Final = 0.95
_TALKED: Final[Chances] = ((0.55, "retained"), (0.15, "lost"), (0.15, "refused"))
"""Results of a talk, with their shares; of the rest nothing is fed back."""
_MESSAGED: Final[Chances] = ((0.1, "retained"), (0.03, "refused"))
_NEW_START: Final = frozenset({"dispatched", "reassigned"})
_OVER: Final = frozenset({"archived", "withdrawn"})


class _Plan(NamedTuple):
    ts: int
    order_id: OrderId
    turn: int
    status: FeedbackStatus


@dataclass(slots=True)
class _Taken:
    """An order as the front line knows it. `turn` counts its restarts; a plan of an earlier turn is void."""

    newest: WorkOrder
    turn: int = 0
    said: int = 0
    drawn: int = 0


@dataclass(slots=True)
class FrontLine:
    """All simulated people who work on orders.

    Parameters
    ----------
    seed
        Seed of everything left to chance.
    windows
        Hours in which customers are contacted.

    Examples
    --------
    >>> order = WorkOrder(
    ...     order_id="0f", seq=1, step="dispatched", reason="silence", subscriber_id="s-1", customer_id=None,
    ...     account_id=None, alert_ids=["a1"], unit="tianhe-03", role="caller", assignee="caller-3a",
    ...     channel="outbound_call", contact_by=0, by="desk", ts=1_780_016_400_000, policy_version="p-1",
    ... )
    >>> line = FrontLine(7)
    >>> line.hear(order)
    >>> len(line.due(order.ts)), len(line.due(order.ts + 3_600_000)) > 0
    (0, True)
    """

    seed: int
    windows: ContactPolicy = field(default_factory=ContactPolicy)
    _orders: dict[OrderId, _Taken] = field(default_factory=dict)
    _plans: list[_Plan] = field(default_factory=list)

    def hear(self, order: WorkOrder) -> None:
        """Take in a step of an order, and plan the next answer."""
        taken = self._orders.setdefault(order.order_id, _Taken(order))
        taken.newest = order
        if order.step in _OVER:
            del self._orders[order.order_id]
        elif order.step in _NEW_START:
            taken.turn += 1
            if order.role == "digital":
                self._try(taken, order.ts, _TRY_MIN)
            else:
                self._plan(taken, self._later(taken, order.ts, _ACCEPTED_MIN), "accepted")
        elif order.step == "contacted":
            taken.turn += 1
            status = self._drawn(taken, _MESSAGED if order.role == "digital" else _TALKED)
            if status is not None:
                self._plan(taken, self._later(taken, order.ts, _RESULT_MIN), status)

    def due(self, now_ms: int, spared: OrderId | None = None) -> list[TimedRecord]:
        """The feedback due by now, in order.

        Parameters
        ----------
        spared
            An order that somebody else works on: its planned feedback is kept, and due again when they leave it.
        """
        said, aside = [], []
        while self._plans and self._plans[0].ts <= now_ms:
            plan = heapq.heappop(self._plans)
            taken = self._orders.get(plan.order_id)
            if taken is None or taken.turn != plan.turn:
                continue
            if plan.order_id == spared:
                aside.append(plan)
            else:
                said.append(self._say(taken, plan))
        for plan in aside:
            heapq.heappush(self._plans, plan)
        return said

    def _say(self, taken: _Taken, plan: _Plan) -> TimedRecord:
        order, ts = taken.newest, max(plan.ts, taken.newest.ts)
        if plan.status == "accepted":
            self._try(taken, ts, _TRY_MIN)
        elif plan.status == "unreachable":
            self._try(taken, ts, _AGAIN_MIN)
        taken.said += 1
        return feedback(f"front-{order.order_id}-{taken.said}", order, plan.status, order.assignee or order.unit, ts)

    def _try(self, taken: _Taken, ts: int, minutes: tuple[int, int]) -> None:
        """Plan a call, visit or message, and whether it reaches the customer."""
        digital = taken.newest.role == "digital"
        there = self._chance(taken) < (_DELIVERED if digital else _REACHED)
        status: FeedbackStatus = "unreachable" if not there else "delivered" if digital else "contacted"
        self._plan(taken, self._later(taken, ts, minutes), status)

    def _plan(self, taken: _Taken, ts: int, status: FeedbackStatus) -> None:
        heapq.heappush(self._plans, _Plan(ts, taken.newest.order_id, taken.turn, status))

    def _later(self, taken: _Taken, ts: int, minutes: tuple[int, int]) -> int:
        """The time after so many minutes of contact windows."""
        least, most = minutes
        span = least + self._chance(taken) * (most - least)
        return working(ts, round(span * MINUTE_MS), self.windows)

    def _drawn(self, taken: _Taken, chances: Chances) -> FeedbackStatus | None:
        left = self._chance(taken)
        for share, status in chances:
            left -= share
            if left < 0:
                return status
        return None

    def _chance(self, taken: _Taken) -> float:
        """A number between 0 and 1, from the seed, the order, and how many were drawn for it before."""
        taken.drawn += 1
        digest = sha256(f"{self.seed}/{taken.newest.order_id}/{taken.drawn}".encode()).digest()
        return int.from_bytes(digest[:7]) / 2.0**56


def feedback(
    event_id: str, order: WorkOrder, status: FeedbackStatus, by: str, ts: int, alert_id: str | None = None
) -> TimedRecord:
    """One answer of the front line on an alert of an order; by default on the one that leads it."""
    subject = order.subscriber_id or order.account_id or ""
    fields: dict[str, Any] = {
        "event_id": event_id,
        "subscriber_id": subject,
        "ts": ts,
        "status": status,
        "alert_id": alert_id or order.alert_ids[0],
        "by": by,
        "channel": order.channel,
    }
    return TimedRecord(FEEDBACK, subject.encode(), encode(fields), ts)
