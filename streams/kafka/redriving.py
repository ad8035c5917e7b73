"""Sending of dead letters back to the input that they came from, once the cause of their rejection is fixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import aiokafka

from streams.kafka.topic_tail import TailRecord
from streams.records.dead_letters import KEPT_BYTES, OFFSET, PARTITION, REDRIVEN, TIMESTAMP, TOPIC, note
from streams.records.out_records import Headers
from streams.records.topics import DEAD_LETTERS

BATCH: Final = 200
"""Letters of one transaction; of 256 KiB each, they are 50 MiB."""
_NUMBERS: Final = (PARTITION, OFFSET, TIMESTAMP)


class Origin(NamedTuple):
    """Where a poison record stood; ``topic`` has the prefix, ``timestamp`` is the record's."""

    topic: str
    partition: int
    offset: int
    timestamp: int


class _Bytes(NamedTuple):
    key: bytes | None
    value: bytes | None
    timestamp: int | None
    headers: Headers


def letter_id(record: TailRecord) -> str:
    """Name of a letter: its partition and offset in the dead letters."""
    return f"{record.partition}:{record.offset}"


def origin(record: TailRecord) -> Origin | None:
    """Where a letter's record came from; None if the letter does not name it, or does not hold all of its bytes.

    Examples
    --------
    >>> headers = ((TOPIC, b"telecom.calls.v1"), (PARTITION, b"3"), (OFFSET, b"7"), (TIMESTAMP, b"1780000000000"))
    >>> origin(TailRecord(3, 0, 0, b"s-1", b"{", headers))
    Origin(topic='telecom.calls.v1', partition=3, offset=7, timestamp=1780000000000)
    >>> origin(TailRecord(3, 0, 0, b"s-1", None, (*headers, ("holdfast.value.length", b"300000")))) is None
    True
    """
    headers = dict(record.headers)
    if headers.keys() & {"holdfast.key.length", "holdfast.value.length"}:
        return None
    with suppress(KeyError, ValueError):
        partition, offset, timestamp = (int(headers[name]) for name in _NUMBERS)
        return Origin(headers[TOPIC].decode(), partition, offset, timestamp)
    return None


def redriven(record: TailRecord) -> str | None:
    """Id of the letter that this note marks as sent again; None if the record is a letter and no note."""
    said = dict(record.headers).get(REDRIVEN)
    return None if said is None else said.decode("utf-8", "replace")


class Redriving:
    """Writer of letters to their inputs. Only one at a time: opening one ends what another has under way.

    Parameters
    ----------
    client, prefix
        Arguments of aiokafka's clients, and the prefix of topics.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str) -> None:
        self._notes = prefix + DEAD_LETTERS
        self._producer = aiokafka.AIOKafkaProducer(
            **client, transactional_id=f"{prefix}{DEAD_LETTERS}-redrive", acks="all", max_batch_size=3 * KEPT_BYTES
        )

    async def open(self) -> None:
        """After this returns no other writer can send: so read the notes afterwards, not before."""
        await self._producer.start()

    async def send(self, letters: Sequence[tuple[TailRecord, Origin]]) -> list[int]:
        """Send the original bytes of letters again, all or none of them; returns their offsets.

        1. The bytes go to the letter's topic and partition under the record's own timestamp.
        2. A note that the letter was sent, and where it now stands, goes to the letter's partition.
        3. One transaction makes both visible.

        Raises
        ------
        aiokafka.errors.KafkaError
            If the broker refuses a write, or another writer was opened; then nothing of these was sent.
        """
        async with self._producer.transaction():
            offsets = await self._written(
                (at.topic, at.partition, _Bytes(letter.key, letter.value, at.timestamp, [])) for letter, at in letters
            )
            await self._written(
                (self._notes, letter.partition, _Bytes(None, None, None, _note(letter, at, offset)))
                for (letter, at), offset in zip(letters, offsets, strict=True)
            )
        return offsets

    async def _written(self, records: Iterable[tuple[str, int, _Bytes]]) -> list[int]:
        futures = []
        for topic, partition, record in records:
            batch = self._producer.create_batch()  # its `send` refuses a record without key and value
            batch.append(**record._asdict())
            futures.append(await self._producer.send_batch(batch, topic, partition=partition))
        # Each is awaited: `flush` returns normally when a batch was refused.
        return [(await future).offset for future in futures]

    async def close(self) -> None:
        """Close the connection."""
        await self._producer.stop()


def _note(letter: TailRecord, at: Origin, offset: int) -> Headers:
    return note(letter_id(letter), at.topic, at.partition, offset)
