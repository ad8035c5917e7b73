"""What the learner does not put up with: each guard has a name, a figure beside its bound, and a safe behaviour.

A stream of labels breaks in ways that raise no error: a field is swapped and every label is inverted, a feed ends, a
lane sends infinity. The model would follow. So a guard that is on holds back publishing, and where learning itself
would do harm, learning; what is served stays served.
"""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct

from models.example import Example
from models.guard_sight import Sight, calibration, collapse, flip, ranking
from models.lesson import LESSONS, Lesson
from models.window import Window

_HOUR_MS: Final = 3_600_000
_LEAST_ARRIVALS: Final = 200
"""Shares are of at least so many examples: one bad row of three is no flood."""
_BASE_ROWS: Final = 100
"""The operator's base rate counts as much as so many labels."""
_GAP_WEIGHT: Final = 0.1
_LEAST_GAPS: Final = 20
"""Of a few gaps nobody knows what is usual."""


class Guard(StrEnum):
    """What is wrong."""

    NOT_FINITE = "not_finite"
    DUPLICATED = "duplicated"
    CONTRADICTED = "contradicted"
    FOREIGN = "foreign"
    ONE_CLASS = "one_class"
    LABEL_STOP = "label_stop"
    NO_RANKING = "no_ranking"
    FLIPPED = "flipped"
    CALIBRATION_OFF = "calibration_off"
    SCORE_COLLAPSE = "score_collapse"


class Behaviour(StrEnum):
    """What a guard that is on does, the mildest first."""

    ALARM = "alarm"
    """It is said; nothing else changes, for what is learned is the cure of what is served."""
    HOLD = "hold"
    """Nothing is published."""
    STOP = "stop"
    """Nothing is published, and nothing is learned: rows are measured only."""


class GuardBounds(Struct, frozen=True, kw_only=True):
    """When guards go on."""

    rows: int = 1_000  # latest rows that a figure is made of
    flip_rows: int = 500  # an inversion must be seen before it is learned, and a level is of the latest voice
    least_positives: int = 20  # below, an AUC is a guess
    bad_share: float = 0.02  # of examples refused for one reason
    run_chance: float = 1e-6  # of a run of one label; by then it is no accident
    run_least: int = 20  # no shorter run is one
    run_hours: float = 48.0  # of a run of leavers before it stops learning: they may come once a day, all at once
    stay_days: float = 35.0  # the same of stayers: an operator may tell once a month who has left
    gap_times: float = 20.0  # the usual gap between labels
    near_half: float = 0.55  # an AUC below it, and no better than 0.5 within its bounds
    calibration_times: float = 1.5  # told against what happened, either way
    calibration_z: float = 4.0  # and beyond chance


class GuardState(Struct, frozen=True, kw_only=True):
    """A guard as the report has it; `behaviour` is what it does while it is on."""

    guard: Guard
    on: bool
    behaviour: Behaviour
    seen: float | None
    bound: float
    since: int | None = None
    """Number of the example at which it went on."""


class GuardMemory(Struct, kw_only=True):
    """Everything that guards remember, as plain data."""

    arrivals: int = 0
    latest: bytes = b""
    labels: int = 0
    positives: int = 0
    run: int = 0
    run_left: bool = False
    run_from: int = 0
    run_ms: int = 0
    run_bound: float = math.inf
    last_ts: int | None = None
    gap: int = 0
    usual_gap: float = 0.0
    gaps: int = 0
    states: list[GuardState] = []


_REFUSED: Final = {
    Guard.NOT_FINITE: Lesson.NOT_FINITE,
    Guard.DUPLICATED: Lesson.DUPLICATE,
    Guard.CONTRADICTED: Lesson.CONTRADICTORY,
    Guard.FOREIGN: Lesson.FOREIGN,
}


