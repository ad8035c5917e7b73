"""The verdict whether a worker still makes progress, and the exit code if not: a pure function of timed observations.

It compares progress with lag, since consumers were seen to stop silently with every task alive (faust-streaming#175,
aiokafka#1154). The observations carry their own clock, so tests check every rule without threads or waiting.

Kafka reports how many records a reader is behind, not for how long. The age of the first record not applied yet is
estimated from the ends of the log seen so far, with their times: they show when it grew past the ledger, and between
two looks even growth is assumed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from app.errors import ExitCode
from streams.kafka.membership import Denial
from streams.records.topics import BREACHES

BEAT_S: Final = 20.0
"""A loop silent for longer is useless: its heartbeats are late, and its lanes are about to be taken."""
STALL_S: Final = 60.0
AWAITED_S: Final = 75.0
"""Longest wait of a lane for an input that does not move; from `STALL_S` on it is not ready and reports the input."""
OPENING_S: Final = 120.0
"""A lane may wait for others to open first, without visible progress."""
REBALANCE_S: Final = 30.0
DENIED_S: Final = 45.0
"""A client that has lost its membership rejoins within seconds, if at all. Meanwhile no lag is visible: another worker
may have the lanes, or none."""
ASLEEP_S: Final = 5.0
"""Looks come once a second. A longer pause means that the whole process was stopped or starved, not one part."""

Input = tuple[str, int]
"""Topic without prefix, and partition."""
KEPT_LOOKS: Final = 360
"""An hour at one look in 10 s; for older lag the record itself is read."""


class Observation(NamedTuple):
    """Findings of one look; times are of one monotonic clock."""

    now: float
    beat: float
    """When the worker's loop last ran."""
    positions: Mapping[Input, int] = {}
    """Next offset to apply, for each input of an open lane and for that of the desk."""
    ends: Mapping[Input, int] = {}
    """Log ends as last reported by the broker."""
    reachable: bool = True
    """Whether the broker answered when it was last asked."""
    barred: frozenset[Input] = frozenset()
    """Inputs that a lane does not read yet, such as calls before the profiles are in."""
    waiting: frozenset[Input] = frozenset()
    """Inputs whose next record is fetched and waits for its turn in the lane's order."""
    awaited: Mapping[Input, int] = {}
    """Inputs whose next record a lane needs before it can go on, with the offsets up to which they are read. They are
    judged by these offsets, which move over aborted records too; the lane's other inputs are not judged meanwhile."""
    unreadable: frozenset[Input] = frozenset()
    """Inputs with only transaction markers after their position, which no reader ever gets."""
    opening: Mapping[int, int] = {}
    """Lanes not open yet, with the number of records left to restore."""
    rebalancing: bool = False
    answered: bool = True
    """Whether the group's coordinator has answered since the worker last joined."""
    denial: Denial | None = None
    """Why the worker is no member of its group."""


class ProgressMemory(NamedTuple):
    """State kept from the last looks."""

    looked: float
    forgiven: float
    """Nothing before this time counts against the worker."""
    moved: Mapping[Input, tuple[int, float]] = {}
    """Position of each input, and since when it has stood there with records to read."""
    opening: tuple[Mapping[int, int], float] = ({}, 0.0)
    rebalancing: float | None = None
    denied: float | None = None
    """Since when the worker has been reported as no member."""


class ProgressVerdict(NamedTuple):
    """``code`` is the exit code to end with, or None; ``reasons`` say why; ``blockers`` keep the worker from ready.

    Blockers are ``lane_N_opening``, ``rebalancing``, ``broker_unavailable``, ``not_a_member``, ``membership_unknown``.
    """

    code: ExitCode | None
    reasons: tuple[str, ...]
    blockers: tuple[str, ...]


def begin(now: float) -> ProgressMemory:
    """Start to watch."""
    return ProgressMemory(now, now)


def judge(
    memory: ProgressMemory, seen: Observation, rebalance_s: float = REBALANCE_S
) -> tuple[ProgressMemory, ProgressVerdict]:
    """Compare one look with those before.

    Parameters
    ----------
    rebalance_s
        The group's rebalance timeout; twice that is too long.

    Examples
    --------
    >>> _, verdict = judge(begin(100.0), Observation(now=101.0, beat=80.5))
    >>> verdict.code is None  # what was before the watch began does not count
    True
    >>> memory = begin(100.0)
    >>> for second in range(101, 122):
    ...     memory, verdict = judge(memory, Observation(now=float(second), beat=100.0))
    >>> verdict.code
    <ExitCode.STUCK: 70>
    """
    seen = seen._replace(positions={**seen.positions, **seen.awaited})
    asleep = seen.now - memory.looked > ASLEEP_S
    forgiven = seen.now if asleep else memory.forgiven
    moved = _moved(memory, seen, forgiven)
    opening = _opening(memory, seen, forgiven)
    rebalancing = (memory.rebalancing or seen.now) if seen.rebalancing else None
    denied = None if seen.denial is None else seen.now if memory.denied is None else memory.denied
    memory = ProgressMemory(seen.now, forgiven, moved, opening, rebalancing, denied)
    code, reasons = _end(memory, seen, rebalance_s)
    return memory, ProgressVerdict(code, reasons, _blockers(memory, seen))


def stalled(memory: ProgressMemory, seen: Observation, seconds: float) -> list[Input]:
    """Inputs with records to read that have stood still for `seconds`, sorted.

    Examples
    --------
    >>> at_5 = Observation(now=1.0, beat=1.0, positions={("t", 0): 5}, ends={("t", 0): 9})
    >>> memory, _ = judge(begin(0.0), at_5)
    >>> stalled(memory, at_5._replace(now=31.0), 30.0)
    [('t', 0)]
    """
    return sorted(
        each
        for each, (_, since) in memory.moved.items()
        if _behind(each, seen) and seen.now - max(since, memory.forgiven) >= seconds
    )


