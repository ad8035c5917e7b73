"""Dead letters: a poison record's bytes, its origin, and why it is no event.

The headers are those of Kafka Connect, which consoles and tools already know.
"""

from __future__ import annotations

import hashlib
from typing import Final

from streams.records.out_records import Headers, OutRecord
from streams.records.topics import DEAD_LETTERS
from streams.records.wire import RawRecord, Rejected

KEPT_BYTES: Final = 256 << 10
"""Of a larger value only length and digest are kept: one record must not fill a transaction."""


TOPIC: Final = "__connect.errors.topic"
PARTITION: Final = "__connect.errors.partition"
OFFSET: Final = "__connect.errors.offset"
MESSAGE: Final = "__connect.errors.exception.message"
REASON: Final = "holdfast.reason"
TIMESTAMP: Final = "holdfast.timestamp"
REDRIVEN: Final = "holdfast.redriven"
"""Header of a note: the letter (partition:offset) whose bytes were sent again, to the place in the other headers."""


def dead_letter(full_topic: str, partition: int, record: RawRecord, rejected: Rejected) -> OutRecord:
    """The dead letter of `record`, for the same partition; `full_topic` includes the prefix."""
    headers: Headers = [
        (TOPIC, full_topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % record.offset),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.exception.class.name", b"streams.records.wire.Rejected"),
        (MESSAGE, rejected.detail.encode()),
        (REASON, rejected.reason.encode()),
        (TIMESTAMP, b"%d" % record.timestamp),
    ]
    key, key_digest = _kept(record.key)
    value, value_digest = _kept(record.value)
    if key_digest:
        headers += [(f"holdfast.key.{name}", text) for name, text in key_digest]
    if value_digest:
        headers += [(f"holdfast.value.{name}", text) for name, text in value_digest]
    return OutRecord(DEAD_LETTERS, key, value, headers)


def note(letter: str, full_topic: str, partition: int, offset: int) -> Headers:
    """Headers of the note that `letter` (partition:offset) was sent again, and of where it now stands."""
    return [
        (REDRIVEN, letter.encode()),
        (TOPIC, full_topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % offset),
    ]


def _kept(data: bytes | None) -> tuple[bytes | None, Headers]:
    if data is None or len(data) <= KEPT_BYTES:
        return data, []
    return None, [("length", b"%d" % len(data)), ("sha256", hashlib.sha256(data).hexdigest().encode())]
