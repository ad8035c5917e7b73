"""Reading of a policy file: its values over the shipped policy, or every fault in it with line and field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from models.contract.playbook import Play, lacks
from models.contract.policy import CapacityException, Policy, UnitPolicy

SHIPPED: Final[Mapping[str, Any]] = msgspec.to_builtins(Policy())
Place = tuple[str | int, ...]
"""Names of tables and keys from the top, and numbers in lists of tables, from 0."""
_DIGEST: Final = 8
_MISSING: Final = "Object missing required field"


class Fault(NamedTuple):
    """One fault; the line is None if the file as a whole is meant."""

    line: int | None
    field: str
    text: str

    def __str__(self) -> str:
        """As for a compiler: line, field, what is wrong."""
        places = [f"line {self.line}"] if self.line is not None else []
        return ": ".join([*places, *([self.field] if self.field else []), self.text])


def read_policy(text: str) -> Policy | list[Fault]:
    r"""The policy of a file's text over the shipped one, or its faults, in the order of the lines.

    A file that changes something and names no version gets one from its content: two contents never share a version.

    Examples
    --------
    >>> read_policy("[tiers]\nbudgt = 2.0\n")
    [Fault(line=2, field='tiers.budgt', text='unknown; did you mean budget?')]
    >>> read_policy('version = "p-7"\n[tiers]\nbudget = 2.0\n').tiers.budget
    2.0
    >>> read_policy("").version, read_policy("base_rate = 0.02").version == read_policy("base_rate = 0.03").version
    ('p-1', False)
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        return [Fault(int(line) if line.isdecimal() else len(text.splitlines()), "", f"no TOML: {what or error}")]
    lines = _lines(text)
    found = [Fault(_line(lines, place), _name(place), what) for place, what in _faults(Policy, said, SHIPPED, ())]
    if found:
        return sorted(found, key=lambda fault: fault.line or 0)
    policy = msgspec.convert(_over(SHIPPED, said), Policy)
    if "version" in said or policy == Policy():
        return policy
    digest = sha256(msgspec.json.encode(policy)).hexdigest()[:_DIGEST]
    return msgspec.structs.replace(policy, version=f"p-{digest}")


