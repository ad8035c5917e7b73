"""Mapping of columns to fields: given on the command line, or guessed from names and examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple, get_args

from app.errors import ExitCode, Refused
from app.replay.column_names import DATES, NAMES, SUMMED, bare, unit_of
from app.tables.column_evidence import Evidence, survey
from app.tables.contract_words import FLAGS, plain
from app.tables.fields import NUMERIC, UNITS, Field, Read, Reading, Sort, fields_of, is_nothing, ways, whole
from app.tables.recording import Recording
from app.tables.reject import Reject, cut
from app.tables.times import First, LocalTime, ReadTime, moment, of_day

_USAGE: Final = ExitCode.USAGE
_LOOKED_AT: Final = 50
_TAUGHT: Final = (Sort.WORD, Sort.FLAG)
_WRITTEN: Final = NUMERIC | {Sort.TIME}
"""Sorts whose cells are ambiguous on their own."""


class Told(NamedTuple):
    """Flags of the command line for a file: by field its column, constant, unit, own words, decimal mark."""

    columns: Mapping[str, str] = {}
    constants: Mapping[str, str] = {}
    units: Mapping[str, str] = {}
    words: Mapping[str, Mapping[str, str]] = {}
    marks: Mapping[str, str] = {}


class Source(NamedTuple):
    """Source of a field's value.

    ``columns`` are indexes in the row; of several, volumes are added, and times are joined. Without any, ``constant``
    is the value of every row.
    """

    field: Field
    columns: tuple[int, ...]
    read: Read
    constant: object = None
    unit: str | None = None
    way: str = ""


class ColumnMap(NamedTuple):
    """See the module."""

    topic: str
    fields: Mapping[str, Field]
    sources: tuple[Source, ...]
    local: LocalTime
    notes: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Required fields without a source."""
        given = {source.field.name for source in self.sources}
        return [each.name for each in self.fields.values() if each.required and each.name not in given]

    def unused(self, columns: Sequence[str]) -> list[str]:
        """Columns that no field uses."""
        used = {place for source in self.sources for place in source.columns}
        return [name for place, name in enumerate(columns) if place not in used]


