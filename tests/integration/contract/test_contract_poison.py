"""Records that are no events: each reason, what is kept of them, and that nothing stops."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any, NamedTuple

import pytest
from support.black_box import World
from support.black_box_events import CALLS, CARE, DEAD_LETTERS, FIELDS, SUBSCRIBERS, VISITS
from support.black_box_outputs import Record
from support.black_box_subscriber import Subscriber

MIB = 1 << 20
KEPT = 256 << 10
REASONS = {
    "not_json", "not_utf8", "null_key", "null_value", "key_mismatch", "missing_field", "wrong_type", "out_of_range",
    "unknown_enum", "non_finite", "future_ts", "too_large", "too_deep",
}  # fmt: skip


class Bad(NamedTuple):
    """A poison record; ``{me}`` stands for the subscriber."""

    reason: str
    value: bytes | None
    topic: str = CALLS
    keyed: bool = True
    ahead_ms: int = 0


THEN = 1_700_000_000_000


def call(**fields: Any) -> bytes:
    """A call, with fields replaced, or left out where they are Ellipsis."""
    body = {"subscriber_id": "{me}", "ts": THEN, **FIELDS[CALLS], **fields}
    return json.dumps({name: value for name, value in body.items() if value is not ...}).encode()


def with_raw(name: str, raw: bytes) -> bytes:
    """A call in which the field's value is written just so."""
    return call(**{name: "@"}).replace(b'"@"', raw)


