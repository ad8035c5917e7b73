"""Whether to contact, and by when: one small stage for each reason not to, and the arithmetic of working hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from models.contract.events import Channel, Profile
from models.contract.policy import ConsentDefault, ContactPolicy, Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import HIGH_RISK, Kind, SuppressionReason
from models.state.subscriber_record import Book

_MINUTE_MS: Final = 60_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_LONGEST_HOLIDAY_DAYS: Final = 400
_PASSIVE: Final = frozenset({"suspended_arrears", "suspended_fraud", "left"})
CHANNELS: Final[tuple[Channel, ...]] = (
    "account_manager",
    "field_visit",
    "outbound_call",
    "store",
    "app_push",
    "wechat",
    "sms",
)


class ContactCase(NamedTuple):
    """What decides whether a breach may be raised now."""

    kind: Kind
    clock: int
    profile: Profile | None
    involuntary: bool
    """Their last outcome was involuntary, and nothing newer says that they are back."""
    raised_ts: int | None
    """When an alert of the kind was last raised."""
    refused_ts: int | None
    after_snooze: bool
    """The front line asked for it to be raised anew: then the cooldown of its own kind does not hold."""
    stale_feed: bool
    appointment_ts: int | None
    recorded: bool = False
    """It lies in the recorded history that the lane began with: whatever it asked for, it is too late for it."""


Stage = Callable[[ContactCase, Policy], SuppressionReason | None]


def passive(profile: Profile | None, involuntary: bool) -> bool:
    """Whether the subscriber leaves, or has left, by our will and not their own: no matter for retention.

    A profile that says *active* is newer than an involuntary outcome only if `involuntary` is already false.
    """
    return involuntary or (profile is not None and profile.status in _PASSIVE)


def _recorded(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    return "expired" if standing.recorded else None


def _passive_churn(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    return "passive_churn" if passive(standing.profile, standing.involuntary) else None


def _no_profile(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    return "no_profile" if standing.profile is None else None


def _no_consent(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    profile = standing.profile
    if profile is None:
        return None
    if not signal_allowed(profile, standing.kind, policy.consent_default):
        return "no_consent"
    for channel in CHANNELS:
        if policy.consent_default.channel_of(profile, channel):
            return None
    return "no_consent"


def _do_not_contact(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    profile = standing.profile
    if profile is None or not profile.do_not_contact or standing.kind in policy.contact.do_not_contact_exempt:
        return None
    return "do_not_contact"


def _cooldown(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    ends = cooldown_ends(standing, policy.contact)
    return "cooldown" if ends is not None and standing.clock < ends else None


def _stale_feed(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    return "stale_feed" if standing.stale_feed else None


def _expired(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    appointment = standing.appointment_ts
    return "expired" if appointment is not None and appointment <= standing.clock else None


def _switched_off(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    return None if policy.kind(standing.kind).enabled else "low_priority"


def _hold_out(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    contact = policy.contact
    if standing.profile is None or standing.kind in contact.hold_out_exempt:
        return None
    return "hold_out" if held_out(standing.profile, standing.profile.subscriber_id, contact) else None


def held_out(profile: Profile | None, subscriber_id: str, policy: ContactPolicy) -> bool:
    """Whether a person is one of those who are not contacted: main card, sub-card and broadband are one person.

    Examples
    --------
    >>> half = ContactPolicy(hold_out_share=0.5)
    >>> [held_out(None, f"s-{n}", half) for n in range(6)]
    [False, False, True, False, True, False]
    >>> held_out(None, "s-2", ContactPolicy())
    False
    """
    if policy.hold_out_share == 0.0:
        return False
    person = subscriber_id if profile is None or profile.customer_id is None else profile.customer_id
    digest = blake2b(b"hold-out\x1f" + person.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < policy.hold_out_share * 2.0**64


STAGES: Final[tuple[Stage, ...]] = (
    _recorded,
    _passive_churn,
    _no_profile,
    _no_consent,
    _do_not_contact,
    _cooldown,
    _stale_feed,
    _expired,
    _switched_off,
    # Last, so that those held out are exactly those who would have been contacted.
    _hold_out,
)
"""In their order: the first that objects names the reason. Law and the customer's own word stand before our habits."""


