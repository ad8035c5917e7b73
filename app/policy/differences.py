"""Two policies field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from models.contract.policy import Policy


class Difference(NamedTuple):
    """A field, ``table.field``, and its two values; None where there is none."""

    field: str
    before: Any
    after: Any


def differences(before: Policy, after: Policy) -> list[Difference]:
    """All fields that differ, in the order of the policy; units by name, other rows by number, from 1.

    Examples
    --------
    >>> from msgspec.structs import replace
    >>> differences(Policy(), replace(Policy(), version="p-2", playbook=Policy().playbook[:-1]))[0]
    Difference(field='version', before='p-1', after='p-2')
    """
    return list(_differ("", msgspec.to_builtins(before), msgspec.to_builtins(after)))


def _differ(name: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _differ(f"{name}.{key}".removeprefix("."), before.get(key), after.get(key))
    elif _rows(before) and _rows(after):
        one, other = _by_name(before), _by_name(after)
        for key in {**one, **other}:
            yield from _differ(f"{name}[{key}]", one.get(key), other.get(key))
    else:
        yield Difference(name, before, after)


def _rows(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, dict) for each in value)


def _by_name(rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {row.get("name", number): row for number, row in enumerate(rows, 1)}
