"""The lane's order, written as it is said: of the topics' heads always the one with the smallest (date, rank)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from streams.records import lane_history
from streams.records.record_columns import Placed
from streams.records.topics import BOOTSTRAP, HISTORY, INPUT_TOPICS, RANK
from streams.records.wire import RawRecord, dated


def in_order(logs: Mapping[str, Sequence[RawRecord]], broker_ms: int | None = None) -> list[Placed]:
    """All records of `logs` in the order in which a lane applies them, when all of them are there."""
    left = {topic: deque(records) for topic, records in logs.items() if records}
    heads = {topic: (dated(topic, records[0], broker_ms), RANK[topic]) for topic, records in left.items()}
    order = []
    while heads:
        topic = min(heads, key=heads.__getitem__)
        order.append(Placed(topic, left[topic].popleft()))
        if left[topic]:
            heads[topic] = dated(topic, left[topic][0], broker_ms), RANK[topic]
        else:
            del heads[topic]
    return order


def out_of_order(log: Mapping[str, Mapping[int, Sequence[Any]]], broker_ms: int | None = None) -> list[str]:
    """Lanes that took their records in another order than the plain one, when all of them were there before the worker.

    That is profiles and erasures first, then the rest.
    """
    found = []
    for partition, records in log[HISTORY].items():
        inputs = {topic.name: log[topic.name][partition] for topic in INPUT_TOPICS}
        offsets = {topic: [record.offset for record in found] for topic, found in inputs.items()}
        taken = [
            (told.topics[rank], offset)
            for told in (lane_history.read(record.value) for record in records)
            for rank, first, last in told.segments
            for offset in _between(offsets[told.topics[rank]], first, last)
        ]
        first = in_order({topic: inputs[topic] for topic in BOOTSTRAP}, broker_ms)
        then = in_order({topic: rest for topic, rest in inputs.items() if topic not in BOOTSTRAP}, broker_ms)
        plain = [(topic, record.offset) for topic, record in first + then]
        if taken != plain:
            at = next((i for i, (one, other) in enumerate(zip(taken, plain, strict=False)) if one != other), -1)
            found.append(f"lane {partition}, record {at} of {len(plain)}: {taken[at:][:1]}, not {plain[at:][:1]}")
    return found


def _between(offsets: Sequence[int], first: int, last: int) -> Sequence[int]:
    return offsets[bisect_left(offsets, first) : bisect_right(offsets, last)]
