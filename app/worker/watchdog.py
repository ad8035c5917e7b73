"""Watchdog: a thread with its own Kafka client that ends a worker without progress or without group membership.

An asyncio check dies with the loop that it checks, and a stopped client cannot report itself. So this runs in a
thread, asks the broker directly, and leaves by ``os._exit``: state and alerts are safe at any moment, and the
supervisor restarts the worker. :mod:`app.worker.progress_verdict` defines progress. It runs to the very end: a process
that is ending is watched until it has gone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from app.worker.progress_verdict import (
    REBALANCE_S,
    EndHistory,
    Input,
    Observation,
    ProgressMemory,
    ProgressVerdict,
    begin,
    judge,
    stalled,
)
from streams.kafka.broker_view import Bounds
from streams.kafka.membership import Denial, Group, Membership, denial

LOOK_S: Final = 1.0
ASK_S: Final = 10.0
PEEK_AFTER_S: Final = 20.0
"""Before an input counts as stuck, its next record is fetched: there may be only transaction markers."""
MEMBER_S: Final = 3.0
"""Interval at which the group's coordinator is asked; at once after the worker has rejoined."""


class WorkerStanding(NamedTuple):
    """State that the worker reports once a second from its own loop, so that no other thread reads live state."""

    positions: Mapping[Input, int | None] = {}
    """Next offset to apply, for each input of an open lane; None if nothing was applied yet."""
    barred: frozenset[Input] = frozenset()
    waiting: frozenset[Input] = frozenset()
    awaited: Mapping[Input, int] = {}
    opening: Mapping[int, int] = {}
    """Lanes not open yet, with the number of records left to restore."""
    rebalancing: bool = False
    membership: Membership | None = None
    """None before the worker has begun to join."""


class ClusterView(Protocol):
    """The broker as seen by the watchdog's own client: :class:`streams.kafka.broker_view.BrokerView`."""

    async def bounds(self, inputs: Iterable[Input]) -> Bounds | None:
        """Start and end offsets, or None if the broker does not answer."""

    async def peek(self, positions: Mapping[Input, int]) -> dict[Input, float | None]:
        """Arrival time of the next record (wall clock, s); None where there is none to read."""

    async def group(self, name: str) -> Group | None:
        """The group as its coordinator reports it, or None if no coordinator answers."""

    async def close(self) -> None:
        """Close the clients."""


class Heart:
    """Heartbeat task on the worker's loop: as long as it beats, the loop runs.

    Parameters
    ----------
    standing
        Called at every beat; must not block.
    """

    def __init__(self, standing: Callable[[], WorkerStanding], clock: Callable[[], float] = time.monotonic) -> None:
        self._standing = standing
        self._clock = clock
        self.last: tuple[float, WorkerStanding] = (clock(), WorkerStanding())
        """Time of the last beat and the worker's state then; replaced as a whole, never changed in place."""

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self.last = (self._clock(), self._standing())
            await asyncio.sleep(LOOK_S)


