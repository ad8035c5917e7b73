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
    """All fields that differ, in the order of the policy; rows of the playbook by number, from 1.

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
        for at in range(max(len(before), len(after))):
            one, other = (each[at] if at < len(each) else None for each in (before, after))
            yield from _differ(f"{name}[{at + 1}]", one, other)
    else:
        yield Difference(name, before, after)


def _rows(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], dict)