_LAW: Final[tuple[Stage, ...]] = (_passive_churn, _no_profile, _no_consent, _do_not_contact)
"""What forbids a contact whatever was raised before."""


def forbids(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    """Why an alert that was raised may not ring once more: what the law or the customer has said since.

    Examples
    --------
    >>> raised = ContactCase("leave_intent", 0, Profile(subscriber_id="s-1", ts=0), False, 0, None, False, False, None)
    >>> forbids(raised, Policy()) is None
    True
    >>> forbids(raised._replace(profile=Profile(subscriber_id="s-1", ts=0, do_not_contact=True)), Policy())
    'do_not_contact'
    """
    return next((reason for stage in _LAW if (reason := stage(standing, policy)) is not None), None)


def withhold(standing: ContactCase, policy: Policy) -> SuppressionReason | None:
    """Why a breach is not raised now, or None if it is.

    Examples
    --------
    >>> nobody = ContactCase("leave_intent", 0, None, False, None, None, False, False, None)
    >>> withhold(nobody, Policy())
    'no_profile'
    >>> known = nobody._replace(profile=Profile(subscriber_id="s-1", ts=0))
    >>> withhold(known, Policy()) is None
    True
    >>> withhold(known._replace(raised_ts=-86_400_000, refused_ts=-86_400_000), Policy()) is None
    True
    >>> withhold(known._replace(kind="silence", raised_ts=-86_400_000), Policy())
    'cooldown'
    """
    for stage in STAGES:
        reason = stage(standing, policy)
        if reason is not None:
            return reason
    return None


def cooldown_ends(standing: ContactCase, policy: ContactPolicy) -> int | None:
    """When the peace after an alert of the kind, or after a refusal, is over; None if there is none."""
    ends = None
    if standing.kind in policy.cooldown_exempt:
        return None
    if standing.raised_ts is not None and not standing.after_snooze:
        ends = _cooldown_end(standing.raised_ts, policy)
    if standing.refused_ts is not None:
        refusal = _refusal_end(standing.refused_ts, policy)
        ends = refusal if ends is None else max(ends, refusal)
    return ends


def peace_ends(book: Book, policy: ContactPolicy) -> list[int]:
    """When each peace that the subscriber was given is over."""
    ends = [_cooldown_end(ts, policy) for ts in book.raised_ts.values()]
    return ends if book.refused_ts is None else [*ends, _refusal_end(book.refused_ts, policy)]


def _cooldown_end(raised_ts: int, policy: ContactPolicy) -> int:
    return raised_ts + round(policy.cooldown_days * DAY_MS)


def _refusal_end(refused_ts: int, policy: ContactPolicy) -> int:
    return refused_ts + round(policy.refusal_days * DAY_MS)


def signal_allowed(profile: Profile | None, kind: str, default: ConsentDefault) -> bool:
    """Whether what makes a breach of this kind may be used at all: the model's word, or the visits.

    Examples
    --------
    >>> from models.contract.events import Consent
    >>> private = Profile(subscriber_id="s-1", ts=0, consent=Consent(behaviour=False))
    >>> [signal_allowed(private, kind, ConsentDefault()) for kind in ("competitor_browsing", "leave_intent")]
    [False, True]
    """
    if profile is None:
        return True
    if kind == "risk_tier":
        return default.profiling_of(profile)
    return kind != "competitor_browsing" or default.behaviour_of(profile)


def pick_channel(
    profile: Profile | None, preferences: tuple[Channel, ...], default: ConsentDefault, *, own_choice: bool = True
) -> Channel:
    """The subscriber's own channel if they allow it, else the first allowed of the play's, else any allowed.

    Without a choice of their own the first of the play's stands: who may only be answered is not rung instead.

    Examples
    --------
    >>> from models.contract.events import Consent
    >>> asked = Profile(subscriber_id="s-1", ts=0, preferred_channel="sms", consent=Consent(marketing={"sms": False}))
    >>> pick_channel(asked, ("sms", "outbound_call"), ConsentDefault())
    'outbound_call'
    """
    if profile is None or not own_choice:
        return preferences[0]
    preferred = profile.preferred_channel
    if preferred is not None and default.channel_of(profile, preferred):
        return preferred
    for channel in (*preferences, *CHANNELS):
        if default.channel_of(profile, channel):
            return channel
    return preferences[0]


def contact_by(kind: Kind, level: int, ts: int, appointment_ts: int | None, policy: Policy) -> int:
    """Until when the first contact is to be made: so many hours of the contact windows, and before an appointment.

    Examples
    --------
    >>> evening = 1_780_048_800_000  # 18:00 in Shanghai
    >>> (contact_by("leave_intent", 1, evening, None, Policy()) - evening) / HOUR_MS
    17.0
    >>> (contact_by("risk_tier", HIGH_RISK, evening, None, Policy()) - evening) / HOUR_MS
    24.0
    """
    hours = policy.kind(kind).contact_hours
    if kind == "risk_tier" and level >= HIGH_RISK:
        hours = policy.contact.high_risk_hours
    by = working(ts, round(hours * HOUR_MS), policy.contact)
    if appointment_ts is not None and appointment_ts > ts:
        # Before the appointment, with a margin; of a short notice half is left for the call.
        margin = min(round(policy.contact.appointment_margin_hours * HOUR_MS), (appointment_ts - ts + 1) // 2)
        by = min(by, _last_open(ts, appointment_ts - margin, policy.contact))
    return by


def _last_open(since: int, until: int, policy: ContactPolicy) -> int:
    """The last moment of a contact window after `since` and not after `until`; `until` if no window lies between.

    Examples
    --------
    >>> evening = 1_780_048_800_000  # 18:00 in Shanghai
    >>> (_last_open(evening, evening + 14 * HOUR_MS, ContactPolicy()) - evening) / HOUR_MS
    2.0
    """
    offset = round(policy.utc_offset_hours * HOUR_MS)
    windows, holidays = _compiled(policy.windows, policy.holidays)
    first, last = (since + offset) // DAY_MS, (until + offset) // DAY_MS
    for today in range(last, max(first, last - _LONGEST_HOLIDAY_DAYS) - 1, -1):
        if today in holidays:
            continue
        for opens, closes in reversed(windows):
            start = today * DAY_MS + opens - offset
            end = min(until, today * DAY_MS + closes - offset)
            if end > max(start, since):
                return end
    return until


def working(ts: int, span_ms: int, policy: ContactPolicy) -> int:
    """The moment when so much time inside the contact windows will have passed since `ts`.

    The offset from UTC is fixed: a zone with summer time would need a table that models may not read.

    Examples
    --------
    >>> four_hours, nine = 4 * HOUR_MS, 1_780_016_400_000  # 09:00 in Shanghai
    >>> (working(nine, four_hours, ContactPolicy()) - nine) / HOUR_MS
    6.0
    """
    offset = round(policy.utc_offset_hours * HOUR_MS)
    local = ts + offset
    windows, holidays = _compiled(policy.windows, policy.holidays)
    day = local // DAY_MS
    for today in range(day, day + _LONGEST_HOLIDAY_DAYS):
        if today in holidays:
            continue
        for opens, closes in windows:
            start = max(local, today * DAY_MS + opens)
            left = today * DAY_MS + closes - start
            if span_ms <= left:
                return start + span_ms - offset
            span_ms -= max(0, left)
    return ts + span_ms


@lru_cache(maxsize=8)
def _compiled(
    windows: tuple[tuple[str, str], ...], holidays: tuple[str, ...]
) -> tuple[tuple[tuple[int, int], ...], frozenset[int]]:
    spans = tuple(sorted((_of_day(opens), _of_day(closes)) for opens, closes in windows))
    return spans, frozenset(date.fromisoformat(day).toordinal() - _EPOCH_DAY for day in holidays)


def _of_day(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * HOUR_MS + int(minutes) * _MINUTE_MS
