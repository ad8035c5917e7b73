"""The visits to competitors' sites that are kept whole, so that the policy's windows over them are exact."""

from __future__ import annotations

from bisect import insort_right
from operator import attrgetter
from typing import Final

from models.book import KEPT_TOUCHES, KEPT_VISITS, Touch, Visit
from models.columns import VISITS, rival
from models.events import Contact, Feedback, SiteVisit
from models.population import Population

_LATEST: Final = VISITS.index["mobile_ts"]
_BY_TS: Final = attrgetter("ts")
_TOUCHING: Final = frozenset({"contacted", "unreachable", "delivered", "read", "retained", "lost", "refused"})
"""Feedback that tells of a contact with the subscriber; the rest is about the alert."""
BY_OTHERS: Final = "others"
"""Who made the contacts that ``telecom.contacts.v1`` tells of."""


def take_visit(population: Population, row: int, held: list[float], event: SiteVisit) -> None:
    """Keep a visit, and when each rival was last visited."""
    place, ts = _LATEST + rival(event.operator), float(event.ts)
    held[place] = held[place] if ts < held[place] else ts
    visits = population.book(row).visits
    insort_right(visits, Visit(event.ts, event.dwell_s, event.page, event.operator), key=_BY_TS)
    del visits[:-KEPT_VISITS]
    population.mark_book(row)


def forget_visits(population: Population, row: int) -> None:
    """Drop what is known of the visits: the subscriber refused the use of his behaviour."""
    block = population.blocks[VISITS.name]
    block.data[row] = block.fill
    block.dirty[row] = True
    book = population.books.get(row)
    if book is not None and book.visits:
        book.visits.clear()
        population.mark_book(row)


def take_touch(population: Population, row: int, event: Contact | Feedback) -> None:
    """Keep a contact with the subscriber, by whomever: it counts in the caps."""
    if isinstance(event, Contact):
        touch = Touch(event.ts, event.channel, "contacted", BY_OTHERS)
    elif event.status in _TOUCHING:
        touch = Touch(event.ts, event.channel, event.status, event.by, event.offer_code)
    else:
        return
    book = population.book(row)
    insort_right(book.touches, touch, key=_BY_TS)
    del book.touches[:-KEPT_TOUCHES]
    if touch.status == "refused":
        book.refused_ts = max(touch.ts, book.refused_ts or 0)
    population.mark_book(row)