NOW = int(time.time() * 1000)
POISON = {
    "torn": Bad("not_json", call()[:-5]),
    "empty": Bad("not_json", b""),
    "words": Bad("not_json", b"hello"),
    "two values": Bad("not_json", call() + call()),
    "not utf-8": Bad("not_utf8", with_raw("peer_operator", b'"\xff\xfe"')),
    "not utf-8 where nobody looks": Bad("not_utf8", with_raw("extra", b'"\xff"')),
    "no key": Bad("null_key", call(), keyed=False),
    "no value": Bad("null_value", None),
    "another's key": Bad("key_mismatch", call(subscriber_id="somebody-else")),
    "no ts": Bad("missing_field", call(ts=...)),
    "no subscriber": Bad("missing_field", call(subscriber_id=...)),
    "no direction": Bad("missing_field", call(direction=...)),
    "no reason": Bad("missing_field", b'{"subscriber_id": "{me}", "ts": 1780000000000}', CARE),
    "ts in words": Bad("wrong_type", call(ts="yesterday")),
    "ts null": Bad("wrong_type", call(ts=None)),
    "ts a fraction": Bad("wrong_type", call(ts=1.5)),
    "duration in words": Bad("wrong_type", call(duration_s="60")),
    "flag as number": Bad("wrong_type", call(dropped=1)),
    "no object": Bad("wrong_type", b"[1, 2]"),
    "a number": Bad("wrong_type", b"42"),
    "null": Bad("wrong_type", b"null"),
    "negative duration": Bad("out_of_range", call(duration_s=-1)),
    "negative ts": Bad("out_of_range", call(ts=-1)),
    "ts in seconds": Bad("out_of_range", call(ts=NOW // 1000)),
    "no pages": Bad("out_of_range", json.dumps(
        {"subscriber_id": "{me}", "ts": THEN, "operator": "rival", "dwell_s": 1, "pages": 0}).encode(), VISITS),
    "a score of 11": Bad("out_of_range", json.dumps(
        {"subscriber_id": "{me}", "ts": THEN, "reason": "satisfaction", "score": 11}).encode(), CARE),
    "a month 13": Bad("out_of_range", json.dumps(
        {"subscriber_id": "{me}", "ts": THEN, "kind": "bill", "amount": 1, "period": "2026-13"}
    ).encode(), "telecom.billing.v1"),
    "sideways": Bad("unknown_enum", call(direction="sideways")),
    "unknown product": Bad("unknown_enum", json.dumps(
        {"subscriber_id": "{me}", "ts": THEN, "products": [{"product": "fax"}]}).encode(), SUBSCRIBERS),
    "unknown channel of a consent": Bad("unknown_enum", json.dumps(
        {"subscriber_id": "{me}", "ts": THEN, "consent": {"marketing": {"pigeon": True}}}).encode(), SUBSCRIBERS),
    "NaN": Bad("non_finite", with_raw("duration_s", b"NaN")),
    "Infinity": Bad("non_finite", with_raw("duration_s", b"-Infinity")),
    "1e999": Bad("non_finite", with_raw("duration_s", b"1e999")),
    "ts ahead of its record": Bad("future_ts", call(ts=NOW + 3_600_000)),
    "record ahead of the broker": Bad("future_ts", call(ts=NOW), ahead_ms=600_000),
    "over a mebibyte": Bad("too_large", call(peer_operator="x" * MIB)),
    "deep": Bad("too_deep", with_raw("peer_operator", b"[" * 5_000 + b"]" * 5_000)),
    "deep where nobody looks": Bad("too_deep", with_raw("extra", b"[" * 100 + b"]" * 100)),
    "very deep": Bad("too_deep", with_raw("extra", b"[" * 100_000 + b"]" * 100_000)),
    "deep in objects": Bad("too_deep", with_raw("extra", b'{"a":' * 2_000 + b"1" + b"}" * 2_000)),
}  # fmt: skip


def poison(world: World, who: Subscriber, bad: Bad) -> tuple[Record, bytes | None]:
    """Send it; returns its dead letter, and the bytes that were sent."""
    value = None if bad.value is None else bad.value.replace(b"{me}", who.name.encode())
    key = who.name if bad.keyed else None
    stamp = int(time.time() * 1000) + bad.ahead_ms
    place = world.send(bad.topic, key, value, partition=who.lane, timestamp=stamp)
    world.settle(who.lane)
    letters = [
        letter
        for letter in world.outputs.records[DEAD_LETTERS]
        if letter.headers["__connect.errors.topic"] == (world.prefix + place.topic).encode()
        and letter.headers["__connect.errors.offset"] == str(place.offset).encode()
        and letter.headers["__connect.errors.partition"] == str(place.partition).encode()
    ]
    assert len(letters) == 1, letters
    return letters[0], value


def test_every_reason_of_the_contract_is_tried() -> None:
    assert {bad.reason for bad in POISON.values()} == REASONS


@pytest.mark.parametrize("name", POISON)
def test_poison_is_kept_with_its_reason(world: World, customer: Subscriber, name: str) -> None:
    bad = POISON[name]
    before = world.metrics()
    letter, sent = poison(world, customer, bad)
    headers = letter.headers
    assert headers["holdfast.reason"].decode() == bad.reason
    assert letter.place.partition == customer.lane
    assert letter.key == (customer.name.encode() if bad.keyed else None)
    for header in ("stage", "exception.class.name", "exception.message"):
        assert headers[f"__connect.errors.{header}"], header
    assert customer.name not in headers["__connect.errors.exception.message"].decode()
    if sent is not None and len(sent) > KEPT:
        assert letter.value is None
        told = b" ".join(headers.values()).decode()
        assert str(len(sent)) in told
        assert hashlib.sha256(sent).hexdigest() in told
    else:
        assert letter.value == sent
    after = world.metrics()
    labels = {"topic": bad.topic, "reason": bad.reason}
    assert (after.value("dead_letters_total", **labels) or 0) - (before.value("dead_letters_total", **labels) or 0) == 1
    assert after.value("events_total", topic=bad.topic) == before.value("events_total", topic=bad.topic)


def test_poison_stops_nothing(world: World, customer: Subscriber) -> None:
    poison(world, customer, Bad("not_json", b"{"))
    customer.care("leave_intent")
    assert customer.steps() == [("raised", None)]


def test_a_large_poison_under_the_bound_is_kept_whole(world: World, customer: Subscriber) -> None:
    value = b"x" * KEPT
    letter, _ = poison(world, customer, Bad("not_json", value))
    assert letter.value == value


def test_of_a_larger_one_only_length_and_digest_are_kept(world: World, customer: Subscriber) -> None:
    value = b"x" * (KEPT + 1)
    letter, _ = poison(world, customer, Bad("not_json", value))
    assert letter.value is None
    assert hashlib.sha256(value).hexdigest().encode() in letter.headers.values()
    assert str(KEPT + 1).encode() in letter.headers.values()


def test_unknown_fields_are_ignored(world: World, customer: Subscriber) -> None:
    customer.care("leave_intent", colour="blue", nested={"a": [1, {"b": None}]}, tier="high_risk")
    assert customer.steps() == [("raised", None)]


def test_a_ts_a_little_ahead_of_its_record_is_an_event(world: World, someone: Subscriber) -> None:
    before = world.metrics()
    now = int(time.time() * 1000)
    body = {"subscriber_id": someone.name, "ts": now + 200_000}
    world.send("telecom.contacts.v1", someone.name, json.dumps({**body, "channel": "sms"}).encode(), timestamp=now)
    world.settle(someone.lane)
    after = world.metrics()
    assert after.total("dead_letters_total") == before.total("dead_letters_total")
    assert after.total("events_total") - before.total("events_total") == 1


def test_a_record_without_a_timestamp_is_held_against_the_brokers_time(world: World, someone: Subscriber) -> None:
    before = world.metrics()
    now = int(time.time() * 1000)
    for ts in (now - 1000, now + 3_600_000):
        body = {"subscriber_id": someone.name, "ts": ts, "channel": "sms"}
        world.send("telecom.contacts.v1", someone.name, json.dumps(body).encode(), timestamp=-1)
    world.settle(someone.lane)
    after = world.metrics()
    assert after.total("events_total") - before.total("events_total") == 1
    poison = {"topic": "telecom.contacts.v1", "reason": "future_ts"}
    assert (after.value("dead_letters_total", **poison) or 0) - (before.value("dead_letters_total", **poison) or 0) == 1


def test_null_in_an_optional_field_is_its_absence(world: World, customer: Subscriber) -> None:
    before = world.metrics()
    customer.profile(consent=None, products=None, penalty=None)
    customer.care("leave_intent", status=None, channel=None)
    assert customer.steps() == [("raised", None)]
    assert world.metrics().total("dead_letters_total") == before.total("dead_letters_total")


def test_a_key_that_murmur2_puts_elsewhere_is_applied_and_counted_once(world: World, someone: Subscriber) -> None:
    elsewhere = (someone.lane + 1) % world.lanes
    before = world.metrics()
    for _ in range(2):
        now = int(time.time() * 1000)
        body = {"subscriber_id": someone.name, "ts": now, "channel": "sms"}
        value = json.dumps(body).encode()
        world.send("telecom.contacts.v1", someone.name, value, partition=elsewhere, timestamp=now)
        world.settle(elsewhere)
    after = world.metrics()
    labels = {"topic": "telecom.contacts.v1"}
    assert after.total("events_total") - before.total("events_total") == 2
    counted = after.value("misplaced_keys_total", **labels) - before.value("misplaced_keys_total", **labels)
    assert counted == 1


def test_the_verb_lists_dead_letters(world: World, customer: Subscriber) -> None:
    letter, _ = poison(world, customer, POISON["sideways"])
    listed = world.holdfast("dlq", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert any(letter.headers["holdfast.reason"].decode() in row.values() for row in rows)
    assert all(isinstance(row, dict) for row in rows)