class Guards:
    """See the module; everything is counted in examples and in their own time.

    Parameters
    ----------
    bounds
        When they go on.

    Examples
    --------
    >>> guards = Guards(GuardBounds())
    >>> for hour in range(200):
    ...     guards.arrived(Lesson.LEARNED, hour * 3_600_000)
    >>> guards.heard(220 * 3_600_000)
    >>> [state.guard.value for state in guards.states() if state.on]
    ['label_stop']
    """

    def __init__(self, bounds: GuardBounds) -> None:
        self._bounds = bounds
        self._memory = GuardMemory()
        self._latest: deque[int] = deque(maxlen=bounds.rows)
        self._now: int | None = None

    def arrived(self, lesson: Lesson, labelled_ts: int) -> None:
        """Take note of an example, whatever became of it."""
        memory = self._memory
        memory.arrivals += 1
        self._latest.append(LESSONS.index(lesson))
        if lesson in (Lesson.FOREIGN, Lesson.NOT_FINITE, Lesson.DUPLICATE):
            return
        if memory.last_ts is not None and labelled_ts > memory.last_ts:
            self._note_gap(labelled_ts - memory.last_ts)
        memory.last_ts = max(labelled_ts, memory.last_ts or labelled_ts)

    def _note_gap(self, gap: int) -> None:
        memory = self._memory
        memory.gap = gap
        if self._stop_bound() >= gap or memory.gaps < _LEAST_GAPS:  # a stop must not become the usual
            memory.usual_gap += (gap - memory.usual_gap) * max(_GAP_WEIGHT, 1.0 / (memory.gaps + 1))
        memory.gaps += 1

    def _stop_bound(self) -> float:
        return self._bounds.gap_times * max(self._memory.usual_gap, _HOUR_MS)

    def labelled(self, example: Example) -> None:
        """Take note of a weekly row's label."""
        memory, left = self._memory, example.label == "positive"
        if left is not memory.run_left or not memory.run:
            rate = (memory.positives + _BASE_ROWS * example.base_rate) / (memory.labels + _BASE_ROWS)
            same = rate if left else 1.0 - rate
            memory.run, memory.run_left, memory.run_from = 0, left, example.labelled_ts
            memory.run_bound = max(float(self._bounds.run_least), math.log(self._bounds.run_chance) / math.log(same))
        memory.run += 1
        memory.run_ms = max(example.labelled_ts - memory.run_from, 0)
        memory.labels += 1
        memory.positives += left

    def heard(self, now_ms: int) -> None:
        """Take note of the stream's time: that no label comes can only be seen in something else that does."""
        self._now = now_ms

    def judge(self, window: Window) -> None:
        """Look at the latest rows; between two looks the figures of the first stand."""
        memory, before = self._memory, {state.guard: state for state in self._memory.states}
        states = [*self._refusals(), *self._sights(window)]
        memory.states = [self._dated(state, before.get(state.guard)) for state in states]

    def _dated(self, state: GuardState, before: GuardState | None) -> GuardState:
        return _replaced(state, (before and before.since) or self._memory.arrivals) if state.on else state

    def _refusals(self) -> list[GuardState]:
        rows = max(len(self._latest), _LEAST_ARRIVALS)
        bound = self._bounds.bad_share
        return [
            _state(guard, self._latest.count(LESSONS.index(lesson)) / rows, bound, Behaviour.HOLD)
            for guard, lesson in _REFUSED.items()
        ]

    def _sights(self, window: Window) -> list[GuardState]:
        bounds = self._bounds
        latest, lately = window.latest(most=bounds.rows), window.latest(most=bounds.flip_rows)
        found: list[tuple[Guard, Sight, float, Behaviour]] = [
            (
                Guard.NO_RANKING,
                ranking(latest, bounds.least_positives, bounds.near_half),
                bounds.near_half,
                Behaviour.HOLD,
            ),
            (Guard.FLIPPED, flip(lately, bounds.least_positives), 0.5, Behaviour.STOP),
            (
                Guard.CALIBRATION_OFF,
                calibration(lately, bounds.calibration_times, bounds.calibration_z),
                bounds.calibration_times,
                Behaviour.HOLD,
            ),
            (Guard.SCORE_COLLAPSE, collapse(latest), 0.0, Behaviour.HOLD),
        ]
        return [
            GuardState(
                guard=guard,
                on=sight.on,
                # What is wrong with the served risks only, publishing cures.
                behaviour=worst if sight.of_champion else Behaviour.ALARM,
                seen=sight.seen,
                bound=bound,
            )
            for guard, sight, bound, worst in found
        ]

    def _run(self) -> GuardState:
        memory = self._memory
        hours = self._bounds.run_hours if memory.run_left else self._bounds.stay_days * 24.0
        long = memory.run_ms >= hours * _HOUR_MS
        return _state(Guard.ONE_CLASS, float(memory.run), memory.run_bound, Behaviour.STOP if long else Behaviour.HOLD)

    def _silence(self, now: int | None) -> GuardState:
        memory = self._memory
        gap = float(memory.gap)
        if now is not None and memory.last_ts is not None:
            gap = max(gap, float(now - memory.last_ts))
        known = memory.gaps >= _LEAST_GAPS
        return _state(Guard.LABEL_STOP, gap if known else None, self._stop_bound(), Behaviour.HOLD)

    @property
    def stop(self) -> bool:
        """Nothing may be learned."""
        return any(s.on and s.behaviour is Behaviour.STOP for s in (*self._memory.states, self._run()))

    @property
    def hold(self) -> bool:
        """Nothing may be published. What :meth:`heard` has no part in it: a resumed learner would decide otherwise."""
        held = any(s.on and s.behaviour is not Behaviour.ALARM for s in self._memory.states)
        return held or self._run().on or self._silence(None).on

    def states(self) -> list[GuardState]:
        """All guards, in the order of :class:`Guard`."""
        known = {state.guard: state for state in [*self._memory.states, self._run(), self._silence(self._now)]}
        missing = [_state(guard, None, 0.0, Behaviour.HOLD) for guard in Guard if guard not in known]
        known |= {state.guard: state for state in missing}
        return [known[guard] for guard in Guard]

    def memory(self) -> GuardMemory:
        """As plain data."""
        self._memory.latest = bytes(self._latest)
        return self._memory

    @classmethod
    def resume(cls, memory: GuardMemory, bounds: GuardBounds) -> Self:
        """Go on from :meth:`memory`."""
        guards = cls(bounds)
        guards._memory = memory
        guards._latest.extend(memory.latest)
        return guards


def _state(guard: Guard, seen: float | None, bound: float, behaviour: Behaviour) -> GuardState:
    return GuardState(guard=guard, on=seen is not None and seen > bound, behaviour=behaviour, seen=seen, bound=bound)


def _replaced(state: GuardState, since: int) -> GuardState:
    return GuardState(
        guard=state.guard, on=state.on, behaviour=state.behaviour, seen=state.seen, bound=state.bound, since=since
    )
