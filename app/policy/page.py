"""A policy as a TOML file with comments, which loads to the same policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any, Final

import msgspec

from app.config.settings import Language
from app.policy.field_words import WORDS
from models.contract.policy import CapacityException, Policy, UnitPolicy

_WIDTH: Final = 100
_ROWS: Final = ("units", "playbook")
_EXAMPLE: Final = UnitPolicy(
    name="tianhe-03",
    head="head-1",
    capacity={"outbound_call": 60, "field_visit": 8},
    exceptions=(CapacityException(first="2026-10-01", last="2026-10-07", channel="field_visit"),),
    team={"caller": ("caller-1", "caller-2"), "visitor": ("visitor-1",)},
    target=5,
)
"""An example unit, for a file without units."""


def page(policy: Policy, lang: Language) -> str:
    """The whole file.

    Examples
    --------
    >>> from app.config.policy_file import read_policy
    >>> policy = Policy(version="p-7", base_rate=0.02)
    >>> [read_policy(page(policy, lang)) == policy for lang in ("en", "zh")]
    [True, True]
    """
    return "\n".join(_lines(msgspec.to_builtins(policy), lang)) + "\n"


def _lines(policy: Mapping[str, Any], lang: Language) -> Iterator[str]:
    yield from _comment("", lang)
    tables = {name: value for name, value in policy.items() if isinstance(value, dict)}
    yield from _fields({name: v for name, v in policy.items() if name not in (*tables, *_ROWS)}, "", lang)
    for name, table in tables.items():
        yield ""
        yield from _comment(name, lang)
        if name == "kinds":
            for kind, terms in table.items():
                yield f"[kinds.{kind}]"
                yield from _fields(terms, f"kinds.{kind}.", lang)
        else:
            yield f"[{name}]"
            yield from _fields(table, f"{name}.", lang)
    for name in _ROWS:
        yield ""
        yield from _comment(name, lang)
        if name == "units" and not policy["units"]:
            yield from (f"# {line}" for line in _row(name, msgspec.to_builtins(_EXAMPLE), lang))
        for row in policy[name]:
            yield from _row(name, row, lang)


def _row(name: str, row: Mapping[str, Any], lang: Language) -> Iterator[str]:
    yield f"[[{name}]]"
    yield from _fields(row, f"{name}.", lang)


def _fields(table: Mapping[str, Any], prefix: str, lang: Language) -> Iterator[str]:
    for name, value in table.items():
        if prefix + name in WORDS:
            yield from _comment(prefix + name, lang)
        if value is not None:
            yield f"{name} = {_toml(value)}"
        elif prefix + name in WORDS:
            yield f"# {name} ="


def _comment(name: str, lang: Language) -> Iterator[str]:
    said = WORDS[name].zh if lang == "zh" else WORDS[name].en
    width = _WIDTH // 2 if lang == "zh" else _WIDTH  # these letters are twice as wide
    return (f"# {line}" for line in wrap(said, width))


def _toml(value: Any) -> str:
    r"""A value as TOML, on one line.

    Examples
    --------
    >>> _toml({"en": 'say "a"', "zh": "一"}), _toml([["09:00", "12:00"]]), _toml(True)
    ('{ en = "say \\"a\\"", zh = "一" }', '[["09:00", "12:00"]]', 'true')
    """
    match value:
        case dict():
            return f"{{ {', '.join(f'{name} = {_toml(each)}' for name, each in value.items() if each is not None)} }}"
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        case bool():
            return "true" if value else "false"
        case _:
            return repr(value)
