"""A subscriber's profile, visits and refusals as they stood at one arrival in the middle of a piece.

The fold has taken in the whole piece before the first decision is made. A decision that looked into the book would
see visits and profiles that come later in the piece, and would come out differently had the batch been cut there. So
what decisions read is noted before the fold, and walked forward with them.
"""

from __future__ import annotations

from bisect import insort_right
from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from models.batch import DELETION, FEEDBACK, PROFILE, VISIT
from models.book import KEPT_VISITS, Visit
from models.events import Arrival, Deletion, Feedback, Profile, SiteVisit
from models.population import Population
from models.rounds import Ints

_READ = (PROFILE, DELETION, VISIT, FEEDBACK)
_BY_TS = attrgetter("ts")


class AsOf:
    """What decisions read of the subscribers, at the arrival that was last told to :meth:`pass_by`.

    Made before the piece is folded; a subscriber without such an arrival in it is as the population has him.
    """

    def __init__(self, population: Population, arrivals: Sequence[Arrival], kinds: Ints) -> None:
        self._population = population
        self._profiles: dict[str, Profile | None] = {}
        self._visits: dict[str, list[Visit]] = {}
        self._refused: dict[str, int | None] = {}
        for i in np.flatnonzero(np.isin(kinds, _READ)).tolist():
            event = arrivals[i].event
            subscriber_id = event.subscriber_id
            row = population.find(subscriber_id)
            book = population.books.get(row)
            if isinstance(event, Profile | Deletion):
                self._profiles[subscriber_id] = population.profiles[row] if row >= 0 else None
            if isinstance(event, Feedback):
                self._refused[subscriber_id] = None if book is None else book.refused_ts
            else:
                # A profile that refuses the use of behaviour clears the visits too.
                self._visits[subscriber_id] = [] if book is None else list(book.visits)

    def pass_by(self, arrival: Arrival, *, behaviour_refused: bool) -> None:
        """Move on over an arrival that was applied."""
        event = arrival.event
        match event:
            case SiteVisit():
                if not behaviour_refused:
                    visits = self._visits[event.subscriber_id]
                    visit = Visit(event.ts, event.dwell_s, event.page, event.operator)
                    insort_right(visits, visit, key=_BY_TS)
                    del visits[:-KEPT_VISITS]
            case Profile():
                held = self._profiles[event.subscriber_id]
                if held is None or event.ts >= held.ts:
                    self._profiles[event.subscriber_id] = event
                    if not event.consent.behaviour:
                        self._visits[event.subscriber_id].clear()
            case Deletion():
                self._profiles[event.subscriber_id] = None
            case Feedback(status="refused"):
                refused = self._refused[event.subscriber_id]
                self._refused[event.subscriber_id] = max(event.ts, refused or 0)
            case _:
                pass

    def profile(self, row: int, subscriber_id: str) -> Profile | None:
        """His profile."""
        if subscriber_id in self._profiles:
            return self._profiles[subscriber_id]
        return self._population.profiles[row] if row >= 0 else None

    def visits(self, row: int, subscriber_id: str) -> Sequence[Visit]:
        """His visits to competitors' sites that are kept."""
        if subscriber_id in self._visits:
            return self._visits[subscriber_id]
        book = self._population.books.get(row)
        return () if book is None else book.visits

    def refused_ts(self, row: int, subscriber_id: str) -> int | None:
        """When he last refused."""
        if subscriber_id in self._refused:
            return self._refused[subscriber_id]
        book = self._population.books.get(row)
        return None if book is None else book.refused_ts
