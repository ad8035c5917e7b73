"""What leaves a lane: alerts, scores, suppressions and receipts, field by field as in the contract.

Field names and their order are those of ``deploy/contract``; what may be null there is the only thing that may be
null here.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NewType

from msgspec import Struct

from models.contract.events import Channel
from models.contract.vocabulary import AlertEvent, CloseReason, Kind, Segment, Severity, SuppressionReason, Text, Tier

AlertId = NewType("AlertId", str)
UNASSIGNED: Final = "unassigned"
"""The unit of whoever has none: a queue that everybody sees (未归属)."""


class AlertReason(Struct, frozen=True, kw_only=True):
    """Why, in a number, in what it usually is, and in business words; ``disclosable``: may the customer hear it."""

    code: str
    value: float
    usual: float
    contribution: float
    disclosable: bool
    text: Text


class Value(Struct, frozen=True, kw_only=True):
    """What is at stake, in the operator's currency: ARPU a month, and revenue at risk over the policy's months."""

    arpu: float
    segment: Segment
    revenue_at_risk: float


class PriorityFactors(Struct, frozen=True, kw_only=True):
    """The three numbers whose product is the priority: probability, revenue a month, and what a contact can change."""

    propensity: float
    value: float
    actionability: float


class Offer(Struct, frozen=True, kw_only=True):
    """What may be offered, until when, and what it may cost."""

    code: str
    name: Text
    valid_until: int
    cost_cap: float


class TalkTrack(Struct, frozen=True, kw_only=True):
    """What to say, do, and leave."""

    opening: Text
    do: list[Text]
    dont: list[Text]


class Action(Struct, frozen=True, kw_only=True):
    """Who should do what, through which channel, by when.

    ``contact_by`` counts hours inside the contact windows. After a port-out authorisation code there is no deadline to
    contact: then it is the end of the alert's own time to live.
    """

    cause: str
    strategy: str
    channel: Channel
    unit: str
    assignee: str | None
    contact_by: int
    offer: Offer | None
    talk_track: TalkTrack


class Trigger(Struct, frozen=True, kw_only=True):
    """What set it off: a record's coordinates (topic without prefix), or a tick of event time."""

    topic: str | None
    partition: int
    offset: int | None
    tick: int | None


class Alert(Struct, frozen=True, kw_only=True):
    """One step in the life of a retention alert.

    ``risk`` is the larger of the model's and, of a signal, what the policy says of such a signal.
    """

    alert_id: AlertId
    seq: int
    event: AlertEvent
    kind: Kind
    close_reason: CloseReason | None
    severity: Severity
    subscriber_id: str | None
    customer_id: str | None
    account_id: str | None
    members: list[str] | None
    ts: int
    risk: float
    base_rate: float
    tier: Tier
    previous_tier: Tier | None
    model_version: str
    policy_version: str
    reasons: list[AlertReason] | None
    value: Value
    priority: float
    priority_factors: PriorityFactors
    action: Action | None
    trigger: Trigger


class Suppression(Struct, frozen=True, kw_only=True):
    """A decision not to contact, with the alert's body as far as it was made.

    ``seq`` is 0: nothing was published under this alert_id. Of an `escalated` that was withheld it is the number of
    records published so far.
    """

    decision_id: str
    reason: SuppressionReason
    alert_id: AlertId
    seq: int
    event: AlertEvent
    kind: Kind
    close_reason: CloseReason | None
    severity: Severity
    subscriber_id: str | None
    customer_id: str | None
    account_id: str | None
    members: list[str] | None
    ts: int
    risk: float | None
    base_rate: float
    tier: Tier
    previous_tier: Tier | None
    model_version: str
    policy_version: str
    reasons: list[AlertReason] | None
    value: Value | None
    priority: float | None
    priority_factors: PriorityFactors | None
    action: Action | None
    trigger: Trigger


class Score(Struct, frozen=True, kw_only=True):
    """The latest risk of a subscriber, with what a list of those at risk needs.

    ``segment`` is null without a profile. ``reason`` is the code of the strongest reason, of those at risk; null for
    the healthy.
    """

    subscriber_id: str
    ts: int
    risk: float
    base_rate: float
    tier: Tier
    previous_tier: Tier | None
    model_version: str
    policy_version: str
    unit: str
    segment: Segment | None
    reason: str | None


class Remains(Struct, frozen=True, kw_only=True):
    """Where something of an erased subscriber was or is, what it is, and by when it is gone."""

    where: str
    what: str
    until: int


class Receipt(Struct, frozen=True, kw_only=True):
    """An erasure done. The subscriber is named by a hash only."""

    request_id: str
    subscriber_hash: str
    ts: int
    deleted: list[Remains]
    remaining: list[Remains]


def _hash(*parts: str) -> str:
    """32 hex characters of the parts; the separator cannot occur in a number or a topic's name."""
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def alert_id(kind: str, subject: str, trigger: Trigger) -> AlertId:
    """Id of the alert that this trigger raises: the same wherever and whenever the same events are applied.

    Examples
    --------
    >>> visit = Trigger(topic="telecom.site-visits.v1", partition=3, offset=88123, tick=None)
    >>> first = alert_id("competitor_browsing", "s-10086", visit)
    >>> len(first), first == alert_id("competitor_browsing", "s-10086", visit)
    (32, True)
    >>> first == alert_id("risk_tier", "s-10086", visit)
    False
    """
    return AlertId(_hash(kind, subject, *_coordinates(trigger)))


def example_id(subscriber_id: str, ts: int, origin: str) -> str:
    """Id of a vector that was frozen for learning: one label per snapshot."""
    return _hash("example", subscriber_id, str(ts), origin)


def decision_id(alert: str, reason: str, trigger: Trigger) -> str:
    """Id of the decision that withheld a breach: its alert's id, why, and what made us look."""
    return _hash(alert, reason, *_coordinates(trigger))


def _coordinates(trigger: Trigger) -> tuple[str, ...]:
    if trigger.tick is not None:
        return ("tick", str(trigger.tick))
    return (trigger.topic or "", str(trigger.partition), str(trigger.offset))


def subscriber_hash(subscriber_id: str) -> str:
    """Name of an erased subscriber: enough to know them again, and not their number.

    Examples
    --------
    >>> len(subscriber_hash("s-10086"))
    32
    """
    return blake2b(
        subscriber_id.encode("utf-8", "surrogatepass"), digest_size=16, person=b"holdfast-erased"
    ).hexdigest()
