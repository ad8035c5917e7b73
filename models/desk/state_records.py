"""Reads the desk's state records for others: persons, units by day, effect, policy and time."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from models.contract.breaches import Person
from models.contract.policy import Policy
from models.desk.capacity import UNIT, UnitDay, unit_and_day
from models.desk.desk import DESK_KEY, POLICY_KEY, DeskFile
from models.desk.effect import EFFECT_KEY, EffectCounts
from models.desk.persons import PersonFile
from models.desk.registry import PERSON


class OfPerson(NamedTuple):
    """The file of a person; None if it was deleted."""

    person: Person
    file: PersonFile | None


class OfUnit(NamedTuple):
    """A unit's work of one day; None if the day was dropped."""

    unit: str
    day: int
    done: UnitDay | None


_OF_ALL: Final[dict[bytes, type[Policy | DeskFile | EffectCounts]]] = {
    POLICY_KEY: Policy,
    DESK_KEY: DeskFile,
    EFFECT_KEY: EffectCounts,
}


def read(key: bytes, value: bytes | None) -> OfPerson | OfUnit | Policy | DeskFile | EffectCounts | None:
    """Decode a state record; None for any other key.

    Examples
    --------
    >>> read(b"ps:s-1", None)
    OfPerson(person='s:s-1', file=None)
    """
    if key.startswith(PERSON):
        file = None if value is None else msgspec.json.decode(value, type=PersonFile)
        return OfPerson(Person(key[1:].decode()), file)
    if key.startswith(UNIT):
        return OfUnit(*unit_and_day(key), None if value is None else msgspec.json.decode(value, type=UnitDay))
    found = _OF_ALL.get(key)
    return None if found is None or value is None else msgspec.json.decode(value, type=found)
