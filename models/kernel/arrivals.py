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

A line comes from a decoded event, or directly from the bytes of a plain one: the compiled reader, set up from the
contract's declarations, reads those to the same bits. msgspec reads everything else (:mod:`streams.records.wire`),
including events with a new operator's name, which the caller then teaches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, get_args, overload

import msgspec.inspect
import numpy as np

from models.arrays import Bytes, Floats, Hashes, Ints
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
from models.kernel import compiled, places
from models.kernel.plain_event import Statuses
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
"""Kinds that move the lane's time; profiles, outcomes and feedback do not, since they arrive late or ahead of time."""
_NO_ROW: Final = -1
_NO_RIVAL: Final = -1.0
_NETWORKS: Final = {name: float(place) for place, name in enumerate(get_args(PeerNetwork))}
_PAGES: Final = {name: float(place) for place, name in enumerate(get_args(Page))}
_REASONS: Final = {name: float(place) for place, name in enumerate(get_args(CareReason))}
_BILLS: Final = {"accrual": 0.0, "bill": 1.0, "recharge": 2.0, "plan_change": 3.0}

Stopped = Callable[[str, float], bool]
"""Whether a stop mark excludes an event of this subscriber and time."""
_ID_BLOCK: Final = 128
"""Most bytes of an event id; an event with a longer one is not plain."""
_MOST_OPERATORS: Final = 4_096
"""Most operator names learned, or random names would fill the memory; events with others go to msgspec."""
_SLOTS: Final = 4 * _MOST_OPERATORS
Goes = tuple[int, int]
"""A column of the arrival, and the bit if it is a flag."""
_GOES: Final[dict[type, dict[str, Goes]]] = {
    Call: {
        "peer_network": (places.CODE, 0),
        "peer_operator": (places.SLOT, 0),
        "kind": (places.FLAGS, 1),
        "dropped": (places.FLAGS, 2),
        "forwarded": (places.FLAGS, 4),
        "direction": (places.FLAGS, 8),
        "duration_s": (places.FIRST, 0),
    },
    DataUsage: {"failed": (places.FLAGS, 1), "throttled": (places.FLAGS, 2), "bytes": (places.FIRST, 0)},
    Billing: {
        "kind": (places.CODE, 0),
        "amount": (places.FIRST, 0),
        "period": (places.SECOND, 0),
        "fee": (places.THIRD, 0),
        "from_fee": (places.FOURTH, 0),
    },
    SiteVisit: {
        "page": (places.CODE, 0),
        "operator": (places.SLOT, 0),
        "dwell_s": (places.FIRST, 0),
        "pages": (places.SECOND, 0),
    },
    CareContact: {"reason": (places.CODE, 0), "status": (places.SLOT, 0), "score": (places.FIRST, 0)},
}
"""Where the fields of an event go, as in the table above. Besides these only ``ts`` is stored."""
_CHOICES: Final[dict[tuple[type, str], dict[str, int]]] = {
    (Call, "peer_network"): {word: at for at, word in enumerate(get_args(PeerNetwork))},
    (Call, "kind"): {"sms": 0, "voice": 1},
    (Call, "direction"): {"incoming": 0, "outgoing": 8},
    (Billing, "kind"): {
        "accrual": places.ACCRUAL,
        "bill": places.A_BILL,
        "recharge": places.RECHARGE,
        "plan_change": places.PLAN_CHANGE,
    },
    (SiteVisit, "page"): {word: at for at, word in enumerate(get_args(Page))},
    (CareContact, "reason"): {word: at for at, word in enumerate(get_args(CareReason))},
    (CareContact, "status"): {"opened": 0, "resolved": 1},
}
"""Numbers of the words in stored fields."""
_WHEN_MISSING: Final[dict[type, dict[int, float]]] = {
    Call: {places.SLOT: -1.0, places.FLAGS: 1.0},
    DataUsage: {},
    Billing: {places.SECOND: NAN, places.THIRD: NAN, places.FOURTH: NAN},
    SiteVisit: {places.CODE: float(get_args(Page).index("other")), places.SECOND: 1.0},
    CareContact: {places.FIRST: NAN},
}
"""Values of optional columns when the field is missing; zero for all others."""
_TEXTS: Final = {
    "subscriber_id": places.SUBSCRIBER,
    "event_id": places.EVENT_ID,
    "peer_operator": places.OPERATOR,
    "operator": places.OPERATOR,
}
"""Texts with a meaning of their own."""


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
        numbers: Floats,
        events: Hashes,
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


def hashes(event_ids: Sequence[str | None]) -> Hashes:
    """Hashes of all event ids of a batch."""
    return np.array([0 if i is None else event_hash(i) for i in event_ids], dtype=np.uint64)


class Lines(NamedTuple):
    """The result for each record; `status` is `places.PLAIN`, or `places.NOT_PLAIN` and the rest is undefined.

    `numbers` are lines of arrivals with the row at -1, which the caller fills in. `events` are the hashes of the event
    ids; 0 for none.
    """

    numbers: Floats
    events: Hashes
    status: Statuses


