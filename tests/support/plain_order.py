"""The lane's order, written as it is said: of the topics' heads always the one with the smallest (date, rank)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.history import Placed
from streams.topics import RANK
from streams.wire import RawRecord, dated


def in_order(logs: Mapping[str, Sequence[RawRecord]], broker_ms: int | None = None) -> list[Placed]:
    """All records of `logs` in the order in which a lane applies them, when all of them are there."""
    left = {topic: list(records) for topic, records in logs.items() if records}
    order = []
    while left:
        topic = min(left, key=lambda each: (dated(each, left[each][0], broker_ms), RANK[each]))
        order.append(Placed(topic, left[topic].pop(0)))
        if not left[topic]:
            del left[topic]
    return order
