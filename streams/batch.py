"""A batch of a lane: records in the order they are applied, with what each decoded to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from models.events import Arrival, Deletion
from streams.dead_letters import dead_letter
from streams.history import Placed
from streams.topics import DEAD_LETTERS, RANK
from streams.transaction import OutRecord
from streams.wire import Decoded, Poison, RawRecord, Rejected

Decode = Callable[[str, RawRecord, int | None], Decoded]


class Batch(NamedTuple):
    """See the module. ``broker_ms`` is the broker's time that the records were held against."""

    placed: list[Placed]
    decoded: list[Decoded]
    broker_ms: int | None

    def arrivals(self) -> tuple[list[Arrival], list[int]]:
        """The events, and the place of each in the batch."""
        arrivals, places = [], []
        for i, ((topic, record), event) in enumerate(zip(self.placed, self.decoded, strict=True)):
            if not isinstance(event, Rejected):
                stamped = record.timestamp
                # Where there is no timestamp the event's own time stands for it, as it does in the order.
                at = event.ts if stamped < 0 and not isinstance(event, Deletion) else stamped
                arrivals.append(Arrival(topic, record.offset, at, event))
                places.append(i)
        return arrivals, places

    def valid(self) -> Iterator[Placed]:
        """The records that are events."""
        return (placed for placed, event in zip(self.placed, self.decoded, strict=True) if type(event) is not Rejected)

    def cut(self, at: int) -> tuple[Batch, Batch]:
        """The records before place `at`, and those from there on."""
        return (
            Batch(self.placed[:at], self.decoded[:at], self.broker_ms),
            Batch(self.placed[at:], self.decoded[at:], self.broker_ms),
        )

    def settled(self, rest: Batch | None, read_to: Callable[[str], int | None]) -> dict[str, int]:
        """Of each topic the last offset that is settled with it.

        Where nothing of a topic waits, that is the end of what was fetched, also of a topic that gave no record at
        all: behind its last record there may be markers and aborted records, and a log that retention has trimmed
        past those has lost nothing.

        Parameters
        ----------
        rest
            What was cut off.
        read_to
            Place up to which a topic is fetched, or None while something of it waits.
        """
        offsets = {topic: record.offset for topic, record in self.placed}
        waiting = {topic for topic, _ in rest.placed} if rest else set()
        ends = {topic: read_to(topic) for topic in RANK.keys() - waiting}
        return offsets | {topic: end - 1 for topic, end in ends.items() if end is not None}

    def letters(self, prefix: str, partition: int) -> tuple[dict[tuple[str, Poison], int], list[OutRecord]]:
        """The poison: its counts by topic and reason, and its dead letters."""
        counts: dict[tuple[str, Poison], int] = {}
        letters = []
        for (topic, record), event in zip(self.placed, self.decoded, strict=True):
            if isinstance(event, Rejected):
                counts[topic, event.reason] = counts.get((topic, event.reason), 0) + 1
                letter = dead_letter(prefix + topic, partition, record, event)
                letters.append(OutRecord(DEAD_LETTERS, letter.key, letter.value, letter.headers))
        return counts, letters


def decoded(placed: list[Placed], decode: Decode, broker_ms: int | None) -> Batch:
    """Decode what was taken, in order."""
    return Batch(placed, [decode(topic, record, broker_ms) for topic, record in placed], broker_ms)
