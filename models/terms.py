"""When a tick is to look at a subscriber again: the end of the first of his terms."""

from __future__ import annotations

from math import isnan
from typing import Final

from models.book import Book
from models.columns import NAN, RISK
from models.contact import peace_ends
from models.policy import ContactPolicy
from models.population import Population

_DUE: Final = RISK.index["due_ts"]


def arm(population: Population, row: int, book: Book, policy: ContactPolicy, clock: int) -> None:
    """Set the column that sweeps go by, after the book has changed.

    The ends of a peace are set with its beginning, a day or more ahead: a breach that is withheld an hour before such
    an end must find its tick already known, or the lane would run past it within a piece.

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
    block = population.blocks[RISK.name]
    due, held = float(min(ends)) if ends else NAN, float(block.data[row, _DUE])
    if due != held and not (isnan(due) and isnan(held)):
        block.data[row, _DUE] = due
        block.dirty[row] = True
