"""A batch of a lane: records in the order they are applied, as a table of arrivals, and what is none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from models.events import Arrival, Deletion
from models.kernel.arrivals import Table, table_of
from streams.dead_letters import dead_letter
from streams.history import Placed
from streams.topics import DEAD_LETTERS, RANK
from streams.transaction import OutRecord
from streams.wire import Poison, Rejected, decode


class Batch(NamedTuple):
    """See the module.

    Attributes
    ----------
    placed
        The records.
    arrivals
        The events among them.
    places
        Of each arrival its record's place.
    rejected
        By the record's place why it is no event.
    broker_ms
        The broker's time that the records were held against.
    """

    placed: Sequence[Placed]
    arrivals: Table
    places: Sequence[int]
    rejected: dict[int, Rejected]
    broker_ms: int | None

    def valid(self) -> Iterator[Placed]:
        """The records that are events."""
        return (self.placed[place] for place in self.places)

    def cut(self, arrival: int) -> tuple[Batch, Batch]:
        """The records before that of an arrival, and those from there on."""
        at, places = self.places[arrival], self.places
        before = {place: why for place, why in self.rejected.items() if place < at}
        behind = {place - at: why for place, why in self.rejected.items() if place > at}
        return (
            Batch(self.placed[:at], self.arrivals[:arrival], places[:arrival], before, self.broker_ms),
            Batch(
                self.placed[at:], self.arrivals[arrival:], [p - at for p in places[arrival:]], behind, self.broker_ms
            ),
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
        for place, why in self.rejected.items():
            topic, record = self.placed[place]
            counts[topic, why.reason] = counts.get((topic, why.reason), 0) + 1
            letter = dead_letter(prefix + topic, partition, record, why)
            letters.append(OutRecord(DEAD_LETTERS, letter.key, letter.value, letter.headers))
        return counts, letters


def decoded(placed: Sequence[Placed], broker_ms: int | None) -> Batch:
    """Decode what was taken, in order."""
    arrivals: list[Arrival] = []
    places: list[int] = []
    rejected: dict[int, Rejected] = {}
    for place, (topic, record) in enumerate(placed):
        event = decode(topic, record, broker_ms)
        if isinstance(event, Rejected):
            rejected[place] = event
            continue
        stamped = record.timestamp
        # Where there is no timestamp the event's own time stands for it, as it does in the order.
        at = event.ts if stamped < 0 and not isinstance(event, Deletion) else stamped
        arrivals.append(Arrival(topic, record.offset, at, event))
        places.append(place)
    return Batch(placed, table_of(arrivals), places, rejected, broker_ms)
