"""Ticks: what time alone brings about. Terms that end, silence, the daily rescoring, and who is let go.

A sweep goes through the subscribers of one tick in the order of their ids, since row numbers are another order after
a restart. When the transaction is full it stops behind a subscriber, and the clock remembers which.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from models import features, signals
from models.alerts import Trigger
from models.clock import TICK_MS, TICKS_A_DAY, Clock, ceil_tick, floor_tick, next_slice_tick, slices_at, slices_for
from models.columns import ACTIVITY, OUTCOME, RISK
from models.decay import Floats
from models.erasure import StopMarks
from models.events import CALLS, DATA_USAGE
from models.example import WEEKLY
from models.lane_state import LaneState
from models.moment import Moment
from models.piece import left_involuntarily, left_willingly
from models.policy import DAY_MS, HOUR_MS
from models.population import Rows
from models.view import View, state_of

Bools = npt.NDArray[np.bool_]
_FIRST: Final = ACTIVITY.index["first_ts"]
_LAST: Final = ACTIVITY.index["last_ts"]
_TIER: Final = RISK.index["tier"]
_USAGE: Final = (CALLS, DATA_USAGE)
STRIP_ROWS: Final = 2_048
"""So many subscribers are scored at once."""
CALL_ROWS: Final = 20_000
"""So many are scored before the caller gets a chance to commit."""
_NO_SLICE: Final = -1
_ROW_BYTES: Final = 1_000
"""What a subscriber who was decided on may add to the transaction beside outputs: his risk and his book."""


class Sweep:
    """See the module.

    Attributes
    ----------
    clock
        The lane's; the caller moves its watermark.
    """

    def __init__(self, lane: LaneState, marks: StopMarks) -> None:
        self.clock = Clock()
        self._lane = lane
        self._marks = marks
        self._silence_due = -np.inf  # lower bound of when the next silence can be due; -inf: not known
        self._slice_keys: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def resume(self, clock: Clock) -> None:
        """Go on from a clock of the ledger."""
        self.clock = clock
        self._silence_due = -np.inf

    def forgotten(self, row: int) -> None:
        """A row is free: whoever has it next is of another slice."""
        if row < len(self._slice_keys):
            self._slice_keys[row] = _NO_SLICE

    def used(self, earliest_ts: float) -> None:
        """Somebody used the service: his silence can be due three days later, whatever was known before."""
        self._silence_due = min(self._silence_due, earliest_ts + self._lane.policy.silence.floor_days * DAY_MS)

    @property
    def owed(self) -> bool:
        """Whether a tick that the watermark has reached is not swept to its end."""
        clock = self.clock
        return (
            clock.watermark is not None
            and clock.last_tick is not None
            and (clock.sweeping is not None or clock.last_tick < floor_tick(clock.watermark))
        )

    def next_live(self) -> float:
        """The next tick at which anything can be due; the caller cuts a piece there."""
        last = self.clock.last_tick
        if last is None:
            return np.inf
        return min(float(next_slice_tick(last, self.clock.slices)), self._next_term(last, self._silence_due))

    def _next_term(self, last: int, silence_due: float) -> float:
        """The next tick at which a term can end. Terms that have ended and were not looked at wait for the next."""
        due = self._lane.population.blocks[RISK.name].column("due_ts")
        soonest = min(
            float(np.fmin.reduce(due, initial=np.inf)),
            silence_due,
            self._marks.next_end(),
            self._lane.labels.next_due(),
        )
        if soonest == np.inf:
            return np.inf
        return float(last + TICK_MS if soonest <= last else ceil_tick(soonest))

    def run(self) -> None:
        """Sweep what is owed, until it is done or the transaction is full."""
        clock = self.clock
        if clock.watermark is None:
            return
        target = floor_tick(clock.watermark)
        rows_left = CALL_ROWS
        while rows_left > 0 and self._lane.outbox.room:
            if clock.sweeping is None and (clock.last_tick is None or not self._begin(clock.last_tick, target)):
                clock.last_tick = target
                return
            swept = self._tick(clock, target)
            if swept is None:
                return
            rows_left -= swept
            clock.last_tick, clock.sweeping, clock.cursor = clock.sweeping, None, ""

    def _begin(self, last: int, target: int) -> bool:
        """Take up the next live tick up to `target`. After a long jump only the last day's slices are run."""
        clock = self.clock
        first_slice = next_slice_tick(max(last, target - TICKS_A_DAY * TICK_MS), clock.slices)
        # While the usage feeds stand still nobody falls silent, however many ticks go by.
        silence_due = self._silence_due if self._silence_due <= self._usage_ts() else np.inf
        tick = min(float(first_slice), self._next_term(last, silence_due))
        if tick > target:
            return False
        clock.sweeping, clock.cursor = int(tick), ""
        if clock.sweeping // TICK_MS % TICKS_A_DAY == 0:
            clock.slices = slices_for(len(self._lane.population))
        self._marks.expire(clock.sweeping)
        return True

    def _tick(self, clock: Clock, target: int) -> int | None:
        """Sweep one tick from its cursor on; how many subscribers were scored, None if the transaction is full."""
        tick, lane = clock.sweeping or 0, self._lane
        ended = np.flatnonzero(lane.population.blocks[RISK.name].column("due_ts") <= tick)
        fallen, stale = self._silent_rows(tick)
        labelled = np.flatnonzero(lane.labels.due <= tick)
        rescored = self._slice_rows(tick) if tick > target - TICKS_A_DAY * TICK_MS else np.empty(0, dtype=np.int64)
        ids = lane.population.ids
        queue = sorted(
            (name, row)
            for row in np.unique(np.concatenate([ended, fallen, rescored, labelled])).tolist()
            if (name := ids[row]) is not None and name > clock.cursor
        )
        marked = [np.zeros(len(ids), dtype=bool) for _ in range(4)]
        for marks, rows in zip(marked, (ended, fallen, rescored, labelled), strict=True):
            marks[rows] = True
        for start in range(0, len(queue), STRIP_ROWS):
            strip = np.array([row for _, row in queue[start : start + STRIP_ROWS]], dtype=np.int64)
            if not self._strip(tick, strip, [marks[strip] for marks in marked], stale=stale):
                return None
        return len(queue)

    def _strip(self, tick: int, rows: Rows, marked: list[Bools], *, stale: bool) -> bool:
        """Score some subscribers and decide where anything can move; False if the transaction is full behind one."""
        lane, clock = self._lane, self.clock
        ended, fallen, rescored, labelled = marked
        state = state_of(lane.population, rows)
        activity = state[ACTIVITY.name]
        now = np.fmax(float(tick), activity[:, _LAST])
        x = features.compute(state, now)
        risk = lane.scorer.score(x).risk
        history = now - activity[:, _FIRST]
        idle = rescored & ~(activity[:, _LAST] > tick - lane.policy.retention.idle_days * DAY_MS)
        weekly = rescored & ~np.isnan(history)
        weekly[weekly] = lane.labels.weekly(rows[weekly], self._keys_of(rows[weekly]), tick)
        moves = rescored & lane.may_move(rows, risk, history, now)
        flagged = ended | fallen | labelled | weekly | moves | idle
        for i in np.flatnonzero(flagged).tolist():
            row = int(rows[i])
            moment = self._moment(tick, row, float(now[i]), float(risk[i]), (x, i), state[OUTCOME.name][i].tolist())
            clock.cursor = moment.subscriber_id
            lane.outbox.wrote(_ROW_BYTES)
            if ended[i]:
                lane.episodes.due(moment, stale_feed=stale)
            if fallen[i]:
                self._silent(moment, stale=stale)
            if rescored[i]:
                lane.rescore(moment, float(history[i]))
            if labelled[i]:
                lane.labels.look(moment, tick, self._usage_ts())
            if weekly[i] and lane.labels.sampled(moment.subscriber_id):
                lane.labels.freeze(moment, WEEKLY)
            if idle[i]:
                self._let_go(moment, tick)
            if not lane.outbox.room:
                return False
        clock.cursor = lane.population.ids[int(rows[-1])] or clock.cursor
        return True

    def _moment(
        self, tick: int, row: int, now: float, risk: float, features_of: tuple[Floats, int], outcome: list[float]
    ) -> Moment:
        lane = self._lane
        population = lane.population
        profile, book = population.profiles[row], population.books.get(row)
        return Moment(
            row=row,
            subscriber_id=population.id_of(row),
            ts=tick,
            clock=tick,
            now=now,
            profile=profile,
            refused_ts=None if book is None else book.refused_ts,
            involuntary=left_involuntarily(outcome, profile),
            gone=left_willingly(outcome, profile),
            tier=int(population.blocks[RISK.name].data[row, _TIER]),
            previous=None if book is None else book.previous_tier,
            risk=risk,
            profiled=profile is None or profile.consent.profiling,
            columns=features_of[0],
            column=features_of[1],
            trigger=Trigger(topic=None, partition=lane.partition, offset=None, tick=tick),
            record_ts=None,
        )

    def _slice_rows(self, tick: int) -> Rows:
        """Who is rescored at this tick: a hash of the id says it, so that a day's work is spread evenly."""
        clock, population = self.clock, self._lane.population
        due = slices_at(tick, clock.slices)
        if not due:
            return np.empty(0, dtype=np.int64)
        live = population.live_rows()
        if clock.slices == 1:
            return live
        place = self._keys_of(live) & (clock.slices - 1)
        return live[(place >= due.start) & (place < due.stop)]

    def _keys_of(self, rows: Rows) -> Rows:
        """A hash of each of these subscribers' ids, kept by row."""
        population = self._lane.population
        if len(self._slice_keys) < len(population.ids):
            keys = np.full(max(1024, 2 * len(population.ids)), _NO_SLICE, dtype=np.int64)
            keys[: len(self._slice_keys)] = self._slice_keys
            self._slice_keys = keys
        for row in rows[self._slice_keys[rows] == _NO_SLICE].tolist():
            self._slice_keys[row] = crc32(population.id_of(row).encode())
        return self._slice_keys[rows]

    def _usage_ts(self) -> float:
        """How far the slowest of the usage feeds has come; one that was never seen does not count."""
        return min((float(self.clock.feeds[t]) for t in _USAGE if t in self.clock.feeds), default=-np.inf)

    def _silent_rows(self, tick: int) -> tuple[Rows, bool]:
        """Who has fallen silent by the slowest usage feed, and whether one of them is so late that it means nothing.

        The time of a feed that stands still does not pass, so a dead feed makes nobody silent.
        """
        lane, blocks = self._lane, self._lane.population.blocks
        policy, usage_ts = lane.policy.silence, self._usage_ts()
        at = min(tick, usage_ts)
        last = np.fmax(blocks["calls"].column("ref_ts"), blocks["data"].column("ref_ts"))
        last[list(lane.silent)] = np.nan
        earliest = last + policy.floor_days * DAY_MS
        rows = np.flatnonzero(earliest <= at)
        earliest[rows] = np.nan
        due = signals.rhythm(View({n: blocks[n].data[rows] for n in ("calls", "data")}, last[rows]), policy).due_ts
        later = np.where(due > at, due, np.nan)
        self._silence_due = min(
            float(np.fmin.reduce(earliest, initial=np.inf)), float(np.fmin.reduce(later, initial=np.inf))
        )
        return rows[due <= at], tick - usage_ts > policy.stale_feed_hours * HOUR_MS

    def _silent(self, moment: Moment, *, stale: bool) -> None:
        blocks, row = self._lane.population.blocks, moment.row
        last = float(np.fmax(blocks["calls"].data[row, 0], blocks["data"].data[row, 0]))
        self._lane.fall_silent(row, int(last))
        if not moment.gone:
            self._lane.episodes.breach(moment, signals.silence(last, float(moment.clock)), stale_feed=stale)

    def _let_go(self, moment: Moment, tick: int) -> None:
        """Forget an idle subscriber, unless a profile, an open alert, a recent contact or a label to come holds him."""
        lane, row = self._lane, moment.row
        population = lane.population
        book = population.books.get(row)
        since = tick - lane.policy.retention.idle_days * DAY_MS
        touched = book is not None and (book.episodes or any(t.ts > since for t in book.touches))
        touched = touched or row in population.pending
        told = population.blocks[OUTCOME.name].data[row, OUTCOME.index["ts"]]
        if moment.profile is not None or touched or told > since:
            return
        lane.forget(moment)
        lane.outbox.counts.forgotten += 1
        self.forgotten(row)
