"""The five stories of the demonstration."""

from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest

from app.simulator import STORIES, story
from models.contract.events import CARE_CONTACTS, SITE_VISITS, SUBSCRIBERS, Profile
from models.contract.time_units import DAY_MS
from streams.records import wire

NOW = 1_780_000_000_000


@pytest.mark.parametrize("number", sorted(STORIES))
@pytest.mark.parametrize("subscriber_id", [None, "s-000042"])
def test_a_story_is_valid_ordered_and_ends_now(number: int, subscriber_id: str | None) -> None:
    records = story(number, subscriber_id, NOW)
    stamps = [record.ts for record in records]
    assert stamps == sorted(stamps)
    assert stamps[-1] == NOW
    assert stamps[0] > NOW - 7 * DAY_MS  # an older event would trigger nothing
    assert len({orjson.loads(record.value)["event_id"] for record in records}) == len(records)
    for offset, record in enumerate(records):
        raw = SimpleNamespace(offset=offset, timestamp=record.ts, key=record.key, value=record.value, headers=())
        assert not isinstance(wire.decode(record.topic, raw, NOW), wire.Rejected), record


def test_keys_one_to_five_have_a_title_in_both_languages() -> None:
    assert sorted(STORIES) == [1, 2, 3, 4, 5]
    assert all(told.title["en"].isascii() and not told.title["zh"].isascii() for told in STORIES.values())


@pytest.mark.parametrize("number", sorted(STORIES))
def test_a_new_subscriber_starts_with_a_profile_that_may_be_contacted(number: int) -> None:
    first = story(number, None, NOW)[0]
    assert first.topic == SUBSCRIBERS
    profile = wire.decode(
        SUBSCRIBERS, SimpleNamespace(offset=0, timestamp=first.ts, key=first.key, value=first.value, headers=()), NOW
    )
    assert isinstance(profile, Profile)
    assert profile.status == "active"
    assert profile.consent.behaviour
    assert not profile.do_not_contact
    assert profile.unit


def test_a_named_subscriber_keeps_his_profile() -> None:
    assert all(record.topic != SUBSCRIBERS and record.key == b"s-000042" for record in story(5, "s-000042", NOW))


def last(number: int) -> dict[str, object]:
    value: dict[str, object] = orjson.loads(story(number, None, NOW)[-1].value)
    return value


def test_each_story_tells_what_its_title_says() -> None:
    assert story(1, None, NOW)[-1].topic == SITE_VISITS
    assert last(1)["page"] == "number_portability"
    assert last(2)["reason"] == "leave_intent"
    assert [orjson.loads(record.value)["reason"] for record in story(3, None, NOW)[1:]] == [
        "port_out_query",
        "port_out_code",
    ]
    assert last(4)["reason"] == "disconnect_appointment"
    assert last(4)["appointment_ts"] > NOW
    reasons = [orjson.loads(record.value)["reason"] for record in story(5, None, NOW) if record.topic == CARE_CONTACTS]
    assert reasons == ["complaint", "complaint", "penalty_query", "leave_intent"]