def _behind(each: Input, seen: Observation) -> bool:
    """Whether there are records that the worker should be reading."""
    if each in seen.awaited:
        return True  # the log may be read to its end, but no answer has confirmed it
    if each in seen.barred or each in seen.unreadable or each not in seen.positions:
        return False
    return seen.ends.get(each, 0) > seen.positions[each]


def _moved(memory: ProgressMemory, seen: Observation, forgiven: float) -> dict[Input, tuple[int, float]]:
    moved = {}
    before = {each: memory.moved.get(each, (None, seen.now)) for each in seen.positions}
    inputs = [each for each in seen.positions.items() if each[0][0] != BREACHES]  # the desk moves without its lane
    lanes = {each[1] for each, to in inputs if before[each][0] != to}
    lanes |= {partition for _, partition in seen.awaited}
    for each, position in seen.positions.items():
        former, since = before[each]
        # A lane that still works through today's calls holds back an erasure of tomorrow, as long as that takes.
        # And a whole lane waits for an input that is behind.
        in_turn = each in seen.waiting and each[1] in lanes
        # A broker that does not answer, or a log without records, is no standstill of this worker.
        fresh = former != position or in_turn or not seen.reachable or not _behind(each, seen)
        moved[each] = (position, seen.now if fresh else max(since, forgiven))
    return moved


def _opening(memory: ProgressMemory, seen: Observation, forgiven: float) -> tuple[Mapping[int, int], float]:
    former, since = memory.opening
    if former != seen.opening or not seen.reachable:
        return dict(seen.opening), seen.now
    return former, max(since, forgiven)


def _end(memory: ProgressMemory, seen: Observation, rebalance_s: float) -> tuple[ExitCode | None, tuple[str, ...]]:
    silent = seen.now - max(seen.beat, memory.forgiven)
    if silent > BEAT_S:
        return ExitCode.STUCK, (f"the event loop has not run for {silent:.0f} s",)
    reasons = [
        f"{topic}-{partition} stands at {seen.positions[topic, partition]} while the log ends at "
        f"{seen.ends[topic, partition]}, for {STALL_S:.0f} s"
        for topic, partition in stalled(memory, seen, STALL_S)
        if (topic, partition) not in seen.awaited
    ]
    reasons += [
        f"lane {partition} waits for {topic}, which has delivered nothing beyond offset "
        f"{seen.awaited[topic, partition]} for {AWAITED_S:.0f} s"
        for topic, partition in stalled(memory, seen, AWAITED_S)
        if (topic, partition) in seen.awaited
    ]
    restoring, since = memory.opening
    limit = STALL_S if any(restoring.values()) else OPENING_S
    if restoring and seen.now - since >= limit:
        lanes = ", ".join(f"{lane} ({left} records left)" for lane, left in sorted(restoring.items()))
        reasons.append(f"lanes do not open for {limit:.0f} s: {lanes}")
    began = memory.rebalancing
    if began is not None and seen.now - max(began, memory.forgiven) > 2 * rebalance_s:
        reasons.append(f"rebalancing for more than {2 * rebalance_s:.0f} s")
    denied = memory.denied
    if denied is not None and seen.now - max(denied, memory.forgiven) >= DENIED_S:
        reasons.append(f"no member of the group for {DENIED_S:.0f} s: {seen.denial}")
    return (ExitCode.NO_PROGRESS if reasons else None), tuple(reasons)


def _blockers(memory: ProgressMemory, seen: Observation) -> tuple[str, ...]:
    blockers = [f"lane_{lane}_opening" for lane in sorted(seen.opening)]
    blockers += [
        f"waits_for_{topic}-{lane}" for topic, lane in stalled(memory, seen, STALL_S) if (topic, lane) in seen.awaited
    ]
    if seen.rebalancing:
        blockers.append("rebalancing")
    if not seen.reachable:
        blockers.append("broker_unavailable")
    if seen.denial is not None:
        blockers.append("not_a_member")
    elif not seen.answered:
        blockers.append("membership_unknown")
    return tuple(blockers)


class _Look(NamedTuple):
    at: float
    end: int


class EndHistory:
    """The ends of one partition with the times they were seen.

    Examples
    --------
    >>> history = EndHistory()
    >>> history.saw(0.0, end=100); history.saw(10.0, end=200)
    >>> history.behind_since(position=200) is None
    True
    >>> history.behind_since(position=150)
    5.0
    >>> history.bounded(position=40)
    False
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=KEPT_LOOKS)

    def saw(self, at: float, end: int) -> None:
        """Add the end seen at `at`."""
        if len(self._looks) > 1 and self._looks[-1].end == self._looks[-2].end == end:
            # A quiet log: the oldest and the newest look are enough to know when it grew.
            self._looks[-1] = _Look(at, end)
        else:
            self._looks.append(_Look(at, end))

    def bounded(self, position: int) -> bool:
        """Whether some look found the log's end at or before `position`."""
        return any(look.end <= position for look in self._looks)

    def behind_since(self, position: int) -> float | None:
        """When the record at `position` arrived, on the clock of the looks; None if the log ends there."""
        before: _Look | None = None
        for look in self._looks:
            if look.end > position:
                if before is None:
                    return look.at
                grown = (position - before.end) / (look.end - before.end)
                return before.at + grown * (look.at - before.at)
            before = look
        return None
