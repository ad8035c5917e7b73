"""What waits for a lane: the fetches of its topics, in order and without a hole."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterable
from itertools import accumulate, islice
from typing import Final

from streams.merge import Placed, merge
from streams.transport import Fetch
from streams.wire import RawRecord

FULL_RECORDS: Final = 8_000
"""A topic with this many waiting takes no more; its partition is not polled until it has room again. Each topic has a
bound of its own: under one for all, a backlog of calls kept the data sessions of the same days out, and by the time
they came in the lane's time had run a week past them."""
FULL_BYTES: Final = 32 << 20
"""Of all topics together; beyond it only a topic of which nothing waits is taken, since the order waits for it."""
BATCH_RECORDS: Final = 4_000
"""Most records of one transaction: larger ones save little more, hold the loop longer than a quiet lane should wait,
and come near the 8 MiB that a transaction may have."""
BATCH_BYTES: Final = 4 << 20


class GapError(Exception):
    """A fetch does not start where the one before it ended. The lane seeks and reads the hole."""


class Intake:
    """Waiting records of one lane, by topic.

    Parameters
    ----------
    topics
        Inputs without prefix.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self._waiting: dict[str, deque[RawRecord]] = {topic: deque() for topic in topics}
        self._epochs: dict[str, int] = {}
        self._expected: dict[str, int] = {}
        self._records = 0
        self._bytes = 0

    def sought(self, topic: str, epoch: int, offset: int) -> None:
        """Start `topic` anew at `offset`: only fetches of `epoch` count from now on."""
        self._count(self._waiting[topic], -1)
        self._waiting[topic].clear()
        self._epochs[topic] = epoch
        self._expected[topic] = offset

    def offer(self, topic: str, fetch: Fetch) -> bool:
        """Take a fetch; False if it belongs to a place that the lane has left.

        Raises
        ------
        GapError
            If records between the last fetch and this one are missing.
        """
        if fetch.epoch != self._epochs.get(topic):
            return False
        if fetch.start != self._expected[topic]:
            raise GapError(f"{topic}: fetch from {fetch.start}, expected {self._expected[topic]}")
        self._expected[topic] = fetch.end
        self._waiting[topic].extend(fetch.records)
        self._count(fetch.records, 1)
        return True

    def _count(self, records: Collection[RawRecord], sign: int) -> None:
        self._records += sign * len(records)
        self._bytes += sign * sum(map(_size, records))

    def takes(self, topic: str) -> bool:
        """Whether more of `topic` is welcome."""
        waiting = len(self._waiting[topic])
        return not waiting or (waiting < FULL_RECORDS and self._bytes < FULL_BYTES)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._records == 0

    def waits(self, topic: str) -> bool:
        """Whether records of `topic` wait."""
        return bool(self._waiting[topic])

    def read_to(self, topic: str) -> int | None:
        """The place up to which `topic` is fetched and nothing waits, or None while something does."""
        return None if self._waiting[topic] else self._expected.get(topic)

    def starved(self, behind: Callable[[str], bool]) -> bool:
        """Whether some topic has records in its log and none here: running ahead of it would bend the order."""
        return any(not waiting and topic in self._epochs and behind(topic) for topic, waiting in self._waiting.items())

    def take(self) -> list[Placed]:
        """The next batch in the lane's order, within the bounds of one transaction; the rest goes on waiting."""
        # A record that is not among the first BATCH_RECORDS of its own topic cannot be in the batch.
        heads = {topic: _head(waiting) for topic, waiting in self._waiting.items() if waiting}
        batch = merge(heads, BATCH_RECORDS)
        sizes = list(accumulate(_size(placed.record) for placed in batch))
        # One record that is larger than the bound is a batch of its own.
        del batch[max(1, bisect_right(sizes, BATCH_BYTES)) :]
        for topic, _ in batch:
            self._waiting[topic].popleft()
        if batch:
            self._records -= len(batch)
            self._bytes -= sizes[len(batch) - 1]
        return batch


def _size(record: RawRecord) -> int:
    # A key may be as large as a value, and ends among the dead letters just so.
    return len(record.key or b"") + len(record.value or b"")


def _head(waiting: deque[RawRecord]) -> list[RawRecord]:
    return list(islice(waiting, BATCH_RECORDS))
