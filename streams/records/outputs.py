"""Encoding of decisions as records: CloudEvents 1.0 in Kafka's binary mode, with the decision as the value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from models.decisions.outbox import Output
from streams.records.out_record import NO_HEADERS, AnyRecord
from streams.records.topics import ALERTS, BREACHES, EXAMPLES, RECEIPTS, SCORES, SUPPRESSIONS, WORK_ORDERS

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
