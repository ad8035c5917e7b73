"""The outputs of a lane: alerts, scores, suppressions and receipts, field by field as in the contract.

Field names, their order and which may be null are those of ``deploy/contract``.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NewType

from msgspec import Struct

from models.contract.events import Channel
from models.contract.vocabulary import AlertEvent, CloseReason, Kind, Segment, Severity, SuppressionReason, Text, Tier

AlertId = NewType("AlertId", str)
UNASSIGNED: Final = "unassigned"
"""The unit of subscribers without one: a queue that everybody sees."""
UNASSIGNED_TEXT: Final = Text(UNASSIGNED, "未归属")
"""The words in which it is shown."""


class AlertReason(Struct, frozen=True, kw_only=True):
    """A reason: its value, the usual value, and business words; ``disclosable`` if the customer may know it."""

    code: str
    value: float
    usual: float
    contribution: float
    disclosable: bool
    text: Text


class Value(Struct, frozen=True, kw_only=True):
    """The value at stake in the operator's currency: monthly ARPU, and revenue at risk over the policy's months."""

    arpu: float
    segment: Segment
    revenue_at_risk: float


class PriorityFactors(Struct, frozen=True, kw_only=True):
    """The three factors of the priority: probability of leaving, monthly revenue, and how much a contact can change."""

    propensity: float
    value: float
    actionability: float


class Offer(Struct, frozen=True, kw_only=True):
    """An offer: until when it is valid, and what it may cost."""

    code: str
    name: Text
    valid_until: int
    cost_cap: float


class TalkTrack(Struct, frozen=True, kw_only=True):
    """What to say, what to do, and what to avoid."""

    opening: Text
    do: list[Text]
    dont: list[Text]


class Action(Struct, frozen=True, kw_only=True):
    """Who should do what, through which channel, from when and by when.

    ``contact_from`` is now, or when the next contact window opens: an alert is shared at once, also at night.
    ``contact_by`` counts hours inside the contact windows, lies in one, and is not before ``contact_from``; but it is
    before an appointment in any case. After a port-out authorisation code there is no contact deadline: then it is the
    end of the alert's time to live.
    """

    cause: str
    strategy: str
    channel: Channel
    unit: str
    assignee: str | None
    contact_from: int
    contact_by: int
    offer: Offer | None
    talk_track: TalkTrack


class Trigger(Struct, frozen=True, kw_only=True):
    """What triggered it: a record's coordinates (topic without prefix), or a tick of event time."""

    topic: str | None
    partition: int
    offset: int | None
    tick: int | None


class Alert(Struct, frozen=True, kw_only=True):
    """One step in the lifecycle of a retention alert.

    ``risk`` is the model's risk or, if larger, the policy's propensity for the kind of signal.
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
    """A decision not to contact, with as much of the alert's body as is known and permitted.

    ``seq`` is 0: nothing was published under this alert_id. For a withheld `escalated` it is the number of records
    published so far.
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
    """The latest risk of a subscriber, with the fields that a list of those at risk needs.

    ``segment`` is null without a profile. ``reason`` is the code of the strongest reason of a subscriber at risk; null
    for the healthy.
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
    """Data of an erased subscriber: where it was or is, what it is, and by when it is gone."""

    where: str
    what: str
    until: int


class Receipt(Struct, frozen=True, kw_only=True):
    """The receipt of a completed erasure. The subscriber is named by a hash only."""

    request_id: str
    subscriber_hash: str
    ts: int
    deleted: list[Remains]
    remaining: list[Remains]


def hash_of(*parts: str) -> str:
    """Hash of the parts, 32 hex characters; the separator cannot occur in a number or a topic's name."""
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
    return AlertId(hash_of(kind, subject, *_coordinates(trigger)))


def example_id(subscriber_id: str, ts: int, origin: str) -> str:
    """Id of a vector frozen for learning: one label per vector."""
    return hash_of("example", subscriber_id, str(ts), origin)


def decision_id(alert: str, reason: str, trigger: Trigger) -> str:
    """Id of the decision that withheld a breach, from its alert's id, the reason, and the trigger."""
    return hash_of(alert, reason, *_coordinates(trigger))


def _coordinates(trigger: Trigger) -> tuple[str, ...]:
    if trigger.tick is not None:
        return ("tick", str(trigger.tick))
    return (trigger.topic or "", str(trigger.partition), str(trigger.offset))


def subscriber_hash(subscriber_id: str) -> str:
    """Hash that names an erased subscriber: enough to recognise them, without their number.

    Examples
    --------
    >>> len(subscriber_hash("s-10086"))
    32
    """
    return blake2b(
        subscriber_id.encode("utf-8", "surrogatepass"), digest_size=16, person=b"holdfast-erased"
    ).hexdigest()
