"""Decisions to records: CloudEvents 1.0 in Kafka's binary mode, the value being the decision itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from models.outbox import Output
from streams.topics import ALERTS, EXAMPLES, RECEIPTS, SCORES, SUPPRESSIONS
from streams.transaction import OutRecord

TOPIC_OF: Final = {
    "alert": ALERTS,
    "score": SCORES,
    "suppression": SUPPRESSIONS,
    "receipt": RECEIPTS,
    "example": EXAMPLES,
    "fate": EXAMPLES,
}
_JSON: Final = b"application/json"
_encode: Final = msgspec.json.Encoder().encode


def rfc3339(ts: int) -> str:
    """Event time as text, in UTC with milliseconds.

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
    return OutRecord(
        TOPIC_OF[output.kind],
        output.key.encode(),
        None if output.body is None else _encode(output.body),
        [
            ("ce_specversion", b"1.0"),
            ("ce_id", output.ce_id.encode()),
            ("ce_source", source),
            ("ce_type", b"holdfast.%s.v1" % output.kind.encode()),
            ("ce_subject", output.key.encode()),
            ("ce_time", rfc3339(output.ts).encode()),
            ("content-type", _JSON),
        ],
    )
