"""Arrivals as a table of numbers, a line each: what the compiled code reads of an event.

===========  =========================  ==================  =====================================  ==================
kind         code                       slot                flags                                  numbers
===========  =========================  ==================  =====================================  ==================
call         place in `PeerNetwork`     rival, or -1        voice 1, dropped 2, forwarded 4,       seconds
                                                            outgoing 8
data         -                          -                   failed 1, throttled 2                  bytes
bill         0 accrual, 1 bill,         -                   -                                      amount, period, fee,
             2 recharge, 3 plan change                                                             former fee
visit        place in `Page`            rival               -                                      seconds, pages
care         place in `CareReason`      1 if resolved       -                                      score
===========  =========================  ==================  =====================================  ==================

Of the other kinds only the time, the row and the id are numbers. What is missing is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from models.events import (
    INPUTS,
    SUBSCRIBERS,
    Arrival,
    Billing,
    Call,
    CareContact,
    CareReason,
    Contact,
    DataUsage,
    Deletion,
    Erasure,
    Feedback,
    Outcome,
    Page,
    PeerNetwork,
    Profile,
    SiteVisit,
)
from models.kernel import places
from models.state.columns import NAN, rival
from models.state.population import Population

KINDS: Final[dict[type, int]] = {
    Call: places.CALL,
    DataUsage: places.DATA_USE,
    Billing: places.BILL_KIND,
    SiteVisit: places.VISIT,
    CareContact: places.CARE_CONTACT,
    Contact: places.CONTACT,
    Feedback: places.FEEDBACK,
    Outcome: places.OUTCOME_,
    Profile: places.PROFILED,
    Deletion: places.DELETION,
    Erasure: places.ERASURE,
}
_TOPIC_OF: Final = {kind: topic for topic, kind in INPUTS.items()} | {Deletion: SUBSCRIBERS}
TOPICS: Final = tuple(_TOPIC_OF[kind] for kind in KINDS)
"""The topic of each kind."""
CLOCKED: Final = range(places.CARE_CONTACT + 1)
"""Kinds that move the lane's time."""
_NO_ROW: Final = -1
_NO_RIVAL: Final = -1.0
_NETWORKS: Final = {name: float(place) for place, name in enumerate(get_args(PeerNetwork))}
_PAGES: Final = {name: float(place) for place, name in enumerate(get_args(Page))}
_REASONS: Final = {name: float(place) for place, name in enumerate(get_args(CareReason))}
_BILLS: Final = {"accrual": 0.0, "bill": 1.0, "recharge": 2.0, "plan_change": 3.0}

Stopped = Callable[[str, float], bool]
"""Whether a stop mark keeps away an event of this subscriber and time."""


class Table(NamedTuple):
    """See the module. ``events`` are the hashes of the event ids; 0 for none."""

    arrivals: Sequence[Arrival]
    numbers: npt.NDArray[np.float64]
    events: npt.NDArray[np.uint64]

    def mark(self, begin: int, stopped: Stopped | None) -> None:
        """Say of each arrival from `begin` on whether a stop mark keeps it away: marks come and end in mid-batch."""
        kinds = self.numbers[begin:, places.KIND]
        kinds[kinds >= places.IGNORED] -= places.IGNORED
        if stopped is None:
            return
        for at in range(begin, len(self.arrivals)):
            kind, ts = self.numbers[at, places.KIND], self.numbers[at, places.TS]
            if kind != places.ERASURE and stopped(self.arrivals[at].event.subscriber_id, float(ts)):
                self.numbers[at, places.KIND] += places.IGNORED


def table_of(population: Population, arrivals: Sequence[Arrival]) -> Table:
    """Give every subscriber a row, and every arrival its line."""
    numbers: list[float] = []
    ids: list[str | None] = []
    seat = population.seat
    for arrival in arrivals:
        event: Any = arrival.event
        kind = type(event)
        line = _LINES.get(kind)
        if line is not None:
            row = seat(event.subscriber_id)
            numbers += line(event, row)
            ids.append(event.event_id)
            if kind is SiteVisit:
                population.visits.room_for(row)
        else:
            of_record = kind is Deletion
            gone = of_record or kind is Erasure
            row = _NO_ROW if gone else seat(event.subscriber_id)
            ts = arrival.record_ts if of_record else event.ts
            numbers += (ts, row, KINDS[kind], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            ids.append(None if gone else event.event_id)
    return Table(arrivals, np.array(numbers, dtype=np.float64).reshape(-1, places.ARRIVAL), hashes(ids))


def _call(event: Call, row: int) -> tuple[float, ...]:
    operator = event.peer_operator
    flags = (event.kind == "voice") + 2 * event.dropped + 4 * event.forwarded + 8 * (event.direction == "outgoing")
    slot = _NO_RIVAL if operator is None else rival(operator)
    return (event.ts, row, places.CALL, _NETWORKS[event.peer_network], slot, flags, event.duration_s, 0.0, 0.0, 0.0)


def _data(event: DataUsage, row: int) -> tuple[float, ...]:
    flags = event.failed + 2 * event.throttled
    return (event.ts, row, places.DATA_USE, 0.0, 0.0, flags, event.bytes, 0.0, 0.0, 0.0)


def _bill(event: Billing, row: int) -> tuple[float, ...]:
    period = NAN if event.period is None else month_number(int(event.period[:4]), int(event.period[5:]))
    fee = NAN if event.fee is None else event.fee
    former = NAN if event.from_fee is None else event.from_fee
    return (event.ts, row, places.BILL_KIND, _BILLS[event.kind], 0.0, 0.0, event.amount, period, fee, former)


def _visit(event: SiteVisit, row: int) -> tuple[float, ...]:
    slot = rival(event.operator)
    return (event.ts, row, places.VISIT, _PAGES[event.page], slot, 0.0, event.dwell_s, event.pages, 0.0, 0.0)


def _care(event: CareContact, row: int) -> tuple[float, ...]:
    score = NAN if event.score is None else event.score
    resolved = event.status == "resolved"
    return (event.ts, row, places.CARE_CONTACT, _REASONS[event.reason], resolved, 0.0, score, 0.0, 0.0, 0.0)


_LINES: Final[dict[type, Callable[[Any, int], tuple[float, ...]]]] = {
    Call: _call,
    DataUsage: _data,
    Billing: _bill,
    SiteVisit: _visit,
    CareContact: _care,
}


def month_number(year: int, month: int) -> int:
    """Months since January of the year 0.

    Examples
    --------
    >>> month_number(2026, 1) - month_number(2025, 12)
    1
    """
    return 12 * year + month - 1


def event_hash(event_id: str | None) -> int:
    """64 bits of an event id; 0 for none, which is never a duplicate.

    Examples
    --------
    >>> event_hash(None), event_hash("e-1") == event_hash("e-1"), event_hash("e-1") == event_hash("e-2")
    (0, True, False)
    """
    if event_id is None:
        return 0
    return int.from_bytes(blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


def hashes(event_ids: Sequence[str | None]) -> npt.NDArray[np.uint64]:
    """All ids of a batch at once."""
    return np.array([0 if i is None else event_hash(i) for i in event_ids], dtype=np.uint64)
