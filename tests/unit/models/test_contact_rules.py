"""Why a breach is withheld, in which order, and by when a contact is due."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from models.contract.events import Consent, Profile
from models.contract.policy import ConsentDefault, ContactPolicy, Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import KINDS
from models.detection.contact_rules import STAGES, ContactCase, channels_for, contact_by, opens, withhold, working

CHANNELS = ("field_visit", "account_manager", "outbound_call", "store", "sms", "app_push", "wechat")
NINE = 1_780_016_400_000
"""09:00 of a Friday in Shanghai."""
POLICY = Policy()


def profile(**fields: Any) -> Profile:
    return Profile(subscriber_id="s-1", ts=0, **fields)


def standing(**fields: Any) -> ContactCase:
    calm = ContactCase(
        kind="leave_intent",
        clock=100 * DAY_MS,
        profile=profile(),
        involuntary=False,
        raised_ts=None,
        refused_ts=None,
        after_snooze=False,
        stale_feed=False,
        appointment_ts=None,
    )
    return calm._replace(**fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"profile": None}, "no_profile"),
        ({"profile": profile(do_not_contact=True)}, "do_not_contact"),
        ({"profile": profile(status="suspended_arrears")}, "passive_churn"),
        ({"profile": profile(status="suspended_fraud")}, "passive_churn"),
        ({"profile": profile(status="left")}, "passive_churn"),
        ({"profile": profile(status="suspended_voluntary")}, None),
        ({"involuntary": True}, "passive_churn"),
        ({"involuntary": True, "profile": None}, "passive_churn"),
        ({"kind": "risk_tier", "profile": profile(consent=Consent(profiling=False))}, "no_consent"),
        ({"kind": "leave_intent", "profile": profile(consent=Consent(profiling=False))}, None),
        ({"kind": "competitor_browsing", "profile": profile(consent=Consent(behaviour=False))}, "no_consent"),
        ({"kind": "competitor_browsing"}, "no_consent"),
        ({"kind": "competitor_browsing", "profile": profile(consent=Consent(behaviour=True))}, None),
        ({"kind": "risk_tier"}, None),
        ({"kind": "risk_tier", "profile": profile(consent=Consent(behaviour=False))}, None),
        ({"profile": profile(consent=Consent(marketing=dict.fromkeys(CHANNELS, False)))}, "no_consent"),
        ({"profile": profile(consent=Consent(marketing={"sms": False}))}, None),
        ({"kind": "risk_tier", "raised_ts": 100 * DAY_MS - 30 * DAY_MS + 1}, "cooldown"),
        ({"kind": "risk_tier", "raised_ts": 70 * DAY_MS}, None),
        ({"kind": "risk_tier", "raised_ts": 99 * DAY_MS, "after_snooze": True}, None),
        ({"kind": "risk_tier", "refused_ts": 11 * DAY_MS}, "cooldown"),
        ({"kind": "risk_tier", "refused_ts": 10 * DAY_MS}, None),
        ({"kind": "risk_tier", "refused_ts": 11 * DAY_MS, "after_snooze": True}, "cooldown"),
        ({"kind": "silence", "raised_ts": 99 * DAY_MS, "refused_ts": 99 * DAY_MS}, None),  # the desk asks
        ({"kind": "silence", "stale_feed": True}, "stale_feed"),
        ({"kind": "disconnect_appointment", "appointment_ts": 100 * DAY_MS}, "expired"),
        ({"kind": "disconnect_appointment", "appointment_ts": 100 * DAY_MS + 1}, None),
    ],
)
def test_withhold(fields: dict[str, Any], reason: str | None) -> None:
    assert withhold(standing(**fields), POLICY) == reason


def test_law_comes_before_habit() -> None:
    everything = standing(
        profile=profile(do_not_contact=True, consent=Consent(profiling=False)), kind="risk_tier", raised_ts=99 * DAY_MS
    )
    assert withhold(everything, POLICY) == "no_consent"
    assert len(STAGES) == 10


def test_consent_that_is_absent_follows_the_policy() -> None:
    policy = msgspec.structs.replace(POLICY, consent_default=ConsentDefault(behaviour=True, profiling=False))
    assert withhold(standing(kind="competitor_browsing"), policy) is None
    assert withhold(standing(kind="risk_tier"), policy) == "no_consent"
    assert withhold(standing(kind="risk_tier", profile=profile(consent=Consent(profiling=True))), policy) is None
    silent = msgspec.structs.replace(POLICY, consent_default=ConsentDefault(marketing=False))
    assert withhold(standing(), silent) == "no_consent"
    assert withhold(standing(profile=profile(consent=Consent(marketing={"sms": True}))), silent) is None


@pytest.mark.parametrize("kind", ["leave_intent", "disconnect_appointment", "port_out", "complaint_overdue"])
def test_who_rings_is_heard_in_cooldown_and_in_the_peace_after_a_refusal(kind: Any) -> None:
    again = standing(kind=kind, raised_ts=99 * DAY_MS, refused_ts=99 * DAY_MS)
    assert withhold(again, POLICY) is None
    assert withhold(again._replace(profile=profile(do_not_contact=True)), POLICY) == "do_not_contact"
    assert withhold(again._replace(involuntary=True), POLICY) == "passive_churn"
    never = profile(consent=Consent(marketing=dict.fromkeys(CHANNELS, False)))
    assert withhold(again._replace(profile=never), POLICY) == "no_consent"


def test_exempt_kinds_are_the_operators_choice() -> None:
    contact = msgspec.structs.replace(
        ContactPolicy(), do_not_contact_exempt=("leave_intent",), cooldown_exempt=("leave_intent",)
    )
    policy = msgspec.structs.replace(POLICY, contact=contact)
    asked = standing(profile=profile(do_not_contact=True), raised_ts=99 * DAY_MS)
    assert withhold(asked, policy) is None
    assert withhold(asked._replace(kind="port_out"), policy) == "do_not_contact"
    assert withhold(standing(kind="risk_tier", raised_ts=99 * DAY_MS), policy) == "cooldown"
    tiers_too = msgspec.structs.replace(contact, cooldown_exempt=("risk_tier",))
    exempt = msgspec.structs.replace(POLICY, contact=tiers_too)
    assert withhold(standing(kind="risk_tier", raised_ts=99 * DAY_MS), exempt) is None


@pytest.mark.parametrize(
    ("start_h", "hours", "ends_h"),
    [
        (0.0, 3.0, 3.0),  # 09:00 + 3 h = 12:00
        (0.0, 4.0, 6.0),  # over noon: 15:00
        (-9.0, 1.0, 1.0),  # from midnight: counts from nine
        (3.5, 1.0, 6.0),  # 12:30, closed: 15:00
        (10.5, 4.0, 29.5),  # 19:30 + half an hour today, 3 h tomorrow morning, half an hour after lunch: 14:30
        (12.0, 9.0, 35.0),  # 21:00: the whole of the next working day, until its 20:00
    ],
)
def test_working_hours_count_inside_the_windows_only(start_h: float, hours: float, ends_h: float) -> None:
    start = NINE + round(start_h * HOUR_MS)
    expected = NINE + round(ends_h * HOUR_MS)
    found = working(start, round(hours * HOUR_MS), ContactPolicy())
    assert (found - NINE) / HOUR_MS == pytest.approx((expected - NINE) / HOUR_MS)


def test_working_hours_skip_holidays() -> None:
    plain, holiday = ContactPolicy(), ContactPolicy(holidays=("2026-05-29",))
    assert working(NINE, HOUR_MS, holiday) == working(NINE + 15 * HOUR_MS, HOUR_MS, plain)


@pytest.mark.parametrize(
    ("kind", "level", "hours"),
    [
        ("leave_intent", 1, 6.0),  # four working hours from nine, over noon
        ("port_out", 1, 2.0),
        ("disconnect_appointment", 1, 11.0),  # a working day ends at 20:00
        ("risk_tier", 2, 11.0),
        ("risk_tier", 1, 59.0),  # three working days
        ("competitor_browsing", 1, 11.0),
    ],
)
def test_contact_by_of_each_kind(kind: Any, level: int, hours: float) -> None:
    assert contact_by(kind, level, NINE, None, POLICY) - NINE == hours * HOUR_MS


@pytest.mark.parametrize("kind", KINDS)
def test_contact_of_every_kind_is_due_within_working_hours(kind: Any) -> None:
    for half_hours in range(48):
        by = contact_by(kind, 1, NINE + half_hours * HOUR_MS // 2, None, POLICY)
        clock = (by + 8 * HOUR_MS) % DAY_MS / HOUR_MS
        assert 9 < clock <= 12 or 14 < clock <= 20


def test_port_out_query_of_the_evening_is_answered_in_the_morning() -> None:
    evening = NINE + round(10.5 * HOUR_MS)  # 19:30
    assert contact_by("port_out", 1, evening, None, POLICY) == NINE + round(25.5 * HOUR_MS)


@pytest.mark.parametrize("ahead_h", [0.5, 1.0, 2.0, 10.0, 30.0])
def test_contact_comes_before_the_appointment(ahead_h: float) -> None:
    appointment = NINE + round(ahead_h * HOUR_MS)
    by = contact_by("disconnect_appointment", 1, NINE, appointment, POLICY)
    assert NINE < by < appointment
    assert by <= NINE + 24 * HOUR_MS


@pytest.mark.parametrize(
    ("told_h", "ahead_h", "due_h"),
    [
        (9.0, 14.5, 11.0),  # told at 18:00 of 08:30: today until 20:00, not 07:30
        (9.0, 15.5, 11.0),  # of 09:30: 08:30 is before nine
        (3.5, 3.0, 29.5 - 24.0),  # told at 12:30 of 15:30: 14:30
        (3.5, 1.5, 4.25),  # of 14:00: no window lies between
        (14.0, 8.0, 21.0),  # told at 23:00 of 07:00: the same
        (11.5, 13.0, 24.25),  # told at 20:30 of 09:30: half of the time for which anybody may call
        (11.5, 13.5, 24.25),  # of 10:00: not at 09:00, but a quarter of an hour later
        (11.5, 14.5, 25.0),  # of 11:00: an hour before
        (10.99, 13.51, 24.24),  # told at 19:59 of 09:30: a quarter of an hour of contact time, not a minute
        (11.5, 1.5, 12.25),  # of 22:00
    ],
)
def test_contact_before_an_appointment_is_due_in_a_window_if_one_lies_between(
    told_h: float, ahead_h: float, due_h: float
) -> None:
    told = NINE + round(told_h * HOUR_MS)
    by = contact_by("disconnect_appointment", 1, told, told + round(ahead_h * HOUR_MS), POLICY)
    assert (by - NINE) / HOUR_MS == due_h


@pytest.mark.parametrize("kind", ["disconnect_appointment", "complaint_overdue"])
def test_contact_before_whatever_time_is_due_within_a_window_and_not_before_it_may_be_made(kind: Any) -> None:
    contact = POLICY.contact
    for told in range(NINE, NINE + DAY_MS, 17 * 60_000):
        begins = opens(told, contact)
        dues = [contact_by(kind, 1, told, told + ahead, POLICY) for ahead in range(1, 2 * DAY_MS, 13 * 60_000)]
        for ahead, by in zip(range(1, 2 * DAY_MS, 13 * 60_000), dues, strict=True):
            if kind == "disconnect_appointment" and begins >= told + ahead:
                assert told <= by <= told + ahead, "before the appointment in any case"
                continue
            assert begins <= by, "nobody may call before"
            assert by <= told + ahead or begins >= told + ahead, "in time, if anybody may call by then"
            assert opens(by - 1, contact) == by - 1 or by == begins, "in a window, or at its end"
        inside = [
            by for ahead, by in zip(range(1, 2 * DAY_MS, 13 * 60_000), dues, strict=True) if told + ahead > begins
        ]
        assert inside == sorted(inside), "a later time is no reason to call earlier"


def test_contact_before_an_appointment_is_not_due_on_a_holiday() -> None:
    contact = msgspec.structs.replace(ContactPolicy(), holidays=("2026-05-30",))
    policy = msgspec.structs.replace(POLICY, contact=contact)
    by = contact_by("disconnect_appointment", 1, NINE + 10 * HOUR_MS, NINE + 49 * HOUR_MS, policy)
    assert by == NINE + 11 * HOUR_MS, "at 10:00 of the day after the holiday it would be too late at 09:00"


def test_who_gets_answers_only_is_not_rung_because_they_refused_the_store() -> None:
    refused = profile(consent=Consent(marketing={"store": False}))
    assert channels_for(refused, ("store",), ConsentDefault(), own_choice=False)[0] == "store"


def test_channel_is_the_customers_own_unless_he_refused_it() -> None:
    plays = ("field_visit", "outbound_call")
    default = ConsentDefault()
    assert channels_for(profile(preferred_channel="wechat"), plays, default)[0] == "wechat"
    assert channels_for(profile(preferred_channel="wechat"), plays, default, own_choice=False)[0] == "field_visit"
    refused = Consent(marketing={"wechat": False, "field_visit": False})
    assert channels_for(profile(preferred_channel="wechat", consent=refused), plays, default)[0] == "outbound_call"
    only_sms = Consent(marketing=dict.fromkeys(CHANNELS, False) | {"sms": True})
    assert channels_for(profile(consent=only_sms), plays, default)[0] == "sms"
    asked_first = ConsentDefault(marketing=False)
    assert channels_for(profile(consent=Consent(marketing={"sms": True})), plays, asked_first)[0] == "sms"
