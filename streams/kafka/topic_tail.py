"""Read of a topic without a group, committed records only, from its start or its end.

Such a reader is invisible to Kafka's group tools and cannot move any group's offsets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import aiokafka
import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, NoBrokersAvailable

from models.contract.alerts import Alert, Suppression
from models.contract.events import Feedback
from models.contract.training_example import Example, WeeklyLabel

UNREACHABLE: Final[tuple[type[Exception], ...]] = (
    KafkaConnectionError,
    NoBrokersAvailable,
    ConnectionError,
    TimeoutError,
)
"""Errors that clients raise when no broker answers."""
REFUSED: Final[type[Exception]] = KafkaError
"""Errors that they raise for any other answer of a broker."""
ANSWER_MS: Final = 10_000
_POLL_MS: Final = 500
_decode_alert: Final = msgspec.json.Decoder(Alert).decode
_decode_suppression: Final = msgspec.json.Decoder(Suppression).decode
_decode_feedback: Final = msgspec.json.Decoder(Feedback).decode
_decode_example: Final = msgspec.json.Decoder(Example).decode
_decode_weekly_label: Final = msgspec.json.Decoder(WeeklyLabel).decode
_WEEKLY_LABEL: Final = b'{"fate_id":'


class TopicMissingError(Exception):
    """The topic does not exist; reading it could create it with the wrong partition count."""


class TailRecord(NamedTuple):
    """One record, with partition and offset."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Poll(NamedTuple):
    """Result of one read.

    Attributes
    ----------
    live
        Whether these records came after the reading began; the first live poll, which may be empty, means that all
        older ones were returned.
    places
        By partition, the offset from which to go on.
    """

    records: Sequence[TailRecord]
    live: bool
    places: Mapping[int, int]


async def tail(
    client: Mapping[str, Any], topic: str, *, from_beginning: bool, follow: bool
) -> AsyncGenerator[TailRecord, None]:
    """Records of all partitions of `topic`: those that it holds now by time, the later ones as they come.

    Close the iterator (``contextlib.aclosing``), or the connection stays open.

    Parameters
    ----------
    follow
        False: end at the topic's present end.

    Raises
    ------
    TopicMissingError
        If there is no such topic.
    """
    async with aclosing(polls(client, topic, newest=None if from_beginning else 0, follow=follow)) as polled:
        async for poll in polled:
            for record in poll.records:
                yield record


async def polls(
    client: Mapping[str, Any],
    topic: str,
    *,
    newest: int | None,
    follow: bool,
    places: Mapping[int, int] | None = None,
) -> AsyncGenerator[Poll, None]:
    """The same as :func:`tail`, one read at a time, so that the caller also sees that nothing came.

    Parameters
    ----------
    newest
        Begin so many offsets before each partition's end; None for its beginning.
    places
        Where to go on instead, by partition: those of the last poll before the connection was lost.
    """
    consumer = aiokafka.AIOKafkaConsumer(
        **client,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        request_timeout_ms=ANSWER_MS,
        fetch_max_wait_ms=100,
    )
    try:
        await consumer.start()
        # List all topics of the cluster: asking for one by name could create it.
        partitions = (await consumer._client.fetch_all_metadata()).partitions_for_topic(topic)
        if not partitions:
            raise TopicMissingError(topic)
        all_of_it = [TopicPartition(topic, number) for number in sorted(partitions)]
        consumer.assign(all_of_it)
        ends = await consumer.end_offsets(all_of_it)
        starts = await consumer.beginning_offsets(all_of_it)
        for place in all_of_it:
            begin = starts[place] if newest is None else max(starts[place], ends[place] - newest)
            consumer.seek(place, begin if places is None else places.get(place.partition, begin))
        newer: list[Any] = []
        async with aclosing(_merged(consumer, ends, newer)) as held:
            async for record in held:
                yield Poll((tail_record(record),), False, {})
        while follow:
            reached = {place.partition: await consumer.position(place) for place in all_of_it}
            yield Poll([tail_record(record) for record in sorted(newer, key=_when)], True, reached)
            newer = [each for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values() for each in batch]
    finally:
        await consumer.stop()


async def _merged(consumer: Any, ends: Mapping[TopicPartition, int], newer: list[Any]) -> AsyncGenerator[Any, None]:
    """Records of all partitions below `ends`, the oldest first; it waits for a partition that has more to come.

    Records fetched beyond the ends go to `newer`.
    """
    heads: dict[TopicPartition, deque[Any]] = {place: deque() for place in ends}
    while heads:
        lacking = [place for place, held in heads.items() if not held]
        for place in [place for place in lacking if await consumer.position(place) >= ends[place]]:
            del heads[place]
            lacking.remove(place)
        if lacking:
            for place, batch in (await consumer.getmany(*lacking, timeout_ms=_POLL_MS)).items():
                for record in batch:
                    (heads[place] if record.offset < ends[place] else newer).append(record)
        elif heads:
            yield min(heads.values(), key=lambda held: _when(held[0])).popleft()


def _when(record: Any) -> tuple[int, int, int]:
    return record.timestamp, record.partition, record.offset


def tail_record(each: Any) -> TailRecord:
    """Convert a record of the client to a :class:`TailRecord`."""
    return TailRecord(each.partition, each.offset, each.timestamp, each.key, each.value, tuple(each.headers))


def as_alert(value: bytes | None) -> Alert | None:
    """The alert of a record, or None if this version cannot read it.

    Examples
    --------
    >>> as_alert(b'{"alert_id": 7}') is None
    True
    """
    try:
        return _decode_alert(value or b"")
    except msgspec.MsgspecError:
        return None


def as_suppression(value: bytes | None) -> Suppression | None:
    """The decision of a record, or None if this version cannot read it.

    Examples
    --------
    >>> as_suppression(b"{}") is None
    True
    """
    try:
        return _decode_suppression(value or b"")
    except msgspec.MsgspecError:
        return None


def as_feedback(value: bytes | None) -> Feedback | None:
    """The feedback of a record, or None if it is none.

    Examples
    --------
    >>> as_feedback(b'{"subscriber_id": "s-1", "ts": 1780000000000, "status": "accepted"}').status
    'accepted'
    """
    try:
        return _decode_feedback(value or b"")
    except msgspec.MsgspecError:
        return None


def as_told(value: bytes | None) -> Example | WeeklyLabel:
    """Decode a record of the examples topic: an example (label of the whole horizon), or a weekly label.

    Raises
    ------
    msgspec.MsgspecError
        If this version cannot read it.
    """
    raw = value or b""
    return _decode_weekly_label(raw) if raw.startswith(_WEEKLY_LABEL) else _decode_example(raw)


def as_example(value: bytes | None) -> Example | None:
    """The example in a record; None if it is a weekly label, was erased, or this version cannot read it.

    Examples
    --------
    >>> as_example(None) is None
    True
    """
    try:
        return None if value is None else _decode_example(value)
    except msgspec.MsgspecError:
        return None
