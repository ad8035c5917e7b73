"""A poison record as it is kept: its own bytes, where it stood, and why it is no event.

The headers are those of Kafka Connect, which consoles and tools already read.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from streams.records.out_record import Headers
from streams.records.wire import RawRecord, Rejected

KEPT_BYTES: Final = 256 << 10
"""A larger value is kept as its length and digest only: one record must not fill a transaction."""


class DeadLetter(NamedTuple):
    """One record for ``churn.dead-letters.v1``, for the same partition as the poison's."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def dead_letter(full_topic: str, partition: int, record: RawRecord, rejected: Rejected) -> DeadLetter:
    """The dead letter of `record`; `full_topic` includes the prefix."""
    headers: Headers = [
        ("__connect.errors.topic", full_topic.encode()),
        ("__connect.errors.partition", b"%d" % partition),
        ("__connect.errors.offset", b"%d" % record.offset),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.exception.class.name", b"streams.records.wire.Rejected"),
        ("__connect.errors.exception.message", rejected.detail.encode()),
        ("holdfast.reason", rejected.reason.encode()),
        ("holdfast.timestamp", b"%d" % record.timestamp),
    ]
    key, key_digest = _kept(record.key)
    value, value_digest = _kept(record.value)
    if key_digest:
        headers += [(f"holdfast.key.{name}", text) for name, text in key_digest]
    if value_digest:
        headers += [(f"holdfast.value.{name}", text) for name, text in value_digest]
    return DeadLetter(key, value, headers)


def _kept(data: bytes | None) -> tuple[bytes | None, Headers]:
    if data is None or len(data) <= KEPT_BYTES:
        return data, []
    return None, [("length", b"%d" % len(data)), ("sha256", hashlib.sha256(data).hexdigest().encode())]
