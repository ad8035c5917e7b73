"""Records that are objects as the columns in which a lane has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streams.records.record_columns import Placed, Records
from streams.records.topics import RANK
from streams.records.wire import RawRecord


def columns(placed: Sequence[Placed]) -> Records:
    """Records of several topics."""
    return Records.of([record for _, record in placed], [RANK[topic] for topic, _ in placed])


def block(records: Iterable[RawRecord]) -> list[Records]:
    """Records of one topic as a fetch brings them."""
    found = list(records)
    return [Records.of(found)] if found else []
