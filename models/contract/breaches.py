"""What lanes and desk write to ``churn.breaches.v1``, the desk's only input; its offset order is the history.

A lane writes each step of a breach, with the body of the alert as far as detection knows it, and what else the desk
needs about a person. A *person* is all numbers with one ``customer_id``: main card, sub-card and broadband.
"""

from __future__ import annotations

from typing import Final, NewType

from msgspec import Struct

from models.contract.alerts import Alert, Trigger
from models.contract.events import Channel, FeedbackStatus, OutcomeKind
from models.contract.policy import Policy
from models.contract.time_units import MINUTE_MS
from models.contract.vocabulary import Destination, Kind, LeaveReason

LANE_LATE_MS: Final = 5 * MINUTE_MS
"""A lane whose time is longer ago than this is late."""

Person = NewType("Person", str)


def person_of(customer_id: str | None, subscriber_id: str) -> Person:
    """The person behind a number; without a ``customer_id`` each number is a person of its own.

    Examples
    --------
    >>> person_of("c-77", "s-1") == person_of("c-77", "s-2"), person_of(None, "c-77") == person_of("c-77", "s-1")
    (True, False)
    """
    return Person(f"s:{subscriber_id}" if customer_id is None else f"c:{customer_id}")


def account_person(account_id: str) -> Person:
    """The key of an account's file, which is like a person's: one open order, one cooldown."""
    return Person(f"a:{account_id}")


def account_of(person: Person) -> str | None:
    """The account of that key; None if it is a person's.

    Examples
    --------
    >>> account_of(account_person("acme")), account_of(Person("c:77"))
    ('acme', None)
    """
    return person.removeprefix("a:") if person.startswith("a:") else None


class _OfLane(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="what"):
    lane: int


class OfSubscriber(_OfLane, frozen=True, kw_only=True, omit_defaults=True, tag_field="what"):
    """Fields common to a lane's records about a subscriber."""

    clock: int
    """The lane's time."""
    subscriber_id: str
    customer_id: str | None = None
    crossed: int | None = None
    """The first tick that the lane's time has just passed, if any: what is due at it is written after this record."""


class Breach(OfSubscriber, frozen=True, kw_only=True, omit_defaults=True, tag="breach", tag_field="what"):
    """A step of a breach: opened, stronger, weaker or over, in the body raised, escalated, eased or closed.

    A step of the kind ``account_exodus`` is a line's sign that its account leaves: it counts in the account, and makes
    no alert.
    """

    alert: Alert
    """The body as the desk would publish it, except ``seq`` and those fields of ``action`` that the desk decides."""
    level: int
    """Strength of the trigger."""
    channels: tuple[Channel, ...] = ()
    """Channels that play and customer allow, in the order to try them."""
    before_ts: int | None = None
    """Latest time of a contact: an appointment, or a promised time."""
    answers_only: bool = False
    """Whether the customer may only be answered: no outbound pressure."""
    resumed: bool = False
    """Whether it is raised again after a snooze, so that the cooldown of its kind does not apply."""
    repeated: bool = False
    """Whether the trigger is no stronger than the last: it matters only if the alert was closed meanwhile, which the
    lane does not know if it was by feedback on another number of the person."""
    account_size: int | None = None
    record_ts: int | None = None
    """Timestamp of the trigger's record, from which the time to the alert is measured."""


class Answer(OfSubscriber, frozen=True, kw_only=True, omit_defaults=True, tag="answer", tag_field="what"):
    """Feedback of the front line."""

    ts: int
    status: FeedbackStatus
    alert_id: str | None = None
    by: str | None = None
    channel: Channel | None = None
    until_ts: int | None = None
    leave_reason: LeaveReason | None = None
    """The customer's reason to leave, as fed back."""
    note: str | None = None
    """The reason of an instruction."""
    account_id: str | None = None
    """The subscriber's account; of an instruction only if it is about the account, not the person."""
    trigger: Trigger


class OtherContact(OfSubscriber, frozen=True, kw_only=True, omit_defaults=True, tag="contact", tag_field="what"):
    """A contact made by another department, or under a release without a desk: it counts in caps."""

    ts: int
    channel: Channel | None


class Moved(OfSubscriber, frozen=True, kw_only=True, omit_defaults=True, tag="moved", tag_field="what"):
    """A new profile of a subscriber with an open breach."""

    unit: str
    manager: str | None = None
    allowed: tuple[Channel, ...] = ()
    """Channels over which they may be contacted."""
    do_not_contact: bool = False
    unused: tuple[Kind, ...] = ()
    """Kinds that rest on data whose use they do not consent to."""


class Left(OfSubscriber, frozen=True, kw_only=True, omit_defaults=True, tag="left", tag_field="what"):
    """An outcome that ends the service of a subscriber who left of their own will, or was contacted."""

    ts: int
    outcome: OutcomeKind
    reason: LeaveReason | None = None
    """None if they did not leave of their own will, or had already left by an earlier outcome."""
    to: Destination = "unknown"


class Forgotten(OfSubscriber, frozen=True, kw_only=True, omit_defaults=True, tag="forgotten", tag_field="what"):
    """An erasure: the desk deletes what it keeps of this subscriber."""


class Inherited(OfSubscriber, frozen=True, kw_only=True, omit_defaults=True, tag="inherited", tag_field="what"):
    """What the state of a release without a desk holds of a subscriber; written once, before their lane joins."""

    alerts: tuple[Breach, ...] = ()
    """The open alerts. In each body ``seq`` is the number of records published of it."""
    raised_ts: dict[str, int] = {}
    """When an alert of a kind was last raised."""
    refused_ts: int | None = None


class Mark(_OfLane, frozen=True, kw_only=True, omit_defaults=True, tag="mark", tag_field="what"):
    """How far the lane is, once a transaction at most: after a tick, and often while it is late."""

    tick: int
    """The newest tick whose sweep the lane has finished; 0 before its first."""
    clock: int | None = None
    """The lane's time: what it writes next is not older."""
    generation: int | None = None
    """Set in the first record of a lane that has opened, before anything it reads: the generation of the consumer group
    in which it got its partition. All lanes are dealt anew with each generation."""


class Idle(_OfLane, frozen=True, kw_only=True, omit_defaults=True, tag="idle", tag_field="what"):
    """The lane has read all inputs: the desk does not wait for it until its next mark."""


class Excluded(_OfLane, frozen=True, kw_only=True, omit_defaults=True, tag="excluded", tag_field="what"):
    """Written by the desk: it does not wait for a lane that was silent for too long, until the lane's next mark."""


class Joined(_OfLane, frozen=True, kw_only=True, omit_defaults=True, tag="joined", tag_field="what"):
    """The lane's first record, except those of a hand-over; the desk decides nothing until all lanes have joined."""


class Governed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="governed", tag_field="what"):
    """Written by the desk: the policy by which it decides from here on."""

    policy: Policy


Heard = (
    Breach | Answer | OtherContact | Moved | Left | Forgotten | Inherited | Mark | Idle | Excluded | Joined | Governed
)
