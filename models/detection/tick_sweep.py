"""The sweep of a tick, for what time alone triggers: ended terms, silence, daily rescoring, deletion of idle rows.

A sweep visits the subscribers due at one tick, in the order of their ids, since row numbers change with a restart.
Calendars and the hash of the id select them; no others are visited. Then the budget decides on the candidates for an
alert, best first. When the transaction is full, or the batch has waited long enough, the sweep stops after a
subscriber, and the clock remembers which.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Final
from zlib import crc32

import numpy as np

from models.arrays import Ints, Rows
from models.contract.alerts import Trigger
from models.contract.events import CALLS, DATA_USAGE
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.training_example import WEEKLY
from models.detection import signals
from models.detection.decision_context import DecisionContext, moment_of
from models.detection.erasure import StopMarks
from models.detection.lane_state import LaneState
from models.features.catalogue import INDEX
from models.kernel import places
from models.kernel.arrivals import CLOCKED, TOPICS
from models.scoring.tiers import standing
from models.state.columns import OUTCOME, QUEUED
from models.state.lane_time import (
    TICK_MS,
    TICKS_A_DAY,
    Calendar,
    Clock,
    ceil_tick,
    floor_tick,
    next_slice_tick,
    slices_at,
    slices_for,
)

_USAGE: Final = (CALLS, DATA_USAGE)
LOOKS_AT_ONCE: Final = 4_000
"""Most subscribers to look at before the caller may commit; a look costs a microsecond."""
DECISIONS_AT_ONCE: Final = 1_000
"""Most decisions before the caller may commit: one costs tens of microseconds, and other lanes wait."""
FORESIGHT_MS: Final = 6 * HOUR_MS
"""How far ahead silences are looked up, a twelfth of the shortest one: few subscribers are looked up twice for it."""
_NO_SLICE: Final = -1
_BILL_VS_USUAL: Final = INDEX["bill_vs_usual"]
_ROW_BYTES: Final = 1_000
"""Estimated state written for each subscriber decided on: their risk and their book."""


@dataclass(slots=True)
class _Queue:
    """The subscribers to look at in the current tick, why, and the progress."""

    rows: Rows
    flags: Ints
    stale: bool
    done: int = 0


class Sweep:
    """Sweeps the ticks of a lane.

    Attributes
    ----------
    clock
        The lane's clock.
    """

    def __init__(self, lane: LaneState, marks: StopMarks) -> None:
        self.clock = Clock()
        self._lane = lane
        self._marks = marks
        self._silences = Calendar()
        self._foreseen = -inf  # time up to which the calendar of silences agrees with the state
        self._queue: _Queue | None = None
        self._slice_keys: Ints = np.empty(0, dtype=np.int64)

    def resume(self, clock: Clock) -> None:
        """Continue from the ledger's clock; calendars are rebuilt from the state."""
        self.clock = clock
        self._tell_time()
        self._queue, self._foreseen = None, -inf
        table, marks = self._lane.population.table, self._lane.population.marks
        last = np.fmax(table[:, places.CALLS_REF], table[:, places.DATA_REF])
        rows = np.flatnonzero(~np.isnan(last))
        marks &= ~QUEUED
        marks[rows] |= QUEUED
        self._silences.fill(last[rows] + self._floor(), rows)

    def _floor(self) -> float:
        return self._lane.policy.silence.floor_days * DAY_MS

    def take_time(self) -> None:
        """Update the clock from the walk, which moves the lane's time."""
        clock, numbers = self.clock, self._lane.engine.lane
        feeds = numbers[places.FEEDS : places.FEEDS + len(CLOCKED)].tolist()
        clock.feeds.update((TOPICS[kind], int(ts)) for kind, ts in zip(CLOCKED, feeds, strict=True) if not isnan(ts))
        if not isnan(numbers[places.WATERMARK]):
            clock.watermark = int(numbers[places.WATERMARK])
        if not isnan(numbers[places.LAST_TICK]):
            clock.last_tick = int(numbers[places.LAST_TICK])

    def _tell_time(self) -> None:
        clock, numbers = self.clock, self._lane.engine.lane
        numbers[places.WATERMARK] = nan if clock.watermark is None else clock.watermark
        numbers[places.LAST_TICK] = nan if clock.last_tick is None else clock.last_tick
        for kind in CLOCKED:
            numbers[places.FEEDS + kind] = clock.feeds.get(TOPICS[kind], nan)

    def forgotten(self, row: int) -> None:
        """Clear the slice of a freed row: its next subscriber belongs to another one."""
        if row < len(self._slice_keys):
            self._slice_keys[row] = _NO_SLICE

    def heard(self) -> None:
        """Enter into the calendar of silences subscribers who used the service first, or again after a silence."""
        rows, table = self._lane.engine.fresh(), self._lane.population.table
        if len(rows):
            last = np.fmax(table[rows, places.CALLS_REF], table[rows, places.DATA_REF])
            for at, row in zip((last + self._floor()).tolist(), rows.tolist(), strict=True):
                self._silences.put(at, row)

    @property
    def owed(self) -> bool:
        """Whether a tick that the watermark has reached is not completely swept."""
        clock = self.clock
        return (
            clock.watermark is not None
            and clock.last_tick is not None
            and (clock.sweeping is not None or clock.last_tick < floor_tick(clock.watermark))
        )

    def next_live(self, last: int) -> float:
        """The next tick after `last` at which anything can be due; the walk stops there."""
        return min(float(next_slice_tick(last, self.clock.slices)), self._next_term(last, self._next_silence(last)))

    def _next_silence(self, last: int) -> float:
        """When a subscriber may fall silent next, as far as is known now.

        Checked some hours ahead: otherwise subscribers who have used the service since they were entered would stop the
        walk for nothing at every other tick.
        """
        if last + TICK_MS > self._foreseen:
            self._foreseen = last + FORESIGHT_MS
            for row, due in self._silence_due(self._foreseen):
                self._silences.put(due, row)
        return self._silences.next()

    def _silence_due(self, until: float) -> list[tuple[int, float]]:
        """Rows entered for silence up to then, and when each is due; the caller enters them again.

        They are not marked as queued: events until then move their time, possibly to an earlier one.
        """
        rows = self._silences.pop(until)
        due = self._lane.engine.silence_due(np.array(rows, np.int64)) if rows else []
        return [(row, at) for row, at in zip(rows, due, strict=True) if not isnan(at)]

    def _next_term(self, last: int, silence_due: float) -> float:
        """The next tick at which a term may end; terms that ended earlier but were not handled are due at once."""
        lane = self._lane
        soonest = min(lane.population.terms.next(), silence_due, self._marks.next_end(), lane.labels.next_due())
        return soonest if soonest == np.inf else float(max(ceil_tick(soonest), last + TICK_MS))

    def run(self) -> None:
        """Sweep the due ticks until they are done, the transaction is full, or the batch has waited long enough."""
        self.take_time()
        self._run()
        self._tell_time()

    def _run(self) -> None:
        clock = self.clock
        if clock.watermark is None:
            return
        target = floor_tick(clock.watermark)
        looks, decisions = LOOKS_AT_ONCE, DECISIONS_AT_ONCE
        while looks > 0 and decisions > 0 and self._lane.outbox.room:
            if clock.sweeping is None and (clock.last_tick is None or not self._begin(clock.last_tick, target)):
                clock.last_tick = target
                return
            queue = self._queue or self._queued(clock.sweeping or 0, target)
            begun = queue.done
            decisions -= self._look(clock.sweeping or 0, queue, looks, decisions)
            looks -= queue.done - begun
            if queue.done == len(queue.rows):
                decisions -= self._admit(clock.sweeping or 0, decisions)
            if queue.done < len(queue.rows) or self._lane.candidates:
                self._queue = queue
                return
            self._queue = None
            clock.last_tick, clock.sweeping, clock.cursor = clock.sweeping, None, ""

    def _begin(self, last: int, target: int) -> bool:
        """Begin the next live tick up to `target`, if any. After a long jump only the last day's slices are run."""
        clock = self.clock
        first_slice = next_slice_tick(max(last, target - TICKS_A_DAY * TICK_MS), clock.slices)
        # While the usage feeds stand still, nobody falls silent, however many ticks pass.
        silence_due = self._silences.next()
        silence_due = silence_due if silence_due <= self._usage_ts() else np.inf
        tick = min(float(first_slice), self._next_term(last, silence_due))
        if tick > target:
            return False
        clock.sweeping, clock.cursor = int(tick), ""
        if clock.sweeping // TICK_MS % TICKS_A_DAY == 0:
            clock.slices = slices_for(len(self._lane.population))
            self._lane.budget.save(clock.sweeping, self._lane.in_service(), self._lane.policy.tiers)
        self._marks.expire(clock.sweeping)
        return True

    def _queued(self, tick: int, target: int) -> _Queue:
        """The subscribers to look at in this tick, after the cursor."""
        lane, cursor = self._lane, self.clock.cursor
        population = lane.population
        flags: dict[int, int] = {}
        fallen, stale = self._silent_rows(tick)
        _flag(flags, self._ended_rows(tick), places.ENDED)
        _flag(flags, fallen, places.FALLEN)
        _flag(flags, lane.labels.due_by(tick, self._usage_ts()), places.LABELLED)
        if tick > target - TICKS_A_DAY * TICK_MS:
            daily, keys = self._slice_rows(tick)
            _flag(flags, daily.tolist(), places.DAILY)
            _flag(flags, daily[(keys >> 16) % 7 == tick // DAY_MS % 7].tolist(), places.WEEKLY)
        ids = population.ids
        queue = sorted((name, row) for row in flags if (name := ids[row]) and name > cursor)
        rows = [row for _, row in queue]
        return _Queue(np.array(rows, np.int64), np.array([flags[row] for row in rows], np.int64), stale)

    def _ended_rows(self, tick: int) -> list[int]:
        population = self._lane.population
        return [row for row in population.terms.pop(tick) if population.table[row, places.DUE_TS] <= tick]

    def _look(self, tick: int, queue: _Queue, looks: int, decisions: int) -> int:
        """Look at the queued subscribers and decide where needed; returns the number of decisions."""
        lane, decided = self._lane, 0
        end = min(len(queue.rows), queue.done + looks)
        trigger = Trigger(topic=None, partition=lane.partition, offset=None, tick=tick)
        while queue.done < end and decided < decisions and lane.outbox.room:
            behind, found = lane.engine.look(queue.rows[:end], queue.flags, queue.done, tick, decisions - decided)
            for at, why, view in found:
                row = int(queue.rows[at])
                self._decide(moment_of(lane.population, view, row, tick, tick, trigger, None), why, stale=queue.stale)
            # Even if the transaction is full by now: a subscriber must not be looked at twice.
            decided += len(found)
            queue.done = behind
        if queue.done:
            self.clock.cursor = lane.population.ids[int(queue.rows[queue.done - 1])] or self.clock.cursor
        return decided

    def _decide(self, moment: DecisionContext, why: int, *, stale: bool) -> None:
        lane, tick = self._lane, moment.clock
        lane.outbox.wrote(_ROW_BYTES)
        if why & places.ENDED:
            lane.episodes.due(moment, stale_feed=stale)
        if why & places.FALLEN:
            self._silent(moment, stale=stale)
        if why & places.DAILY:
            lane.rescore(moment, news=bool(why & places.LOOK_NEWS))
            lane.episodes.look_again(moment)
        if why & places.LOOK_DECLINES:
            columns, vs_usual = lane.population.table[moment.row], float(moment.x[_BILL_VS_USUAL])
            lane.declined(moment, signals.decline(why, columns, vs_usual))
        if why & places.LOOK_ACCOUNT and moment.profile is not None and moment.profile.account_id is not None:
            columns, vs_usual = lane.population.table[moment.row], float(moment.x[_BILL_VS_USUAL])
            lane.signed(moment, signals.account_signs(why, columns, vs_usual, moment.profile.account_id))
        if why & places.LABELLED:
            lane.labels.look(moment, tick, self._usage_ts())
        if why & places.WEEKLY and lane.labels.sampled(moment.subscriber_id):
            lane.labels.freeze(moment, WEEKLY)
        if why & places.LOOK_IDLE:
            self._let_go(moment, tick)

    def _admit(self, tick: int, decisions: int) -> int:
        """Let the budget decide on the tick's candidates, the best first; returns the number of decisions."""
        lane, decided = self._lane, 0
        nominees = lane.nominees()
        if not nominees:
            return 0
        subscribers, policy = lane.in_service(), lane.policy.tiers
        lane.budget.save(tick, subscribers, policy)
        cutoff, table = lane.budget.cutoff(subscribers, policy), lane.population.table
        trigger = Trigger(topic=None, partition=lane.partition, offset=None, tick=tick)
        for row in nominees:
            if decided >= decisions or not lane.outbox.room:
                break
            decided += 1
            lane.outbox.wrote(_ROW_BYTES)
            lane.engine.score(row, float(np.fmax(tick, table[row, places.LAST_TS])))
            moment = moment_of(lane.population, lane.engine.view(row), row, tick, tick, trigger, None)
            lane.decided(row)
            for key in lane.episodes.waiting(moment):
                self._nominated(moment, key, admitted=lane.budget.allowance >= 1.0)
            first = lane.episodes.admission(moment)
            if first is None:
                continue
            stands = standing(float(table[row, places.ABOVE]), lane.cut)
            if first:
                lane.budget.heard(tick, stands)
            self._nominated(moment, "risk_tier", admitted=lane.budget.admits(stands, cutoff))
        return decided

    def _nominated(self, moment: DecisionContext, key: str, *, admitted: bool) -> None:
        if self._lane.episodes.nominated(moment, key, admitted=admitted):
            # The hold-out uses the budget too, or the rest would get more calls than their share.
            self._lane.budget.spend()

    def _slice_rows(self, tick: int) -> tuple[Rows, Rows]:
        """Rows rescored at this tick, and the hashes of their ids, which spread a day's work evenly."""
        clock, population = self.clock, self._lane.population
        due = slices_at(tick, clock.slices)
        if not due:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        live = population.live_rows()
        keys = self._keys_of(live)
        place = keys & (clock.slices - 1)
        mine = (place >= due.start) & (place < due.stop)
        return live[mine], keys[mine]

    def _keys_of(self, rows: Rows) -> Rows:
        """Hashes of these subscribers' ids, cached by row."""
        population = self._lane.population
        if len(self._slice_keys) < len(population.marks):
            keys = np.full(len(population.marks), _NO_SLICE, dtype=np.int64)
            keys[: len(self._slice_keys)] = self._slice_keys
            self._slice_keys = keys
        for row in rows[self._slice_keys[rows] == _NO_SLICE].tolist():
            self._slice_keys[row] = crc32(population.id_of(row).encode())
        return self._slice_keys[rows]

    def _usage_ts(self) -> float:
        """Time of the slowest usage feed; a feed never seen does not count."""
        feeds = self.clock.feeds
        return float(min([feeds[topic] for topic in _USAGE if topic in feeds], default=-np.inf))

    def _silent_rows(self, tick: int) -> tuple[list[int], bool]:
        """Rows that have fallen silent by the time of the slowest usage feed, and whether that feed is stale.

        Time is that of the feed, so a dead feed makes nobody silent.
        """
        lane, usage_ts, fallen = self._lane, self._usage_ts(), []
        at = min(tick, usage_ts)
        for row, due in self._silence_due(at):
            if due <= at:
                fallen.append(row)
            else:
                self._silences.put(due, row)
        return fallen, tick - usage_ts > lane.policy.silence.stale_feed_hours * HOUR_MS

    def _silent(self, moment: DecisionContext, *, stale: bool) -> None:
        table, row = self._lane.population.table, moment.row
        last = float(np.fmax(table[row, places.CALLS_REF], table[row, places.DATA_REF]))
        self._lane.fall_silent(row, int(last))
        if not moment.gone:
            self._lane.episodes.breach(moment, signals.silence(last, float(moment.clock)), stale_feed=stale)

    def _let_go(self, moment: DecisionContext, tick: int) -> None:
        """Delete an idle subscriber without profile, open alert, recent contact or pending label."""
        lane, row = self._lane, moment.row
        population = lane.population
        book = population.books.get(row)
        since = tick - lane.policy.retention.idle_days * DAY_MS
        touched = book is not None and (book.episodes or any(t.ts > since for t in book.touches))
        touched = touched or row in population.pending
        outcome_ts = population.blocks[OUTCOME.name].data[row, OUTCOME.index["ts"]]
        if moment.profile is not None or touched or outcome_ts > since:
            return
        lane.forget(moment)
        lane.outbox.counts.forgotten += 1
        self.forgotten(row)


def _flag(flags: dict[int, int], rows: list[int], why: int) -> None:
    for row in rows:
        flags[row] = flags.get(row, 0) | why
