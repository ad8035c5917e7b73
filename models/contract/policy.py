"""The operator's policy, as one frozen value with the shipped defaults.

Every default is a judgement of the trade and stands with its reason; an operator changes it in a file of the same
shape. No other module of ``models`` holds a number that a business may want to change.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from models.contract.events import Channel, Page, Profile
from models.contract.playbook import DEFAULT_PLAYBOOK, Play
from models.contract.vocabulary import Kind, Role, Severity

Share = Annotated[float, Meta(gt=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Cap = tuple[Annotated[int, Meta(ge=0, le=30)], Annotated[float, Meta(ge=1, le=365)]]
"""At most so many contacts in so many days."""
Date = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Days = Annotated[float, Meta(ge=1, le=3650)]
"""No timer of the policy is shorter than a day: a lane may fold a day of events before it checks timers again."""
CUSTOMER_STARTED: Final[tuple[Kind, ...]] = (
    "leave_intent",
    "port_out",
    "disconnect_appointment",
    "complaint_overdue",
)
"""Kinds that the customer started by contacting us: they expect an answer."""

MANDATORY: Final[tuple[Kind, ...]] = ("contract_expiry",)
"""Notices that the operator owes to its customers."""


class TierPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a subscriber is at risk, and how many tier alerts may be raised.

    A cut-off is the larger of the risk at a share of all subscribers and a multiple of the base rate. Tiers move only
    at the daily look: a risk that fluctuates from event to event must not raise alerts.
    """

    high_risk_share: Share = 0.02
    warning_share: Share = 0.10  # the top 2 % and the next 8 %
    high_risk_times_base: Positive = 5.0
    warning_times_base: Positive = 2.0
    high_risk_from: Share | None = None  # an absolute risk instead of share and multiple
    warning_from: Share | None = None
    smoothing: Annotated[float, Meta(gt=0, le=1)] = 0.5  # weight of today's log-odds; 1 uses today alone
    fall_below: Share = 0.8  # of the cut-off: a tier is left only below this, or it would flicker
    calm_days: Days = 7.0  # without a look at warning or above, before a subscriber is healthy again
    min_history_days: Annotated[float, Meta(ge=0)] = 7.0  # of observed events; signals need none
    raises: Literal["warning", "high_risk"] = "high_risk"  # lowest tier that raises an alert
    budget: Annotated[float, Meta(ge=0)] = 1.0
    """Tier alerts raised per 1,000 subscribers and day, the best first: as many as a front line can call."""


class BrowsingPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When visits to competitors' sites are a signal: any of the three within the window."""

    window_days: Annotated[float, Meta(gt=0, le=90)] = 7.0
    visits: Annotated[int, Meta(ge=1, le=32)] = 3
    dwell_s: Positive = 600.0
    page_dwell_s: Positive = 30.0  # duration of one visit to one of the pages below: the strongest of the three
    strong_pages: tuple[Page, ...] = ("number_portability", "checkout")
    excluded_pages: tuple[Page, ...] = ("support",)  # visitors of help pages are customers there already, or lost


class SilencePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a subscriber with regular use has fallen silent: by their own usual gap, but never before the floor."""

    floor_days: Days = 3.0
    usual_gaps: Positive = 8.0
    min_history_days: Annotated[float, Meta(ge=0)] = 7.0
    min_per_week: Positive = 3.0  # calls and sessions together; below it use is not regular
    stale_feed_hours: Positive = 2.0  # if a usage feed is further behind, silence is withheld as stale_feed


class ExpiryPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When notice is given that a contract ends: mandatory notices, until one was delivered."""

    notice_days: Annotated[tuple[Annotated[float, Meta(ge=0.1, le=365)], ...], Meta(min_length=1, max_length=12)] = (
        90.0,
        60.0,
        30.0,
        7.0,
        1.0,
    )  # before the end
    urgent_days: Positive = 7.0  # from here on notices have high severity: none was delivered before


class ComplaintPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to warn that a complaint is close to its promised time."""

    warn_share: Share = 0.8  # share of the promised time; the rest is left to settle it


class DeclinePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the value of a subscriber declines: a cheaper plan, a high bill that fell, usage that moves off-net."""

    plan_fall: Share = 0.1  # fall of the plan's fee; smaller steps are no decline
    month_fall: Share = 0.3  # fall of a high bill, against the mean of the bills before
    segment_fall: Share = 0.15  # fall of a high bill that is no longer high
    calls_fall: Share = 0.3  # in a week, against the month: all of these three together, as with a second SIM
    data_fall: Share = 0.2
    off_net_rise: Share = 0.15  # of the share of calls that go off-net
    least_calls: Positive = 30.0  # a month; with fewer a share means nothing
    quiet_days: Days = 90.0  # after a decline was found; a change of plan counts at any time


class AccountPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a corporate line shows a sign that its account leaves: no breach, but it counts with breached lines."""

    forwarded_rise: Share = 0.2  # in the share of calls forwarded, the week against the month: to the new number
    bill_fall: Share = 0.3  # fall of the last bill, against the mean of those before
    least_calls: Positive = 30.0  # a month; with fewer a share means nothing


class WinBackPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When leavers are asked to come back: once, within these days after leaving."""

    after_days: Days = 110.0  # a number that was ported cannot move again for 120
    until_days: Days = 180.0

    def __post_init__(self) -> None:
        """Refuse a window that closes before it opens."""
        if self.until_days <= self.after_days:
            raise ValueError(f"nobody is asked from day {self.after_days} until day {self.until_days}")


class ConsentDefault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Default consents, for those that a profile leaves open.

    Examples
    --------
    >>> silent, default = Profile(subscriber_id="s-1", ts=0), ConsentDefault()
    >>> default.behaviour_of(silent), default.profiling_of(silent), default.channel_of(silent, "sms")
    (False, True, True)
    """

    marketing: bool = True  # by any channel
    behaviour: bool = False  # the use of visits to competitors' sites: only with explicit consent
    profiling: bool = True  # the model's risk

    def behaviour_of(self, profile: Profile) -> bool:
        """Whether their site visits may be used."""
        said = profile.consent.behaviour
        return self.behaviour if said is None else said

    def profiling_of(self, profile: Profile) -> bool:
        """Whether the model's risk may be used."""
        said = profile.consent.profiling
        return self.profiling if said is None else said

    def channel_of(self, profile: Profile, channel: Channel) -> bool:
        """Whether they may be contacted over a channel."""
        return profile.consent.marketing.get(channel, self.marketing)


class KindPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of an alert kind: time to live, contact deadline, and weight."""

    ttl_days: Days = 30.0
    contact_hours: Positive = 27.0  # inside the contact windows; the shipped ones are nine hours a day
    strong_severity: Severity = "high"
    severity: Severity = "normal"
    propensity: Annotated[float, Meta(ge=0, le=1)] = 0.0  # least probability of leaving, whatever the model says
    actionability: Annotated[float, Meta(ge=0, le=1)] = 0.7  # how much a contact can still change
    escalates: bool = True  # on a stronger trigger
    enabled: bool = True  # off: its breaches are suppressed as low_priority


class KindPolicies(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of each kind."""

    risk_tier: KindPolicy = KindPolicy(actionability=0.8)
    competitor_browsing: KindPolicy = KindPolicy(ttl_days=7.0, contact_hours=9.0, propensity=0.10, actionability=0.9)
    leave_intent: KindPolicy = KindPolicy(contact_hours=4.0, severity="high", propensity=0.50)
    port_out: KindPolicy = KindPolicy(contact_hours=2.0, severity="high", propensity=0.60, actionability=0.5)
    disconnect_appointment: KindPolicy = KindPolicy(
        contact_hours=9.0, severity="high", propensity=0.70, actionability=0.6
    )
    value_decline: KindPolicy = KindPolicy(severity="normal", propensity=0.05)
    silence: KindPolicy = KindPolicy(propensity=0.20, actionability=0.5)
    contract_expiry: KindPolicy = KindPolicy(
        ttl_days=120.0
    )  # longer than between two notices; it ends with the contract
    complaint_overdue: KindPolicy = KindPolicy(contact_hours=9.0)
    account_exodus: KindPolicy = KindPolicy(contact_hours=9.0, severity="high")
    win_back: KindPolicy = KindPolicy(ttl_days=70.0, contact_hours=45.0, actionability=0.3)


class ContactPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and how often people are contacted."""

    windows: Annotated[tuple[tuple[Clock, Clock], ...], Meta(min_length=1)] = (("09:00", "12:00"), ("14:00", "20:00"))
    utc_offset_hours: Annotated[float, Meta(ge=-12, le=14)] = 8.0  # Asia/Shanghai, which has no summer time
    holidays: tuple[Date, ...] = ()  # "2026-10-01": no working hours on that day
    high_risk_hours: Positive = 9.0  # contact_hours of a high_risk tier; those of a warning are the kind's
    appointment_margin_hours: Positive = 1.0  # between contact deadline and a disconnect appointment
    caps: Annotated[tuple[Cap, ...], Meta(max_length=8)] = ((1, 7.0), (2, 30.0), (4, 90.0))
    """Contacts with a person in days, by any department and on any of their numbers."""
    sms_caps: Annotated[tuple[Cap, ...], Meta(max_length=8)] = ((2, 30.0),)
    cooldown_days: Days = 30.0  # days after an alert of the same kind was raised
    cooldown_exempt: tuple[Kind, ...] = (*CUSTOMER_STARTED, *MANDATORY)
    """Kinds exempt from caps and from the cooldowns after an alert and after a refusal: customers who contact us always
    get an answer, and mandatory notices are always given."""
    refusal_days: Days = 90.0  # days after a refusal, for all kinds that are not exempt
    snooze_days: Days = 7.0  # when a snooze names no end
    hold_out_share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Share of persons who are not contacted, as a comparison group. Zero unless the operator decides otherwise, since
    these customers get no retention contact."""
    hold_out_exempt: tuple[Kind, ...] = (*CUSTOMER_STARTED, *MANDATORY)
    """Kinds that reach the hold-out too: those the customer started, and mandatory notices."""
    do_not_contact_exempt: tuple[Kind, ...] = ()
    """Kinds that reach even customers who asked not to be contacted. By default none: their own requests are answered
    by the service they spoke with, not by retention."""

    def __post_init__(self) -> None:
        """Refuse invalid days and windows, on which a worker would otherwise fail at its first alert.

        Examples
        --------
        >>> ContactPolicy(holidays=("2026-02-30",))
        Traceback (most recent call last):
        ValueError: 2026-02-30 is not a date
        """
        for day in self.holidays:
            try:
                date.fromisoformat(day)
            except ValueError as error:
                raise ValueError(f"{day} is not a date") from error
        for opens, closes in self.windows:
            if opens >= closes:
                raise ValueError(f"the window {opens} to {closes} closes before it opens")
        for (opens, closes), (after, _) in pairwise(sorted(self.windows)):
            if after < closes:
                raise ValueError(f"the window {opens} to {closes} is still open when the next one opens at {after}")


