"""When a tick is to look at a subscriber again: the end of the first of his terms."""

from __future__ import annotations

from math import isnan
from typing import Final

from models.book import Book
from models.contact import peace_ends
from models.policy import ContactPolicy
from models.state.columns import NAN, RISK
from models.state.population import Population

_DUE: Final = RISK.index["due_ts"]


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
    ends = [t for e in book.episodes.values() for t in (e.expires_ts, e.retry_ts, e.snoozed_until) if t is not None]
    ends += [end for end in peace_ends(book, policy) if end > clock]
    data = population.blocks[RISK.name].data
    due, held = float(min(ends)) if ends else NAN, float(data[row, _DUE])
    if due != held and not (isnan(due) and isnan(held)):
        data[row, _DUE] = due
        population.touch(row, RISK.name)
    if not isnan(due):
        population.terms.put(due, row)
