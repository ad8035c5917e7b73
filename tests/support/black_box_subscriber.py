"""Somebody to whom things happen, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.black_box_events import (
    ALERTS,
    CARE,
    DAY,
    ERASURES,
    FEEDBACK,
    FIELDS,
    OUTCOMES,
    SECOND,
    STATE,
    SUBSCRIBERS,
    SUPPRESSIONS,
    VISITS,
    WORK_ORDERS,
)
from support.black_box_outputs import Place, Record
from support.known_model import HEALTHY

if TYPE_CHECKING:
    from support.black_box import World


class Subscriber:
    """Somebody to whom things happen. Events are dated by the lane's clock, a second apart, unless told otherwise."""

    def __init__(self, world: World, name: str, lane: int) -> None:
        self.world = world
        self.name = name
        self.lane = lane

    @property
    def now(self) -> int:
        """The lane's time."""
        return self.world.clock[self.lane]

    def event(self, topic: str, *, ts: int | None = None, **fields: Any) -> Place:
        """An event of any input."""
        if ts is None:
            self.world.clock[self.lane] += SECOND
            ts = self.now
        person = {"customer_id": f"c-{self.name}"} if topic == SUBSCRIBERS else {}  # each is one of their own
        body = {"subscriber_id": self.name, "ts": ts, **FIELDS[topic], **person, **fields}
        return self.world.send(topic, self.name, json.dumps(body).encode())

    def profile(self, **fields: Any) -> Place:
        return self.event(SUBSCRIBERS, **fields)

    def visit(self, **fields: Any) -> Place:
        return self.event(VISITS, **fields)

    def care(self, reason: str, **fields: Any) -> Place:
        return self.event(CARE, reason=reason, **fields)

    def outcome(self, outcome: str, **fields: Any) -> Place:
        return self.event(OUTCOMES, outcome=outcome, **fields)

    def feedback(self, status: str, alert_id: str | None = None, **fields: Any) -> Place:
        return self.event(FEEDBACK, status=status, **({} if alert_id is None else {"alert_id": alert_id}), **fields)

    def erase(self, request_id: str, **fields: Any) -> Place:
        return self.event(ERASURES, request_id=request_id, **fields)

    def browses(self) -> Place:
        """Reads a competitor's portability page for half a minute: enough for an alert at once."""
        return self.visit(page="number_portability", dwell_s=30)

    def seasoned(self) -> None:
        """Is known for eight days, and content: old enough to have a tier."""
        self.profile()
        self.ages()

    def ages(self) -> None:
        """The same without a profile."""
        self.rates(HEALTHY)
        self.world.pass_time(self.lane, days=8)

    def rates(self, score: int) -> Place:
        """Says how satisfied they are; see :data:`RISKS`."""
        return self.care("satisfaction", score=score)

    def sleeps(self, nights: int = 1) -> None:
        """Calls once a day, and with each call one more daily look has come to everybody of the lane."""
        for _ in range(nights):
            self.world.clock[self.lane] += DAY - SECOND
            self.event("telecom.calls.v1")

    def risks(self, score: int) -> None:
        """Answers so that two daily looks agree on it."""
        self.rates(score)
        self.sleeps(2)

    # What was committed of him

    def alert_records(self, kind: str | None = None) -> list[Record]:
        records = self.world.records(ALERTS, self.name)
        return [record for record in records if kind in (None, record.body["kind"])]

    def alerts(self, kind: str | None = None) -> list[dict[str, Any]]:
        return [record.body for record in self.alert_records(kind)]

    def steps(self, kind: str | None = None) -> list[tuple[str, str | None]]:
        """Each alert record as its event and why it was closed."""
        return [(alert["event"], alert["close_reason"]) for alert in self.alerts(kind)]

    def suppressions(self, kind: str | None = None) -> list[dict[str, Any]]:
        records = self.world.records(SUPPRESSIONS, self.name)
        return [record.body for record in records if kind in (None, record.body["kind"])]

    def orders(self) -> list[dict[str, Any]]:
        """The steps of their work orders."""
        return [record.body for record in self.world.records(WORK_ORDERS, self.name)]

    def order_steps(self) -> list[str]:
        return [order["step"] for order in self.orders()]

    def withheld(self, kind: str | None = None) -> list[str]:
        """Why, for each decision not to contact him."""
        return [suppression["reason"] for suppression in self.suppressions(kind)]

    def state(self) -> dict[bytes, bytes | None]:
        """What the state topic has under keys that name him, as compaction will leave it."""
        self.world.settle(self.lane)
        found = self.world.outputs.records[STATE]
        return {r.key: r.value for r in found if r.key is not None and self.name.encode() in r.key}
