"""History of a lane: one record a transaction, from which the whole fold can be repeated off-line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from models.contract.events import SUBSCRIBERS
from models.kernel.places import OFFSET, TOPIC
from streams.records.out_records import OutRecord
from streams.records.record_columns import Placed, Records
from streams.records.topics import HISTORY, INPUT_TOPICS, RANK

TOPICS: Final = [topic.name for topic in INPUT_TOPICS]


class HistoryRecord(msgspec.Struct, omit_defaults=True):
    """The records that one transaction applied, in order.

    ``segments`` are runs ``[topic, first offset, last offset]``, the topic as its place in ``topics``. ``broker_ms``
    is the time against which the records were held. ``stopped`` is the record, ``[topic, offset]``, before which the
    fold ended this transaction by its own choice: to fold again exactly, it must be shown that too, and after a crash
    another record may have come next. ``opened`` is the group, on the record that a lane writes when it opens.
    ``profiles`` is the number of profiles among the records. Their topic is compacted, and without the number a profile
    that is gone would look like an offset without a record, such as the end of a producer's transaction. It is absent
    where it would be 0, and in records of former releases.
    """

    partition: int
    segments: list[tuple[int, int, int]]
    model: str
    policy: str
    broker_ms: int | None = None
    stopped: tuple[int, int] | None = None
    opened: str | None = None
    topics: list[str] = []
    profiles: int | None = None
    format: int = 1


_encode: Final = msgspec.json.Encoder().encode


def segments(done: Records) -> list[tuple[int, int, int]]:
    """Runs of one topic as ``(rank, first offset, last offset)``, in the order applied.

    Examples
    --------
    >>> from streams.records.record_columns import InputRecord
    >>> segments(Records.of([InputRecord(at, 0, b"", b"") for at in (4, 6, 1)], ranks=[2, 2, 0]))
    [(2, 4, 6), (0, 1, 1)]
    """
    if not done:
        return []
    topics, offsets = done.lines[:, TOPIC], done.lines[:, OFFSET]
    turns = (topics[1:] != topics[:-1]).nonzero()[0].tolist()
    firsts, lasts = [0, *(turn + 1 for turn in turns)], [*turns, len(done) - 1]
    runs = zip(topics[firsts].tolist(), offsets[firsts].tolist(), offsets[lasts].tolist(), strict=True)
    return list(runs)


def profiles_of(done: Records) -> int | None:
    """How many of the records are profiles; None if there are none.

    Examples
    --------
    >>> from streams.records.record_columns import InputRecord
    >>> three, rank = [InputRecord(at, 0, b"", b"") for at in (4, 6, 1)], RANK[SUBSCRIBERS]
    >>> profiles_of(Records.of(three, ranks=[rank, rank, rank + 1]))
    2
    """
    return int((done.lines[:, TOPIC] == RANK[SUBSCRIBERS]).sum()) or None if done else None


def history_record(
    partition: int,
    segments: Sequence[tuple[int, int, int]],
    broker_ms: int | None,
    versions: tuple[str, str],
    *,
    stopped: Placed | None = None,
    opened: str | None = None,
    profiles: int | None = None,
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
        profiles=profiles,
    )
    return OutRecord(HISTORY, b"%d" % partition, _encode(body))


def read(value: bytes | None) -> HistoryRecord:
    """Decode a record of the history, for the off-line checks."""
    return msgspec.json.decode(value or b"", type=HistoryRecord)
