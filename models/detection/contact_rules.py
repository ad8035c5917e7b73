"""Whether to contact a subscriber and by when: one stage for each reason not to, and contact-hour arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from models.contract.events import Channel, Profile
from models.contract.policy import ConsentDefault, ContactPolicy, Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import HIGH_RISK, KINDS, Kind, SuppressionReason
from models.detection.decision_context import passive

_MINUTE_MS: Final = 60_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_LONGEST_HOLIDAY_DAYS: Final = 400
_SHORTEST_MS: Final = 15 * _MINUTE_MS
"""Least contact-window time for a contact: if an appointment at 09:30 is booked at 19:59, nobody can call by 20:00."""
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
    """The facts that decide whether a breach may be raised now."""

    kind: Kind
    clock: int
    profile: Profile | None
    involuntary: bool
    """Their last outcome was involuntary, and no newer profile is active."""
    raised_ts: int | None
    """When an alert of the kind was last raised."""
    refused_ts: int | None
    after_snooze: bool
    """Whether it is raised again after a snooze by the front line, so that the cooldown of its kind does not apply."""
    stale_feed: bool
    appointment_ts: int | None
    recorded: bool = False
    """Whether it is in the recorded history that the lane began with, too late to act on."""


Stage = Callable[[ContactCase, Policy], SuppressionReason | None]


def _recorded(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    return "expired" if facts.recorded else None


def _passive_churn(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    if facts.kind == "win_back" and facts.profile is not None and facts.profile.status == "left":
        return "passive_churn" if facts.involuntary else None
    return "passive_churn" if passive(facts.profile, facts.involuntary) else None


def _no_profile(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    return "no_profile" if facts.profile is None else None


def _no_consent(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    profile = facts.profile
    if profile is None:
        return None
    if not signal_allowed(profile, facts.kind, policy.consent_default):
        return "no_consent"
    for channel in CHANNELS:
        if policy.consent_default.channel_of(profile, channel):
            return None
    return "no_consent"


def _do_not_contact(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    profile = facts.profile
    if profile is None or not profile.do_not_contact or facts.kind in policy.contact.do_not_contact_exempt:
        return None
    return "do_not_contact"


def _cooldown(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    """Cooldown of tiers only, so that no budget is spent on alerts in cooldown; the desk checks all kinds by person."""
    if facts.kind != "risk_tier":
        return None
    raised = None if facts.after_snooze else facts.raised_ts
    ends = cooldown_ends(facts.kind, raised, facts.refused_ts, policy.contact)
    return "cooldown" if ends is not None and facts.clock < ends else None


def _stale_feed(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    return "stale_feed" if facts.stale_feed else None


def _expired(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    appointment = facts.appointment_ts
    return "expired" if appointment is not None and appointment <= facts.clock else None


def _switched_off(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    return None if policy.kind(facts.kind).enabled else "low_priority"


def _hold_out(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    contact = policy.contact
    if facts.profile is None or facts.kind in contact.hold_out_exempt:
        return None
    return "hold_out" if held_out(facts.profile, facts.profile.subscriber_id, contact) else None


def held_out(profile: Profile | None, subscriber_id: str, policy: ContactPolicy) -> bool:
    """Whether a person belongs to the hold-out; main card, sub-card and broadband are one person.

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
    # Last, so that the hold-out contains exactly those who would otherwise have been contacted.
    _hold_out,
)
"""In order: the first stage that objects gives the reason. Law and the customer's wishes come before our own rules."""


LAW: Final[tuple[Stage, ...]] = (_passive_churn, _no_profile, _no_consent, _do_not_contact)
"""Stages that forbid any contact, escalations too."""


