"""Which changes of a schema break those who rely on it, in plain words.

The present schema of an input must accept everything that the released one accepted, and read it as before; that of an
output may give nothing that the released one did not. Readers ignore fields that they do not know, so additions break
nobody; enums are closed, so a new value in an output does.

The schemas of the last release are in ``deploy/contract/released``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeVar

from app.generate.contract.schemas import DIRECTORY, rendered, schemas
from models.contract.events import INPUTS

Direction = Literal["input", "output"]
_Node = Mapping[str, Any]
_T = TypeVar("_T")

_LEAST: Final = ("minimum", "minLength", "minItems")
_MOST: Final = ("maximum", "maxLength", "maxItems")
_WORDS: Final = frozenset({"title", "description", "$schema", "$id", "$defs"})
_KNOWN: Final = _WORDS | {
    *("type", "anyOf", "enum", "pattern", "default", "items", "properties", "required"),
    *("additionalProperties", "propertyNames", *_LEAST, *_MOST),
}
RELEASED: Final = DIRECTORY / "released"


def breaking(released: _Node, present: _Node, direction: Direction) -> list[str]:
    """The changes by which the present schema breaks a released one.

    Raises
    ------
    ValueError
        If a schema has a keyword that nothing here compares.

    Examples
    --------
    >>> was = {"type": "object", "properties": {"kind": {"enum": ["sms", "voice"]}}, "required": ["kind"]}
    >>> now = {"type": "object", "properties": {"kind": {"enum": ["sms", "video"]}}, "required": ["kind"]}
    >>> breaking(was, now, "input"), breaking(was, now, "output")
    (["kind: 'voice' is no longer taken"], ["kind: 'video' is new, and enums are closed"])
    """
    return list(_Pair(direction, "").differences(_inlined(released, released), _inlined(present, present)))


def _inlined(node: Any, root: _Node) -> Any:
    """A schema without references; none of ours refers to itself."""
    match node:
        case {"$ref": str(place), **beside}:
            return {**_inlined(root["$defs"][place.removeprefix("#/$defs/")], root), **_inlined(beside, root)}
        case dict():
            return {name: _inlined(each, root) for name, each in node.items() if name != "$defs"}
        case list():
            return [_inlined(each, root) for each in node]
        case _:
            return node


def _kinds(node: _Node) -> dict[str, _Node]:
    """The alternatives of a value by their JSON type; ours have one of a type, and enums of text only."""
    if unknown := node.keys() - _KNOWN:
        raise ValueError(f"no comparison for {sorted(unknown)}")
    if "anyOf" in node:
        return {kind: each for one in node["anyOf"] for kind, each in _kinds(one).items()}
    return {"string" if "enum" in node else node["type"]: node}


class _Pair(NamedTuple):
    """A place in both schemas."""

    direction: Direction
    path: str

    def differences(self, was: _Node, now: _Node) -> Iterator[str]:
        given, taken = self._turned(_kinds(was), _kinds(now))
        for kind, node in given.items():
            match = "number" if kind == "integer" and kind not in taken else kind
            if match not in taken:
                yield self._said(f"{kind} is no longer taken" if self.direction == "input" else f"may be {kind} now")
            else:
                yield from self._of_kind(*self._turned(node, taken[match]))
        if self.direction == "input" and "default" in was and was["default"] != now.get("default"):
            yield self._said(f"absent meant {was['default']!r}, means {now.get('default')!r}")

    def _turned(self, was: _T, now: _T) -> tuple[_T, _T]:
        """The giver's and the taker's schema, from the former and the present one; the same swap turns them back."""
        return (was, now) if self.direction == "input" else (now, was)

    def _of_kind(self, was: _Node, now: _Node) -> Iterator[str]:
        yield from self._of_enums(was.get("enum"), now.get("enum"))
        yield from self._of_limits(was, now)
        yield from self._of_fields(was, now)
        for name, where in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", ".key")):
            if name in was and name in now:
                yield from self._at(where).differences(was[name], now[name])
            elif name in self._turned(was, now)[1]:
                yield self._said(f"{name} was {was.get(name, 'open')}, is {now.get(name, 'open')}")

    def _of_enums(self, was: list[str] | None, now: list[str] | None) -> Iterator[str]:
        given, taken = self._turned(was, now)
        if taken is None:
            return
        strange = ["any text"] if given is None else [repr(each) for each in sorted(set(given) - set(taken))]
        for each in strange:
            yield self._said(
                f"{each} is no longer taken" if self.direction == "input" else f"{each} is new, and enums are closed"
            )

    def _of_limits(self, was: _Node, now: _Node) -> Iterator[str]:
        given, taken = self._turned(was, now)
        for name in (*_LEAST, *_MOST, "pattern"):
            if name not in taken or given.get(name) == taken[name]:
                continue
            tighter = max if name in _LEAST else min
            if name == "pattern" or name not in given or tighter(given[name], taken[name]) != given[name]:
                yield self._said(f"{name} was {was.get(name, 'open')}, is {now.get(name, 'open')}")

    def _of_fields(self, was: _Node, now: _Node) -> Iterator[str]:
        old, new = was.get("properties", {}), now.get("properties", {})
        for name in sorted(old.keys() - new.keys()):
            yield self._at(name)._said("is no longer " + ("read" if self.direction == "input" else "there"))
        before, after = set(was.get("required", ())), set(now.get("required", ()))
        for name in sorted(after - before if self.direction == "input" else (before - after) & new.keys()):
            yield self._at(name)._said("is required now" if self.direction == "input" else "may be absent now")
        for name in sorted(old.keys() & new.keys()):
            yield from self._at(name).differences(old[name], new[name])

    def _at(self, name: str) -> _Pair:
        joint = "." if self.path and name[0] not in ".[" else ""
        return self._replace(path=f"{self.path}{joint}{name}")

    def _said(self, text: str) -> str:
        return f"{self.path or 'the value'}: {text}"


def breaks() -> list[str]:
    """Changes since the last release that break a producer or a reader, in plain words, with the topic in front."""
    present = schemas()
    return [f"{topic}: {each}" for topic, was in released().items() for each in _of_topic(topic, was, present)]


def _of_topic(topic: str, was: dict[str, Any], present: dict[str, dict[str, Any]]) -> list[str]:
    if topic not in present:
        return ["the topic is gone"]
    return breaking(was, present[topic], "input" if topic in INPUTS else "output")


def released() -> dict[str, dict[str, Any]]:
    """The released schemas by topic."""
    return {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(RELEASED.glob("*.schema.json"))
    }


def release() -> None:
    """Make the present schemas the released ones; a topic that exists no more keeps its released schema."""
    RELEASED.mkdir(exist_ok=True)
    for topic, body in schemas().items():
        (RELEASED / f"{topic}.schema.json").write_text(rendered(body), encoding="utf-8")
