"""The fields of a topic, from the contract's struct, and the conversion of cells into their values."""

from __future__ import annotations

import json
import re
import types
import unicodedata
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from app.tables.contract_words import FLAGS, NOTHING, plain, words_for
from app.tables.quantities import BYTES, MONEY, SECONDS, Mark, number, quantity
from app.tables.reject import Reject, RejectReason, cut
from app.tables.times import First, LocalTime, moment
from models.contract.events import INPUTS, SUBSCRIBERS, Product

TOPICS: Final = {
    topic.removeprefix("telecom.").removesuffix(".v1"): topic
    for topic in INPUTS
    if topic.startswith("telecom.") and topic != "telecom.erasures.v1"
}
"""Topics for ``--as``. Erasures and feedback are acts, not logs to replay."""

_MONEY_FIELDS: Final = frozenset({"amount", "fee", "from_fee", "arpu", "penalty"})
_ROUNDED: Final = re.compile(r"\d([.,]\d+)?[eE]\+?\d+")
_FLOATED: Final = re.compile(r"\d+[.,]0*")
_FRACTION: Final = re.compile(r"\d+[.,]\d+")
_GROUPED: Final = re.compile(
    r"\d{1,3}(?P<by>[,.'’])\d{3}(?:(?P=by)\d{3})+|(?:\d\d? \d{3}|\d{3}(?: \d{3}){2})(?: \d{3})+"
)
"""Thousands. 612 345 678 is a telephone number, and stays one."""
FLOATED: Final = Reject(RejectReason.MANGLED_ID, "a number with decimals (13800138000.0): export ids as text")
_FORCED: Final = re.compile(r'="(.*)"|\'(?=[+\d])(.*)')
"""An id that was made text for a spreadsheet: ="0138" or '0138. The marks are no part of it."""
_WHOLE: Final = 2.0**53
"""From here on a float has no place for the last digit."""
_AGES: Final = -2_208_902_400_000
_END: Final = 4_070_822_400_000
"""2 January 1900 and 31 December 2098, in nearly any zone: dates beyond are a system's word for none."""
_ERROR: Final = re.compile(r"#(?:n/a|ref!|value!|name\?|div/0!|num!|null!|spill!|calc!|##+)", re.IGNORECASE)
"""What a spreadsheet shows instead of a value: its errors, and what has no room in a column."""
_PERIOD: Final = re.compile(r"(\d{4})\D?(0[1-9]|1[0-2]|[1-9])\D?")


class Sort(StrEnum):
    """Sort of a field's values, which decides how its cells are read."""

    TIME = "time"
    NUMBER = "number"
    MONEY = "money"
    SECONDS = "duration"
    BYTES = "volume"
    FLAG = "yes or no"
    WORD = "word"
    ID = "id"
    TEXT = "text"
    PERIOD = "month"
    NESTED = "JSON"


UNITS: Final[Mapping[Sort, Mapping[str, float]]] = {Sort.SECONDS: SECONDS, Sort.BYTES: BYTES, Sort.MONEY: MONEY}
NUMERIC: Final = frozenset([Sort.NUMBER, *UNITS])


class Field(NamedTuple):
    """One field of a topic; `words` are those of a closed vocabulary."""

    name: str
    sort: Sort
    required: bool
    words: tuple[str, ...] = ()


def fields_of(topic: str) -> dict[str, Field]:
    """The fields of a topic, required ones first.

    Examples
    --------
    >>> [f.name for f in fields_of("telecom.calls.v1").values() if f.required]
    ['subscriber_id', 'ts', 'direction', 'duration_s', 'peer_network']
    """
    struct = INPUTS[topic]
    hints = get_type_hints(struct)
    found = [_field(each.name, hints[each.name], each.required) for each in msgspec.structs.fields(struct)]
    if topic == SUBSCRIBERS:
        # Files have one contract a row; the contract has a list of products.
        found.append(Field("contract_end_ts", Sort.TIME, False))
        found.append(Field("product", Sort.WORD, False, get_args(get_type_hints(Product)["product"])))
    return {each.name: each for each in sorted(found, key=lambda each: not each.required)}


def _field(name: str, hint: Any, required: bool) -> Field:
    bare = next((arm for arm in get_args(hint) if arm is not types.NoneType), hint) if _is_union(hint) else hint
    if get_origin(bare) is Literal:
        return Field(name, Sort.WORD, required, get_args(bare))
    named = {"duration_s": Sort.SECONDS, "dwell_s": Sort.SECONDS, "bytes": Sort.BYTES, "period": Sort.PERIOD}
    sort = named.get(name) or (Sort.MONEY if name in _MONEY_FIELDS else None)
    if sort is None and bare is str:
        sort = Sort.ID if name.endswith("_id") else Sort.TEXT
    if sort is None and bare is int and name.endswith("ts"):
        sort = Sort.TIME
    return Field(name, sort or {bool: Sort.FLAG, int: Sort.NUMBER, float: Sort.NUMBER}.get(bare, Sort.NESTED), required)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


class Reading(NamedTuple):
    """Options for reading a cell."""

    topic: str
    local: LocalTime
    unit: float = 1.0
    taught: Mapping[str, str] = {}
    """The file's own words, in the form of ``plain``, with the field's words that they mean."""
    mark: Mark = "point"
    """Decimal mark."""


Read = Callable[[object], object]
"""Converts a cell into its value, or into a :class:`~app.tables.reject.Reject`."""