class Cartographer:
    """Makes the mapping of a recording onto a topic.

    Parameters
    ----------
    offset_ms
        Of local times from UTC.
    first
        What stands in front in 5/6/2026; None to let the file tell.
    progress
        Called with the rows read, while the file is looked through for what tells how it is written.
    """

    def __init__(
        self,
        recording: Recording,
        topic: str,
        told: Told,
        offset_ms: int,
        first: First | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._recording = recording
        self._topic = topic
        self._told = told
        self._fields = fields_of(topic)
        self._bare = [bare(name) for name in recording.columns]
        self._notes: list[str] = []
        self._taken: set[int] = set()
        self._local = LocalTime(offset_ms)
        self._first = first
        self._progress = progress
        for known in (told.columns, told.constants, told.units, told.words, told.marks):
            self._check(known)
        for name, mark in told.marks.items():
            if self._fields[name].sort not in NUMERIC or mark not in ("point", "comma"):
                what = "it is point or comma" if self._fields[name].sort in NUMERIC else f"{name} is no number"
                raise Refused(f"--decimal {name}={mark}: {what}", code=_USAGE)
        for name in (*told.units, *told.words):
            self._unit(self._fields[name], ())
            self._words(self._fields[name])

    def map(self) -> ColumnMap:
        """The whole mapping, given and guessed.

        Raises
        ------
        app.errors.Refused
            If a flag is invalid: no such field, column, unit or word; or if the format of the file's dates or decimals
            is ambiguous.
        """
        given: dict[str, tuple[int, ...]] = {}
        for name, column in self._told.columns.items():
            given[name] = self._places(column) if column else ()
        self._taken = {place for places in given.values() for place in places}
        for name in self._fields:
            if name not in given and name not in self._told.constants and (found := self._guess(name)):
                given[name] = found
                self._taken |= set(found)
        written = self._written(given)
        sources = [
            self._source(field, given.get(name, ()), written.get(name))
            for name, field in self._fields.items()
            if given.get(name) or name in self._told.constants
        ]
        told = {*self._told.units, *self._told.words, *self._told.marks}
        for name in told - {source.field.name for source in sources}:
            raise Refused(
                f"nothing gives {name}, of which a unit, a word or a mark is told", f"--map {name}=COLUMN", code=_USAGE
            )
        if any(source.field.name == "kind" and self._has_sms(source) for source in sources):
            self._fields["duration_s"] = self._fields["duration_s"]._replace(required=False)
        return ColumnMap(self._topic, self._fields, tuple(sources), self._local, tuple(dict.fromkeys(self._notes)))

    def _has_sms(self, kind: Source) -> bool:
        """Whether some of a log are SMS, which have no duration."""
        return "sms" in (kind.constant, *(kind.read(cell) for place in kind.columns for cell in self._cells(place)))

    def _check(self, told: Mapping[str, object]) -> None:
        for name in told:
            if name not in self._fields:
                nearest = get_close_matches(name, self._fields, n=1)
                hint = f"did you mean {nearest[0]!r}?" if nearest else f"it has: {', '.join(self._fields)}"
                raise Refused(f"{self._topic} has no field {name!r}", hint, code=_USAGE)

    def _places(self, column: str) -> tuple[int, ...]:
        """Indexes of the columns named: one, or several joined by a plus."""
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
        """Whether a column of this name holds such values: an optional field must not cause rejected rows."""
        if field.required:
            return True
        cells = self._cells(place)[:_LOOKED_AT]
        reads = ways(field, Reading(self._topic, self._local, 1.0, self._words(field))).values()
        strange = [cut(cell) for cell in cells if all(isinstance(read(cell), Reject) for read in reads)]
        if 2 * len(strange) <= len(cells):
            return True
        column, words = cut(self._recording.columns[place]), ", ".join(dict.fromkeys(strange[:5]))
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
        clocks = [place for place in found if (cells := self._cells(place)[:20]) and all(map(of_day, cells))]
        dates = [bare(name) for name in DATES]
        # 08.10.26 may be a date too: it is one where the column is called so, or where no other column has dates.
        for place in sorted(found, key=lambda place: place in clocks and 1 + (self._bare[place] not in dates)):
            forms = [self._form(cell) for cell in self._cells(place)[:20]]
            if any(forms):
                clock = [other for other in clocks if other != place]
                return (place, clock[0]) if clock and all(form == "date" for form in forms) else (place,)
        days = self._named(dates, Sort.TIME)
        if found and days and days[0] != found[0]:
            return (days[0], found[0])
        return found[:1]

    def _form(self, cell: object) -> str:
        reads = [moment(cell, self._local._replace(first=first)) for first in get_args(First)]
        return next((read.form for read in reads if isinstance(read, ReadTime)), "")

    def _cells(self, place: int) -> list[object]:
        rows = self._recording.sample
        return [row.cells[place] for row in rows if row.reject is None and not is_nothing(row.cells[place])]

    def _written(self, given: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
        """How each field's column is written: as told, else as all rows of the file allow."""
        where, commas, witnesses = self._recording.path.name, self._recording.separator in (",", ""), []
        for name, places in given.items():
            field = self._fields[name]
            if places and field.sort in _WRITTEN and self._told_way(field) is None:
                # Of a date and a time of day, the date comes first.
                looked_at = places[:1] if field.sort is Sort.TIME else places
                cells = [cell for place in looked_at for cell in self._cells(place) if isinstance(cell, str)]
                witnesses.append(Evidence(field, where, cells, looked_at, commas=commas))
        survey(self._recording, witnesses, self._progress)
        return {witness.field.name: witness.settled(witnesses) for witness in witnesses}

    def _told_way(self, field: Field) -> str | None:
        return self._first if field.sort is Sort.TIME else self._told.marks.get(field.name)

    # Reading

    def _source(self, field: Field, columns: tuple[int, ...], written: str | None) -> Source:
        unit, scale = self._unit(field, columns)
        reads = ways(field, Reading(self._topic, self._local, scale, self._words(field)))
        way = written or self._told_way(field)
        if columns:
            return Source(field, columns, reads[way or next(iter(reads))], unit=unit, way=way or "")
        text = self._told.constants[field.name]
        if way is None and field.sort in _WRITTEN:
            (itself := Evidence(field, "--set", [text])).look(0, text)
            way = itself.settled()
        read = reads[way or ""]
        value = read(text)
        if isinstance(value, Reject):
            raise Refused(f"--set {field.name}={text}: {value.detail}", code=_USAGE)
        return Source(field, (), read, constant=whole(field, value))

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
