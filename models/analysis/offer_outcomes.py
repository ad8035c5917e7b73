"""Outcomes by cause of the alert and offer made: association, not causation.

Offers are not random: customers who are likely to leave are offered more. So a pair with many leavers may be the best
offer for the worst cases. The table shows where to look; only the hold-out shows what works.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from models.analysis.risk_segments import settled
from models.analysis.score_metrics import proportion
from models.contract.training_example import Example
from models.contract.vocabulary import Text

CAVEAT: Final = Text("association, not cause", "仅为关联，并非因果")
LEAST: Final = 30
"""Customers of a pair at least: with fewer, the interval is too wide to act on."""


class Association(Struct, frozen=True, kw_only=True):
    """A cause and an offer: customers, leavers, their rate with its 95 % interval (Wilson), and its lift.

    ``apart`` says whether the rate of all lies outside the interval. ``offer_code`` is None where no offer was made.
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
    """All pairs with enough customers, the largest first, and the totals they are compared with.

    Attributes
    ----------
    n, left, rate
        All customers who had an alert and whose outcome is known.
    too_few
        Number of pairs left out because they have fewer than `least` customers.
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

    For each subscriber, cause and offer only the newest example counts, so repeated alerts do not count twice. The
    totals count only the newest example of each subscriber. Void examples, and those labelled before the first stayer
    was known, are left out.

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
