"""What the desk keeps of a person: open breaches, contacts, instructions, and the one work order.

A work order is dispatched, pressed, tried, fed back, archived or withdrawn; each step is published.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Final, Literal

import msgspec
from msgspec import Struct, field

from models.contract.alerts import Alert, AlertId
from models.contract.breaches import Breach
from models.contract.events import Channel
from models.contract.policy import ContactPolicy, Policy
from models.contract.time_units import HOUR_MS
from models.contract.vocabulary import Kind, LeaveReason, OrderStep, Role, Segment, SuppressionReason
from models.contract.work_orders import OrderId, WorkOrder
from models.detection.contact_rules import open_ms, opens, working

BY_TIME: Final = attrgetter("ts")
KEPT_CONTACTS: Final = 32
MAX_BREACHES: Final = 150
"""Most open breaches kept of one person, as they must fit into one record: a company's lines under one ``customer_id``
may have more."""
Hand = Literal["blocked", "overridden", "snoozed"]
"""Manual instructions: no contact at all; caps and cooldowns lifted; no contact for a while."""
DESK: Final = "desk"
"""Author named in the desk's own steps."""


class Standing(Struct):
    """A breach from its first step to its last, with the state in which the desk has put it.

    ``waiting`` for capacity, ``raised``, ``withheld`` with a reason, or ``answered``: over for the desk, by feedback or
    an incident, while its lane still has it open.
    """

    alert: Alert
    """Whole while it may still be raised; afterwards without reasons and action, which later steps do not need."""
    lane: int
    opened_ts: int
    """Lane time at which the breach began; the cooldown runs from then."""
    since: int
    """When it began to wait."""
    fresh: bool = True
    """Whether it has waited since its breach, rather than since it was withheld."""
    tried: bool = False
    """Whether a pass has found no capacity for it; it is then raised with a later time than its breach."""
    level: int = 1
    state: Literal["waiting", "raised", "withheld", "answered"] = "waiting"
    reason: SuppressionReason | None = None
    retry_ts: int | None = None
    """When to decide again on a withheld breach, or to give a stopped one an order again."""
    stopped: bool = False
    """Whether it is raised but has no order, because of law, an instruction or another reason against a contact."""
    seq: int = 0
    """Number of records published."""
    decisions: int = 0
    """Number of suppressions published."""
    orders: int = 0
    """Number of orders opened."""
    offered: tuple[Channel, ...] = ()
    """Channels of the play that the customer allowed at the newest step."""
    channels: tuple[Channel, ...] = ()
    """Those of them that remain: a profile may forbid some, and a notice takes each once."""
    given_over: tuple[Channel, ...] = ()
    """Channels of the notices so far, the last one last, if it is about a contract's end: none of them was answered."""
    before_ts: int | None = None
    contact_by: int | None = None
    """Its own deadline, as of its newest order: the order may have an earlier one. For a customer who may only be
    answered it is the end of the alert's life."""
    strategy: str = ""
    """Strategy of the play that answers it."""
    answers_only: bool = False
    reached_ts: int | None = None
    """When the customer was reached about it, since the newest order for it."""
    resumed: bool = False
    unit: str = ""
    manager: str | None = None
    closed: bool = False
    """Whether feedback has closed it while its lane may still have it open: the next trigger begins another breach."""
    next_id: AlertId | None = None
    """Id of that other breach once it has begun; the lane's further steps are about it."""
    of_desk: bool = False
    """Whether the desk has begun it, so that its lane does not know its id."""

    def take_up(self, heard: Breach) -> None:
        """Take over the body and settings of the breach's newest step."""
        alert = heard.alert
        if self.seq == 0 and alert.event == "escalated":
            # It was never published: raise it with what is known by now.
            alert = msgspec.structs.replace(alert, event="raised", trigger=self.alert.trigger)
        self.alert, self.level = alert, heard.level
        self.offered, self.channels = heard.channels, untried(heard.channels, self.given_over)
        if alert.action is not None:
            self.unit, self.manager, self.strategy = alert.action.unit, alert.action.assignee, alert.action.strategy
            if heard.answers_only or self.answers_only:
                self.contact_by = alert.action.contact_by
        self.before_ts, self.answers_only, self.resumed = heard.before_ts, heard.answers_only, heard.resumed

    def need_no_other(self) -> None:
        """A further order, which waits for a day with capacity, is not needed any more."""
        if self.reason == "capacity":
            self.stopped, self.retry_ts = False, None