def reader(field: Field, how: Reading) -> Read:
    """The function that reads the cells of a field.

    Examples
    --------
    >>> call = fields_of("telecom.calls.v1")
    >>> how = Reading("telecom.calls.v1", LocalTime(0))
    >>> reader(call["direction"], how)("主叫"), reader(call["roaming"], how)("否")
    ('outgoing', False)
    >>> reader(call["duration_s"], how._replace(unit=60))("1.5")
    90
    >>> reader(call["subscriber_id"], how)("1.38E+10").reason
    <RejectReason.MANGLED_ID: 'mangled_id'>
    """
    if field.sort in UNITS:
        units = UNITS[field.sort]
        return lambda cell: quantity(cell, units, how.unit, how.mark)
    if field.sort is Sort.WORD:
        words = {**words_for(how.topic, field.name, field.words), **how.taught}
        return lambda cell: words.get(plain(cell)) or _unknown(field, cell)
    if field.sort is Sort.FLAG:
        flags = {**FLAGS, **{word: FLAGS[plain(meaning)] for word, meaning in how.taught.items()}}

        def flag(cell: object) -> object:
            found = flags.get(plain(cell))
            return _unknown(field, cell) if found is None else found

        return flag
    if field.sort is Sort.TIME:
        return lambda cell: _ms(moment(cell, how.local))
    return {
        Sort.NUMBER: lambda cell: number(cell, how.mark),
        # The numbers of events may have points: Asterisk's are of the form 1777593600.17.
        Sort.ID: _id if field.name == "event_id" else _number,
        Sort.TEXT: _text,
        Sort.PERIOD: _period,
        Sort.NESTED: _nested,
    }[field.sort]


def ways(field: Field, how: Reading) -> dict[str, Read]:
    """The reader of a field for each format in which files write it, the usual one first.

    Examples
    --------
    >>> both = ways(fields_of("telecom.billing.v1")["amount"], Reading("telecom.billing.v1", LocalTime(0)))
    >>> {way: read("1,234") for way, read in both.items()}
    {'point': 1234, 'comma': 1.234}
    """
    if field.sort is Sort.TIME:
        firsts: tuple[First, ...] = get_args(First)
        return {first: reader(field, how._replace(local=how.local._replace(first=first))) for first in firsts}
    if field.sort in NUMERIC:
        marks: tuple[Mark, ...] = get_args(Mark)
        return {mark: reader(field, how._replace(mark=mark)) for mark in marks}
    return {"": reader(field, how)}


def is_sentinel(field: Field, value: object) -> bool:
    """Whether a time is a system's word for none: 9999-12-31, 2099-12-31, 1900-01-01.

    Examples
    --------
    >>> end = fields_of(SUBSCRIBERS)["contract_end_ts"]
    >>> is_sentinel(end, 253_402_185_600_000), is_sentinel(end, 1_800_000_000_000)
    (True, False)
    """
    return field.sort is Sort.TIME and not field.required and isinstance(value, int) and not _AGES < value < _END


def whole(field: Field, value: object) -> object:
    """Round volumes to whole bytes: 0.1 MB is not a whole number, and half a byte is rounding noise of the file."""
    return round(value) if field.sort is Sort.BYTES and isinstance(value, float) else value


def is_nothing(cell: object) -> bool:
    """Whether a cell is empty, in any notation.

    Examples
    --------
    >>> [is_nothing(cell) for cell in (None, " ", "NULL", "#REF!", float("nan"), 0, "0")]
    [True, True, True, True, True, False, False]
    """
    if isinstance(cell, str):
        if cell.lstrip()[:1] == "#":
            return _ERROR.fullmatch(cell.strip()) is not None
        return not cell or (len(cell) <= 6 and cell.strip().casefold() in NOTHING)
    return cell is None or cell != cell  # noqa: PLR0124 - NaN


def _ms(read: Any) -> object:
    return read if isinstance(read, Reject) else read.ms


def _unknown(field: Field, cell: object) -> Reject:
    return Reject(RejectReason.UNKNOWN_WORD, f"{cut(cell)!r} is none of {', '.join(field.words) or 'yes, no'}")


def _id(cell: object) -> object:
    text = _text(cell)
    if not text.isascii() or "\0" in text:
        # A mark of byte order, a zero or a wide digit inside would make another subscriber.
        text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cc", "Cf"))
    if text[:1] in ("=", "'") and (found := _FORCED.fullmatch(text)):
        text = (found[1] or found[2] or "").strip()
    if _ROUNDED.fullmatch(text) or (isinstance(cell, float) and abs(cell) >= _WHOLE):
        return Reject(RejectReason.MANGLED_ID, "a number that was rounded (1.38E+10): export ids as text")
    return text


def _number(cell: object) -> object:
    """An id that is no number of an event."""
    text = _id(cell)
    if not isinstance(text, str) or text.isdecimal():
        return text
    if _FLOATED.fullmatch(text):
        return FLOATED
    if _FRACTION.fullmatch(text):
        return Reject(RejectReason.MANGLED_ID, "a number with a fraction, which no id has")
    if _GROUPED.fullmatch(text):
        return Reject(RejectReason.MANGLED_ID, "a number with marks for thousands (13,800,138,000): export ids as text")
    return text


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a column of numbers with a gap in it: JSON and Parquet make floats of all
    return str(cell).strip()


def _period(cell: object) -> object:
    found = _PERIOD.fullmatch(_text(cell))
    return f"{found[1]}-{found[2]:0>2}" if found else Reject(RejectReason.INVALID, f"{cut(cell)!r} is no month")


def _nested(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except ValueError:
        return Reject(RejectReason.INVALID, "is no JSON")
