"""Count of lost and repeated alerts and work orders, from the desk's input and what it committed.

The desk commits its position in the breaches in the transaction of its outputs. Each breach before that position must
be an alert, a suppression, or waiting; each alert must have a work order; and the steps of both are numbered from 1
without gaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.demo.exactness import Coverage
from models.contract.breaches import Breach, Heard, Person
from models.desk.persons import PersonFile

_GRACE_S: Final = 10.0
"""Topics are read side by side, so one may be a moment behind another."""


class _Steps:
    """Step numbers of many alerts or orders, each from 1."""

    def __init__(self) -> None:
        self.lost = 0
        self.twice = 0
        self._of: dict[str, Coverage] = {}

    def add(self, life: str, seq: int) -> None:
        seen = self._of.setdefault(life, Coverage(start=1))
        self.lost -= seen.missing
        self.twice -= seen.again
        seen.add(seq, seq)
        self.lost += seen.missing
        self.twice += seen.again


class DeskTally:
    """Lost and repeated breaches, alerts and work orders.

    Examples
    --------
    >>> tally = DeskTally()
    >>> tally.alert("a1", 1, raised=True); tally.alert("a1", 3, raised=False); tally.alert("a1", 3, raised=False)
    >>> tally.lost_alerts, tally.twice_alerts
    (1, 1)
    >>> tally.order("o1", 1, []); tally.look(5.0); tally.look(16.0); tally.lost_orders
    1
    >>> tally.order("o1", 2, ["a1"]); tally.look(16.5); tally.lost_orders
    0
    """

    def __init__(self) -> None:
        self.lost_breaches = 0
        """Breaches that the desk has read, and neither raised nor suppressed in time."""
        self.twice_breaches = 0
        """Suppressions that were written again."""
        self.orders = 0
        self._alerts, self._orders = _Steps(), _Steps()
        self._position = 0
        self._undecided: dict[str, int] = {}
        """Offset of each breach that is neither an alert nor a suppression."""
        self._decided: set[str] = set()
        self._decisions: set[str] = set()
        self._waiting: dict[Person, frozenset[str]] = {}
        self._without_order: set[str] = set()
        self._with_order: set[str] = set()
        self._since: dict[str, float] = {}
        """When something was found missing first."""
        self._orderless = 0

    # Records

    def breach(self, offset: int, heard: Heard) -> None:
        """Add a record that a lane wrote for the desk; an account's sign makes no alert, so it is not counted."""
        if not isinstance(heard, Breach) or heard.alert.event != "raised" or heard.alert.kind == "account_exodus":
            return
        if heard.alert.alert_id not in self._decided:
            self._undecided[heard.alert.alert_id] = offset

    def position(self, next_offset: int) -> None:
        """Add the desk's position."""
        self._position = max(self._position, next_offset)

    def person(self, person: Person, file: PersonFile | None) -> None:
        """Add the desk's file of a person."""
        found = file.breaches.items() if file is not None else ()
        self._waiting[person] = frozenset(alert for alert, standing in found if standing.state == "waiting")

    def alert(self, alert_id: str, seq: int, *, raised: bool) -> None:
        """Add a published step of an alert."""
        self._alerts.add(alert_id, seq)
        self._decide(alert_id)
        if raised and alert_id not in self._with_order:
            self._without_order.add(alert_id)

    def withheld(self, alert_id: str, decision_id: str) -> None:
        """Add a suppression."""
        self.twice_breaches += decision_id in self._decisions
        self._decisions.add(decision_id)
        self._decide(alert_id)

    def order(self, order_id: str, seq: int, alert_ids: Iterable[str]) -> None:
        """Add a step of a work order, and which alerts it answers."""
        self.orders += seq == 1
        self._orders.add(order_id, seq)
        self._with_order.update(alert_ids)
        self._without_order.difference_update(alert_ids)

    def _decide(self, alert_id: str) -> None:
        self._decided.add(alert_id)
        self._undecided.pop(alert_id, None)

    # Result

    def look(self, at: float) -> None:
        """Count what is missing for too long, at `at` seconds of a steady clock."""
        waiting = frozenset().union(*self._waiting.values())
        heard = {alert for alert, offset in self._undecided.items() if offset < self._position and alert not in waiting}
        missing = {f"breach {each}" for each in heard} | {f"order {each}" for each in self._without_order}
        self._since = {each: self._since.get(each, at) for each in missing}
        late = [each for each, since in self._since.items() if at - since > _GRACE_S]
        self._orderless = sum(each.startswith("order ") for each in late)
        self.lost_breaches = len(late) - self._orderless

    @property
    def lost_alerts(self) -> int:
        """Steps of alerts that are missing before a later one."""
        return self._alerts.lost

    @property
    def twice_alerts(self) -> int:
        """Steps of alerts that were published again."""
        return self._alerts.twice

    @property
    def lost_orders(self) -> int:
        """Steps of work orders that are missing before a later one, and alerts without an order."""
        return self._orders.lost + self._orderless

    @property
    def twice_orders(self) -> int:
        """Steps of work orders that were published again."""
        return self._orders.twice

    @property
    def lost(self) -> int:
        """Number of all missing ones."""
        return self.lost_breaches + self.lost_alerts + self.lost_orders

    @property
    def twice(self) -> int:
        """Number of all that came more than once."""
        return self.twice_breaches + self.twice_alerts + self.twice_orders
