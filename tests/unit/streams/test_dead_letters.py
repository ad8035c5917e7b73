"""A dead letter as the contract says it."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from streams.records.dead_letters import KEPT_BYTES, dead_letter
from streams.records.wire import Rejected

REJECTED = Rejected("wrong_type", "Expected `int`, got `str` - at `$.ts`")


class Raw(NamedTuple):
    key: bytes | None
    value: bytes | None
    offset: int = 88_123
    timestamp: int = 1_780_000_000_000


def test_headers_are_those_of_the_contract() -> None:
    letter = dead_letter("t1.telecom.calls.v1", 3, Raw(b"s-1", b"{}"), REJECTED)
    assert (letter.key, letter.value) == (b"s-1", b"{}")
    assert letter.headers == [
        ("__connect.errors.topic", b"t1.telecom.calls.v1"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"88123"),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.exception.class.name", b"streams.records.wire.Rejected"),
        ("__connect.errors.exception.message", b"Expected `int`, got `str` - at `$.ts`"),
        ("holdfast.reason", b"wrong_type"),
        ("holdfast.timestamp", b"1780000000000"),
    ]


def test_null_key_and_value_stay_null() -> None:
    letter = dead_letter("t", 0, Raw(None, None), REJECTED)
    assert (letter.key, letter.value) == (None, None)
    assert not [name for name, _ in letter.headers if "length" in name]


def test_bytes_up_to_the_bound_are_kept_and_larger_ones_are_a_digest() -> None:
    largest = b"x" * KEPT_BYTES
    assert KEPT_BYTES == 256 << 10
    assert dead_letter("t", 0, Raw(b"k", largest), REJECTED).value == largest
    for field in ("key", "value"):
        data = largest + b"x"
        letter = dead_letter("t", 0, Raw(b"k", b"v")._replace(**{field: data}), REJECTED)
        assert getattr(letter, field) is None
        headers = dict(letter.headers)
        assert headers[f"holdfast.{field}.length"] == b"%d" % len(data)
        assert headers[f"holdfast.{field}.sha256"] == hashlib.sha256(data).hexdigest().encode()
        other = "value" if field == "key" else "key"
        assert getattr(letter, other) is not None
        assert f"holdfast.{other}.length" not in headers
