"""Mapping of columns to fields: given on the command line, or guessed from names and examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Final, NamedTuple, get_args

from app.errors import ExitCode, Refused
from app.tables.column_cells import ColumnCells, cells_of, shape
from app.tables.column_names import (
    CALLED_NAMES,
    CALLING,
    DATES,
    EITHER,
    MAY_BE_OF_ZONE,
    NAMES,
    OF_ZONE,
    SUMMED,
    bare,
    known_names,
    unit_of,
)
from app.tables.contract_words import FLAGS, plain
from app.tables.decimals_and_dates import Evidence, UnitEvidence, survey
from app.tables.fields import NUMERIC, UNITS, Field, Read, Reading, Sort, fields_of, reader, ways, whole
from app.tables.id_evidence import PHONE, IdEvidence
from app.tables.recording import Recording
from app.tables.reject import Reject, cut
from app.tables.times import First, LocalTime, ReadTime, moment, of_day
from models.contract.events import CALLS, DATA_USAGE

_USAGE: Final = ExitCode.USAGE
_TAUGHT: Final = (Sort.WORD, Sort.FLAG)
_WRITTEN: Final = NUMERIC | {Sort.TIME}
"""Sorts of values for which one cell does not show the format."""
_CALLING: Final = frozenset(map(bare, CALLING.split()))
_CALL_S: Final = 10_000
_DAY_S: Final = 86_400
"""Seconds that few calls and visits last, and few sessions of data: where most do, they are thousandths."""
_PAST: Final = frozenset({"ts", "last_activity_ts", "activated_ts"})
"""Times that lie in the past."""
CALLED: Final = "called_id"
"""Treated as a field with ``--both-parties``: the column of the called party."""
_ALIKE: Final = ("subscriber_id", CALLED, "main_subscriber_id")
"""Fields whose ids are the same where they mean the same subscriber."""


class Told(NamedTuple):
    """Flags of the command line for a file: by field its column, constant, unit, own words, decimal mark."""

    columns: Mapping[str, str] = {}
    constants: Mapping[str, str] = {}
    units: Mapping[str, str] = {}
    words: Mapping[str, Mapping[str, str]] = {}
    marks: Mapping[str, str] = {}
    both_parties: bool = False
    """Whether a row is a call between two subscribers and makes an event for each."""


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
    why: str = ""
    """The cell that decided the format."""


class ColumnMap(NamedTuple):
    """The source of each field of a topic."""

    topic: str
    fields: Mapping[str, Field]
    sources: tuple[Source, ...]
    local: LocalTime
    notes: tuple[str, ...]
    cells: Mapping[int, ColumnCells] = {}
    """What stands in the columns that are used, or whose names say that they may hold a time zone."""

    @property
    def missing(self) -> list[str]:
        """Required fields without a source."""
        given = {source.field.name for source in self.sources}
        return [each.name for each in self.fields.values() if each.required and each.name not in given]

    def unused(self, columns: Sequence[str]) -> list[str]:
        """Columns that no field uses."""
        used = {place for source in self.sources for place in source.columns}
        return [name for place, name in enumerate(columns) if place not in used]


class ColumnMapper:
    """Makes the mapping of a recording onto a topic.

    Parameters
    ----------
    local
        Offset or zone of times that name none.
    first
        Which part of 5/6/2026 comes first; None to infer it from the file.
    progress
        Called with the number of rows read, while the file is scanned for the formats of its columns.
    now_ms
        The present: a format by which an event would be later is ruled out.
    """

    def __init__(
        self,
        recording: Recording,
        topic: str,
        told: Told,
        local: LocalTime,
        first: First | None = None,
        progress: Callable[[int], None] = lambda _: None,
        now_ms: int | None = None,
    ) -> None:
        self._recording = recording
        self._topic = topic
        self._told = told
        self._fields = fields_of(topic)
        if told.both_parties:
            if topic != CALLS:
                raise Refused("--both-parties is for calls: nothing else has two", code=_USAGE)
            self._fields[CALLED] = Field(CALLED, Sort.ID, required=True)
        self._bare = [bare(name) for name in recording.columns]
        self._notes: list[str] = []
        self._taken: set[int] = set()
        self._cells: Mapping[int, ColumnCells] = {}
        self._local = local
        self._now_ms = now_ms
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
        self._cells = cells_of(self._recording, self._taken | self._known(), self._progress)
        if self._told.both_parties:
            self._ask_for_direction(given)
        for name in self._fields:
            if name not in given and name not in self._told.constants and (found := self._guess(name)):
                given[name] = found
                self._taken |= set(found)
        if CALLED in given:
            self._fields[CALLED] = self._fields[CALLED]._replace(required=False)  # a row may have none: a mailbox
        written = self._written(given)
        sources = [
            self._source(field, given.get(name, ()), *written.get(name, (None, "")))
            for name, field in self._fields.items()
            if given.get(name) or name in self._told.constants
        ]
        told = {*self._told.units, *self._told.words, *self._told.marks}
        for name in told - {source.field.name for source in sources}:
            raise Refused(
                f"no column gives {name}, yet a flag gives a unit, a word or a decimal mark for it",
                f"--map {name}=COLUMN",
                code=_USAGE,
            )
        by_name = {source.field.name: source for source in sources}
        if "kind" in by_name and "sms" in self._words_of(by_name["kind"]):
            self._fields["duration_s"] = self._fields["duration_s"]._replace(required=False)  # an SMS has none
        if "direction" in by_name and "incoming" in self._words_of(by_name["direction"]):
            self._ask_whose(by_name.get("subscriber_id"))
        notes = tuple(dict.fromkeys(self._notes))
        return ColumnMap(self._topic, self._fields, tuple(sources), self._local, notes, self._cells)

    def _known(self) -> set[int]:
        """Columns that may be used, by their names."""
        known = known_names(self._topic) | {bare(name) for name in (*CALLED_NAMES.split(), *DATES)}
        known |= {bare(name) for sums in SUMMED.get(self._topic, ()) for names in sums for name in names.split()}
        return {
            place
            for place, name in enumerate(self._bare)
            if {name, *(unit_of(self._recording.columns[place], units)[0] for units in UNITS.values())} & known
            or OF_ZONE.fullmatch(name)
            or name in MAY_BE_OF_ZONE
        }

    def _ask_for_direction(self, given: dict[str, tuple[int, ...]]) -> None:
        """Each row is outgoing for the caller and incoming for the called party; refuse a file that says otherwise."""
        places = given.pop("direction", None)
        if places is None and "direction" not in self._told.constants:
            places = self._guess("direction")
        self._told = self._told._replace(constants={"direction": "outgoing", **self._told.constants})
        direction = self._fields["direction"]
        read = reader(direction, Reading(self._topic, self._local, 1.0, self._words(direction)))
        for place in places or ():
            if cell := next((cell for cell in self._cells[place].seen if read(cell) == "incoming"), None):
                name = cut(self._recording.columns[place])
                raise Refused(
                    f"{self._recording.path.name}: with --both-parties a row is a call that the caller makes, but "
                    f"{name} says {cut(cell)!r}",
                    "a call has a row for each party already:  without --both-parties",
                    f"{name} says nothing of caller and called:  --map direction=",
                    code=_USAGE,
                )

    def _words_of(self, source: Source) -> set[object]:
        """The contract's words that occur in the file."""
        return {source.constant, *(source.read(cell) for place in source.columns for cell in self._cells[place].seen)}

    def _ask_whose(self, who: Source | None) -> None:
        """Refuse incoming rows in a log with caller and called party: under the caller's number they are wrong."""
        called = self._named([bare(each) for each in CALLED_NAMES.split()], Sort.ID)
        if who is None or not who.columns or not called or who.field.name in self._told.columns:
            return
        if self._bare[who.columns[0]] not in _CALLING:
            return
        columns = self._recording.columns
        caller, other = columns[who.columns[0]], columns[called[0]]
        raise Refused(
            f"{self._recording.path.name}: {caller} is the caller and {other} the called party: "
            "whose calls are the incoming ones?",
            f"{caller}'s:  --map subscriber_id={caller}",
            f"{other}'s:  incoming calls in a file of their own, with --map subscriber_id={other}",
            "each row belongs to both:  --both-parties --map direction=",
            code=_USAGE,
        )

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
        names = CALLED_NAMES if name == CALLED else NAMES[self._topic].get(name, "")
        if self._told.both_parties and name == "subscriber_id":
            names = f"{CALLING} {names}"  # not the party whose record it is
        found = self._named([bare(each) for each in names.split()], self._fields[name].sort)
        for place in found[:1]:
            alike = [self._recording.columns[n] for n, each in enumerate(self._bare) if each == self._bare[place]]
            if len(alike) > 1:
                raise Refused(
                    f"{self._recording.path.name}: {' and '.join(alike)} are named alike: which of them gives {name}?",
                    *(f"--map {name}={each}" for each in alike),
                    code=_USAGE,
                )
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
        """Whether the column's values fit: no row must be rejected because of a field that is optional."""
        if field.required and self._bare[place] not in EITHER:
            return True
        reads = ways(field, Reading(self._topic, self._local, 1.0, self._words(field))).values()
        strange = dict[str, None]()

        def is_strange(cell: object) -> bool:
            if any(not isinstance(read(cell), Reject) for read in reads):
                return False
            strange[cut(cell)] = None
            return True

        if not self._cells[place].mostly(is_strange):
            return True
        column, words = cut(self._recording.columns[place]), ", ".join(islice(strange, 5))
        self._notes.append(f"{column} is named like {field.name}, but its values do not fit ({words}): left out")
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
        cells = self._cells
        clocks = [place for place in found if cells[place].seen and cells[place].mostly(of_day)]
        dates = [bare(name) for name in DATES]
        days = self._named(dates, Sort.TIME)
        if days and found and found[0] in clocks and cells[found[0]].mostly(lambda cell: str(cell).isdecimal()):
            return (days[0], found[0])  # 083000 would be a day number of a spreadsheet
        # 08.10.26 may be a date too: it is one where the column is called so, or where no other column has dates.
        for place in sorted(found, key=lambda place: place in clocks and 1 + (self._bare[place] not in dates)):
            if cells[place].seen and cells[place].mostly(self._form):
                clock = [other for other in clocks if other != place]
                return (place, clock[0]) if clock and cells[place].mostly(self._is_date) else (place,)
        return (days[0], found[0]) if found and days and days[0] != found[0] else found[:1]

    def _form(self, cell: object) -> str:
        reads = [moment(cell, self._local._replace(first=first)) for first in get_args(First)]
        return next((read.form for read in reads if isinstance(read, ReadTime)), "")

    def _is_date(self, cell: object) -> bool:
        return self._form(cell) == "date"

    def _written(self, given: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[str, str]]:
        """The format of each field's column, and the evidence for it: as given by a flag, else as all rows allow."""
        where, commas = self._recording.path.name, self._recording.separator in (",", "")
        formats, scales = list[Evidence](), list[UnitEvidence]()
        for name, places in given.items():
            field = self._fields[name]
            if places and field.sort in _WRITTEN and self._told_way(field) is None:
                # Of a date and a time of day, the date comes first.
                looked_at = places[:1] if field.sort is Sort.TIME else places
                cells = [cell for place in looked_at for cell in self._cells[place].seen if isinstance(cell, str)]
                now_ms = self._now_ms if name in _PAST else None
                formats.append(Evidence(field, where, cells, looked_at, commas=commas, now_ms=now_ms))
            if places and field.sort in (Sort.SECONDS, Sort.BYTES) and name not in self._told.units:
                unit, scale = self._unit(field, places)
                if unit is None or (field.sort is Sort.SECONDS and scale == 1):
                    longest = _DAY_S if self._topic == DATA_USAGE else _CALL_S
                    scales.append(UnitEvidence(field, where, places, seconds=unit is not None, longest=longest))
        ids = self._ids(given)
        survey(self._recording, [*formats, *scales, *ids], self._progress)
        for column in ids:
            column.settle()
        found = {each.field.name: (each.settled(formats), each.why) for each in formats}
        for each in scales:
            each.settle(found[each.field.name][0] if each.field.name in found else self._told.marks[each.field.name])
        return found

    def _ids(self, given: Mapping[str, tuple[int, ...]]) -> list[IdEvidence]:
        """Evidence of the columns of ids: of those of subscribers together, and of each other."""
        alike = [name for name in _ALIKE if given.get(name)]
        others = [[name] for name, field in self._fields.items() if field.sort is Sort.ID and given.get(name)]
        found = []
        for names in [alike] * bool(alike) + [each for each in others if each[0] not in _ALIKE]:
            places = [place for name in names for place in given[name]]
            read = reader(self._fields[names[0]], Reading(self._topic, self._local))
            forms = {shape(read(cell)) for place in places for cell in self._cells[place].seen}
            phones = sum(PHONE.fullmatch(form) is not None for form in forms)
            several = phones > 1 or any(self._cells[place].crowded for place in places)
            where = f"{self._recording.path.name}: {' and '.join(names)}"
            found.append(IdEvidence(where, places, read, of_subscribers=names is alike, several_forms=several))
        return found

    def _told_way(self, field: Field) -> str | None:
        return self._first if field.sort is Sort.TIME else self._told.marks.get(field.name)

    # Reading

    def _source(self, field: Field, columns: tuple[int, ...], written: str | None, why: str) -> Source:
        unit, scale = self._unit(field, columns)
        reads = ways(field, Reading(self._topic, self._local, scale, self._words(field)))
        way = written or self._told_way(field)
        if columns:
            return Source(field, columns, reads[way or next(iter(reads))], unit=unit, way=way or "", why=why)
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
