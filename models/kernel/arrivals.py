"""Arrivals as a table of numbers, one line each, for the compiled code.

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

Other kinds have only a time, a row and an id. Missing values are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final, get_args, overload

import numpy as np
import numpy.typing as npt

from models.contract.events import (
    INPUTS,
    SUBSCRIBERS,
    AnyEvent,
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
"""Whether a stop mark excludes an event of this subscriber and time."""


class Table(Sequence[Arrival]):
    """Arrivals as lines of numbers; event objects are created only on access.

    Parameters
    ----------
    subscribers
        Subscriber of each arrival.
    numbers
        The lines, (n, `ARRIVAL`); :meth:`seat` fills in the rows.
    events
        Hashes of the event ids; 0 for none.
    arrival
        Creates the arrival at an index.
    """

    def __init__(
        self,
        subscribers: Sequence[str],
        numbers: npt.NDArray[np.float64],
        events: npt.NDArray[np.uint64],
        arrival: Callable[[int], Arrival],
        first: int = 0,
        seated: Population | None = None,
    ) -> None:
        self.subscribers = subscribers
        self.numbers = numbers
        self.events = events
        self._arrival = arrival
        self._first = first
        self._seated = seated

    def __len__(self) -> int:
        return len(self.subscribers)

    @overload
    def __getitem__(self, at: int) -> Arrival: ...
    @overload
    def __getitem__(self, at: slice) -> Table: ...
    def __getitem__(self, at: int | slice) -> Arrival | Table:
        if isinstance(at, slice):
            begin, end, _ = at.indices(len(self))
            part = slice(begin, end)
            names, numbers, events = self.subscribers[part], self.numbers[part], self.events[part]
            return Table(names, numbers, events, self._arrival, self._first + begin, self._seated)
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self._arrival(self._first + at)

    def seat(self, population: Population) -> None:
        """Give every subscriber a row, once; deletions and erasures get -1, since they make nobody known."""
        if self._seated is population:
            return
        rows = population.seats(self.subscribers)
        kinds = self.numbers[:, places.KIND]
        population.visits.room_for(rows[kinds == places.VISIT])
        self.numbers[:, places.ROW] = np.where(kinds > places.PROFILED, _NO_ROW, rows)
        self._seated = population

    def mark(self, begin: int, stopped: Stopped | None) -> None:
        """Mark the arrivals from `begin` on that a stop mark excludes; stop marks may change within a batch."""
        kinds = self.numbers[begin:, places.KIND]
        kinds[kinds >= places.IGNORED] -= places.IGNORED
        if stopped is None:
            return
        for at in range(begin, len(self)):
            kind, ts = self.numbers[at, places.KIND], self.numbers[at, places.TS]
            if kind != places.ERASURE and stopped(self.subscribers[at], float(ts)):
                self.numbers[at, places.KIND] += places.IGNORED


def table_of(arrivals: Sequence[Arrival]) -> Table:
    """Arrivals as a table."""
    if isinstance(arrivals, Table):
        return arrivals
    numbers: list[float] = []
    for arrival in arrivals:
        numbers += line_of(arrival)
    lines = np.array(numbers, dtype=np.float64).reshape(-1, places.ARRIVAL)
    names = [arrival.event.subscriber_id for arrival in arrivals]
    return Table(names, lines, hashes([id_of(a.event) for a in arrivals]), arrivals.__getitem__)


def line_of(arrival: Arrival) -> tuple[float, ...]:
    """The line of one arrival, with its row still unset."""
    event: Any = arrival.event
    line = _LINES.get(type(event))
    if line is not None:
        return line(event)
    ts = arrival.record_ts if type(event) is Deletion else event.ts
    return (ts, 0.0, KINDS[type(event)], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def id_of(event: AnyEvent | Deletion) -> str | None:
    """The id by which a duplicate is found; deletions and erasures have none, and are applied each time."""
    return None if isinstance(event, Deletion | Erasure) else event.event_id


def _call(event: Call) -> tuple[float, ...]:
    operator = event.peer_operator
    flags = (event.kind == "voice") + 2 * event.dropped + 4 * event.forwarded + 8 * (event.direction == "outgoing")
    slot = _NO_RIVAL if operator is None else rival(operator)
    return (event.ts, 0.0, places.CALL, _NETWORKS[event.peer_network], slot, flags, event.duration_s, 0.0, 0.0, 0.0)


def _data(event: DataUsage) -> tuple[float, ...]:
    flags = event.failed + 2 * event.throttled
    return (event.ts, 0.0, places.DATA_USE, 0.0, 0.0, flags, event.bytes, 0.0, 0.0, 0.0)


def _bill(event: Billing) -> tuple[float, ...]:
    period = NAN if event.period is None else month_number(int(event.period[:4]), int(event.period[5:]))
    fee = NAN if event.fee is None else event.fee
    former = NAN if event.from_fee is None else event.from_fee
    return (event.ts, 0.0, places.BILL_KIND, _BILLS[event.kind], 0.0, 0.0, event.amount, period, fee, former)


def _visit(event: SiteVisit) -> tuple[float, ...]:
    slot = rival(event.operator)
    return (event.ts, 0.0, places.VISIT, _PAGES[event.page], slot, 0.0, event.dwell_s, event.pages, 0.0, 0.0)


def _care(event: CareContact) -> tuple[float, ...]:
    score = NAN if event.score is None else event.score
    resolved = event.status == "resolved"
    return (event.ts, 0.0, places.CARE_CONTACT, _REASONS[event.reason], resolved, 0.0, score, 0.0, 0.0, 0.0)


_LINES: Final[dict[type, Callable[[Any], tuple[float, ...]]]] = {
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
    """Hashes of all event ids of a batch."""
    return np.array([0 if i is None else event_hash(i) for i in event_ids], dtype=np.uint64)
