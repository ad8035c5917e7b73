"""Encoding of decisions as records: CloudEvents 1.0 in Kafka's binary mode, with the decision as the value."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from models.decisions.outbox import Output
from streams.records.out_record import OutRecord
from streams.records.topics import ALERTS, EXAMPLES, RECEIPTS, SCORES, SUPPRESSIONS

TOPIC_OF: Final = {
    "alert": ALERTS,
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
def rfc3339(ts: int) -> str:
    """Event time as text, in UTC with milliseconds.

    The latest results are cached: all scores of a tick have one time.

    Examples
    --------
    >>> rfc3339(1_780_000_000_123)
    '2026-05-28T20:26:40.123Z'
    """
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def out_record(output: Output, source: bytes) -> OutRecord:
    """The record of one decision.

    Parameters
    ----------
    source
        ``/holdfast/<group>``.
    """
    kind, key = output.kind, output.key.encode()
    return OutRecord(
        TOPIC_OF[kind],
        key,
        None if output.body is None else _encode(output.body),
        [
            _VERSION,
            ("ce_id", output.ce_id.encode()),
            ("ce_source", source),
            _TYPE[kind],
            ("ce_subject", key),
            ("ce_time", rfc3339(output.ts).encode()),
            _JSON,
        ],
    )
