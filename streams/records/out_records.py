"""Records to write in a transaction: decisions one by one, state as batches of already encoded records.

A decision is a CloudEvent 1.0 in Kafka's binary mode, with the decision as the value. A batch of state records is ready
for aiokafka's producer to send [1]_.

References
----------
.. [1] Apache Kafka, "Message Format", https://kafka.apache.org/documentation/#messageformat: the record batch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from aiokafka.record.util import calc_crc32c

from models.detection.outbox import Output
from models.state.state_records import Body, StateRecords
from streams.records.topics import ALERTS, BREACHES, EXAMPLES, RECEIPTS, SCORES, SUPPRESSIONS, WORK_ORDERS

Headers = list[tuple[str, bytes]]

NO_HEADERS: Final[Headers] = []
"""aiokafka accepts only a list, and never writes to it."""
AnyRecord = tuple[str, bytes | None, bytes | None, Headers]
"""An :class:`OutRecord`, or a lighter equivalent where thousands are made."""
TOPIC_OF: Final = {
    "alert": ALERTS,
    "heard": BREACHES,
    "work_order": WORK_ORDERS,
    "score": SCORES,
    "suppression": SUPPRESSIONS,
    "receipt": RECEIPTS,
    "example": EXAMPLES,
    "fate": EXAMPLES,
}
_VERSION: Final = ("ce_specversion", b"1.0")
_TYPE: Final = {kind: ("ce_type", b"holdfast.%s.v1" % kind.encode()) for kind in TOPIC_OF}
_JSON: Final = ("content-type", b"application/json")
_encode: Final = msgspec.json.Encoder().encode
_BEFORE_CRC: Final = struct.Struct(">qiibI")
_BEHIND_CRC: Final = struct.Struct(">hiqqqhii")
_UNCOUNTED: Final = 12
"""Bytes of the header not counted in its length: the offset and the length itself."""
_NO_EPOCH: Final = -1
"""Leader epoch: unknown here, the broker sets its own."""
_MAGIC: Final = 2
_TRANSACTIONAL: Final = 0x10


class OutRecord(NamedTuple):
    """A record to write into the lane's partition of `topic` (without prefix)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = NO_HEADERS


@lru_cache(maxsize=64)
def ce_time(ts: int) -> tuple[str, bytes]:
    """Event time as text, in UTC with milliseconds.

    The latest results are cached: all scores of a tick have one time.

    Examples
    --------
    >>> ce_time(1_780_000_000_123)
    ('ce_time', b'2026-05-28T20:26:40.123Z')
    """
    told = datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds")
    return "ce_time", told.replace("+00:00", "Z").encode()


def out_records(outputs: Iterable[Output], group: str) -> list[AnyRecord]:
    """The records of decisions; plain tuples, since a tick may bring thousands."""
    source, found = ("ce_source", f"/holdfast/{group}".encode()), list[AnyRecord]()
    for kind, name, body, ts, ce_id, _ in outputs:
        key = name.encode()
        if kind == "heard":
            found.append((BREACHES, key, _encode(body), NO_HEADERS))
            continue
        said = ("ce_id", ce_id.encode()), source, _TYPE[kind], ("ce_subject", key), ce_time(ts)
        found.append((TOPIC_OF[kind], key, None if body is None else _encode(body), [_VERSION, *said, _JSON]))
    return found


def batches(records: StateRecords, now_ms: int) -> list[StateBatch]:
    """State records as batches to send."""
    return [StateBatch(body, now_ms) for body in records.bodies()]


class StateBatch:
    """Batch builder for aiokafka's ``send_batch``.

    Examples
    --------
    >>> batch = StateBatch(Body(b"...", 2), 1_780_000_000_000)
    >>> batch._set_producer_state(7, 0, 40)
    >>> batch.record_count(), batch.closed(), len(batch._build())
    (2, True, 64)
    """

    def __init__(self, body: Body, timestamp_ms: int) -> None:
        self._body = body
        self._timestamp_ms = timestamp_ms
        self._built = b""

    def record_count(self) -> int:
        """Number of records."""
        return self._body.records

    def closed(self) -> bool:
        """Always true: nothing can be added."""
        return True

    def close(self) -> None:
        """Do nothing; aiokafka calls it on every builder before a commit."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """Called once, before the first send: a batch that is sent again must be the same."""
        content, count = self._body
        ts, writer = self._timestamp_ms, (producer_id, producer_epoch, base_sequence)
        behind = _BEHIND_CRC.pack(_TRANSACTIONAL, count - 1, ts, ts, *writer, count) + content
        length = _BEFORE_CRC.size + len(behind) - _UNCOUNTED
        self._built = _BEFORE_CRC.pack(0, length, _NO_EPOCH, _MAGIC, calc_crc32c(behind)) + behind

    def _build(self) -> bytes:
        return self._built