class Watchdog(threading.Thread):
    """Thread that watches a worker and ends it when it makes no progress.

    Parameters
    ----------
    heart
        Heartbeat of the worker's loop.
    view
        View of the broker, used in this thread only.
    group
        Group of which the worker should be a member.
    tell_lag
        Receives ``(topic, partition, records, seconds)`` for the metrics; called in this thread.
    end
        Ends the process; does not return.
    """

    def __init__(
        self,
        heart: Heart,
        view: ClusterView,
        group: str,
        tell_lag: Callable[[str, int, int, float], None],
        end: Callable[[int], None],
        rebalance_s: float = REBALANCE_S,
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.verdict = ProgressVerdict(None, (), ())
        self._heart = heart
        self._view = view
        self._group = group
        self._found: Group | None = None
        self._found_for: Membership | None = None
        self._tell_lag = tell_lag
        self._end = end
        self._rebalance_s = rebalance_s
        self._memory = begin(time.monotonic())
        self._seen = Observation(now=self._memory.looked, beat=self._memory.looked)
        self._histories: dict[Input, EndHistory] = {}
        self._ends: Mapping[Input, int] = {}
        self._starts: Mapping[Input, int] = {}
        self._unreadable: dict[Input, tuple[int, int]] = {}
        self._came: dict[Input, tuple[int, float]] = {}
        self._reachable = True
        self._stopping = threading.Event()

    def run(self) -> None:
        """Watch until :meth:`stop`; a watchdog that fails ends the worker, since nothing else would notice."""
        try:
            with asyncio.Runner() as runner:
                runner.run(self._watch())
        finally:
            if not self._stopping.is_set():
                self._end(1)

    def stop(self, timeout: float = 5.0) -> None:
        """End the watch, before the loop stops beating."""
        self._stopping.set()
        self.join(timeout)

    async def _watch(self) -> None:
        asking = [asyncio.create_task(ask) for ask in (self._ask_for_ever(), self._ask_group_for_ever())]
        try:
            while not self._stopping.is_set():
                for asked in asking:
                    if asked.done():
                        asked.result()
                if not self._look():
                    return
                await asyncio.sleep(LOOK_S)
        finally:
            for asked in asking:
                asked.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            await self._view.close()

    def _look(self) -> bool:
        """Judge once; False if the process must end."""
        self._seen = self._observation(time.monotonic())
        self._memory, self.verdict = judge(self._memory, self._seen, self._rebalance_s)
        if self.verdict.code is None:
            return True
        self._stopping.set()
        self._end(int(self.verdict.code))
        return False

    def _observation(self, now: float) -> Observation:
        beat, said = self._heart.last
        positions = {
            each: self._starts.get(each, 0) if position is None else position
            for each, position in said.positions.items()
        }
        current = {each for each, place in self._unreadable.items() if place == self._place(positions, each)}
        return Observation(
            now=now,
            beat=beat,
            positions=positions,
            ends=self._ends,
            reachable=self._reachable,
            barred=said.barred,
            waiting=said.waiting,
            awaited=said.awaited,
            unreadable=frozenset(current),
            opening=said.opening,
            rebalancing=said.rebalancing,
            answered=None not in (self._found, said.membership) and self._found_for == said.membership,
            denial=self._denial(said),
        )

    def _denial(self, said: WorkerStanding) -> Denial | None:
        if said.membership is None:
            return None
        if not said.membership.kept:
            return Denial.ABANDONED  # known without asking the coordinator
        if self._found is None:
            return None
        # Also if it has rejoined since: a client that joins again and again without becoming a member ends too.
        return denial(said.membership, self._found, rebalancing=said.rebalancing)

    def _place(self, positions: Mapping[Input, int], each: Input) -> tuple[int, int]:
        return positions.get(each, -1), self._ends.get(each, -1)

    # Questions to the broker

    async def _ask_for_ever(self) -> None:
        while True:
            _, said = self._heart.last
            found = await self._view.bounds(list(said.positions))
            self._reachable = found is not None
            if found is not None:
                self._starts, self._ends = found
                now = time.monotonic()
                self._histories = {each: self._histories.get(each, EndHistory()) for each in self._ends}
                for each, end in self._ends.items():
                    self._histories[each].saw(now, end)
                seen = self._observation(now)
                await self._peek(self._memory, seen)
                self._tell(self._observation(now))
            await asyncio.sleep(ASK_S)

    async def _ask_group_for_ever(self) -> None:
        asked_at = -MEMBER_S
        while True:
            _, said = self._heart.last
            due = said.membership != self._found_for or time.monotonic() - asked_at >= MEMBER_S
            if due and said.membership is not None:
                asked_at = time.monotonic()
                self._found, self._found_for = await self._view.group(self._group), said.membership
            await asyncio.sleep(LOOK_S)

    async def _peek(self, memory: ProgressMemory, seen: Observation) -> None:
        """Read the next record of inputs that stand still or whose backlog has an unknown age."""
        standing = stalled(memory, seen, PEEK_AFTER_S)
        unknown = [
            each
            for each, end in seen.ends.items()
            if end > seen.positions.get(each, end) and not self._histories[each].bounded(seen.positions[each])
        ]
        asked = {each: seen.positions[each] for each in [*standing, *unknown]}
        for each, came_s in (await self._view.peek(asked)).items():
            if came_s is None:
                self._unreadable[each] = self._place(seen.positions, each)
            elif came_s >= 0:  # without a timestamp (-1) the waiting time of a record is unknown
                self._came[each] = (asked[each], came_s)

    def _tell(self, seen: Observation) -> None:
        for each, position in seen.positions.items():
            if each not in seen.ends:
                continue
            records = 0 if each in seen.unreadable else max(0, seen.ends[each] - position)
            self._tell_lag(*each, records, self._lag_s(each, position, seen.now) if records else 0.0)

    def _lag_s(self, each: Input, position: int, now: float) -> float:
        history = self._histories[each]
        came = self._came.get(each)
        if came is not None and not history.bounded(position):
            # A lower bound while the backlog drains, until the next peek.
            return max(0.0, time.time() - came[1])
        since = history.behind_since(position)
        return 0.0 if since is None else max(0.0, now - since)
