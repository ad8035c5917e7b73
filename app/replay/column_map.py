"""Which column gives which field: as told on the command line, and guessed from names and examples for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from app.errors import ExitCode, Refused
from app.replay.fields import UNITS, Field, Read, Reading, Sort, fields_of, is_nothing, reader
from app.replay.moments import LocalTime, day_comes_first, is_ambiguous, moment, of_day
from app.replay.names import DATES, NAMES, SUMMED, bare, unit_of
from app.replay.recording import Recording
from app.replay.reject import Reject
from app.replay.words import FLAGS, plain

_USAGE: Final = ExitCode.USAGE
_LOOKED_AT: Final = 50
_TAUGHT: Final = (Sort.WORD, Sort.FLAG)


class Told(NamedTuple):
    """What the command line says of the file: field to column, constant, unit, and words of the file's own."""

    columns: Mapping[str, str] = {}
    constants: Mapping[str, str] = {}
    units: Mapping[str, str] = {}
    words: Mapping[str, Mapping[str, str]] = {}


class Source(NamedTuple):
    """Where a field's value comes from.

    ``columns`` are places in the row; of several, volumes add up, and times are read one behind the other. Without any,
    ``constant`` is the value of every row.
    """

    field: Field
    columns: tuple[int, ...]
    read: Read
    constant: object = None
    unit: str | None = None