class CapacityException(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another capacity on some days: a holiday, sick leave, a campaign."""

    first: Date
    last: Date | None = None  # that one day
    channel: Channel | None = None  # all channels
    contacts: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        """Refuse invalid dates, and an end before the beginning."""
        # The last day first: it may be left out, so that a reader of files finds the fault of the other one, too.
        for day in (self.last or self.first, self.first):
            try:
                date.fromisoformat(day)
            except ValueError as error:
                raise ValueError(f"{day} is not a date") from error
        if (self.last or self.first) < self.first:
            raise ValueError(f"the days from {self.first} end before, at {self.last}")


class UnitPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit of the front line: how much it can do, and who does it."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    head: str | None = None  # gets orders past their deadline
    capacity: dict[Channel, Annotated[int, Meta(ge=0)]] = {}  # contacts a day; a channel that is not named has no limit
    exceptions: tuple[CapacityException, ...] = ()
    team: dict[Role, tuple[str, ...]] = {}  # names by role; an order goes to the one with the fewest that day
    target: Annotated[int, Meta(ge=0)] | None = None  # saves a day, shown beside the capacity


class DeskPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How breaches become work orders, and how orders are followed up."""

    urgent: tuple[Kind, ...] = (
        "competitor_browsing",
        "leave_intent",
        "port_out",
        "disconnect_appointment",
        "complaint_overdue",
        "account_exodus",
    )
    """Kinds that are dispatched as they come, and counted even past the limit. The others wait for the next tick, best
    first, if the unit has a limit of capacity; without one they are dispatched as they come, too."""
    wait_days: Days = 3.0  # for free capacity, holidays not counted; a breach that waited longer is suppressed
    tries: Annotated[int, Meta(ge=1, le=20)] = 3  # unanswered, at different hours, before the next channel
    remind_share: Share = 0.75  # of the time until the deadline
    return_hours: Positive = 9.0  # contact hours after the deadline until an order is back in the unit's pool
    settle_days: Days = 30.0  # after a contact, until it is known whether the customer stayed
    exodus_lines: Annotated[int, Meta(ge=2)] = 3  # fewest breached lines of an account that make one incident
    exodus_share: Share = 0.2  # least share of the account's lines
    absent_minutes: Annotated[float, Meta(ge=1)] = 15.0  # of wall-clock silence before a lane is no longer waited for


class LabelPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as leaving, and how long to wait before a subscriber counts as stayed."""

    horizon_days: Days = 30.0  # leaving within it makes a positive label
    lapse_days: Days = 60.0  # longest time from last activity to the declaration of a lapse
    weekly_share: Annotated[float, Meta(ge=0, le=1)] = 1.0  # of subscribers whose weekly vectors are kept for learning


class LeaveWords(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words in outcomes and feedback that give the reason for leaving; the first reason with a match counts."""

    price: tuple[str, ...] = ("price", "tariff", "expensive", "cost", "资费", "价格", "贵")
    network: tuple[str, ...] = ("network", "coverage", "signal", "speed", "网络", "信号", "覆盖", "网速")
    service: tuple[str, ...] = ("service", "complaint", "attitude", "服务", "投诉", "态度")
    competitor_offer: tuple[str, ...] = ("competitor", "offer", "promotion", "竞对", "优惠", "友商")
    family: tuple[str, ...] = ("family", "corporate", "company", "friend", "家庭", "家人", "单位", "集团", "融合")
    relocation: tuple[str, ...] = ("moved", "relocation", "abroad", "搬", "异地", "出国", "迁")
    unneeded: tuple[str, ...] = (
        "unneeded",
        "second_sim",
        "unused",
        "no longer",
        "不用",
        "闲置",
        "不需要",
        "多号",
        "副号",
    )


class ValuePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Value segments. Set the thresholds where the top 20 % and the next 30 % by ARPU begin."""

    high_arpu: float = 100.0
    mid_arpu: float = 50.0
    months: Positive = 12.0  # of revenue counted as at risk


class RetentionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long data of subscribers is kept."""

    idle_days: Annotated[float, Meta(ge=30)] = 180.0  # without event, profile or open alert: then deleted
    stop_mark_days: Annotated[float, Meta(ge=1)] = 30.0  # late events do not recreate an erased subscriber
    outputs_days: Annotated[float, Meta(ge=1)] = 30.0  # retention of published alerts, suppressions and examples
    compaction_days: Annotated[float, Meta(ge=0)] = 2.0  # until a deleted state record is gone from disk


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings that the operator decides.

    Examples
    --------
    >>> Policy().kind("leave_intent").contact_hours, Policy().kind("win_back").ttl_days
    (4.0, 70.0)
    """

    version: Annotated[str, Meta(min_length=1, max_length=64)] = "p-1"
    base_rate: Share = 0.015  # of subscribers who leave in a month; the served risk is shifted to it
    score_step: Share = 0.2  # a risk is published when it changed by this share of itself
    tiers: TierPolicy = TierPolicy()
    browsing: BrowsingPolicy = BrowsingPolicy()
    silence: SilencePolicy = SilencePolicy()
    expiry: ExpiryPolicy = ExpiryPolicy()
    complaint: ComplaintPolicy = ComplaintPolicy()
    decline: DeclinePolicy = DeclinePolicy()
    accounts: AccountPolicy = AccountPolicy()
    win_back: WinBackPolicy = WinBackPolicy()
    contact: ContactPolicy = ContactPolicy()
    desk: DeskPolicy = DeskPolicy()
    units: tuple[UnitPolicy, ...] = ()  # a unit that is not named here has no limit
    consent_default: ConsentDefault = ConsentDefault()
    value: ValuePolicy = ValuePolicy()
    labels: LabelPolicy = LabelPolicy()
    leave_words: LeaveWords = LeaveWords()
    retention: RetentionPolicy = RetentionPolicy()
    kinds: KindPolicies = KindPolicies()
    disclosable_signals: tuple[str, ...] = (
        "leave_intent",
        "disconnect_appointment",
        "complaint_overdue",
        "downgraded",
        "ported_out",
        "disconnected",
        "lapsed",
    )
    """Signals that may be mentioned to the customer; browsing, silence and port-out queries never are."""
    playbook: tuple[Play, ...] = DEFAULT_PLAYBOOK

    def __post_init__(self) -> None:
        """Refuse two units of one name, since the second would be lost."""
        names = [unit.name for unit in self.units]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the unit {twice} is there twice")

    def kind(self, kind: Kind) -> KindPolicy:
        """Settings of a kind."""
        found: KindPolicy = getattr(self.kinds, kind)
        return found
