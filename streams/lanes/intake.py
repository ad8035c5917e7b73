"""Intake of a lane: the waiting records by topic, the choice of the next ones, and the arrivals decoded from them.

The lane applies its records in one order: the next is always the smallest (date, topic's rank) among the topics'
heads. A record's date is its timestamp, or its ``ts`` if it has none; within a partition the partition's own order
holds, whatever the dates. This order depends only on the logs, not on arrival, as long as no topic is skipped for
being late. So nothing is taken while a topic without a record here is *behind*: it was fetched up to an offset below
the last stable offset of its newest fetch answer, or no answer has come since its seek. And a batch ends at the last
record here of such a topic. (Kafka Streams does so since KIP-695.)

Positions move over unreadable offsets: aborted and compacted records, transaction markers. Records still on their way
to the log, or in an open transaction, are not waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from models.arrays import Ints
from models.contract.events import AnyEvent, Arrival, Call, Deletion, SiteVisit
from models.kernel import compiled
from models.kernel.arrivals import TOPICS, EventReader, Lines, Table, event_hash, id_of, line_of
from models.kernel.places import DATE, NOT_PLAIN, OFFSET, PLAIN, RECORD_KIND, STAMP, TOPIC, TS
from streams.lanes.ports import Fetch
from streams.records.dead_letters import dead_letter
from streams.records.out_records import OutRecord
from streams.records.record_columns import NONE, Records
from streams.records.topics import INPUT_TOPICS, RANK
from streams.records.wire import FUTURE_MS, UNDATED, DeadLetterReason, RawRecord, Rejected, dated, decode

FULL_RECORDS: Final = 8_000
"""A topic with this many waiting records takes no more; its partition is not polled until there is room. Each topic
has its own bound: with a common one, a backlog of calls kept out the data sessions that the order was waiting for."""
FULL_BYTES: Final = 3 << 20
"""The same bound in bytes. One fetch of a partition may exceed it by a mebibyte before decompression."""
BATCH_RECORDS: Final = 4_000
"""Most records of one transaction: larger ones save little more, hold the loop longer than a quiet lane should wait,
and come near the 8 MiB that a transaction may have."""
BATCH_BYTES: Final = 4 << 20
"""Most bytes of one transaction. Keys count too: a key may be as large as a value and goes into the dead letter."""

Ends = Mapping[str, int]
"""Topics read before all others, with their end offsets; empty once all topics are read."""
_KINDS: Final = np.array([TOPICS.index(topic.name) for topic in INPUT_TOPICS])


class GapError(Exception):
    """A fetch does not start where the one before it ended. The lane seeks back and reads the gap."""


class _Topic:
    """One topic of the lane: its waiting records, and the offset up to which it was fetched."""

    __slots__ = ("bytes", "count", "epoch", "name", "place", "rank", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rank = RANK[name]
        self.seek(None, 0)

    def seek(self, epoch: int | None, place: int) -> None:
        """Restart at an offset, without waiting records."""
        self.waiting: deque[Records] = deque()
        self.count = self.bytes = 0
        self.epoch, self.place = epoch, place

    def has_head(self, ends: Ends) -> bool:
        """Whether this topic's next record is here."""
        return bool(self.count) and (not ends or bool(self.waiting[0].lines[0, OFFSET] < ends[self.name]))

    def next(self, ends: Ends) -> Ints:
        """The lines of the next records, at most a batch."""
        blocks, count = [], 0
        for block in self.waiting:
            blocks.append(block.lines)
            count += len(block)
            if count >= BATCH_RECORDS:
                break
        lines = np.concatenate(blocks)[:BATCH_RECORDS]
        return lines[lines[:, OFFSET] < ends[self.name]] if ends else lines

    def add(self, blocks: Iterable[Records]) -> None:
        """Append waiting records."""
        for block in blocks:
            lines = block.lines
            lines[:, TOPIC] = self.rank
            lines[:, DATE] = lines[:, STAMP]
            for at in (lines[:, STAMP] < 0).nonzero()[0].tolist():
                lines[at, DATE] = dated(self.name, block[at].record, None)
            self.waiting.append(block)
            self.count += len(block)
            self.bytes += block.nbytes

    def drop(self, count: int) -> list[Records]:
        """Remove and return the first records, which are taken."""
        self.count -= count
        taken = []
        while count:
            block = self.waiting.popleft()
            self.bytes -= block.nbytes
            if count < len(block):
                rest = block[count:]
                self.waiting.appendleft(rest)
                self.bytes += rest.nbytes
                block = block[:count]
            taken.append(block)
            count -= len(block)
        return taken