class ColumnMap(NamedTuple):
    """See the module."""

    topic: str
    fields: Mapping[str, Field]
    sources: tuple[Source, ...]
    local: LocalTime
    notes: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Required fields that nothing gives."""
        given = {source.field.name for source in self.sources}
        return [each.name for each in self.fields.values() if each.required and each.name not in given]

    def unused(self, columns: Sequence[str]) -> list[str]:
        """Columns from which nothing is taken."""
        used = {place for source in self.sources for place in source.columns}
        return [name for place, name in enumerate(columns) if place not in used]


class Cartographer:
    """Makes the mapping of a recording onto a topic.

    Parameters
    ----------
    offset_ms
        Of local times from UTC.
    day_first
        Whether 5/6/2026 is the fifth of June; None to let the file tell.
    """

    def __init__(
        self, recording: Recording, topic: str, told: Told, offset_ms: int, day_first: bool | None = None
    ) -> None:
        self._recording = recording
        self._topic = topic
        self._told = told
        self._fields = fields_of(topic)
        self._bare = [bare(name) for name in recording.columns]
        self._notes: list[str] = []
        self._taken: set[int] = set()
        self._local = LocalTime(offset_ms, bool(day_first))
        self._day_first = day_first
        for known in (told.columns, told.constants, told.units, told.words):
            self._check(known)
        for name in (*told.units, *told.words):
            self._unit(self._fields[name], ())
            self._words(self._fields[name])

    def map(self) -> ColumnMap:
        """All that is told and guessed.

        Raises
        ------
        app.errors.Refused
            If what was told cannot be: no such field, column, unit or word.
        """
        given: dict[str, tuple[int, ...]] = {}
        for name, column in self._told.columns.items():
            given[name] = self._places(column) if column else ()
        self._taken = {place for places in given.values() for place in places}
        for name in self._fields:
            if name not in given and name not in self._told.constants and (found := self._guess(name)):
                given[name] = found
                self._taken |= set(found)
        self._settle_days(given)
        sources = [
            self._source(field, given.get(name, ()))
            for name, field in self._fields.items()
            if given.get(name) or name in self._told.constants
        ]
        for name in {*self._told.units, *self._told.words} - {source.field.name for source in sources}:
            raise Refused(
                f"nothing gives {name}, of which a unit or a word is told", f"--map {name}=COLUMN", code=_USAGE
            )
        return ColumnMap(self._topic, self._fields, tuple(sources), self._local, tuple(self._notes))

    def _check(self, told: Mapping[str, object]) -> None:
        for name in told:
            if name not in self._fields:
                nearest = get_close_matches(name, self._fields, n=1)
                hint = f"did you mean {nearest[0]!r}?" if nearest else f"it has: {', '.join(self._fields)}"
                raise Refused(f"{self._topic} has no field {name!r}", hint, code=_USAGE)

    def _places(self, column: str) -> tuple[int, ...]:
        """Places of the columns named: one, or several joined by a plus."""
        columns = self._recording.columns
        parts = [column] if column in columns else [part.strip() for part in column.split("+")]
        for part in parts:
            if part not in columns:
                nearest = get_close_matches(part, columns, n=1)
                raise Refused(
                    f"{self._recording.path.name} has no column {part!r}",
                    *([f"did you mean {nearest[0]!r}?"] if nearest else []),
                    f"it has: {', '.join(columns)}",
                    code=_USAGE,
                )
        return tuple(columns.index(part) for part in parts)

    # Guessing

    def _guess(self, name: str) -> tuple[int, ...]:
        known = [bare(each) for each in NAMES[self._topic].get(name, "").split()]
        found = self._named(known, self._fields[name].sort)
        if name == "ts":
            return self._dated(found)
        if fitting := [place for place in found if self._fits(self._fields[name], place)]:
            return tuple(fitting[:1])
        if name == "bytes" and self._topic in SUMMED:
            halves = [self._named([bare(n) for n in names.split()], Sort.BYTES) for names in SUMMED[self._topic][0]]
            if all(halves):
                self._notes.append("bytes: up and down are added")
                return tuple(places[0] for places in halves)
        return ()

    def _fits(self, field: Field, place: int) -> bool:
        """Whether a column of this name holds such values: no row is to be rejected for a field that nobody needs."""
        if field.required:
            return True
        cells = self._cells(place)[:_LOOKED_AT]
        read = reader(field, Reading(self._topic, self._local, 1.0, self._words(field)))
        strange = [str(cell) for cell in cells if isinstance(read(cell), Reject)]
        if 2 * len(strange) <= len(cells):
            return True
        column, words = self._recording.columns[place], ", ".join(dict.fromkeys(strange[:5]))
        self._notes.append(f"{column} is called like {field.name}, but holds {words}: left out")
        return False

    def _named(self, known: Sequence[str], sort: Sort) -> tuple[int, ...]:
        """Free columns with one of these names, in the order of the names; whole ones before those with a unit."""
        units = UNITS.get(sort, {})
        whole = {name: place for place, name in enumerate(self._bare) if place not in self._taken}
        stems = {unit_of(self._recording.columns[place], units)[0]: place for place in whole.values()} if units else {}
        places = [where[name] for where in (whole, stems) for name in known if name in where]
        return tuple(dict.fromkeys(places))

    def _dated(self, found: tuple[int, ...]) -> tuple[int, ...]:
        """The first of these columns that holds times; with the date's column where it holds the time of day alone."""
        for place in found:
            cells = self._cells(place)
            if any(not isinstance(moment(cell, self._local), Reject) for cell in cells[:20]):
                clock = [other for other in found if other != place and all(map(of_day, self._cells(other)[:20]))]
                days_only = all(self._form(cell) == "date" for cell in cells[:20])
                return (place, clock[0]) if clock and days_only and self._cells(clock[0]) else (place,)
        dates = self._named([bare(name) for name in DATES], Sort.TIME)
        if found and dates and dates[0] != found[0]:
            return (dates[0], found[0])
        return found[:1]

    def _form(self, cell: object) -> str:
        read = moment(cell, self._local)
        return "" if isinstance(read, Reject) else read.form

    def _cells(self, place: int) -> list[object]:
        rows = self._recording.sample
        return [row.cells[place] for row in rows if row.reject is None and not is_nothing(row.cells[place])]

    def _settle_days(self, given: Mapping[str, tuple[int, ...]]) -> None:
        """Whether the day stands before the month: as told, else as a date of the file shows."""
        times = [places[0] for name, places in given.items() if places and self._fields[name].sort is Sort.TIME]
        cells = [cell for place in times for cell in self._cells(place) if isinstance(cell, str)]
        if self._day_first is None and (found := day_comes_first(cells)) is not None:
            self._local = self._local._replace(day_first=found)
        elif self._day_first is None and is_ambiguous(cells):
            self._notes.append("dates such as 5/6/2026 are read as month/day/year; --day-first turns that round")

    # Reading

    def _source(self, field: Field, columns: tuple[int, ...]) -> Source:
        unit, scale = self._unit(field, columns)
        how = Reading(self._topic, self._local, scale, self._words(field))
        read = reader(field, how)
        if columns:
            return Source(field, columns, read, unit=unit)
        text = self._told.constants[field.name]
        value = read(text)
        if isinstance(value, Reject):
            raise Refused(f"--set {field.name}={text}: {value.detail}", code=_USAGE)
        return Source(field, (), read, constant=value)

    def _unit(self, field: Field, columns: tuple[int, ...]) -> tuple[str | None, float]:
        units = UNITS.get(field.sort)
        told = self._told.units.get(field.name)
        if told is not None and (units is None or plain(told) not in units):
            known = f"it knows: {', '.join(units)}" if units else "it is no duration, volume or sum of money"
            raise Refused(f"--unit {field.name}={told}: no unit of it", known, code=_USAGE)
        if units is None or not columns:
            return None, 1.0
        if told is not None:
            return plain(told), units[plain(told)]
        found = {self._unit_named(place, units) for place in columns}
        if len(found) > 1:
            names = ", ".join(self._recording.columns[place] for place in columns)
            raise Refused(f"{field.name}: {names} are in different units", "convert one of them first", code=_USAGE)
        (unit,) = found
        if unit is None and field.sort is Sort.BYTES:
            self._notes.append(f"{field.name}: the column names no unit, so bytes; --unit {field.name}=MB for others")
        return unit, units.get(unit or "", 1.0)

    def _unit_named(self, place: int, units: Mapping[str, float]) -> str | None:
        name = self._bare[place]
        if name == "mou" and "min" in units:
            return "min"  # minutes of use, as the trade says
        return name if name in units else unit_of(self._recording.columns[place], units)[1]

    def _words(self, field: Field) -> dict[str, str]:
        taught = self._told.words.get(field.name, {})
        if taught and field.sort not in _TAUGHT:
            raise Refused(f"--value {field.name}: it holds no fixed words", code=_USAGE)
        allowed = FLAGS if field.sort is Sort.FLAG else dict.fromkeys(field.words)
        for word, meaning in taught.items():
            if meaning not in allowed:
                known = f"it may be: {', '.join(field.words) or 'yes, no'}"
                raise Refused(f"--value {field.name}:{word}={meaning}: no such value", known, code=_USAGE)
        return {plain(word): meaning for word, meaning in taught.items()}
