"""The compiled reader of records, set up from the contract's declarations: from bytes to arrivals' numbers.

Plain events are read to the same bits as by :mod:`streams.records.wire` and :func:`models.kernel.arrivals.table_of`.
msgspec reads everything else, including events with a new operator's name, which the caller then teaches.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, get_args

import msgspec.inspect
import numpy as np
import numpy.typing as npt

from models.arrays import Bytes, Floats, Ints
from models.contract.events import Billing, Call, CareContact, CareReason, DataUsage, Page, PeerNetwork, SiteVisit
from models.kernel import compiled, places
from models.kernel.arrivals import KINDS
from models.state.columns import NAN, rival

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
"""Where the fields of an event go; see :mod:`models.kernel.arrivals`. Besides these only ``ts`` is stored."""
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


class Lines(NamedTuple):
    """The result for each record; `status` is `places.PLAIN`, or `places.NOT_PLAIN` and the rest is undefined.

    `numbers` are lines of arrivals with the row at -1, which the caller fills in. `events` are the hashes of the event
    ids; 0 for none.
    """

    numbers: Floats
    events: npt.NDArray[np.uint64]
    status: npt.NDArray[np.int8]


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


_TEXTS: Final = {
    "subscriber_id": places.SUBSCRIBER,
    "event_id": places.EVENT_ID,
    "peer_operator": places.OPERATOR,
    "operator": places.OPERATOR,
}
"""Texts with a meaning of their own."""


def read_only(buffer: Bytes) -> Bytes:
    """A read-only view of the buffer: a writable one would make Numba compile a second version."""
    view = buffer.view()
    view.flags.writeable = False
    return view
