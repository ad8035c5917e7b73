"""A log of events as life would have it: features of today, risks of today, labels when they are known.

Time goes forward only. The counters hold what has happened and nothing else, so neither a feature nor a label can
know what lies ahead: whoever was looked at on one day is asked again a horizon later whether he has been heard of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.errors import Refused
from app.evaluate.log import NOBODY, Log
from app.evaluate.refitted import Refitted
from models.habits import Habits
from models.straight import Straight

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

LATE: Final = 0.4
"""The last share of the snapshots, which is what is measured: by then the learner has seen labels."""
MOST_SNAPSHOTS: Final = 20_000


class Snapshot(NamedTuple):
    """Whoever was there on one day, what was told of them, and what became of them."""

    at: float
    who: Rows
    told: Floats
    frozen: Floats | None
    left: Bools
    learned_before: bool
    batch: Floats | None = None


class _Waiting(NamedTuple):
    at: float
    who: Rows
    rows: Floats
    told: Floats
    frozen: Floats | None
    learned_before: bool
    batch: Floats | None


class _Past:
    """Everybody's counters as of a moment, from the log up to it."""

    def __init__(self, log: Log, horizon: float) -> None:
        valued = bool(np.isfinite(log.amount).any())
        self._log, self._taken = log, 0
        self.own = Habits(len(log.people), horizon, valued=valued)
        self._received = None if log.other is None else Habits(len(log.people), horizon, valued=valued)

    def move(self, now: float) -> None:
        until = int(np.searchsorted(self._log.at, now, side="right"))
        part = slice(self._taken, until)
        self.own.take(self._log.who[part], self._log.at[part], self._log.amount[part])
        if self._received is not None and self._log.other is not None:
            met = np.flatnonzero(self._log.other[part] != NOBODY) + self._taken
            self._received.take(self._log.other[met], self._log.at[met], self._log.amount[met])
        self._taken = until

    def rows(self, who: Rows, now: float) -> Floats:
        features = list(self.own.features(who, now).values())
        if self._received is not None:
            features += list(self._received.features(who, now).values())
        rows = np.stack(features, axis=1)
        return np.where(np.isfinite(rows), rows, np.nan)


def calendar(log: Log, horizon: float, every: float) -> Floats:
    """The days on which everybody is looked at: from one horizon after the first event, while the log has events.

    Raises
    ------
    Refused
        If the log is too short, or the days are too many.
    """
    first, last = float(log.at[0]), float(log.at[-1])
    if (last - first) / every > 50 * MOST_SNAPSHOTS:
        raise Refused(f"{(last - first) / every:.0f} snapshots are too many", "look less often: --every-days")
    days = first + horizon + every * np.arange(max(0, int((last - first - horizon) / every) + 1))
    latest = log.at[np.maximum(np.searchsorted(log.at, days, side="right") - 1, 0)]
    days = days[days - latest < horizon]
    if len(days) > MOST_SNAPSHOTS:
        raise Refused(f"{len(days)} snapshots are too many", "look less often: --every-days")
    return days.astype(np.float64)


def known_labels(log: Log, days: Floats, horizon: float) -> Bools:
    """Of which days the labels are ever known: their horizon lies within the log, and not in a hole of it.

    A whole horizon without an event of anybody is a hole in the recording: it would make leavers of all.
    """
    known: Bools = days + horizon <= log.at[-1]
    for k in np.flatnonzero(np.diff(log.at) >= horizon).tolist():
        known &= ~((days < log.at[k + 1]) & (days + horizon > log.at[k]))
    return known


def replay(
    log: Log, horizon: float, every: float, tick: Callable[[int], None], rival: Refitted | None = None
) -> Iterator[Snapshot]:
    """Go through the log once, and hand out each snapshot when its labels are known.

    A rival is told the same labels at the same time, and asked of the same rows.
    """
    days = calendar(log, horizon, every)
    days = days[known_labels(log, days, horizon)]
    cut = round(len(days) * (1.0 - LATE))
    past, line, learned = _Past(log, horizon), None, False
    frozen: Straight | None = None
    waiting: deque[_Waiting] = deque()
    for k, day in enumerate([*days.tolist(), np.inf]):
        while waiting and waiting[0].at + horizon <= day:
            due = waiting.popleft()
            past.move(due.at + horizon)
            left = past.own.silent_since(due.who, due.at)
            assert line is not None  # noqa: S101 - who waits was scored
            line.learn(due.rows, left)
            if rival is not None:
                rival.learn(due.rows, left)
            learned = True
            yield Snapshot(due.at, due.who, due.told, due.frozen, left, due.learned_before, due.batch)
        if k == len(days):
            return
        past.move(day)
        who = past.own.present(day)
        tick(1)
        if len(who) == 0:
            continue
        rows = past.rows(who, day)
        line = line or Straight(rows.shape[1])
        line.see(rows)
        if k >= cut and frozen is None:
            frozen = deepcopy(line)
        told = None if frozen is None else frozen.risk(rows)
        batch = None if rival is None else rival.risk(rows)
        waiting.append(_Waiting(day, who, rows, line.risk(rows), told, learned, batch))
