"""What became of customers, by the cause that was seen and the offer that was made: association, not cause.

Offers are not drawn by lot: whoever is likely to leave is offered more. So a pair with many leavers may be the best
offer for the worst cases. It says where to look; only the hold-out says what works.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from models.analysis.risk_segments import settled
from models.analysis.share_interval import proportion
from models.contract.training_example import Example
from models.contract.vocabulary import Text

CAVEAT: Final = Text("association, not cause", "仅为关联,并非因果")
LEAST: Final = 30
"""Customers of a pair: below it the interval says nothing that could be acted on."""


class Association(Struct, frozen=True, kw_only=True):
    """A cause and an offer: how many customers, how many left, how often against all, with Wilson's 95 % interval.

    ``apart`` says whether the rate of all lies outside of the interval. ``offer_code`` is None where none was made.
    """

    cause: str
    offer_code: str | None
    n: int
    left: int
    rate: float
    low: float
    high: float
    lift: float | None
    apart: bool


class Associations(Struct, frozen=True, kw_only=True):
    """All pairs with enough customers, most first, and what they are measured against.

    Attributes
    ----------
    n, left, rate
        Of all customers who had an alert and whose outcome is known.
    too_few
        Pairs that were left out for having fewer than `least` customers.
    """

    caveat: Text
    n: int
    left: int
    rate: float
    least: int
    too_few: int
    pairs: list[Association]


def associations(examples: Iterable[Example], least: int = LEAST) -> Associations:
    """Outcomes by cause and offer.

    Of each subscriber, cause and offer the newest snapshot counts, so that nobody counts for each of his alerts, and
    of each subscriber the newest of all in what they are held against; what
    is void does not, nor what was labelled before any stayer was known.

    Examples
    --------
    >>> associations([]).pairs
    []
    """
    newest: dict[tuple[str, str, str | None], Example] = {}
    for each in settled(examples):
        if each.cause is None or each.label == "void":
            continue
        name = (each.subscriber_id, each.cause, each.offer_code)
        held = newest.get(name)
        if held is None or (each.ts, each.example_id) > (held.ts, held.example_id):
            newest[name] = each
    of_each: dict[str, Example] = {}
    for each in sorted(newest.values(), key=lambda e: (e.ts, e.example_id)):
        of_each[each.subscriber_id] = each
    overall = proportion(*_counts(of_each.values()))
    pairs: dict[tuple[str, str | None], list[Example]] = {}
    for (_, cause, offer), each in newest.items():
        pairs.setdefault((cause, offer), []).append(each)
    found = [
        _association(cause, offer, rows, overall.rate) for (cause, offer), rows in pairs.items() if len(rows) >= least
    ]
    return Associations(
        caveat=CAVEAT,
        n=overall.of,
        left=overall.hits,
        rate=overall.rate,
        least=least,
        too_few=len(pairs) - len(found),
        pairs=sorted(found, key=lambda a: (-a.n, a.cause, a.offer_code or "")),
    )


def _counts(rows: Iterable[Example]) -> tuple[int, int]:
    labels = [row.label for row in rows]
    return labels.count("positive"), len(labels)


def _association(cause: str, offer: str | None, rows: list[Example], overall: float) -> Association:
    share = proportion(*_counts(rows))
    return Association(
        cause=cause,
        offer_code=offer,
        n=share.of,
        left=share.hits,
        rate=share.rate,
        low=share.low,
        high=share.high,
        lift=share.rate / overall if overall else None,
        apart=not share.low <= overall <= share.high,
    )
