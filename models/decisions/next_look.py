"""When a tick is to look at a subscriber again: the end of the first of his terms."""

from __future__ import annotations

from math import inf, isnan

from models.contract.policy import ContactPolicy
from models.decisions.contact_rules import peace_ends
from models.kernel.places import BROWSING_LEVEL, BROWSING_UNTIL, DUE_TS
from models.state.columns import NAN, RISK
from models.state.population import Population
from models.state.subscriber_record import Book, Episode


def arm(population: Population, row: int, book: Book, policy: ContactPolicy, clock: int) -> None:
    """Set the column and the calendar that sweeps go by, after the book has changed.

    The ends of a peace are set with its beginning, so that a breach that is withheld before such an end is looked at
    again with it.

    Examples
    --------
    >>> lane = Population()
    >>> row = lane.row("s-1")
    >>> arm(lane, row, Book(raised_ts={"silence": 0}), ContactPolicy(), 1000)
    >>> float(lane.table[row, DUE_TS]) / 86_400_000
    30.0
    """
    columns = population.table[row]
    browsing = book.episodes.get("competitor_browsing")
    level = 0.0 if browsing is None or _asks_for_quiet(browsing) else float(browsing.level)
    due = inf
    for episode in book.episodes.values():
        for end in (episode.expires_ts, episode.retry_ts, episode.snoozed_until):
            if end is not None and end < due:
                due = float(end)
    for end in peace_ends(book, policy):
        if clock < end < due:
            due = float(end)
    due = NAN if due == inf else due
    held = float(columns[DUE_TS])
    if level != columns[BROWSING_LEVEL] or (due != held and not (isnan(due) and isnan(held))):
        columns[BROWSING_LEVEL], columns[DUE_TS] = level, due
        population.touch(row, RISK.name)
    if not isnan(due):
        population.terms.put(due, row)


def _asks_for_quiet(episode: Episode) -> bool:
    """Whether the next trigger is to be answered, once, with a suppression."""
    return episode.snoozed_until is not None and episode.withheld is None


def prolong(population: Population, row: int, book: Book) -> None:
    """Write into the book how long visits have prolonged the browsing that stands; the walk keeps that in the row."""
    until, browsing = population.table[row, BROWSING_UNTIL], book.episodes.get("competitor_browsing")
    if browsing is not None and browsing.expires_ts is not None and until > browsing.expires_ts:
        browsing.expires_ts = int(until)
