"""The ten input events of the contract, typed.

Each struct is the contract of an input topic: names, closed enums and bounds are those of ``deploy/contract``. Decoding
lives in ``streams.records.wire``; nothing here knows about Kafka except the coordinates of an :class:`Arrival`, from
which an alert's id is computed.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple, get_args

from msgspec import Meta, Struct

from models.contract.time_units import DAY_MS

# The year 9999: a larger ``ts`` is in microseconds, or garbage.
MAX_TS: Final = 253_402_300_799_999
# The year 2000: an earlier ``ts`` is in seconds, or from a clock that was never set.
MIN_TS: Final = 946_684_800_000
LATE_MS: Final = 7 * DAY_MS
"""An event further behind the lane's watermark than this is applied, but triggers nothing."""

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Word = Annotated[str, Meta(max_length=256)]
Note = Annotated[str, Meta(max_length=4096)]
EpochMs = Annotated[int, Meta(ge=0, le=MAX_TS)]
HappenedMs = Annotated[int, Meta(ge=MIN_TS, le=MAX_TS)]
NonNegative = Annotated[float, Meta(ge=0, le=1e15)]
Money = Annotated[float, Meta(ge=-1e12, le=1e12)]
Period = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]

Direction = Literal["outgoing", "incoming"]
PeerNetwork = Literal["on_net", "off_net", "fixed", "international", "own_care", "competitor_care"]
Page = Literal["home", "plans", "number_portability", "store_locator", "checkout", "support", "other"]
CareReason = Literal[
    "leave_intent",
    "disconnect_appointment",
    "port_out_query",
    "port_out_code",
    "penalty_query",
    "complaint",
    "billing_dispute",
    "fault",
    "suspend_keep_number",
    "subcard_unlink",
    "transfer",
    "satisfaction",
    "inquiry",
]
Channel = Literal["field_visit", "account_manager", "outbound_call", "store", "sms", "app_push", "wechat"]
ProductKind = Literal["mobile", "broadband", "iptv", "fixed"]
Status = Literal["active", "suspended_arrears", "suspended_fraud", "suspended_voluntary", "left"]
OutcomeKind = Literal["ported_out", "disconnected", "lapsed", "downgraded", "migrated", "involuntary", "returned"]
FeedbackStatus = Literal[
    "accepted",
    "contacted",
    "unreachable",
    "delivered",
    "read",
    "retained",
    "lost",
    "refused",
    "dismissed",
    "snoozed",
    "withdrawn",
    "blocked",
    "overridden",
    "released",
]
LEAVING: Final = frozenset({"ported_out", "disconnected", "lapsed"})
"""Outcomes of active churn. `involuntary` is passive churn, and `migrated` is no churn."""
GONE: Final = LEAVING | {"involuntary"}
"""Outcomes after which a subscriber is not in service."""
REACHED: Final = frozenset({"contacted", "delivered", "read", "retained", "lost", "refused"})
"""Feedback that says that the customer was reached."""


class Event(Struct, frozen=True, gc=False, kw_only=True):
    """The fields common to all inputs."""

    subscriber_id: Id
    ts: HappenedMs
    event_id: Id | None = None


class Call(Event, frozen=True, gc=False, kw_only=True):
    """A call or a short message."""

    direction: Direction
    duration_s: NonNegative
    peer_network: PeerNetwork
    peer_operator: Word | None = None
    kind: Literal["voice", "sms"] = "voice"
    forwarded: bool = False
    dropped: bool = False
    roaming: bool = False


class DataUsage(Event, frozen=True, gc=False, kw_only=True):
    """A data session; ``bytes`` is up plus down."""

    bytes: NonNegative
    duration_s: NonNegative | None = None
    rat: Literal["2g", "3g", "4g", "5g", "wifi"] | None = None
    app_category: Word | None = None
    failed: bool = False
    throttled: bool = False
    roaming: bool = False


class SiteVisit(Event, frozen=True, gc=False, kw_only=True):
    """A visit to a competitor's site; ``operator`` is the competitor."""

    operator: Word
    dwell_s: NonNegative
    pages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    page: Page = "other"
    site: Word | None = None


class CareContact(Event, frozen=True, gc=False, kw_only=True):
    """A contact with hotline, store, app, web or account manager, and what it was about."""

    reason: CareReason
    channel: Literal["hotline", "store", "app", "account_manager", "web"] | None = None
    case_id: Id | None = None
    status: Literal["opened", "resolved"] = "opened"
    due_ts: EpochMs | None = None
    appointment_ts: EpochMs | None = None
    product: Word | None = None
    department: Word | None = None
    score: Annotated[float, Meta(ge=1, le=10)] | None = None


class Billing(Event, frozen=True, gc=False, kw_only=True):
    """An accrual, a bill, a recharge or a change of plan."""

    kind: Literal["accrual", "bill", "recharge", "plan_change"]
    amount: Money
    period: Period | None = None
    plan: Word | None = None
    fee: Money | None = None
    from_plan: Word | None = None
    from_fee: Money | None = None


class Contact(Event, frozen=True, gc=False, kw_only=True):
    """A contact made by another department: it counts towards the caps."""

    channel: Channel
    purpose: Word | None = None


