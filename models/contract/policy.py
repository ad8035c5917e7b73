"""The policy: what the operator decides, as one frozen value with the shipped defaults.

Every default is trade judgement and stands here with its reason; an operator changes it in a file of the same shape.
Nothing else in ``models`` holds a number that a business could want to change.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from models.contract.events import Channel, Page, Profile
from models.contract.playbook import DEFAULT_PLAYBOOK, Play
from models.contract.vocabulary import Kind, Severity

Share = Annotated[float, Meta(gt=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Date = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Days = Annotated[float, Meta(ge=1, le=3650)]
"""No timer of the policy is shorter than a day: a lane may fold a day of events before it looks at timers anew."""
CUSTOMER_STARTED: Final[tuple[Kind, ...]] = (
    "leave_intent",
    "port_out",
    "disconnect_appointment",
    "complaint_overdue",
)
"""Kinds that the customer started by coming to us: they wait for an answer."""


class TierPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a subscriber is at risk, and how many alerts may be raised of it.

    A cut-off is the larger of a share of all and a multiple of the base rate. Tiers move at the daily look alone: a
    risk that trembles from event to event must not ring.
    """

    high_risk_share: Share = 0.02
    warning_share: Share = 0.10  # the top 2 % and the next 8 %
    high_risk_times_base: Positive = 5.0
    warning_times_base: Positive = 2.0
    high_risk_from: Share | None = None  # an absolute risk instead of share and multiple
    warning_from: Share | None = None
    smoothing: Annotated[float, Meta(gt=0, le=1)] = 0.5  # weight of today's log-odds; 1 looks at today alone
    fall_below: Share = 0.8  # of the cut-off: what is hardly below it is not calm
    calm_days: Days = 7.0  # without a look at warning or above, before a subscriber is healthy again
    min_history_days: Annotated[float, Meta(ge=0)] = 7.0  # of observed events; signals need none
    raises: Literal["warning", "high_risk"] = "high_risk"  # from which tier on an alert is raised
    budget: Annotated[float, Meta(ge=0)] = 1.0
    """Tier alerts raised a day per 1,000 subscribers: what a front line can call, and the best are called."""


class BrowsingPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When visits to competitors' sites are a signal: any of the three within the window."""

    window_days: Annotated[float, Meta(gt=0, le=90)] = 7.0
    visits: Annotated[int, Meta(ge=1, le=32)] = 3
    dwell_s: Positive = 600.0
    page_dwell_s: Positive = 30.0  # of one visit to one of the pages below: the strongest of the three
    strong_pages: tuple[Page, ...] = ("number_portability", "checkout")
    excluded_pages: tuple[Page, ...] = ("support",)  # who looks for help is a customer there already, or lost


class SilencePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a subscriber with a rhythm has fallen silent: against their own usual gap, but never before the floor."""

    floor_days: Days = 3.0
    usual_gaps: Positive = 8.0
    min_history_days: Annotated[float, Meta(ge=0)] = 7.0
    min_per_week: Positive = 3.0  # calls and sessions together; below it there is no rhythm to break
    stale_feed_hours: Positive = 2.0  # a usage feed further behind the others: silence is withheld as stale_feed


class ConsentDefault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds where a profile does not say what the subscriber allowed.

    Examples
    --------
    >>> silent, default = Profile(subscriber_id="s-1", ts=0), ConsentDefault()
    >>> default.behaviour_of(silent), default.profiling_of(silent), default.channel_of(silent, "sms")
    (False, True, True)
    """

    marketing: bool = True  # by any channel
    behaviour: bool = False  # the use of their visits to competitors' sites: not without their word
    profiling: bool = True  # the model's risk

    def behaviour_of(self, profile: Profile) -> bool:
        """Whether their site visits may be used."""
        said = profile.consent.behaviour
        return self.behaviour if said is None else said

    def profiling_of(self, profile: Profile) -> bool:
        """Whether the model's word on them may be used."""
        said = profile.consent.profiling
        return self.profiling if said is None else said

    def channel_of(self, profile: Profile, channel: Channel) -> bool:
        """Whether they may be contacted over a channel."""
        return profile.consent.marketing.get(channel, self.marketing)


class KindPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long an alert of a kind lives, how soon it wants a contact, and what it weighs."""

    ttl_days: Days = 30.0
    contact_hours: Positive = 27.0  # inside the contact windows, of which the shipped ones are nine hours a day
    strong_severity: Severity = "high"
    severity: Severity = "normal"
    propensity: Annotated[float, Meta(ge=0, le=1)] = 0.0  # at least so likely to leave, whatever the model says
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
    value_decline: KindPolicy = KindPolicy()
    silence: KindPolicy = KindPolicy(propensity=0.20, actionability=0.5)
    contract_expiry: KindPolicy = KindPolicy()
    complaint_overdue: KindPolicy = KindPolicy(contact_hours=9.0)
    account_exodus: KindPolicy = KindPolicy(contact_hours=9.0, severity="high")
    win_back: KindPolicy = KindPolicy()


class ContactPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and how often people are contacted."""

    windows: Annotated[tuple[tuple[Clock, Clock], ...], Meta(min_length=1)] = (("09:00", "12:00"), ("14:00", "20:00"))
    utc_offset_hours: Annotated[float, Meta(ge=-12, le=14)] = 8.0  # Asia/Shanghai, which knows no summer time
    holidays: tuple[Date, ...] = ()  # "2026-10-01": no working hours on that day
    high_risk_hours: Positive = 9.0  # contact_hours of a high_risk tier; those of a warning are the kind's
    appointment_margin_hours: Positive = 1.0  # a disconnect appointment is answered so long before it
    cooldown_days: Days = 30.0  # since an alert of the same kind was raised
    cooldown_exempt: tuple[Kind, ...] = CUSTOMER_STARTED
    """Kinds that pass the cooldown and the peace after a refusal: whoever rings is heard, however often."""
    refusal_days: Days = 90.0  # of peace from every other kind after a refusal
    snooze_days: Days = 7.0  # when a snooze names no end
    hold_out_share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Of the persons, who are not contacted so that the others can be compared with them: none until the operator says
    so, since it is their customers who go without."""
    hold_out_exempt: tuple[Kind, ...] = (*CUSTOMER_STARTED, "contract_expiry")
    """Kinds that reach even them: what the customer started, and what they have to be told."""
    do_not_contact_exempt: tuple[Kind, ...] = ()
    """Kinds that reach even who asked not to be contacted. Empty: whoever asked for peace has it, and even what they
    started is answered by the service that they spoke with, not by retention."""

    def __post_init__(self) -> None:
        """Refuse days and windows that no calendar has: a worker would meet them at its first alert, and end.

        Examples
        --------
        >>> ContactPolicy(holidays=("2026-02-30",))
        Traceback (most recent call last):
        ValueError: 2026-02-30 is no day
        """
        for day in self.holidays:
            try:
                date.fromisoformat(day)
            except ValueError as error:
                raise ValueError(f"{day} is no day") from error
        for opens, closes in self.windows:
            if opens >= closes:
                raise ValueError(f"the window {opens} to {closes} closes before it opens")
        for (opens, closes), (after, _) in pairwise(sorted(self.windows)):
            if after < closes:
                raise ValueError(f"the window {opens} to {closes} is still open when the next one opens at {after}")


class LabelPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as leaving, and how long is waited to be sure that somebody stayed."""

    horizon_days: Days = 30.0  # who leaves within it was at risk
    lapse_days: Days = 60.0  # the longest that a lapse takes to be declared after its last activity
    weekly_share: Annotated[float, Meta(ge=0, le=1)] = 1.0  # of subscribers whose weekly vectors are kept for learning


class ValuePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a subscriber is worth. Set the thresholds where the top 20 % and the next 30 % by ARPU begin."""

    high_arpu: float = 100.0
    mid_arpu: float = 50.0
    months: Positive = 12.0  # of revenue that stand at risk


class RetentionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long what is known of a subscriber is kept without need."""

    idle_days: Annotated[float, Meta(ge=30)] = 180.0  # no event, no profile, no open alert: forgotten
    stop_mark_days: Annotated[float, Meta(ge=1)] = 30.0  # an erased subscriber is not recreated by late events
    outputs_days: Annotated[float, Meta(ge=1)] = (
        30.0  # alerts, suppressions and examples already written go after so long
    )
    compaction_days: Annotated[float, Meta(ge=0)] = 2.0  # until a deleted state record is gone from disk


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the module.

    Examples
    --------
    >>> Policy().kind("leave_intent").contact_hours, Policy().kind("win_back").ttl_days
    (4.0, 30.0)
    """

    version: Annotated[str, Meta(min_length=1, max_length=64)] = "p-1"
    base_rate: Share = 0.015  # of subscribers who leave in a month; the served risk is shifted to it
    score_step: Share = 0.2  # a risk is published when it moved by so much of itself
    tiers: TierPolicy = TierPolicy()
    browsing: BrowsingPolicy = BrowsingPolicy()
    silence: SilencePolicy = SilencePolicy()
    contact: ContactPolicy = ContactPolicy()
    consent_default: ConsentDefault = ConsentDefault()
    value: ValuePolicy = ValuePolicy()
    labels: LabelPolicy = LabelPolicy()
    retention: RetentionPolicy = RetentionPolicy()
    kinds: KindPolicies = KindPolicies()
    disclosable_signals: tuple[str, ...] = ("leave_intent", "disconnect_appointment")
    """What the customer said may be spoken of; their browsing, their silence and their port-out query never."""
    playbook: tuple[Play, ...] = DEFAULT_PLAYBOOK

    def kind(self, kind: Kind) -> KindPolicy:
        """Settings of a kind."""
        found: KindPolicy = getattr(self.kinds, kind)
        return found
