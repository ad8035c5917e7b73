"""A batch of a lane: records in the order they are applied, the arrivals decoded from them, and the rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from models.contract.events import AnyEvent, Arrival, Call, Deletion, SiteVisit
from models.kernel.arrivals import TOPICS, EventReader, Lines, Table, event_hash, id_of, line_of
from models.kernel.places import NOT_PLAIN, OFFSET, PLAIN, RECORD_KIND, STAMP, TOPIC, TS
from streams.records.dead_letters import dead_letter
from streams.records.out_records import OutRecord
from streams.records.record_columns import Records
from streams.records.topics import INPUT_TOPICS, RANK
from streams.records.wire import FUTURE_MS, DeadLetterReason, RawRecord, Rejected, decode

_KINDS: Final = np.array([TOPICS.index(topic.name) for topic in INPUT_TOPICS])


class ArrivalBatch(NamedTuple):
    """Records of one batch, with their arrivals and rejections.

    Attributes
    ----------
    placed
        The records.
    arrivals
        The events among them.
    places
        For each arrival, the index of its record.
    rejected
        By index of the record, the reason why it is no event.
    broker_ms
        The broker's time with which the records' times were compared.
    """

    placed: Records
    arrivals: Table
    places: Sequence[int]
    rejected: dict[int, Rejected]
    broker_ms: int | None

    def valid(self) -> Records:
        """The records that are events."""
        return self.placed.some(self.places) if self.rejected else self.placed

    def cut(self, arrival: int) -> tuple[ArrivalBatch, ArrivalBatch]:
        """Split before the record of an arrival."""
        at, places = self.places[arrival], self.places
        before = {place: why for place, why in self.rejected.items() if place < at}
        behind = {place - at: why for place, why in self.rejected.items() if place > at}
        return (
            ArrivalBatch(self.placed[:at], self.arrivals[:arrival], places[:arrival], before, self.broker_ms),
            ArrivalBatch(
                self.placed[at:], self.arrivals[arrival:], [p - at for p in places[arrival:]], behind, self.broker_ms
            ),
        )

    def settled(self, rest: ArrivalBatch | None, read_to: Callable[[str], int | None]) -> dict[str, int]:
        """Last settled offset of each topic after this batch.

        If no record of a topic waits, that is the end of what was fetched, even if the topic gave no record: after its
        last record there may be markers and aborted records, and a log trimmed by retention past those has lost
        nothing.

        Parameters
        ----------
        rest
            The part cut off.
        read_to
            Offset up to which a topic is fetched, or None while records of it wait.
        """
        offsets = _last_offsets(self.placed)
        waiting = _last_offsets(rest.placed).keys() if rest else set()
        ends = {topic: read_to(topic) for topic in RANK.keys() - waiting}
        return offsets | {topic: end - 1 for topic, end in ends.items() if end is not None}

    def letters(self, prefix: str, partition: int) -> tuple[dict[tuple[str, DeadLetterReason], int], list[OutRecord]]:
        """Counts of poison by topic and reason, and the dead letters."""
        counts: dict[tuple[str, DeadLetterReason], int] = {}
        letters = []
        for place, why in self.rejected.items():
            topic, record = self.placed[place]
            counts[topic, why.reason] = counts.get((topic, why.reason), 0) + 1
            letters.append(dead_letter(prefix + topic, partition, record, why))
        return counts, letters


def decoded(placed: Records, broker_ms: int | None, reader: EventReader) -> ArrivalBatch:
    """Decode the records taken, in order: plain ones together by the compiled reader, the rest one by one."""
    lines = _lines(placed, broker_ms, reader)
    made: dict[int, Arrival] = {}
    rejected: dict[int, Rejected] = {}
    for place in np.flatnonzero(lines.status != PLAIN).tolist():
        topic, record = placed[place]
        event = decode(topic, record, broker_ms)
        if isinstance(event, Rejected):
            rejected[place] = event
            continue
        made[place] = arrival = _arrival(topic, record, event)
        lines.numbers[place], lines.events[place] = line_of(arrival), event_hash(id_of(event))
        reader.teach(_operator(event))
    places: Sequence[int] = range(len(placed))
    numbers, events, valid = lines.numbers, lines.events, placed
    if rejected:
        places = [place for place in places if place not in rejected]
        numbers, events, valid = numbers[places], events[places], placed.some(places)

    def arrival_at(at: int) -> Arrival:
        place = places[at]
        found = made.get(place)
        if found is None:
            topic, record = placed[place]
            event = decode(topic, record, None)
            if isinstance(event, Rejected):
                raise TypeError(f"what is plain is an event: {event}")
            found = made[place] = _arrival(topic, record, event)
        return found

    return ArrivalBatch(placed, Table(valid.subscribers(), numbers, events, arrival_at), places, rejected, broker_ms)


def _lines(placed: Records, broker_ms: int | None, reader: EventReader) -> Lines:
    """The compiled reader's result for the records; it skips records whose time is not plain."""
    placed.lines[:, RECORD_KIND] = _KINDS[placed.lines[:, TOPIC]]
    lines, stamps = reader.read(np.frombuffer(placed.buffer, dtype=np.uint8), placed.lines), placed.lines[:, STAMP]
    ahead = lines.numbers[:, TS] > stamps + FUTURE_MS
    if broker_ms is not None:
        ahead |= stamps > broker_ms + FUTURE_MS
    lines.status[(stamps < 0) | ahead] = NOT_PLAIN
    return lines


def _last_offsets(placed: Records) -> dict[str, int]:
    """Last offset of each topic."""
    topics, offsets = placed.lines[:, TOPIC], placed.lines[:, OFFSET]
    return {INPUT_TOPICS[rank].name: int(offsets[topics == rank][-1]) for rank in np.unique(topics).tolist()}


def _arrival(topic: str, record: RawRecord, event: AnyEvent | Deletion) -> Arrival:
    # Without a timestamp the event's own time is used, as in the order.
    stamped = record.timestamp
    at = event.ts if stamped < 0 and not isinstance(event, Deletion) else stamped
    return Arrival(topic, record.offset, at, event)


def _operator(event: AnyEvent | Deletion) -> str | None:
    """The competitor's name of an event, which the reader may not know yet."""
    if isinstance(event, Call):
        return event.peer_operator
    return event.operator if isinstance(event, SiteVisit) else None