class EventReader:
    """Reads plain events. Not thread-safe: it holds buffers for the current event.

    Examples
    --------
    >>> value, key = b'{"subscriber_id":"s-1","ts":1780000000000,"event_id":"e-1","bytes":1.5e6}', b"s-1"
    >>> record = [0, len(value), len(value), len(key), 0, 1_780_000_000_000, 0, places.DATA_USE]
    >>> lines = EventReader().read(np.frombuffer(value + key, dtype=np.uint8), np.array([record]))
    >>> int(lines.status[0]) == places.PLAIN, lines.numbers[0, [places.TS, places.FIRST]].tolist()
    (True, [1780000000000.0, 1500000.0])
    """

    def __init__(self) -> None:
        self._slots: Ints = np.zeros((_SLOTS, places.SLOT_WIDTH), dtype=np.int64)
        self._words: Bytes = np.zeros(1 << 16, dtype=np.uint8)
        self._used = 0
        self._operators: set[str] = set()
        kinds = len(_GOES)
        fields: Ints = np.zeros((kinds * places.FIELDS_A_KIND, places.FIELD), dtype=np.int64)
        bounds: Floats = np.zeros((len(fields), 2))
        blank: Floats = np.zeros((kinds, places.ARRIVAL))
        needed: Ints = np.zeros(kinds, dtype=np.int64)
        self._contract = fields, bounds, blank, needed
        first_fields = places.FIELDS_A_KIND * np.arange(kinds, dtype=np.int64)
        usual: Ints = np.ascontiguousarray(np.repeat(first_fields[:, None], places.FIELDS_A_KIND, axis=1))
        self._room = usual, np.zeros(2, dtype=np.int64), np.zeros(16, dtype=np.uint64)
        for event in _GOES:
            self._declare(event)

    def read(self, buffer: Bytes, records: Ints) -> Lines:
        """Read records of any of the five kinds; see `Lines`.

        Parameters
        ----------
        buffer
            Bytes of keys and values.
        records
            Positions of value and key, timestamp and kind of each record: see `places.RECORD`.
        """
        count = len(records)
        lines = Lines(
            np.empty((count, places.ARRIVAL)), np.empty(count, dtype=np.uint64), np.empty(count, dtype=np.int8)
        )
        words = self._slots, self._words
        compiled.read_events(
            read_only(buffer), np.ascontiguousarray(records), self._contract, words, self._room, *lines
        )
        return lines

    def teach(self, operator: str | None) -> None:
        """Learn the slot of an operator, from an event that was not plain and that msgspec accepted."""
        if operator is None or operator in self._operators or len(self._operators) >= _MOST_OPERATORS:
            return
        try:
            word = operator.encode()
        except UnicodeEncodeError:
            return  # a lone surrogate, which can only come from an escape
        self._operators.add(operator)
        self._put(word, places.OPERATORS, rival(operator))

    def _declare(self, event: type) -> None:
        kind = KINDS[event]
        fields, bounds, blank, needed = self._contract
        blank[kind, [places.ROW, places.KIND]] = -1.0, kind
        for column, value in _WHEN_MISSING[event].items():
            blank[kind, column] = value
        declared: Any = msgspec.inspect.type_info(event)
        for nth, field in enumerate(declared.fields):
            at = kind * places.FIELDS_A_KIND + nth
            needed[kind] |= field.required << nth
            goes, bit = (places.TS, 0) if field.name == "ts" else _GOES[event].get(field.name, (places.NOWHERE, 0))
            reads, shortest, longest, bounds[at] = _how(field.name, _bare(field.type))
            name = field.encode_name.encode()
            name_at = self._put(name, places.FIRST_NAMES + kind, at)
            fields[at] = reads, goes, bit, shortest, longest, name_at, len(name)
            if reads == places.CHOICE:
                values = _CHOICES.get((event, field.name)) or dict.fromkeys(_bare(field.type).values, 0)
                for word, value in values.items():
                    self._put(word.encode(), places.FIRST_CHOICES + at, value)

    def _put(self, word: bytes, within: int, value: int) -> int:
        """Write a word into the table; returns its position."""
        at = self._used
        if at + len(word) > len(self._words):
            self._words = np.concatenate([self._words, np.zeros(len(self._words), dtype=np.uint8)])
        self._words[at : at + len(word)] = np.frombuffer(word, dtype=np.uint8)
        compiled.put_word(self._slots, self._words, at, len(word), within, value)
        self._used += len(word)
        return at


def _bare(declared: Any) -> Any:
    """A field's type without its optional null."""
    if isinstance(declared, msgspec.inspect.UnionType):
        (declared,) = (kind for kind in declared.types if not isinstance(kind, msgspec.inspect.NoneType))
    return declared


def _how(name: str, declared: Any) -> tuple[int, int, int, tuple[float, float]]:
    """How a field is read, the least and greatest length of a text, and the bounds of a number."""
    match declared:
        case msgspec.inspect.IntType(ge=low, le=high) if low is not None and high is not None:
            return places.WHOLE, 0, 0, (float(low), float(high))
        case msgspec.inspect.FloatType(ge=low, le=high) if low is not None and high is not None:
            return places.NUMBER, 0, 0, (float(low), float(high))
        case msgspec.inspect.BoolType():
            return places.SWITCH, 0, 0, (0.0, 0.0)
        case msgspec.inspect.LiteralType():
            return places.CHOICE, 0, places.LONGEST_KEY, (0.0, 0.0)
        case msgspec.inspect.StrType(max_length=None):
            return places.MONTH, 7, 7, (0.0, 0.0)
        case msgspec.inspect.StrType(min_length=shortest, max_length=int(longest)):
            reads = _TEXTS.get(name, places.TEXT)
            most = min(longest, _ID_BLOCK) if reads == places.EVENT_ID else longest
            return reads, shortest or 0, most, (0.0, 0.0)
        case _:
            raise TypeError(f"{name}: the compiled reader knows no {declared}")


def read_only(buffer: Bytes) -> Bytes:
    """A read-only view of the buffer: a writable one would make Numba compile a second version."""
    view = buffer.view()
    view.flags.writeable = False
    return view