class Intake:
    """Waiting records of one lane, by topic.

    Parameters
    ----------
    topics
        Inputs without prefix.
    stable
        ``(topic, epoch)``: the last stable offset in the newest fetch answer of that epoch; None before the first.
    """

    def __init__(self, topics: Iterable[str], stable: Callable[[str, int], int | None]) -> None:
        self._topics = {name: _Topic(name) for name in topics}
        self._stable = stable

    def sought(self, topic: str, epoch: int, offset: int) -> None:
        """Restart `topic` at `offset`: only fetches of `epoch` count from now on."""
        self._topics[topic].seek(epoch, offset)

    def offer(self, topic: str, fetch: Fetch) -> bool:
        """Take a fetch; False if it is from before the last seek.

        Raises
        ------
        GapError
            If records between the last fetch and this one are missing.
        """
        mine = self._topics[topic]
        if fetch.epoch != mine.epoch:
            return False
        if fetch.start != mine.place:
            raise GapError(f"{topic}: fetch from {fetch.start}, expected {mine.place}")
        mine.place = fetch.end
        mine.add(fetch.blocks)
        return True

    def takes(self, topic: str) -> bool:
        """Whether `topic` takes more records; always if none of it wait, since the order may need the next one."""
        mine = self._topics[topic]
        return mine.count < FULL_RECORDS and mine.bytes < FULL_BYTES

    def waits(self, topic: str) -> bool:
        """Whether records of `topic` wait."""
        return bool(self._topics[topic].waiting)

    def read_to(self, topic: str) -> int | None:
        """The offset up to which `topic` is fetched, or None while records of it wait."""
        mine = self._topics[topic]
        return None if mine.waiting or mine.epoch is None else mine.place

    def awaited(self, ends: Ends) -> dict[str, int]:
        """Topics that the lane waits for: behind and without a record here, with their positions."""
        return {
            mine.name: mine.place for mine in self._read(ends) if not mine.has_head(ends) and self._behind(mine, ends)
        }

    def fills(self) -> bool:
        """Whether enough records wait to fill a transaction."""
        return sum(mine.count for mine in self._topics.values()) >= BATCH_RECORDS

    def ready(self, ends: Ends) -> bool:
        """Whether the next record is known."""
        return any(mine.has_head(ends) for mine in self._read(ends)) and not self.awaited(ends)

    def exhausted(self, ends: Ends) -> bool:
        """Whether all records before each of `ends` were taken."""
        return all(not mine.has_head(ends) and not self._behind(mine, ends) for mine in self._read(ends))

    def take(self, ends: Ends, broker_ms: int | None) -> Records:
        """The next batch in the lane's order, within the bounds of one transaction; the rest keeps waiting.

        It is empty while the next record is not known.

        Parameters
        ----------
        broker_ms
            The broker's time. A record dated after it is dead-lettered as soon as it is its topic's head: waiting for
            its turn, it would hold up everything after it.
        """
        heads = [] if self.awaited(ends) else [mine for mine in self._read(ends) if mine.has_head(ends)]
        if not heads:
            return NONE
        found = [mine.next(ends) for mine in heads]
        lines, bounds = np.concatenate(found), np.array([0, *accumulate(map(len, found))])
        dates = lines[:, DATE].copy()
        if broker_ms is not None:
            dates[dates > broker_ms + FUTURE_MS] = UNDATED
        # A batch ends after the last record here of a topic that is behind.
        last = [
            mine.count == len(lines) and self._behind(mine, ends, taken=True)
            for mine, lines in zip(heads, found, strict=True)
        ]
        taken, order = np.zeros(len(heads), dtype=np.int64), np.zeros(min(len(lines), BATCH_RECORDS), dtype=np.int64)
        size = compiled.merge(lines, dates, bounds, np.array(last, dtype=np.int64), BATCH_BYTES, taken, order)
        parts = [part for mine, count in zip(heads, taken.tolist(), strict=True) for part in mine.drop(count)]
        batch = Records.joined(parts)
        lines = np.empty_like(batch.lines)
        lines[np.argsort(order[:size])] = batch.lines
        return Records(batch.buffer, lines)

    def _read(self, ends: Ends) -> Collection[_Topic]:
        return [self._topics[name] for name in ends] if ends else self._topics.values()

    def _behind(self, mine: _Topic, ends: Ends, *, taken: bool = False) -> bool:
        """Whether the log holds more of a topic without a head here; with `taken`, as if its waiting records were gone.

        While only some topics are read, the log counts up to its end in `ends`.
        """
        if ends:
            return (taken or not mine.waiting) and mine.place < ends[mine.name]
        stable = None if mine.epoch is None else self._stable(mine.name, mine.epoch)
        return stable is None or mine.place < stable


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