def _over(shipped: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """`said` over `shipped`, table by table: a file that sets one term of a kind keeps the kind's others.

    Examples
    --------
    >>> _over({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}})
    {'a': {'x': 1, 'y': 5}, 'b': 3}
    """
    merged = dict(shipped)
    for name, value in said.items():
        below = shipped.get(name)
        merged[name] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _faults(
    kind: type[Struct], said: Mapping[str, Any], shipped: Mapping[str, Any], at: Place
) -> Iterator[tuple[Place, str]]:
    """Faults of a table; it is judged as a whole only if all in it is right."""
    kinds, sound = get_type_hints(kind, include_extras=True), True
    for name, value in said.items():
        for fault in _of_field(kinds.get(name), value, shipped.get(name), (*at, name), list(kinds)):
            sound = False
            yield fault
    if sound:
        yield from _of_whole(kind, said, shipped, at)


def _of_whole(
    kind: type[Struct], said: Mapping[str, Any], shipped: Mapping[str, Any], at: Place
) -> Iterator[tuple[Place, str]]:
    """Faults of a table whose fields are right one by one: each with the value without which it would not be there."""

    def objection(values: Mapping[str, Any]) -> str | None:
        return _objection(_over(shipped, values), kind)

    listed = {name: list(enumerate(value)) for name, value in said.items() if isinstance(value, list)}
    while (what := objection(said)) is not None:
        name = None if what.startswith(_MISSING) else _culprit(said, what, objection)
        if name is None:
            yield at, what
            return
        place, rest = (*at, name), listed.get(name, [])
        if rest:
            upto = next(n for n in range(len(rest)) if objection({**said, name: [v for _, v in rest[: n + 1]]}) == what)
            place = (*place, rest.pop(upto)[0])
        said = {**said, name: [value for _, value in rest]} if rest else _without(said, name)
        yield place, what
        if (objection(said) or "").startswith(_MISSING):
            return  # it is required: without it nothing else can be judged


def _culprit(said: Mapping[str, Any], what: str, objection: Callable[[Mapping[str, Any]], str | None]) -> str | None:
    """The last field without which there would be no such fault; None if it does not depend on one field."""
    return next((name for name in reversed(list(said)) if objection(_without(said, name)) != what), None)


def _without(said: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in said.items() if other != name}


def _of_field(kind: Any, value: Any, shipped: Any, at: Place, known: Sequence[str]) -> Iterator[tuple[Place, str]]:
    if kind is None:
        nearest = get_close_matches(str(at[-1]), known, n=1)
        yield at, f"unknown; did you mean {nearest[0]}?" if nearest else f"unknown; there are {', '.join(known)}"
        return
    if get_origin(kind) is dict and isinstance(value, dict):
        keys, of_key = get_args(kind)
        for name, each in value.items():
            yield from _of_field(of_key if name in get_args(keys) else None, each, None, (*at, name), get_args(keys))
        return
    struct, many = _struct(kind)
    if struct is not None and many and isinstance(value, list) and all(isinstance(each, dict) for each in value):
        for number, each in enumerate(value):
            yield from _faults(struct, each, {}, (*at, number))
        if struct is UnitPolicy:
            yield from _twice(value, at)
        if struct is CapacityException:
            yield from _hidden(value, at)
        if struct is Play:
            yield from _lacking(value, at)
    elif struct is not None and not many and isinstance(value, dict):
        yield from _faults(struct, value, shipped if isinstance(shipped, dict) else {}, at)
    else:
        yield from _of_values(kind, value, at)


def _of_values(kind: Any, value: Any, at: Place) -> Iterator[tuple[Place, str]]:
    """Faults of a field that holds no table: those of each value of a list, or else of the whole."""
    items = _items(kind) if isinstance(value, list) else None
    wrong = [] if items is None else [((*at, n), _objection(each, items)) for n, each in enumerate(value)]
    found = [(place, what) for place, what in wrong if what is not None]
    if not found and (what := _objection(value, kind)) is not None:
        found = [(at, what)]
    yield from found


def _twice(units: list[Mapping[str, Any]], at: Place) -> Iterator[tuple[Place, str]]:
    """Units that have the name of an earlier one; the policy itself would refuse them without saying where."""
    names = [unit.get("name") for unit in units]
    for number, name in enumerate(names):
        if name is not None and name in names[:number]:
            yield (*at, number, "name"), f"the unit {name} is there twice"


def _hidden(said: list[Mapping[str, Any]], at: Place) -> Iterator[tuple[Place, str]]:
    """Exceptions that never hold: the first that fits takes precedence, and they lie wholly within an earlier one."""
    if any(_objection(each, CapacityException) is not None for each in said):
        return
    found = [msgspec.convert(each, CapacityException) for each in said]
    for number, later in enumerate(found):
        begin, end = later.first, later.last or later.first
        for before, earlier in enumerate(found[:number]):
            first, last = earlier.first, earlier.last or earlier.first
            if earlier.channel in (None, later.channel) and first <= begin and end <= last:
                days = first if first == last else f"{first} to {last}"
                yield (*at, number, "first"), f"exceptions[{before + 1}] holds for these days already, {days}"
                break


def _lacking(said: list[Mapping[str, Any]], at: Place) -> Iterator[tuple[Place, str]]:
    """What the rows of a playbook lack, once each is right by itself: they replace all of the shipped ones."""
    if any(_objection(each, Play) is not None for each in said):
        return
    for lack in lacks(msgspec.convert(said, list[Play])):
        yield (at if lack.row is None else (*at, lack.row, lack.field)), lack.text


def _struct(kind: Any) -> tuple[type[Struct] | None, bool]:
    """The table that a field holds, if any, and whether it is a list of them."""
    if get_origin(kind) is Annotated:
        return _struct(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _struct(next(each for each in get_args(kind) if each is not NoneType))
    if get_origin(kind) is tuple:
        return _struct(get_args(kind)[0])[0], True
    return (kind, False) if isinstance(kind, type) and issubclass(kind, Struct) else (None, False)


def _items(kind: Any) -> Any:
    """What each value of a list must be; None if the field holds no list, or one whose places differ."""
    if get_origin(kind) is Annotated:
        return _items(get_args(kind)[0])
    args = get_args(kind)
    return args[0] if get_origin(kind) is tuple and args[-1] is Ellipsis else None


def _objection(value: Any, kind: Any) -> str | None:
    """The fault of a value in msgspec's words, without the place, which the caller names; within a list from 1."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `")
        within = re.sub(r"\[(\d+)\]", lambda number: f"[{int(number[1]) + 1}]", where.rstrip("`").removeprefix("$"))
        return f"{text} (in {within})" if within.startswith("[") else text
    return None


def _name(place: Place) -> str:
    """A place in words.

    Examples
    --------
    >>> _name(("playbook", 2, "offer", "code"))
    'playbook[3].offer.code'
    """
    parts = [f"[{each + 1}]" if isinstance(each, int) else f".{each}" for each in place]
    return "".join(parts).removeprefix(".")


def _line(lines: Mapping[Place, int], place: Place) -> int | None:
    """The line of a place, or of the nearest table around it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place)


def _lines(text: str) -> dict[Place, int]:
    r"""The line of each key and table of a valid document.

    A statement is the fewest whole lines that are TOML by themselves. Each value of a list over several lines has the
    line on which it begins.

    Examples
    --------
    >>> _lines('version = "p-2"\n\n[contact]\nholidays = [\n]\nwindows = []\n')
    {('version',): 1, ('contact',): 3, ('contact', 'holidays'): 4, ('contact', 'windows'): 6}
    >>> _lines('days = [\n  "a",\n  "b"]\n')
    {('days',): 1, ('days', 0): 2, ('days', 1): 3}
    """
    found: dict[Place, int] = {}
    table: Place = ()
    counts: dict[Place, int] = {}
    statement, begin = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        begin = begin if statement else number
        statement += line + "\n"
        said = _parsed(statement)
        if said is None:
            # An open list: what it has by now begins here at the latest.
            for place in _places(_parsed(statement + "]") or _parsed(statement + "]]"), table):
                found.setdefault(place, number)
            continue
        if statement.lstrip().startswith("["):
            table = _table(said, counts)
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], begin)
        else:
            for place in _places(said, table):
                found.setdefault(place, number if place[: len(table) + 1] in found else begin)
        statement = ""
    return found


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _table(header: Mapping[str, Any], counts: dict[Place, int]) -> Place:
    """The place of a header, with the numbers of the lists of tables that it is in."""
    place: Place = ()
    node: Any = header
    while node:
        name, below = next(iter(node.items()))
        place = (*place, name)
        if isinstance(below, list):
            counts[place] = counts.get(place, -1) + 1
            below = below[0]
        if place in counts:
            place = (*place, counts[place])
        node = below
    return place


def _places(said: Any, at: Place) -> Iterator[Place]:
    """All places that a statement sets, outermost first."""
    items = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, value in items:
        yield (*at, name)
        yield from _places(value, (*at, name))
