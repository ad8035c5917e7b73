"""What waits for a lane, and which record is next.

The lane applies its records in one order: the next is always the smallest (date, topic's rank) among the topics'
heads. A record's date is its timestamp, or its ``ts`` where it has none; within a partition the partition's own order
stands, whatever the dates say. That is an order of the logs, not of their arrival, as long as no topic is passed over
because it is late. So nothing is taken while a topic that has no record here is *behind*: the place up to which it was
fetched is below the last stable offset that its newest fetch answer told, or no answer has come since it was sought.
And a batch ends where such a topic gives its last record. (Kafka Streams does so since KIP-695.)

Places move over what nobody may read: aborted records, compacted ones, markers of transactions. What is on its way to
the log, or in a transaction that is open, is not waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import accumulate
from typing import Final

import numpy as np

from models.arrays import Ints
from models.kernel import compiled
from models.kernel.places import DATE, OFFSET, STAMP, TOPIC
from streams.lanes.transport import Fetch
from streams.records.record_columns import NONE, Records
from streams.records.topics import RANK
from streams.records.wire import FUTURE_MS, UNDATED, dated

FULL_RECORDS: Final = 8_000
"""A topic with this many waiting takes no more; its partition is not polled until it has room again. Each topic has
bounds of its own: under one for all, a backlog of calls kept out the data sessions that the order was waiting for."""
FULL_BYTES: Final = 3 << 20
"""The same in bytes. One fetch of a partition may bring a mebibyte more, and that unpacked."""
BATCH_RECORDS: Final = 4_000
"""Most records of one transaction: larger ones save little more, hold the loop longer than a quiet lane should wait,
and come near the 8 MiB that a transaction may have."""
BATCH_BYTES: Final = 4 << 20
"""A key may be as large as a value, and ends among the dead letters just so: both count."""

Ends = Mapping[str, int]
"""Topics that are read before all others, and up to where; empty when all topics are read."""


class GapError(Exception):
    """A fetch does not start where the one before it ended. The lane seeks and reads the hole."""


class _Topic:
    """One topic of the lane: its records that wait, and how far it was fetched."""

    __slots__ = ("bytes", "count", "epoch", "name", "place", "rank", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rank = RANK[name]
        self.seek(None, 0)

    def seek(self, epoch: int | None, place: int) -> None:
        """Go on from a place, with nothing."""
        self.waiting: deque[Records] = deque()
        self.count = self.bytes = 0
        self.epoch, self.place = epoch, place

    def has_head(self, ends: Ends) -> bool:
        """Whether the record that is next of this topic is there."""
        return bool(self.count) and (not ends or bool(self.waiting[0].lines[0, OFFSET] < ends[self.name]))

    def next(self, ends: Ends) -> Ints:
        """The lines of the records that are next, no more than a batch may have."""
        blocks, count = [], 0
        for block in self.waiting:
            blocks.append(block.lines)
            count += len(block)
            if count >= BATCH_RECORDS:
                break
        lines = np.concatenate(blocks)[:BATCH_RECORDS]
        return lines[lines[:, OFFSET] < ends[self.name]] if ends else lines

    def add(self, blocks: Iterable[Records]) -> None:
        """Let records wait behind the others."""
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
        """Let go the first records, which are taken."""
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
        ``(topic, epoch)``: its last stable offset as the newest fetch answer of that epoch told it; None before the
        first.
    """

    def __init__(self, topics: Iterable[str], stable: Callable[[str, int], int | None]) -> None:
        self._topics = {name: _Topic(name) for name in topics}
        self._stable = stable

    def sought(self, topic: str, epoch: int, offset: int) -> None:
        """Start `topic` anew at `offset`: only fetches of `epoch` count from now on."""
        self._topics[topic].seek(epoch, offset)

    def offer(self, topic: str, fetch: Fetch) -> bool:
        """Take a fetch; False if it belongs to a place that the lane has left.

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
        """Whether more of `topic` is welcome; always when nothing of it waits, since the order may wait for it."""
        mine = self._topics[topic]
        return mine.count < FULL_RECORDS and mine.bytes < FULL_BYTES

    def waits(self, topic: str) -> bool:
        """Whether records of `topic` wait."""
        return bool(self._topics[topic].waiting)

    def read_to(self, topic: str) -> int | None:
        """The place up to which `topic` is fetched and nothing waits, or None while something does."""
        mine = self._topics[topic]
        return None if mine.waiting or mine.epoch is None else mine.place

    def awaited(self, ends: Ends) -> dict[str, int]:
        """Topics that are behind and have no record here, with their places: the lane waits for them."""
        return {
            mine.name: mine.place for mine in self._read(ends) if not mine.has_head(ends) and self._behind(mine, ends)
        }

    def fills(self) -> bool:
        """Whether as much waits as a transaction may have."""
        return sum(mine.count for mine in self._topics.values()) >= BATCH_RECORDS

    def ready(self, ends: Ends) -> bool:
        """Whether the next record is known."""
        return any(mine.has_head(ends) for mine in self._read(ends)) and not self.awaited(ends)

    def exhausted(self, ends: Ends) -> bool:
        """Whether each of `ends` is reached, and all before it was taken."""
        return all(not mine.has_head(ends) and not self._behind(mine, ends) for mine in self._read(ends))

    def take(self, ends: Ends, broker_ms: int | None) -> Records:
        """The next batch in the lane's order, within the bounds of one transaction; the rest goes on waiting.

        It is empty while the next record is not known.

        Parameters
        ----------
        broker_ms
            The broker's time. What is dated past it is dead-lettered as soon as it is its topic's head: in its turn it
            would keep back all that lies behind it.
        """
        heads = [] if self.awaited(ends) else [mine for mine in self._read(ends) if mine.has_head(ends)]
        if not heads:
            return NONE
        found = [mine.next(ends) for mine in heads]
        lines, bounds = np.concatenate(found), np.array([0, *accumulate(map(len, found))])
        dates = lines[:, DATE].copy()
        if broker_ms is not None:
            dates[dates > broker_ms + FUTURE_MS] = UNDATED
        # A batch ends behind the last record here of a topic that is behind.
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
        """Whether the log holds more of a topic that has no head here, or none once what waits is taken.

        Before all topics are read, up to its end.
        """
        if ends:
            return (taken or not mine.waiting) and mine.place < ends[mine.name]
        stable = None if mine.epoch is None else self._stable(mine.name, mine.epoch)
        return stable is None or mine.place < stable
