"""What the desk publishes: alerts, suppressions and the steps of work orders, each numbered in its sequence."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct, field

from models.contract.alerts import Alert, Suppression, Trigger, hash_of
from models.contract.vocabulary import AlertEvent, CloseReason, OrderStep, SuppressionReason
from models.desk.desk_context import DeskContext
from models.desk.persons import OpenOrder, Standing, step_of
from models.detection.alert_body import opening
from models.detection.outbox import Output

MAX_DESK_OUTPUTS: Final = 500
"""Outputs after which a transaction is full: some two megabytes."""


class DeskOutput(NamedTuple):
    """An output and the lane whose partition it goes to."""

    lane: int
    output: Output


class DeskCounts(Struct):
    """Counts since the last take; outputs are counted from their list."""

    breaches: Counter[str] = field(default_factory=Counter)
    """Breaches decided on, by kind: each was raised, suppressed or set waiting."""
    unknown: int = 0
    """Steps of breaches that the desk does not know."""
    signs: Counter[str] = field(default_factory=Counter)
    """New signs on corporate lines, by code."""
    settled: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Settled contacts, by strategy and ``stayed`` or ``left``."""
    leavers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Customers who left of their own will, by reason and destination."""


class Publications:
    """Outputs and counts, collected for the next transaction.

    Attributes
    ----------
    outputs
        In publishing order.
    counts
        Decisions since the last take.
    """

    def __init__(self, context: DeskContext) -> None:
        self.outputs: list[DeskOutput] = []
        self.counts = DeskCounts()
        self._context = context

    @property
    def full(self) -> bool:
        """Whether the transaction has reached its limit."""
        return len(self.outputs) >= MAX_DESK_OUTPUTS

    def take(self) -> tuple[list[DeskOutput], DeskCounts]:
        """Everything since the last call."""
        taken = self.outputs, self.counts
        self.outputs, self.counts = [], DeskCounts()
        return taken

    def alert(self, standing: Standing, alert: Alert, record_ts: int | None) -> None:
        """Publish the next record of an alert."""
        standing.seq += 1
        body = msgspec.structs.replace(alert, seq=standing.seq)
        ce_id = f"{body.alert_id}:{body.seq}"
        self._put(standing.lane, Output("alert", subject(body), body, body.ts, ce_id, record_ts))

    def suppression(self, standing: Standing, step: AlertEvent, reason: SuppressionReason, ts: int) -> None:
        """Publish that a step of an alert was not taken; without consent, neither reasons nor action are published."""
        alert = standing.alert
        standing.decisions += 1
        decision = hash_of(alert.alert_id, reason, str(standing.decisions))
        fields = msgspec.structs.asdict(alert) | {"seq": standing.seq, "event": step, "ts": ts}
        if reason == "no_consent":
            fields |= {"reasons": None, "action": None}
        body = Suppression(decision_id=decision, reason=reason, **fields)
        self._put(standing.lane, Output("suppression", subject(alert), body, ts, decision, None))

    def step(self, order: OpenOrder, step: OrderStep, reason: str, by: str, at: int) -> None:
        """Take a step of a work order and publish it."""
        body = step_of(order, step, reason, by, at, self._context.ruled.version)
        ce_id = f"{body.order_id}:{body.seq}"
        self._put(order.lane, Output("work_order", order.subscriber_id, body, at, ce_id, None))

    def _put(self, lane: int, output: Output) -> None:
        self.outputs.append(DeskOutput(lane, output))


def subject(alert: Alert) -> str:
    """The record key of an alert: its subscriber, or its account."""
    return alert.subscriber_id or alert.account_id or ""


def bare(alert: Alert) -> Alert:
    """The body without reasons and action, which is all that later steps need."""
    return msgspec.structs.replace(alert, reasons=None, action=None)


def closed(alert: Alert, reason: CloseReason, at: int, trigger: Trigger) -> Alert:
    """The body that closes an alert."""
    return msgspec.structs.replace(bare(alert), event="closed", close_reason=reason, ts=at, trigger=trigger)


def by_order(alert: Alert, order: OpenOrder) -> Alert:
    """The alert with the order's unit, assignee, channel and deadline."""
    action = alert.action
    if action is None:
        return alert
    track = action.talk_track
    if order.channel != action.channel and not order.answers_only:
        said = opening(alert.reasons or [], order.channel, manager=order.role == "account_manager")
        track = msgspec.structs.replace(track, opening=said)
    return msgspec.structs.replace(
        alert,
        action=msgspec.structs.replace(
            action,
            channel=order.channel,
            unit=order.unit,
            assignee=order.assignee,
            contact_by=order.contact_by,
            talk_track=track,
        ),
    )
