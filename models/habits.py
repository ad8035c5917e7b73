"""What a log of events tells about each person as of a day, from numbers that need no history: O(1) a person.

Somebody who comes daily and has been silent for a week is leaving; somebody who comes monthly is not. So recency is
told against the person's own gaps, and what is counted now against what used to be counted. Time constants follow the
horizon, because habits that matter are those that show within it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

SPANS: Final = (0.1, 0.5, 2.0)
"""Time constants of the counters, in horizons."""
LEAST_EVENTS: Final = 3
"""Two gaps make the beginning of a habit; of somebody who came once or twice nothing is known yet."""
_NEVER: Final = -np.inf


class Habits:
    """Counters of everybody, fed in the order of time.

    Parameters
    ----------
    people
        How many there are; they are numbered from 0.
    horizon
        Days of silence after which somebody counts as gone.
    valued
        Whether events carry an amount.

    Examples
    --------
    >>> habits = Habits(2, 10.0, valued=False)
    >>> habits.take(np.array([0, 1, 0, 0]), np.array([0.0, 1.0, 2.0, 4.0]), np.full(4, np.nan))
    >>> told = habits.features(np.array([0, 1]), 5.0)
    >>> told["silent"].tolist(), told["gap"].tolist(), told["tenure"].tolist()
    ([1.0, 4.0], [2.0, nan], [5.0, 4.0])
    >>> habits.present(5.0).tolist(), habits.present(14.0).tolist(), habits.silent_since(np.array([0, 1]), 3.0).tolist()
    ([0], [], [False, True])
    """

    def __init__(self, people: int, horizon: float, *, valued: bool) -> None:
        self.horizon = horizon
        self._taus = np.array(SPANS) * horizon
        self._valued = valued
        self._first = np.full(people, np.inf)
        self._last = np.full(people, _NEVER)
        self._count = np.zeros(people)
        self._days = np.zeros(people)
        self._longest = np.zeros(people)
        # Faded sums as of the last `take`: events, gaps between them, and amounts, one column a time constant.
        self._as_of = _NEVER
        self._events = np.zeros((people, len(SPANS)))
        self._gaps = np.zeros((people, len(SPANS)))
        self._gap_events = np.zeros((people, len(SPANS)))
        self._amounts = np.zeros((people, len(SPANS)))
        self._amount_events = np.zeros((people, len(SPANS)))

    def take(self, who: Rows, at: Floats, amount: Floats) -> None:
        """Take in events, none of them before any that was taken before.

        Parameters
        ----------
        who
            Whose each event is.
        at
            When, in days; rising.
        amount
            NaN where it is not known.
        """
        if len(who) == 0:
            return
        now = float(at[-1])
        self._fade(now)
        order = np.lexsort((at, who))
        who, at, amount = who[order], at[order], amount[order]
        before = np.where(np.r_[True, who[1:] != who[:-1]], self._last[who], np.r_[_NEVER, at[:-1]])
        gap = at - before
        came_back = np.isfinite(gap)
        weight = np.exp((at - now)[:, None] / self._taus)
        known = np.isfinite(amount)
        np.add.at(self._events, who, weight)
        np.add.at(self._gaps, who[came_back], weight[came_back] * gap[came_back, None])
        np.add.at(self._gap_events, who[came_back], weight[came_back])
        np.add.at(self._amounts, who[known], weight[known] * amount[known, None])
        np.add.at(self._amount_events, who[known], weight[known])
        np.add.at(self._count, who, 1.0)
        np.add.at(self._days, who[np.floor(at) != np.floor(before)], 1.0)
        np.maximum.at(self._longest, who[came_back], gap[came_back])
        np.minimum.at(self._first, who, at)
        np.maximum.at(self._last, who, at)

    def present(self, now: float) -> Rows:
        """Who has a habit and has not been silent for a whole horizon: of the silent it is known that they are gone."""
        return np.flatnonzero((now - self._last < self.horizon) & (self._count >= LEAST_EVENTS))

    def silent_since(self, who: Rows, moment: float) -> npt.NDArray[np.bool_]:
        """Whether each has had no event after `moment`, as of what was taken: the label, once a horizon has passed."""
        return self._last[who] <= moment

    def features(self, who: Rows, now: float) -> dict[str, Floats]:
        """What is known of some people as of `now`, which lies after all that was taken; NaN where nothing is."""
        self._fade(now)
        silent, tenure, count = now - self._last[who], now - self._first[who], self._count[who]
        gap = _ratio(self._last[who] - self._first[who], count - 1.0)
        told = {"silent": silent, "tenure": tenure, "events": count, "days": self._days[who], "gap": gap}
        told["longest_gap"] = np.where(count > 1.0, self._longest[who], np.nan)
        told["silent_by_gap"] = _share(silent, gap)
        told["silent_by_longest"] = _share(silent, told["longest_gap"])
        told["days_by_tenure"] = _share(told["days"], tenure)
        for name, k in (("short", 0), ("middle", 1), ("long", 2)):
            told[f"rate_{name}"] = self._events[who, k] / self._span(tenure, k)
            told[f"gap_{name}"] = _ratio(self._gaps[who, k], self._gap_events[who, k])
            told[f"silent_by_gap_{name}"] = _share(silent, told[f"gap_{name}"])
        told["short_by_middle"] = _share(told["rate_short"], told["rate_middle"])
        told["middle_by_long"] = _share(told["rate_middle"], told["rate_long"])
        told["gap_now_by_before"] = _share(told["gap_middle"], told["gap_long"])
        return told | self._told_of_amounts(who, tenure) if self._valued else told

    def _told_of_amounts(self, who: Rows, tenure: Floats) -> dict[str, Floats]:
        told = {}
        for name, k in (("short", 0), ("middle", 1), ("long", 2)):
            told[f"amount_{name}"] = self._amounts[who, k] / self._span(tenure, k)
            told[f"amount_each_{name}"] = _ratio(self._amounts[who, k], self._amount_events[who, k])
        told["amount_short_by_middle"] = _share(told["amount_short"], told["amount_middle"])
        told["amount_middle_by_long"] = _share(told["amount_middle"], told["amount_long"])
        return told

    def _span(self, tenure: Floats, k: int) -> Floats:
        """How many days' worth of events a counter holds: less than its time constant for somebody new."""
        return np.asarray(self._taus[k] * -np.expm1(-np.maximum(tenure, 1.0) / self._taus[k]))

    def _fade(self, now: float) -> None:
        if np.isfinite(self._as_of):
            kept = np.exp((self._as_of - now) / self._taus)
            self._events *= kept
            self._gaps *= kept
            self._gap_events *= kept
            self._amounts *= kept
            self._amount_events *= kept
        self._as_of = now


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.where(below > 1e-9, above / np.where(below > 1e-9, below, 1.0), np.nan)


def _share(one: Floats, other: Floats) -> Floats:
    """One of both: bounded, and of nothing at all a half."""
    whole = np.abs(one) + np.abs(other)
    return np.where(whole == 0.0, 0.5, one / np.where(whole == 0.0, 1.0, whole))
