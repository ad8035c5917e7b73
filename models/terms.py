"""When a tick is to look at a subscriber again: the end of the first of his terms."""

from __future__ import annotations

from math import isnan
from typing import Final

from models.book import Book, Episode
from models.contact import peace_ends
from models.policy import ContactPolicy
from models.state.columns import NAN, RISK
from models.state.population import Population

_DUE: Final = RISK.index["due_ts"]
_LEVEL: Final = RISK.index["browsing_level"]
_UNTIL: Final = RISK.index["browsing_until"]


def arm(population: Population, row: int, book: Book, policy: ContactPolicy, clock: int) -> None:
    """Set the column and the calendar that sweeps go by, after the book has changed.

    The ends of a peace are set with its beginning, so that a breach that is withheld before such an end is looked at
    again with it.

    Examples
    --------
    >>> lane = Population()
    >>> row = lane.row("s-1")
    >>> arm(lane, row, Book(raised_ts={"silence": 0}), ContactPolicy(), 1000)
    >>> float(lane.blocks["risk"].data[row, _DUE]) / 86_400_000
    30.0
    """
    data = population.blocks[RISK.name].data
    browsing = book.episodes.get("competitor_browsing")
    level = 0.0 if browsing is None or _asks_for_quiet(browsing) else float(browsing.level)
    if level != data[row, _LEVEL]:
        data[row, _LEVEL] = level
        population.touch(row, RISK.name)
    ends = [t for e in book.episodes.values() for t in (e.expires_ts, e.retry_ts, e.snoozed_until) if t is not None]
    ends += [end for end in peace_ends(book, policy) if end > clock]
    due, held = float(min(ends)) if ends else NAN, float(data[row, _DUE])
    if due != held and not (isnan(due) and isnan(held)):
        data[row, _DUE] = due
        population.touch(row, RISK.name)
    if not isnan(due):
        population.terms.put(due, row)


def _asks_for_quiet(episode: Episode) -> bool:
    """Whether the next trigger is to be answered, once, with a suppression."""
    return episode.snoozed_until is not None and episode.withheld is None


def prolong(population: Population, row: int, book: Book) -> None:
    """Write into the book how long visits have prolonged the browsing that stands; the walk keeps that in the row."""
    until, browsing = population.blocks[RISK.name].data[row, _UNTIL], book.episodes.get("competitor_browsing")
    if browsing is not None and browsing.expires_ts is not None and until > browsing.expires_ts:
        browsing.expires_ts = int(until)
