"""What is an event and what is poison, reason by reason."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from support.rig import FIELDS, event

from models.contract.events import CALLS, DATA_USAGE, INPUTS, MIN_TS, SUBSCRIBERS, Call, Deletion, Profile
from streams.records.wire import (
    DEAD_LETTER_REASONS,
    FUTURE_MS,
    MAX_KEY_BYTES,
    MAX_VALUE_BYTES,
    UNDATED,
    Rejected,
    dated,
    decode,
)

STAMP = 1_780_000_000_000


class Raw(NamedTuple):
    key: bytes | None
    value: bytes | None
    timestamp: int = STAMP
    offset: int = 0


def call(**fields: object) -> bytes:
    return event(CALLS, "s", STAMP, **fields)


def raw(duration: bytes) -> bytes:
    """A call with a literal of JSON for its duration."""
    return call(duration_s=0).replace(b'"duration_s": 0', b'"duration_s": ' + duration)


@pytest.mark.parametrize("topic", INPUTS)
def test_valid_event_of_every_topic(topic: str) -> None:
    decoded = decode(topic, Raw(b"s", event(topic, "s", STAMP)), STAMP)
    assert type(decoded) is INPUTS[topic]
    assert decoded.subscriber_id == "s"


POISON: list[tuple[str, str, bytes | None, bytes | None]] = [
    ("not_json", "empty", b"s", b""),
    ("not_json", "cut off", b"s", call()[:-1]),
    ("not_json", "two values", b"s", call() + call()),
    ("not_json", "byte order mark", b"s", b"\xef\xbb\xbf" + call()),
    ("not_json", "half a surrogate", b"s", call(peer_operator="x").replace(b'"x"', b'"\\ud800"')),
    ("not_utf8", "broken UTF-8", b"s", call(peer_operator="x").replace(b'"x"', b'"\xff"')),
    ("not_utf8", "UTF-16", b"s", call().decode().encode("utf-16")),
    ("null_key", "no key", None, call()),
    ("null_key", "nothing at all", None, None),
    ("null_value", "no value", b"s", None),
    ("key_mismatch", "another key", b"t", call()),
    ("key_mismatch", "empty key", b"", call()),
    ("key_mismatch", "key that is no UTF-8", b"\xff", call()),
    ("missing_field", "no direction", b"s", b'{"subscriber_id":"s","ts":1780000000000}'),
    ("missing_field", "no subscriber", b"s", b"{}"),
    ("wrong_type", "an array", b"s", b"[]"),
    ("wrong_type", "null", b"s", b"null"),
    ("wrong_type", "text for a number", b"s", call(duration_s="60")),
    ("wrong_type", "null for a number", b"s", call(duration_s=None)),
    ("wrong_type", "seconds with a fraction", b"s", call(ts=1.5)),
    ("wrong_type", "number for a switch", b"s", call(dropped=1)),
    ("out_of_range", "negative", b"s", call(duration_s=-1)),
    ("out_of_range", "before 1970", b"s", call(ts=-1)),
    ("out_of_range", "before 2000", b"s", call(ts=MIN_TS - 1)),
    ("out_of_range", "seconds for milliseconds", b"s", call(ts=STAMP // 1000)),
    ("out_of_range", "after 9999", b"s", call(ts=253_402_300_800_000)),
    ("out_of_range", "beyond 64 bits", b"s", call(ts=10**30)),
    ("out_of_range", "empty subscriber", b"s", event(CALLS, "", STAMP)),
    ("out_of_range", "long word", b"s", call(peer_operator="x" * 257)),
    ("unknown_enum", "unknown word", b"s", call(direction="sideways")),
    ("non_finite", "NaN", b"s", raw(b"NaN")),
    ("non_finite", "Infinity", b"s", raw(b"Infinity")),
    ("non_finite", "-Infinity", b"s", raw(b"-Infinity")),
    ("non_finite", "1e999", b"s", raw(b"1e999")),
    ("non_finite", "400 digits", b"s", raw(b"1" + b"0" * 400)),
    ("too_large", "value", b"s", call(note="x" * MAX_VALUE_BYTES)),
    ("too_large", "key", b"s" * (MAX_KEY_BYTES + 1), call()),
    ("too_deep", "50,000 open brackets", b"s", b"[" * 50_000),
    ("too_deep", "50,000 in an unknown field", b"s", call(note=0)[:-2] + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    ("too_deep", "brackets behind a string of brackets", b"s", b'["[[[[",' + b"[" * 40),
]


@pytest.mark.parametrize(
    ("reason", "key", "value"), [(r, k, v) for r, _, k, v in POISON], ids=[f"{r}: {name}" for r, name, *_ in POISON]
)
def test_poison_has_its_reason(reason: str, key: bytes | None, value: bytes | None) -> None:
    decoded = decode(CALLS, Raw(key, value), STAMP)
    assert isinstance(decoded, Rejected), decoded
    assert decoded.reason == reason
    assert decoded.detail


def test_every_reason_has_a_case() -> None:
    assert {reason for reason, *_ in POISON} | {"future_ts"} == set(DEAD_LETTER_REASONS)


@pytest.mark.parametrize(
    ("ts", "stamp", "broker_ms", "poison"),
    [
        (STAMP + FUTURE_MS, STAMP, None, False),
        (STAMP + FUTURE_MS + 1, STAMP, None, True),
        (STAMP, STAMP, STAMP - FUTURE_MS, False),
        (STAMP, STAMP, STAMP - FUTURE_MS - 1, True),
        (STAMP, STAMP, None, False),
        # An old event in a new record, and an old record, are as good as any.
        (MIN_TS, STAMP, STAMP, False),
        (MIN_TS, MIN_TS, STAMP, False),
        # No timestamp: there is only the broker's time to hold it against.
        (STAMP, -1, STAMP, False),
        (STAMP + FUTURE_MS, -1, STAMP, False),
        (STAMP + FUTURE_MS + 1, -1, STAMP, True),
        (STAMP + FUTURE_MS + 1, -1, None, False),
    ],
)
def test_time_ahead_of_its_clock_is_poison(ts: int, stamp: int, broker_ms: int | None, poison: bool) -> None:
    decoded = decode(CALLS, Raw(b"s", call(ts=ts), stamp), broker_ms)
    assert (isinstance(decoded, Rejected) and decoded.reason == "future_ts") is poison


def test_null_in_an_optional_field_is_its_absence() -> None:
    decoded = decode(CALLS, Raw(b"s", call(kind=None, roaming=None, peer_operator=None)), STAMP)
    assert decoded == decode(CALLS, Raw(b"s", call()), STAMP)
    assert type(decoded) is Call
    nulls = {name: None for name in Profile.__struct_fields__ if name not in ("subscriber_id", "ts")}
    bare = decode(SUBSCRIBERS, Raw(b"s", event(SUBSCRIBERS, "s", STAMP)), STAMP)
    assert decode(SUBSCRIBERS, Raw(b"s", event(SUBSCRIBERS, "s", STAMP, **nulls)), STAMP) == bare
    inside = {"consent": {"marketing": {"sms": None}, "behaviour": None}, "products": []}
    assert decode(SUBSCRIBERS, Raw(b"s", event(SUBSCRIBERS, "s", STAMP, **inside)), STAMP) == bare


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"duration_s": None}, "wrong_type"),
        ({"ts": None, "kind": None}, "wrong_type"),
        ({"kind": None, "roaming": 1}, "wrong_type"),
        ({"kind": None, "direction": "sideways"}, "unknown_enum"),
        ({"kind": None, "other": json.loads("[" * 40 + "]" * 40)}, "too_deep"),
        ({"kind": None, "ts": 10**30}, "out_of_range"),
    ],
)
def test_a_null_excuses_nothing_beside_it(fields: dict[str, object], reason: str) -> None:
    decoded = decode(CALLS, Raw(b"s", call(**fields)), STAMP)
    assert isinstance(decoded, Rejected), decoded
    assert decoded.reason == reason


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"s", Deletion("s")),
        ("号".encode(), Deletion("号")),
        (b"", "out_of_range"),
        (b"\xff", "not_utf8"),
        (b"s" * (MAX_KEY_BYTES + 1), "too_large"),
    ],
)
def test_null_value_deletes_a_profile(key: bytes, expected: Deletion | str) -> None:
    decoded = decode(SUBSCRIBERS, Raw(key, None), STAMP)
    assert decoded == expected or (isinstance(decoded, Rejected) and decoded.reason == expected)


def test_a_deletion_must_be_dated() -> None:
    """One of the year 2100 would make every later profile the older one."""
    ahead = decode(SUBSCRIBERS, Raw(b"s", None, STAMP + FUTURE_MS + 1), STAMP)
    assert isinstance(ahead, Rejected)
    assert ahead.reason == "future_ts"
    undated = decode(SUBSCRIBERS, Raw(b"s", None, -1), STAMP)
    assert isinstance(undated, Rejected)
    assert undated.reason == "null_value"


@pytest.mark.parametrize(
    ("record", "date"),
    [
        (Raw(b"s", call(ts=STAMP - 9)), STAMP),
        (Raw(b"s", b"?"), STAMP),
        (Raw(b"s", call(ts=STAMP - 9), -1), STAMP - 9),
        (Raw(b"s", b"?", -1), UNDATED),
        (Raw(b"s", call(), STAMP + FUTURE_MS), STAMP + FUTURE_MS),
        (Raw(b"s", call(), STAMP + FUTURE_MS + 1), UNDATED),
        (Raw(b"s", call(ts=STAMP + FUTURE_MS + 1), -1), UNDATED),
    ],
)
def test_a_record_is_dated_by_its_timestamp_or_its_ts(record: Raw, date: int) -> None:
    assert dated(CALLS, record, STAMP) == date


def test_unknown_fields_are_ignored_and_depth_counts_outside_strings_only() -> None:
    value = call(later="field", nested={"a": [1, {"b": "[" * 100}]})
    assert not isinstance(decode(CALLS, Raw(b"s", value), STAMP), Rejected)


def test_largest_value_is_still_read() -> None:
    value = call(note="")
    value = value[:-2] + b"x" * (MAX_VALUE_BYTES - len(value)) + b'"}'
    assert len(value) == MAX_VALUE_BYTES
    assert not isinstance(decode(CALLS, Raw(b"s", value), STAMP), Rejected)


def test_poison_of_one_topic_is_an_event_of_another() -> None:
    value = event(DATA_USAGE, "s", STAMP)
    assert isinstance(decode(CALLS, Raw(b"s", value), STAMP), Rejected)
    assert not isinstance(decode(DATA_USAGE, Raw(b"s", value), STAMP), Rejected)


@pytest.mark.parametrize("topic", INPUTS)
@pytest.mark.parametrize("content", ["13800138000", "x - at `$.y", "Expected `int`, got `13800138000`"])
def test_detail_never_holds_the_content(topic: str, content: str) -> None:
    """A dead letter's headers go where its value may not."""
    fields = {**FIELDS[topic], "subscriber_id": "s", "ts": STAMP}
    for name in fields:
        decoded = decode(topic, Raw(b"s", event(topic, "s", STAMP, **{name: content})), STAMP)
        if isinstance(decoded, Rejected):
            assert content not in decoded.detail
            assert "138" not in decoded.detail