class Product(Struct, frozen=True, gc=False, kw_only=True):
    """A product that the subscriber holds, and when its contract ends."""

    product: ProductKind
    contract_end_ts: EpochMs | None = None


class Consent(Struct, frozen=True, kw_only=True):
    """Consents that the subscriber gave or refused; absent ones follow the policy."""

    # msgspec holds the keys to the enum, but its schema does not say so.
    marketing: Annotated[
        dict[Channel, bool], Meta(extra_json_schema={"propertyNames": {"enum": sorted(get_args(Channel))}})
    ] = {}
    behaviour: bool | None = None
    profiling: bool | None = None

    def absent(self) -> tuple[str, ...]:
        """The consents left to the policy.

        Examples
        --------
        >>> Consent(behaviour=True).absent()
        ('marketing', 'profiling')
        """
        said = (("marketing", self.marketing or None), ("behaviour", self.behaviour), ("profiling", self.profiling))
        return tuple(use for use, answer in said if answer is None)


class Profile(Struct, frozen=True, kw_only=True):
    """A subscriber as the operator knows them; a newer profile replaces the former completely."""

    subscriber_id: Id
    ts: HappenedMs
    event_id: Id | None = None
    activated_ts: EpochMs | None = None
    arpu: Money | None = None
    plan: Word | None = None
    products: Annotated[list[Product], Meta(max_length=64)] = []
    customer_id: Word | None = None
    household_id: Word | None = None
    main_subscriber_id: Word | None = None
    account_id: Word | None = None
    account_size: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    account_unit: Word | None = None
    unit: Word | None = None
    manager: Word | None = None
    preferred_channel: Channel | None = None
    language: Literal["zh", "en"] | None = None
    penalty: Money | None = None
    points: Money | None = None
    star: NonNegative | None = None
    portable: bool | None = None
    consent: Consent = Consent()
    do_not_contact: bool = False
    status: Status = "active"


class Outcome(Event, frozen=True, gc=False, kw_only=True):
    """The outcome of a subscriber, from which labels are derived."""

    outcome: OutcomeKind
    last_activity_ts: EpochMs | None = None
    leave_reason: Word | None = None
    to_operator: Word | None = None


class Erasure(Event, frozen=True, gc=False, kw_only=True):
    """A request to forget this subscriber."""

    request_id: Id


class Feedback(Event, frozen=True, gc=False, kw_only=True):
    """Feedback of the front line on an alert, or on a walk-in if there is no ``alert_id``.

    ``blocked``, ``overridden``, ``released``, and ``snoozed`` without ``alert_id``, are instructions about the whole
    person, or with ``scope`` about the account of the line: ``by`` says whose, ``note`` why, ``until_ts`` until when.
    """

    status: FeedbackStatus
    scope: Literal["person", "account"] = "person"
    alert_id: Id | None = None
    by: Word | None = None
    channel: Channel | None = None
    note: Note | None = None
    until_ts: EpochMs | None = None
    leave_reason: Word | None = None
    offer_code: Word | None = None
    offer_cost: Money | None = None
    attempt: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None


def instructs(status: FeedbackStatus, alert_id: str | None) -> bool:
    """Whether feedback is an instruction about a person or an account, and not about an alert.

    Examples
    --------
    >>> instructs("blocked", None), instructs("snoozed", None), instructs("snoozed", "9f0c"), instructs("refused", None)
    (True, True, False, False)
    """
    return status in ("blocked", "overridden", "released") or (status == "snoozed" and alert_id is None)


AnyEvent = Call | DataUsage | SiteVisit | CareContact | Billing | Contact | Profile | Outcome | Erasure | Feedback


class Deletion(Struct, frozen=True, gc=False):
    """A tombstone on the profiles: the profile is deleted, the subscriber's history stays."""

    subscriber_id: str


class Arrival(NamedTuple):
    """An event with where it came from.

    ``topic`` is the input's name without prefix, ``offset`` its offset in the lane's partition, and ``record_ts``
    the record's timestamp (ms), from which the time to an alert is measured.
    """

    topic: str
    offset: int
    record_ts: int
    event: AnyEvent | Deletion


CALLS: Final = "telecom.calls.v1"
DATA_USAGE: Final = "telecom.data-usage.v1"
SITE_VISITS: Final = "telecom.site-visits.v1"
CARE_CONTACTS: Final = "telecom.care-contacts.v1"
BILLING: Final = "telecom.billing.v1"
CONTACTS: Final = "telecom.contacts.v1"
SUBSCRIBERS: Final = "telecom.subscribers.v1"
OUTCOMES: Final = "telecom.outcomes.v1"
ERASURES: Final = "telecom.erasures.v1"
FEEDBACK: Final = "churn.alert-feedback.v1"

INPUTS: Final[dict[str, type[AnyEvent]]] = {
    SUBSCRIBERS: Profile,
    ERASURES: Erasure,
    OUTCOMES: Outcome,
    CALLS: Call,
    DATA_USAGE: DataUsage,
    SITE_VISITS: SiteVisit,
    CARE_CONTACTS: CareContact,
    BILLING: Billing,
    CONTACTS: Contact,
    FEEDBACK: Feedback,
}
"""Input topics by rank: of two records with the same timestamp, the earlier topic here is applied first, so that a
profile precedes the call that needs it."""
