"""One order out of a lane's topics.

Records are applied in order of (record timestamp, topic rank, offset) among what the lane has. A partition's own
order always stands: a record that was stamped earlier than its predecessor goes right after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from streams.topics import RANK
from streams.wire import RawRecord


class Placed(NamedTuple):
    """A record in the lane's order."""

    topic: str
    record: RawRecord


def merge(waiting: Mapping[str, Sequence[RawRecord]], limit: int | None = None) -> list[Placed]:
    """Merge what waits of each topic into one order, as far as its first `limit` records.

    Examples
    --------
    >>> class R(NamedTuple):
    ...     offset: int; timestamp: int; key: bytes = b""; value: bytes = b""; headers: tuple = ()
    >>> order = merge({"telecom.calls.v1": [R(0, 5), R(1, 3)], "telecom.site-visits.v1": [R(0, 4), R(1, 5)]})
    >>> [(placed.topic[8:13], placed.record.offset) for placed in order]
    [('site-', 0), ('calls', 0), ('calls', 1), ('site-', 1)]
    """
    topics = sorted((topic for topic in waiting if waiting[topic]), key=RANK.__getitem__)
    if not topics:
        return []
    if len(topics) == 1:
        return [Placed(topics[0], record) for record in waiting[topics[0]][:limit]]
    records = [record for topic in topics for record in waiting[topic]]
    names = [topic for topic in topics for _ in waiting[topic]]
    # A k-way merge of heads is a stable sort by each partition's running maximum: topics stand in rank order, so
    # stability breaks ties by rank and then by offset.
    keys = [
        np.maximum.accumulate(np.fromiter((r.timestamp for r in waiting[topic]), np.int64, len(waiting[topic])))
        for topic in topics
    ]
    order = np.argsort(np.concatenate(keys), kind="stable")[:limit]
    return [Placed(names[i], records[i]) for i in order.tolist()]


def segments(done: Sequence[Placed]) -> list[tuple[int, int, int]]:
    """Runs of one topic as ``(rank, first offset, last offset)``, in the order applied.

    Examples
    --------
    >>> class R(NamedTuple):
    ...     offset: int; timestamp: int = 0; key: bytes = b""; value: bytes = b""; headers: tuple = ()
    >>> rank = RANK["telecom.calls.v1"]
    >>> segments([Placed("telecom.calls.v1", R(4)), Placed("telecom.calls.v1", R(6))]) == [(rank, 4, 6)]
    True
    """
    runs: list[tuple[int, int, int]] = []
    last_topic = None
    for topic, record in done:
        if topic == last_topic:
            rank, first, _ = runs[-1]
            runs[-1] = (rank, first, record.offset)
        else:
            runs.append((RANK[topic], record.offset, record.offset))
            last_topic = topic
    return runs