def forbids(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    """Why a raised alert may not escalate, or None: law or the customer has since forbidden contact.

    Examples
    --------
    >>> raised = ContactCase("leave_intent", 0, Profile(subscriber_id="s-1", ts=0), False, 0, None, False, False, None)
    >>> forbids(raised, Policy()) is None
    True
    >>> forbids(raised._replace(profile=Profile(subscriber_id="s-1", ts=0, do_not_contact=True)), Policy())
    'do_not_contact'
    """
    return next((reason for stage in LAW if (reason := stage(facts, policy)) is not None), None)


def withhold(facts: ContactCase, policy: Policy) -> SuppressionReason | None:
    """Why a breach is not raised now, or None if it may be.

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
    >>> withhold(known._replace(kind="risk_tier", raised_ts=-86_400_000), Policy())
    'cooldown'
    """
    for stage in STAGES:
        reason = stage(facts, policy)
        if reason is not None:
            return reason
    return None


def cooldown_ends(kind: Kind, raised_ts: int | None, refused_ts: int | None, policy: ContactPolicy) -> int | None:
    """When the cooldown after an alert of the kind, or after a refusal, ends; None if there is none.

    What the customer started and mandatory notices have no cooldown.

    Examples
    --------
    >>> owed = ContactPolicy().cooldown_exempt[0]
    >>> cooldown_ends("risk_tier", 0, None, ContactPolicy()) / DAY_MS, cooldown_ends(owed, 0, 0, ContactPolicy())
    (30.0, None)
    """
    if kind in policy.cooldown_exempt:
        return None
    ends = [] if raised_ts is None else [cooldown_end(raised_ts, policy)]
    if refused_ts is not None:
        ends.append(refusal_end(refused_ts, policy))
    return max(ends, default=None)


def cooldown_end(raised_ts: int, policy: ContactPolicy) -> int:
    """When the cooldown of a kind ends, by the time of its last alert."""
    return raised_ts + round(policy.cooldown_days * DAY_MS)


def refusal_end(refused_ts: int, policy: ContactPolicy) -> int:
    """When the quiet period after a refusal ends."""
    return refused_ts + round(policy.refusal_days * DAY_MS)


def signal_allowed(profile: Profile | None, kind: str, default: ConsentDefault) -> bool:
    """Whether the data behind a breach of this kind may be used: profiling for tiers, site visits for browsing.

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


def unused_kinds(profile: Profile, default: ConsentDefault) -> tuple[Kind, ...]:
    """Kinds that rest on data whose use they do not consent to.

    Examples
    --------
    >>> unused_kinds(Profile(subscriber_id="s-1", ts=0), ConsentDefault(profiling=False))
    ('risk_tier', 'competitor_browsing')
    """
    return tuple(kind for kind in KINDS if not signal_allowed(profile, kind, default))


def channels_for(
    profile: Profile | None,
    preferences: tuple[Channel, ...],
    default: ConsentDefault,
    *,
    own_choice: bool = True,
    tries: int = 0,
) -> tuple[Channel, ...]:
    """Channels to try, in order: the subscriber's preferred one, then the play's, as far as they allow them.

    If they allow none of these, it is the first that they allow. Without `own_choice` it is the play's first alone:
    subscribers who may only be answered must not be called instead. After `tries` attempts the order begins that many
    channels further on, among all that they allow.

    Examples
    --------
    >>> from models.contract.events import Consent
    >>> asked = Profile(subscriber_id="s-1", ts=0, preferred_channel="sms", consent=Consent(marketing={"sms": False}))
    >>> channels_for(asked, ("sms", "outbound_call"), ConsentDefault())
    ('outbound_call',)
    >>> channels_for(asked, ("sms", "outbound_call", "store"), ConsentDefault(), tries=1)[:2]
    ('store', 'account_manager')
    """
    if profile is None or not own_choice:
        return preferences[:1]
    preferred = () if profile.preferred_channel is None else (profile.preferred_channel,)
    allowed = [
        channel
        for channel in dict.fromkeys((*preferred, *preferences, *CHANNELS))
        if default.channel_of(profile, channel)
    ]
    if not allowed:
        return preferences[:1]
    if tries:
        first = tries % len(allowed)
        return (*allowed[first:], *allowed[:first])
    of_play = tuple(channel for channel in allowed if channel in (*preferred, *preferences))
    return of_play or tuple(allowed[:1])


def contact_by(kind: Kind, level: int, ts: int, before_ts: int | None, policy: Policy) -> int:
    """Deadline of the first contact: the policy's hours within the contact windows, and before an appointment.

    It lies inside a contact window, and not before :func:`opens`, from when on contact may be made. If no window is
    open before the end of a promised time, it is soon after the next one opens; but it is before an appointment in any
    case.

    Examples
    --------
    >>> evening = 1_780_048_800_000  # 18:00 in Shanghai
    >>> (contact_by("leave_intent", 1, evening, None, Policy()) - evening) / HOUR_MS
    17.0
    >>> (contact_by("risk_tier", HIGH_RISK, evening, None, Policy()) - evening) / HOUR_MS
    24.0
    >>> night = evening + 3 * HOUR_MS
    >>> [(contact_by("port_out", 1, night, night + h * HOUR_MS // 2, Policy()) - night) / HOUR_MS for h in (20, 25)]
    [13.0, 12.25]
    """
    hours = policy.kind(kind).contact_hours
    if kind == "risk_tier" and level >= HIGH_RISK:
        hours = policy.contact.high_risk_hours
    by = working(ts, round(hours * HOUR_MS), policy.contact)
    if before_ts is None or before_ts <= ts:
        return by
    # After an appointment no contact helps; after a promised time one does.
    last = kind == "disconnect_appointment"
    return min(by, _before(ts, before_ts, policy.contact, last=last))


def _before(ts: int, end: int, policy: ContactPolicy, *, last: bool) -> int:
    """The last moment inside a contact window that leaves a margin before `end`; at short notice a part of it.

    At short notice half of the time is left for the call, and at least a quarter of an hour of contact-window time, if
    there is twice as much of that. If no window is open before `end`, it is the margin's time into the next one; or the
    margin before `end`, if that is the `last` moment of any use.
    """
    margin = round(policy.appointment_margin_hours * HOUR_MS)
    if opens(ts, policy) >= end:
        return end - min(margin, (end - ts + 1) // 2) if last else working(ts, max(1, margin), policy)
    least = _SHORTEST_MS if working(ts, 2 * _SHORTEST_MS, policy) <= end else (open_ms(ts, end, policy) + 1) // 2
    by = _last_open(ts, end - min(margin, (end - ts + 1) // 2), policy)
    return max(by, working(ts, least, policy))


def open_ms(since: int, until: int, policy: ContactPolicy) -> int:
    """Contact-window time between two moments.

    Examples
    --------
    >>> evening = 1_780_048_800_000  # 18:00 in Shanghai
    >>> open_ms(evening, evening + 31 * HOUR_MS // 2, ContactPolicy()) / HOUR_MS
    2.5
    """
    return sum(end - max(start, since) for start, end in _open_windows(since, until, policy))


def _last_open(since: int, until: int, policy: ContactPolicy) -> int:
    """The last moment inside a contact window after `since` and up to `until`; `since` if there is none.

    Examples
    --------
    >>> evening = 1_780_048_800_000  # 18:00 in Shanghai
    >>> (_last_open(evening, evening + 14 * HOUR_MS, ContactPolicy()) - evening) / HOUR_MS
    2.0
    """
    return next((end for _, end in _open_windows(since, until, policy)), since)


def _open_windows(since: int, until: int, policy: ContactPolicy) -> Iterator[tuple[int, int]]:
    """Contact windows that are open between two moments, the last one first, each up to `until`."""
    offset = round(policy.utc_offset_hours * HOUR_MS)
    windows, holidays = _compiled(policy.windows, policy.holidays)
    first, last = (since + offset) // DAY_MS, (until + offset) // DAY_MS
    for today in range(last, max(first, last - _LONGEST_HOLIDAY_DAYS) - 1, -1):
        if today in holidays:
            continue
        for opening, closing in reversed(windows):
            start = today * DAY_MS + opening - offset
            end = min(until, today * DAY_MS + closing - offset)
            if end > max(start, since):
                yield start, end


def working(ts: int, span_ms: int, policy: ContactPolicy) -> int:
    """The moment `span_ms` of contact-window time after `ts`.

    The UTC offset is fixed: summer time would need a zone table, which models may not read.

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


def opens(ts: int, policy: ContactPolicy) -> int:
    """The moment itself if it lies inside a contact window, else when the next one opens.

    Examples
    --------
    >>> evening = 1_780_048_800_000  # 18:00 in Shanghai
    >>> opens(evening, ContactPolicy()) - evening, (opens(evening + 2 * HOUR_MS, ContactPolicy()) - evening) / HOUR_MS
    (0, 15.0)
    """
    return working(ts, 1, policy) - 1


def after_days(ts: int, days: float, policy: ContactPolicy) -> int:
    """So many days later; a holiday does not count.

    Examples
    --------
    >>> evening, may_30 = 1_780_048_800_000, ContactPolicy(holidays=("2026-05-30",))
    >>> [(after_days(evening, 1.0, policy) - evening) / DAY_MS for policy in (ContactPolicy(), may_30)]
    [1.0, 2.0]
    """
    _, holidays = _compiled(policy.windows, policy.holidays)
    end, day = ts + round(days * DAY_MS), local_day(ts, policy)
    while day < local_day(end, policy):
        day += 1
        end += DAY_MS if day in holidays else 0
    return end


def local_day(ts: int, policy: ContactPolicy) -> int:
    """The operator's day, counted from 1970-01-01."""
    return (ts + round(policy.utc_offset_hours * HOUR_MS)) // DAY_MS


@lru_cache(maxsize=8)
def _compiled(
    windows: tuple[tuple[str, str], ...], holidays: tuple[str, ...]
) -> tuple[tuple[tuple[int, int], ...], frozenset[int]]:
    spans = tuple(sorted((_of_day(opens), _of_day(closes)) for opens, closes in windows))
    return spans, frozenset(date.fromisoformat(day).toordinal() - _EPOCH_DAY for day in holidays)


def _of_day(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * HOUR_MS + int(minutes) * _MINUTE_MS
