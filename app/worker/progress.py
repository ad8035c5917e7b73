"""Whether a worker still makes progress: a pure function of what was observed, and when.

Judged is progress against lag, since consumers were seen to stop silently with every task alive (faust-streaming#175,
aiokafka#1154). The clock is the observations' own, so every rule is tried in tests without a thread or a wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from app.errors import ExitCode
from streams.cluster.membership import Denial

BEAT_S: Final = 20.0
"""A loop that was silent for longer serves nobody: its heartbeats are late, its lanes are about to be taken."""
STALL_S: Final = 60.0
AWAITED_S: Final = 75.0
"""How long a lane may wait for an input that does not move; from `STALL_S` on it is not ready and says for which."""
OPENING_S: Final = 120.0
"""A lane may wait for others to open before it, with nothing to show for it."""
REBALANCE_S: Final = 30.0
DENIED_S: Final = 45.0
"""A client that has lost its membership joins again within seconds, if it joins at all. Nothing shows lag meanwhile:
the lanes may be another worker's by now, or nobody's."""
ASLEEP_S: Final = 5.0
"""Looks come once a second. A longer pause means that the process itself was stopped or starved, not one part of it."""

Input = tuple[str, int]
"""Topic without prefix, and partition."""


class Observation(NamedTuple):
    """What one look found; times are of one monotonic clock."""

    now: float
    beat: float
    """When the worker's loop last ran."""
    positions: Mapping[Input, int] = {}
    """Of each input of an open lane, the offset that is to be applied next."""
    ends: Mapping[Input, int] = {}
    """As the broker last told them."""
    reachable: bool = True
    """Whether the broker answered when it was last asked."""
    barred: frozenset[Input] = frozenset()
    """Inputs that a lane does not read yet, such as calls before the profiles are in."""
    waiting: frozenset[Input] = frozenset()
    """Inputs whose next record is fetched, and is applied when its time in the lane's order has come."""
    awaited: Mapping[Input, int] = {}
    """Inputs of which a lane must have the next record before it goes on, with the places up to which they are read.
    They are judged by these, which move over aborted records too; the lane's other inputs are not judged meanwhile."""
    unreadable: frozenset[Input] = frozenset()
    """Inputs with nothing behind their position but markers of transactions, which no reader ever gets."""
    opening: Mapping[int, int] = {}
    """Lanes that are not open yet, with the records they still have to restore."""
    rebalancing: bool = False
    answered: bool = True
    """Whether the group's coordinator has answered since the worker last joined."""
    denial: Denial | None = None
    """Why this is no member of its group."""


class Memory(NamedTuple):
    """What the last looks left behind."""

    looked: float
    forgiven: float
    """Nothing before this moment counts against the worker."""
    moved: Mapping[Input, tuple[int, float]] = {}
    """Position of each input, and since when it stands there with records behind it."""
    opening: tuple[Mapping[int, int], float] = ({}, 0.0)
    rebalancing: float | None = None
    denied: float | None = None
    """Since when it is denied that this is a member."""


class ProgressVerdict(NamedTuple):
    """``code`` is how to end the process, or None; ``reasons`` say why; ``blockers`` are what keeps it from ready.

    Blockers are ``lane_N_opening``, ``rebalancing``, ``broker_unavailable``, ``not_a_member``, ``membership_unknown``.
    """

    code: ExitCode | None
    reasons: tuple[str, ...]
    blockers: tuple[str, ...]


def begin(now: float) -> Memory:
    """Start to watch."""
    return Memory(now, now)


def judge(memory: Memory, seen: Observation, rebalance_s: float = REBALANCE_S) -> tuple[Memory, ProgressVerdict]:
    """Hold one look against those before.

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
    memory = Memory(seen.now, forgiven, moved, opening, rebalancing, denied)
    code, reasons = _end(memory, seen, rebalance_s)
    return memory, ProgressVerdict(code, reasons, _blockers(memory, seen))


def stalled(memory: Memory, seen: Observation, seconds: float) -> list[Input]:
    """Inputs with records behind that stand still for `seconds`, in order.

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
    """Whether records wait that the worker should be reading."""
    if each in seen.awaited:
        return True  # the log may be read to its end, and yet no answer has said so
    if each in seen.barred or each in seen.unreadable or each not in seen.positions:
        return False
    return seen.ends.get(each, 0) > seen.positions[each]


def _moved(memory: Memory, seen: Observation, forgiven: float) -> dict[Input, tuple[int, float]]:
    moved = {}
    before = {each: memory.moved.get(each, (None, seen.now)) for each in seen.positions}
    lanes = {partition for (topic, partition), to in seen.positions.items() if before[topic, partition][0] != to}
    lanes |= {partition for _, partition in seen.awaited}
    for each, position in seen.positions.items():
        former, since = before[each]
        # An erasure of tomorrow waits in a lane that still works off the calls of today, for as long as that takes.
        # And all of a lane waits for an input that is behind.
        in_turn = each in seen.waiting and each[1] in lanes
        # A broker that does not answer, or a log without records, is no standstill of ours.
        fresh = former != position or in_turn or not seen.reachable or not _behind(each, seen)
        moved[each] = (position, seen.now if fresh else max(since, forgiven))
    return moved


def _opening(memory: Memory, seen: Observation, forgiven: float) -> tuple[Mapping[int, int], float]:
    former, since = memory.opening
    if former != seen.opening or not seen.reachable:
        return dict(seen.opening), seen.now
    return former, max(since, forgiven)


def _end(memory: Memory, seen: Observation, rebalance_s: float) -> tuple[ExitCode | None, tuple[str, ...]]:
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
        f"lane {partition} waits for {topic}, of which nothing comes behind {seen.awaited[topic, partition]}, "
        f"for {AWAITED_S:.0f} s"
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


def _blockers(memory: Memory, seen: Observation) -> tuple[str, ...]:
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
