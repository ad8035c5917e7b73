"""A policy file: what it says over the shipped policy, or every fault in it with line and field."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from hashlib import sha256
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from models.contract.policy import Policy

SHIPPED: Final[Mapping[str, Any]] = msgspec.to_builtins(Policy())
Place = tuple[str | int, ...]
"""Names of tables and keys from the top, and numbers in lists of tables, from 0."""
_DIGEST: Final = 8


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
    if sound and (what := _objection(_over(shipped, said), kind)) is not None:
        yield at, what


def _of_field(kind: Any, value: Any, shipped: Any, at: Place, known: list[str]) -> Iterator[tuple[Place, str]]:
    if kind is None:
        nearest = get_close_matches(str(at[-1]), known, n=1)
        yield at, f"unknown; did you mean {nearest[0]}?" if nearest else f"unknown; there are {', '.join(known)}"
        return
    struct, many = _struct(kind)
    if struct is not None and many and isinstance(value, list) and all(isinstance(each, dict) for each in value):
        for number, each in enumerate(value):
            yield from _faults(struct, each, {}, (*at, number))
    elif struct is not None and not many and isinstance(value, dict):
        yield from _faults(struct, value, shipped if isinstance(shipped, dict) else {}, at)
    elif (what := _objection(value, kind)) is not None:
        yield at, what


def _struct(kind: Any) -> tuple[type[Struct] | None, bool]:
    """The table that a field holds, if any, and whether it is a list of them."""
    if get_origin(kind) is Annotated:
        return _struct(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _struct(next(each for each in get_args(kind) if each is not NoneType))
    if get_origin(kind) is tuple:
        return _struct(get_args(kind)[0])[0], True
    return (kind, False) if isinstance(kind, type) and issubclass(kind, Struct) else (None, False)


def _objection(value: Any, kind: Any) -> str | None:
    """What is wrong with a value, in msgspec's words, without the place, which the caller names."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `")
        return f"{text} (in {where.rstrip('`').removeprefix('$')})" if where.startswith("$[") else text
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

    A statement is the fewest whole lines that are TOML by themselves.

    Examples
    --------
    >>> _lines('version = "p-2"\n\n[contact]\nholidays = [\n]\nwindows = []\n')
    {('version',): 1, ('contact',): 3, ('contact', 'holidays'): 4, ('contact', 'windows'): 6}
    """
    found: dict[Place, int] = {}
    table: Place = ()
    counts: dict[Place, int] = {}
    statement, begin = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        begin = begin if statement else number
        statement += line + "\n"
        try:
            said = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("["):
            table = _table(said, counts)
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], begin)
        else:
            for place in _places(said, table):
                found.setdefault(place, begin)
        statement = ""
    return found


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
    """All that a statement sets, outside in."""
    items = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, value in items:
        yield (*at, name)
        yield from _places(value, (*at, name))
