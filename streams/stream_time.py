"""How late it is, by the events: the time of the latest risk that any lane has published.

That labels have stopped can only be seen by something that goes on without them. The wall clock would not do: a replay
runs months behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import aiokafka
import msgspec
from aiokafka import TopicPartition
from msgspec import Struct

from streams.restore import reader
from streams.topics import SCORES

_BACK: Final = 50
"""Offsets before the end that are read: the last ones may be markers, tombstones, or of an aborted transaction."""
_POLL_MS: Final = 500


class _Told(Struct):
    ts: int


_decode: Final = msgspec.json.Decoder(_Told).decode


class StreamTime:
    """See the module; a consumer of its own, kept open between two looks.

    Parameters
    ----------
    client
        aiokafka's arguments: bootstrap servers and security.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str) -> None:
        self._topic = prefix + SCORES
        self._client = client
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._places: list[TopicPartition] = []
        self._latest: int | None = None

    async def open(self, partitions: int) -> None:
        """Start, or start anew where that has failed; the topic has so many partitions."""
        await self.close()
        self._places = [TopicPartition(self._topic, number) for number in range(partitions)]
        self._consumer = consumer = reader(self._client)
        await consumer.start()
        consumer.assign(self._places)

    async def look(self) -> int | None:
        """The latest time that was told, ms; None while nothing was."""
        consumer = self._consumer
        if consumer is None:
            raise RuntimeError("it was not opened")
        ends = await consumer.end_offsets(self._places)
        for place in self._places:
            consumer.seek(place, max(0, ends[place] - _BACK))
        for record in [r for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values() for r in batch]:
            told = _ts(record.value)
            if told is not None:
                self._latest = max(told, self._latest or told)
        return self._latest

    async def close(self) -> None:
        """Let the connection go."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


def _ts(value: bytes | None) -> int | None:
    """The time in a published risk; None in a tombstone, or in what another release has written.

    Examples
    --------
    >>> _ts(b'{"ts": 7, "risk": 0.1}'), _ts(b"?"), _ts(None)
    (7, None, None)
    """
    try:
        return _decode(value or b"").ts
    except msgspec.MsgspecError:
        return None
