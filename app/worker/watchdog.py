"""The watchdog: a thread with a Kafka client of its own, which ends a worker that makes no progress or is no member.

An asyncio check dies with the loop that it checks, and a client that has stopped cannot say so. So this runs in a
thread, asks the broker itself, and leaves by ``os._exit``: state and alerts are safe at any moment, and the
worker's supervisor starts it again. What counts as no progress stands in ``app.worker.progress``. It goes on to the
very end: a process that ends is watched until it has gone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from app.worker.lag import EndHistory
from app.worker.progress import REBALANCE_S, Input, Memory, Observation, ProgressVerdict, begin, judge, stalled
from streams.cluster.broker_view import Bounds
from streams.cluster.membership import Denial, Group, Membership, denial

LOOK_S: Final = 1.0
ASK_S: Final = 10.0
PEEK_AFTER_S: Final = 20.0
"""Before an input is called stuck, the record that it should be reading is fetched: there may be only markers."""
MEMBER_S: Final = 3.0
"""How often the group's coordinator is asked; at once where the worker has joined anew."""


class WorkerStanding(NamedTuple):
    """What the worker says of itself, once a second and on its own loop, so that no other thread reads live state."""

    positions: Mapping[Input, int | None] = {}
    """Of each input of an open lane, the offset to be applied next; None if nothing was applied yet."""
    barred: frozenset[Input] = frozenset()
    waiting: frozenset[Input] = frozenset()
    awaited: Mapping[Input, int] = {}
    opening: Mapping[int, int] = {}
    """Lanes that are not open yet, with the records they still have to restore."""
    rebalancing: bool = False
    membership: Membership | None = None
    """None before the worker has begun to join."""


class ClusterView(Protocol):
    """The broker as the watchdog's own client sees it: :class:`streams.cluster.broker_view.BrokerView`."""

    async def bounds(self, inputs: Iterable[Input]) -> Bounds | None:
        """Starts and ends, or None if the broker does not answer."""

    async def peek(self, positions: Mapping[Input, int]) -> dict[Input, float | None]:
        """When the next record came (wall clock, s); None where there is none to be read."""

    async def group(self, name: str) -> Group | None:
        """The group as its coordinator has it, or None if no coordinator answers."""

    async def close(self) -> None:
        """Let the clients go."""


class Heart:
    """A task of the worker's loop: as long as it beats, the loop runs.

    Parameters
    ----------
    standing
        Asked at every beat; must not block.
    """

    def __init__(self, standing: Callable[[], WorkerStanding], clock: Callable[[], float] = time.monotonic) -> None:
        self._standing = standing
        self._clock = clock
        self.last: tuple[float, WorkerStanding] = (clock(), WorkerStanding())
        """When it last beat, and what the worker said then; replaced whole, never changed."""

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self.last = (self._clock(), self._standing())
            await asyncio.sleep(LOOK_S)


class Watchdog(threading.Thread):
    """See the module.

    Parameters
    ----------
    heart
        Of the worker's loop.
    view
        Used in this thread only.
    group
        Of which the worker should be a member.
    tell_lag
        ``(topic, partition, records, seconds)``, for the metrics; called in this thread.
    end
        Ends the process; it does not return.
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
        """Watch until :meth:`stop`; a watchdog that fails ends the worker, since nobody else would notice."""
        try:
            with asyncio.Runner() as runner:
                runner.run(self._watch())
        finally:
            if not self._stopping.is_set():
                self._end(1)

    def stop(self, timeout: float = 5.0) -> None:
        """End the watch in good order, before the loop stops to beat."""
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
        """Judge once; False when the process is to end."""
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
            return Denial.ABANDONED  # for this nobody has to be asked
        if self._found is None:
            return None
        # Also where it has joined anew since: a client that joins again and again, and never is a member, ends too.
        return denial(said.membership, self._found, rebalancing=said.rebalancing)

    def _place(self, positions: Mapping[Input, int], each: Input) -> tuple[int, int]:
        return positions.get(each, -1), self._ends.get(each, -1)

    # What only the broker knows

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

    async def _peek(self, memory: Memory, seen: Observation) -> None:
        """Look at the record that is next, where an input stands still or nobody knows how old its backlog is."""
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
            elif came_s >= 0:  # without a timestamp (-1) a record does not say how long it has waited
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
            # A lower bound while the backlog is worked off: the next peek tells it anew.
            return max(0.0, time.time() - came[1])
        since = history.behind_since(position)
        return 0.0 if since is None else max(0.0, now - since)