def untried(channels: tuple[Channel, ...], tried: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """The channels not tried yet; if all were, all but the last one tried, which is used again if there is no other.

    Examples
    --------
    >>> three = ("sms", "app_push", "wechat")
    >>> untried(three, ()), untried(three, ("sms", "app_push")), untried(three, ("app_push", "sms", "wechat"))
    (('sms', 'app_push', 'wechat'), ('wechat',), ('app_push', 'sms'))
    >>> untried(("sms",), ("sms",))
    ('sms',)
    """
    if not tried:
        return channels
    left = tuple(each for each in channels if each not in tried)
    return left or tuple(each for each in tried[:-1] if each in channels) or channels


class Made(Struct, array_like=True):
    """A contact that was made or, with status ``planned``, that an open order will make; both count in caps."""

    ts: int
    channel: Channel | None
    subscriber_id: str
    by: str
    status: str
    order: OrderId | None = None


class OpenOrder(Struct):
    """The open work order of a person. The first of ``alert_ids`` leads; ``open_ids`` are those not over yet."""

    order_id: OrderId
    subscriber_id: str
    """The account, if the order is about an incident."""
    customer_id: str | None
    lane: int
    alert_ids: list[str]
    open_ids: list[str]
    unit: str
    role: Role
    assignee: str | None
    channel: Channel
    channels: tuple[Channel, ...]
    contact_by: int
    dispatched_ts: int
    priority: float
    kind: Kind
    level: int
    segment: Segment
    corporate: bool
    offered: tuple[Channel, ...] = ()
    """Channels that the leading alert offers; ``channels`` are those of them that the newest profile allows."""
    strategy: str = ""
    """Strategy of the play that answers the leading alert."""
    account_id: str | None = None
    """Set if the order is about an incident."""
    taken_ts: int = 0
    """When its capacity was taken."""
    before_ts: int | None = None
    answers_only: bool = False
    seq: int = 0
    step: OrderStep = "dispatched"
    """The last step taken."""
    step_reason: str = ""
    step_ts: int = 0
    pressed: Literal["", "reminded", "escalated", "returned"] = ""
    """How far the desk has pressed for a contact since the dispatch."""
    accepted: bool = False
    """Whether its assignee has taken it on."""
    contacted_ts: int | None = None
    worked: bool = False
    """Whether there was a contact, a try or feedback about it."""
    saved: bool = False
    """Whether the customer was reported as retained; counted once."""
    tried_hours: list[int] = field(default_factory=list)
    """Local hours of the unanswered tries on this channel."""

    @property
    def newest(self) -> tuple[OrderStep, str, int]:
        """The last step taken, its reason and time."""
        return self.step, self.step_reason, self.step_ts


class Instruction(Struct, frozen=True, array_like=True):
    """A manual instruction about a person or an account."""

    until: int | None
    """None if it holds until it is lifted."""
    by: str
    reason: str | None = None

    def stands(self, at: int) -> bool:
        """Whether it holds at that time."""
        return self.until is None or self.until > at

    def outlasts(self, other: Instruction) -> bool:
        """Whether it ends later than another.

        Examples
        --------
        >>> endless, other = Instruction(None, "mei"), Instruction(900, "li")
        >>> endless.outlasts(other), other.outlasts(other)
        (True, False)
        """
        return other.until is not None and self.stands(other.until)


class Settling(Struct, array_like=True):
    """A contact after which it is not known yet whether the customer stays."""

    ts: int
    unit: str
    subscriber_id: str
    strategy: str = ""
    leave_reason: LeaveReason = "unknown"
    """The customer's reason to leave, as fed back by the front line."""


class PersonFile(Struct):
    """Everything that the desk keeps of one person; one state record."""

    now: int = 0
    """Time of the last decision."""
    lanes: list[int] = field(default_factory=list)
    """Lanes of their numbers; of an account, lanes of its lines."""
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """Their subscriber ids that the desk has read of, each with the lanes whose records named it."""
    breaches: dict[str, Standing] = field(default_factory=dict)
    """By alert id."""
    contacts: list[Made] = field(default_factory=list)
    """Oldest first."""
    raised_ts: dict[str, int] = field(default_factory=dict)
    """When an alert of a kind was last raised, for the cooldown."""
    refused_ts: int | None = None
    by_hand: dict[Hand, Instruction] = field(default_factory=dict)
    """Instructions that hold; of each type the last one given."""
    order: OpenOrder | None = None
    settling: list[Settling] = field(default_factory=list)

    def add_number(self, subscriber_id: str, *lanes: int) -> None:
        """Add a number, which records of these lanes name."""
        known = self.numbers.get(subscriber_id, [])
        if not set(lanes) <= set(known):
            self.numbers[subscriber_id] = sorted({*known, *lanes})
            self.numbers = dict(sorted(self.numbers.items()))

    def drop_number(self, subscriber_id: str) -> list[int]:
        """Remove a number and return its lanes. The person is no longer timed by them, unless it was their last number.

        Examples
        --------
        >>> file = PersonFile(lanes=[0, 3], numbers={"s-1": [0], "s-2": [3]})
        >>> file.drop_number("s-2"), file.lanes, file.drop_number("s-1"), file.lanes
        ([3], [0], [0], [0])
        """
        lanes = self.numbers.pop(subscriber_id)
        if self.numbers:
            self.lanes = sorted({lane for each in self.numbers.values() for lane in each})
        return lanes

    def keep(self, *made: Made) -> None:
        """Keep further contacts; the oldest are dropped."""
        self.contacts = sorted([*self.contacts, *made], key=BY_TIME)[-KEPT_CONTACTS:]

    def unpromise(self, order: OpenOrder) -> None:
        """Remove the planned contact of an order."""
        self.contacts = [each for each in self.contacts if each.order != order.order_id or each.status != "planned"]

    def empty(self) -> bool:
        """Whether only numbers are left, so that the record can be deleted."""
        kept = self.breaches or self.contacts or self.raised_ts or self.settling or self.by_hand
        return not kept and self.refused_ts is None and self.order is None


def step_of(order: OpenOrder, step: OrderStep, reason: str, by: str, ts: int, version: str) -> WorkOrder:
    """Take a step of the order and return its record."""
    order.step, order.step_reason, order.step_ts = step, reason, ts
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


def shown(order: OpenOrder | None) -> tuple[object, ...]:
    """What the steps of an order show of it, and what may change from step to step; nothing without an order."""
    if order is None:
        return ()
    given = order.order_id, order.unit, order.role, order.assignee, order.channel, order.contact_by
    return *given, *order.alert_ids


def next_pressing(order: OpenOrder, policy: Policy) -> int | None:
    """When the desk presses for a contact next; None if it does not, or has done so for the last time.

    Orders for customers who may only be answered are not pressed.
    """
    if order.contacted_ts is not None or order.answers_only or order.pressed == "returned":
        return None
    if order.pressed == "":
        return _reminds(order.dispatched_ts, order.contact_by, policy.desk.remind_share, policy.contact)
    if order.pressed == "reminded":
        return order.contact_by
    return working(order.contact_by, round(policy.desk.return_hours * HOUR_MS), policy.contact)


@lru_cache(maxsize=4096)
def _reminds(dispatched_ts: int, contact_by: int, share: float, contact: ContactPolicy) -> int:
    """When the assignee is reminded: after this share of the contact hours until the deadline.

    Examples
    --------
    >>> six, eleven = 1_780_048_800_000, 1_780_110_000_000  # 18:00 in Shanghai, and 11:00 of the next day
    >>> (eleven - _reminds(six, eleven, 0.75, ContactPolicy())) / HOUR_MS
    1.0
    """
    begins = opens(dispatched_ts, contact)  # nobody may call before
    in_windows = open_ms(begins, contact_by, contact)
    if not in_windows:  # an appointment before the next window
        return begins + round(max(0, contact_by - begins) * share)
    return min(opens(working(begins, round(in_windows * share), contact), contact), contact_by)


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
    if len(order.tried_hours) < policy.desk.tries or order.answers_only:
        return ()
    if order.channel not in order.channels:  # it has stayed with who had accepted it when another alert came to lead
        return order.channels
    return order.channels[order.channels.index(order.channel) + 1 :]
