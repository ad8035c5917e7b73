"""The history of a lane: one record a transaction, from which the whole fold can be done again off-line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from streams.topics import HISTORY, INPUT_TOPICS, RANK
from streams.transaction import OutRecord
from streams.wire import RawRecord

TOPICS: Final = [topic.name for topic in INPUT_TOPICS]


class Placed(NamedTuple):
    """A record in the lane's order."""

    topic: str
    record: RawRecord


class HistoryRecord(msgspec.Struct, omit_defaults=True):
    """What one transaction applied, in order.

    ``segments`` are runs ``[topic, first offset, last offset]``, the topic as its place in ``topics``. ``broker_ms``
    is the time against which the records were held. ``stopped`` is the record, ``[topic, offset]``, before which the
    fold ended this transaction by its own choice: to fold again exactly, it must be shown that too, and after a crash
    another record may have come next. ``opened`` is the group, on the record that a lane writes when it opens.
    """

    partition: int
    segments: list[tuple[int, int, int]]
    model: str
    policy: str
    broker_ms: int | None = None
    stopped: tuple[int, int] | None = None
    opened: str | None = None
    topics: list[str] = []
    format: int = 1


_encode: Final = msgspec.json.Encoder().encode


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


def history_record(
    partition: int,
    segments: Sequence[tuple[int, int, int]],
    broker_ms: int | None,
    versions: tuple[str, str],
    *,
    stopped: Placed | None = None,
    opened: str | None = None,
) -> OutRecord:
    """The record for ``churn.history.v1``.

    Examples
    --------
    >>> record = history_record(3, [(3, 10, 12)], None, ("m-00000", "p-0"))
    >>> read(record.value).segments
    [(3, 10, 12)]
    """
    model, policy = versions
    body = HistoryRecord(
        partition,
        list(segments),
        model,
        policy,
        broker_ms=broker_ms,
        stopped=(RANK[stopped.topic], stopped.record.offset) if stopped else None,
        opened=opened,
        topics=TOPICS,
    )
    return OutRecord(HISTORY, b"%d" % partition, _encode(body))


def read(value: bytes | None) -> HistoryRecord:
    """A record of the history, as the off-line checks read it."""
    return msgspec.json.decode(value or b"", type=HistoryRecord)
