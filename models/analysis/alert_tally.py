"""Figures of a policy: alerts a day, suppressions by reason, work against capacity, waiting breaches, precision.

Precision is the share that left within the horizon after their first alert, of the subscribers whose horizon is over.
Those alerted under the policy in force were contacted, and some of them stayed because of it. So under another policy
the figure describes the same people as they were treated; it is not a forecast.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, get_args

from models.contract.alerts import UNASSIGNED, Alert, Suppression
from models.contract.events import Channel
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.work_orders import OrderId, WorkOrder


class Figure(NamedTuple):
    """Name of a figure, and the kind, tier, unit or reason that it counts."""

    name: str
    by: str = ""
    of: str = ""


class Outcomes(NamedTuple):
    """Outcomes of the subscribers.

    Attributes
    ----------
    left
        Times of leaving, ms, ascending, by subscriber.
    subscribers
        Number of subscribers.
    horizon_ms
        Time after an alert within which leaving counts.
    end
        End of the time for which outcomes are known, ms.
    """

    left: Mapping[str, Sequence[int]]
    subscribers: int
    horizon_ms: int
    end: int


Limit = Callable[[str, Channel, int], int | None]
"""Contacts that a unit can make over a channel on a local day; None for no limit."""
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)


class AlertTally:
    """Counts the decisions of one policy over a stretch of time.

    Parameters
    ----------
    since, until
        The stretch, ms of event time.
    utc_offset_hours
        Offset from UTC of the operator's days: capacity is counted by day.
    """

    def __init__(self, since: int, until: int, utc_offset_hours: float) -> None:
        self._since, self._until = since, until
        self._offset_ms = round(utc_offset_hours * HOUR_MS)
        self._alerts: Counter[Figure] = Counter()
        self._withheld: set[tuple[str, str, str]] = set()
        self._first: dict[str, int] = {}
        self._work: Counter[tuple[str, Channel, int]] = Counter()
        self._hand: dict[OrderId, tuple[str, Channel, int]] = {}
        self._waiting: dict[str, int] = {}
        self._most: dict[str, int] = {}

    def take(self, body: object) -> None:
        """Count one output, if it is an alert, a suppression or a work order."""
        match body:
            case WorkOrder():
                self._worked(body)
            case Alert(event="raised") if self._within(body.ts):
                unit = UNASSIGNED if body.action is None else body.action.unit
                of = (("", ""), ("kind", body.kind), ("tier", body.tier), ("unit", unit))
                self._alerts.update(Figure("alerts_a_day", by, name) for by, name in of)
                if body.subscriber_id is not None:
                    self._first[body.subscriber_id] = min(body.ts, self._first.get(body.subscriber_id, body.ts))
            case Suppression() if self._within(body.ts):
                self._withheld.add((body.reason, body.kind, body.alert_id))

    def waits(self, now: int, waiting: Mapping[str, int]) -> None:
        """Record how many breaches wait in each unit now."""
        if self._within(now):
            self._waiting = dict(waiting)
            for unit, count in waiting.items():
                self._most[unit] = max(count, self._most.get(unit, 0))

    def _within(self, ts: int) -> bool:
        return self._since <= ts < self._until

    def _worked(self, order: WorkOrder) -> None:
        """Count an order against the capacity of its unit and channel, unless it is taken back on the same day."""
        held, day = self._hand.get(order.order_id), (order.ts + self._offset_ms) // DAY_MS
        place = order.unit, order.channel, day
        if order.step == "contacted":
            self._hand.pop(order.order_id, None)
        elif order.step == "withdrawn":
            self._free(order.order_id, day)
        elif order.step in ("dispatched", "reassigned") and (held is None or held[:2] != place[:2]):
            self._free(order.order_id, day)
            self._hand[order.order_id] = place
            self._work[place] += self._within(order.ts)

    def _free(self, order: OrderId, day: int) -> None:
        held = self._hand.pop(order, None)
        if held is not None and held[2] == day and self._work[held]:
            self._work[held] -= 1

    def figures(self, begin: int, outcomes: Outcomes, units: Iterable[str], limit: Limit) -> dict[Figure, float | None]:
        """All figures; None where nothing is known.

        Parameters
        ----------
        begin
            Start of the time for which records exist, ms.
        units
            Units that have a capacity.
        """
        self._since, self._until = max(self._since, begin), min(self._until, outcomes.end)
        days = max(self._until - self._since, 1) / DAY_MS
        found: dict[Figure, float | None] = {Figure("alerts_a_day"): 0.0}
        for figure, count in sorted(self._alerts.items()):
            found[figure] = count / days
        if outcomes.subscribers:
            for (_, by, of), a_day in list(found.items()):
                found[Figure("alerts_a_day_per_1000", by, of)] = 1000 * (a_day or 0.0) / outcomes.subscribers
        found[Figure("withheld")] = len(self._withheld)
        for by, place in (("reason", 0), ("kind", 1)):
            for name, count in sorted(Counter(each[place] for each in self._withheld).items()):
                found[Figure("withheld", by, name)] = count
        found |= self._load(days, units, limit)
        for name, counts in (("waiting_at_the_end", self._waiting), ("waiting_at_most", self._most)):
            found |= {Figure(name, "unit", unit): count for unit, count in sorted(counts.items())}
        return found | self._precision(outcomes)

    def _load(self, days: float, units: Iterable[str], limit: Limit) -> dict[Figure, float | None]:
        """Work a day and, where there is a limit, the capacity a day and the share of it that is used."""
        found: dict[Figure, float | None] = {}
        first, last = ((ts + self._offset_ms) // DAY_MS for ts in (self._since, max(self._until - 1, self._since)))
        for unit in sorted({*units, *(unit for unit, _, _ in self._work)}):
            work = {(channel, day): count for (name, channel, day), count in self._work.items() if name == unit}
            found[Figure("contacts_a_day", "unit", unit)] = sum(work.values()) / days
            limits = {
                (channel, day): most
                for channel in CHANNELS
                for day in range(first, last + 1)
                if (most := limit(unit, channel, day)) is not None
            }
            if limits:
                room = sum(limits.values())
                used = sum(work.get(place, 0) for place in limits)
                found[Figure("capacity_a_day", "unit", unit)] = room / (last - first + 1)
                found[Figure("capacity_used", "unit", unit)] = used / room if room else None
        return found

    def _precision(self, outcomes: Outcomes) -> dict[Figure, float | None]:
        """Share that left of the alerted subscribers with a known outcome, and of all subscribers in as much time."""
        horizon, end = outcomes.horizon_ms, outcomes.end
        known = {who: ts for who, ts in self._first.items() if ts + horizon <= end}
        hits = 0
        for who, ts in known.items():
            times = outcomes.left.get(who, ())
            at = bisect_left(times, ts)
            hits += at < len(times) and times[at] <= ts + horizon
        span = end - self._since
        gone = sum(any(self._since <= ts <= end for ts in times) for times in outcomes.left.values())
        overall = gone / outcomes.subscribers * horizon / span if outcomes.subscribers and span >= horizon else None
        precision = hits / len(known) if known else None
        return {
            Figure("outcome_known"): len(known),
            Figure("left_within_horizon"): hits,
            Figure("precision"): precision,
            Figure("overall_rate"): overall,
            Figure("lift"): precision / overall if precision is not None and overall else None,
        }
