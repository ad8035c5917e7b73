"""Date format, decimal format and unit of a column: what all of its cells allow, or the user is asked.

5/6/2026 and 1,234 are ambiguous. No cell decides alone: each rules out the formats in which it cannot be read, over the
whole file, and nothing is written before one format is left. A few cells do not decide for thousands, since a wrong one
would change the whole file, unless the format that they show puts its dates closer together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple, Protocol, get_args

from app.errors import ExitCode, Refused
from app.tables.fields import UNITS, Field, Reading, Sort, ways
from app.tables.quantities import Mark, clock, number, quantity
from app.tables.recording import SAMPLE, Recording
from app.tables.reject import Reject, cut
from app.tables.times import LocalTime, numbered_date, serial_day, year_may_lead
from models.contract.time_units import DAY_MS

_NAMES: Final = {
    "month": ("month first", "--month-first"),
    "day": ("day first", "--day-first"),
    "year": ("year first", "--year-first"),
    "point": ("written with a decimal point", "--decimal {field}=point"),
    "comma": ("written with a decimal comma", "--decimal {field}=comma"),
}
_MANY: Final = 10
"""Cells that rule a format out beyond doubt: so many are not a few typing errors."""
_FEW: Final = 200
"""Fewer cells than that decide only if at most this many times their number would change value."""
_LATE: Final = 20
_LATE_OF_FEW: Final = 3
"""A date in the future says less, since a clock may be wrong. One in three cells must have one, and two at least; or
one in twenty, where those are many."""


class _Seen(NamedTuple):
    """A cell that rules out a format, and its row; 0 for the command line."""

    row: int
    cell: str

    def __str__(self) -> str:
        return f"row {self.row} {cut(self.cell)!r}" if self.row else repr(cut(self.cell))


class _Bearing(NamedTuple):
    """Evidence of one cell: the formats in which it can be read, and those that make it later than now."""

    allowed: frozenset[str]
    late: frozenset[str]
    turned: bool
    """Whether its value differs between the allowed formats."""


class Evidence:
    """Evidence from the cells of one field about their format.

    Parameters
    ----------
    where
        The file's name, or the flag that gives a constant.
    cells
        Some of the cells: they show whether a year of two digits may come first.
    places
        Indexes of the columns to examine.
    commas
        Whether commas separate the columns, or nothing does, as in JSON: then 1.234 is not 1,234.
    now_ms
        For times in the past: the present, which rules out a format that gives a later time.
    """

    def __init__(
        self,
        field: Field,
        where: str,
        cells: list[str],
        places: Sequence[int] = (),
        *,
        commas: bool = True,
        now_ms: int | None = None,
    ) -> None:
        self.field, self.places = field, places
        self._where, self._commas, self._now_ms = where, commas, now_ms
        self._ways = ways(field, Reading("", LocalTime(0)))
        if not year_may_lead(cells):
            self._ways.pop("year", None)
        self._against: dict[str, _Seen] = {}
        self._late: dict[str, _Seen] = {}
        self._counts = Counter[_Bearing]()
        self._spans: dict[str, tuple[int, int]] = {}
        self._unsure: _Seen | None = None
        self._serial: _Seen | None = None
        self._date: _Seen | None = None
        self._remembered = lru_cache(1 << 16)(self._allowed)
        self.left = list(self._ways)

    def look(self, row: int, cell: object) -> None:
        """Examine one cell; only texts have a format."""
        if not isinstance(cell, str):
            return
        time = self.field.sort is Sort.TIME
        text = numbered_date(cell) if time else cell
        if time:
            self._serial = self._serial or (_Seen(row, cell) if not text and serial_day(cell) else None)
            self._date = self._date or (_Seen(row, text) if text else None)
        if not text or text.isdecimal():
            return
        if not time and self._sure and not isinstance(self._ways[self.left[0]](text), Reject):
            return  # no new evidence; it is not cached: a large file has many different numbers
        bearing = self._remembered(text)
        if bearing is None:
            return
        self._counts[bearing] += 1
        if self._counts[bearing] > 1:
            return
        seen = _Seen(row, text)
        for way in self._ways.keys() - bearing.allowed - bearing.late:
            self._against.setdefault(way, seen)
        for way in bearing.late:
            self._late.setdefault(way, seen)
        self.left = [way for way in self._ways if way not in self._against]
        if bearing.turned:
            self._unsure = self._unsure or seen

    def settled(self, others: Sequence[Evidence] = ()) -> str:
        """The format of the column; if its cells do not decide, the file's other columns may.

        Raises
        ------
        app.errors.Refused
            If cells contradict each other, none of them decides, or a few would decide for thousands.
        """
        if self._serial and self._date:
            raise Refused(
                f"{self._where}: {self.field.name} has days of a spreadsheet, {self._serial}, and dates, {self._date}: "
                "it has read some of the dates itself, perhaps the day for the month",
                "export the column anew, as text",
                "or, if that is not so, say the order of the dates:  --day-first  or  --month-first",
                code=ExitCode.USAGE,
            )
        left = self.left  # formats that no cell has ruled out
        if not left:
            raise self._contradiction()
        if self._unsure is None:
            return left[0]
        if len(left) > 1:  # formats that put most dates in the future count less than the others
            left = [way for way in left if not self._mostly_late(way)] or left
            self._against |= {way: seen for way, seen in self._late.items() if way in self.left and way not in left}
        if len(left) == 1:
            if self._late_all_the_same(left[0]):
                raise self._question(self._late[left[0]], [left[0], *self._against], late=left[0])
            if weak := [way for way in self._against if self._weak(way) and not self._closer(left[0], way)]:
                raise self._question(self._unsure, [left[0], *weak], only=self._against[weak[0]])
            return left[0]
        lent = {each.left[0] for each in others if len(each.left) == 1} & set(left)
        if len(lent) == 1:
            return lent.pop()
        raise self._question(self._unsure, left)

    @property
    def why(self) -> str:
        """The cell that ruled the other formats out, as text for the user; empty if none did.

        Examples
        --------
        >>> amounts = Evidence(Field("amount", Sort.MONEY, required=True), "log.csv", [])
        >>> amounts.look(7, "1.234,50")
        >>> amounts.settled(), amounts.why
        ('comma', "row 7 '1.234,50'")
        """
        return str(next(iter(self._against.values()), ""))

    @property
    def _sure(self) -> bool:
        return len(self.left) == 1 and all(self._number(against=way) >= _MANY for way in self._against)

    @property
    def _turned(self) -> int:
        """Cells that have another value in another format."""
        return sum(count for bearing, count in self._counts.items() if bearing.turned)

    def _number(self, *, against: str = "", late: str = "") -> int:
        """Cells that rule a format out, or with which it gives a later time than now."""
        return sum(
            count
            for bearing, count in self._counts.items()
            if late in bearing.late or (against and against not in bearing.allowed | bearing.late)
        )

    def _mostly_late(self, way: str) -> bool:
        number, least = self._number(late=way), self._turned / _LATE_OF_FEW
        return number >= max(2, least) or number >= max(_MANY, self._turned / _LATE)

    def _late_all_the_same(self, way: str) -> bool:
        """Whether the only format left puts most dates in the future, and few cells rule the others out."""
        against = max((self._number(against=other) for other in self._against), default=0)
        return self._mostly_late(way) and against < max(_MANY, self._number(late=way))

    def _closer(self, way: str, than: str) -> bool:
        """Whether a format puts the dates closer together: a log of October is not one of ten days in ten months."""
        (first, last), (early, late) = (self._spans.get(each, (0, 0)) for each in (way, than))
        return last - first < late - early

    def _weak(self, way: str) -> bool:
        """Whether too few cells rule a format out for how many would change value; not where most are late in it."""
        number = self._number(against=way)
        return 0 < number < _MANY and number * _FEW < self._turned

    def _allowed(self, text: str) -> _Bearing | None:
        """The evidence of a cell; None if it has none."""
        read = {way: value for way, read in self._ways.items() if not isinstance(value := read(text), Reject)}
        if self.field.sort is Sort.TIME and "." in text and "day" in read:
            read.pop("month", None)  # 5.6.2026 is never the sixth of May
        different, late = len(set(read.values())) > 1, frozenset[str]()
        if self._now_ms is not None:
            # One day more, since the file's time zone is not known here.
            limit = self._now_ms + DAY_MS
            late = frozenset(way for way, ms in read.items() if isinstance(ms, int) and ms > limit)
            late = frozenset() if len(late) == len(read) else late
        if not read or (not different and len(read) == len(self._ways)):
            return None
        if different and self.field.sort is not Sort.TIME and "," not in text and self._commas:
            return None
        for way, value in read.items() if different else ():
            if isinstance(value, int) and self.field.sort is Sort.TIME:
                first, last = self._spans.get(way, (value, value))
                self._spans[way] = min(first, value), max(last, value)
        return _Bearing(frozenset(read) - late, late, turned=different)

    def _question(self, seen: _Seen, left: Sequence[str], *, only: _Seen | None = None, late: str = "") -> Refused:
        read = {way: self._ways[way](seen.cell) for way in left}
        if self.field.sort is Sort.TIME:
            read = {way: datetime.fromtimestamp(int(str(ms)) // 1000, UTC).date() for way, ms in read.items()}
        tells = "nothing tells" if only is None else f"only {only} would tell, for {self._turned:,} like it"
        if late:
            ruled_out = " and ".join(f"{each} is not {_NAMES[way][0]}" for way, each in self._against.items())
            tells = f"{ruled_out}, while {_NAMES[late][0]} it is in the future"
        return Refused(
            f"{self._where}: {self.field.name}: {seen} is {' or '.join(map(str, read.values()))}, and {tells}",
            *(f"{value}:  {_NAMES[way][1].format(field=self.field.name)}" for way, value in read.items()),
            code=ExitCode.USAGE,
        )

    def _contradiction(self) -> Refused:
        against = " and ".join(f"{seen} is not {_NAMES[way][0]}" for way, seen in self._against.items())
        flags = "  or  ".join(_NAMES[way][1].format(field=self.field.name) for way in self._against)
        return Refused(
            f"{self._where}: {self.field.name} is written in more than one way: {against}",
            f"say in which, and the rows that do not fit are rejected:  {flags}",
            code=ExitCode.USAGE,
        )


_Signs = tuple[frozenset[str], frozenset[str]]
"""Evidence of a cell about its unit, read with a decimal point and with a comma."""


class UnitEvidence:
    """Evidence of the unit of a column's bare numbers, where neither its name nor the command line gives it.

    Calls of a thousandth of a second are days of a spreadsheet, and there is no half a byte: the user is asked then.

    Parameters
    ----------
    where
        The file's name.
    places
        Indexes of the columns to examine.
    seconds
        Whether the name of the column says seconds; the numbers may be a spreadsheet's days all the same.
    longest
        Seconds that most calls or sessions do not reach.
    """

    def __init__(
        self, field: Field, where: str, places: Sequence[int] = (), *, seconds: bool = False, longest: float = 10_000
    ) -> None:
        self.field, self.places = field, places
        self._where, self._named, self._longest = where, seconds, longest
        self._counts = Counter[_Signs]()
        self._first: dict[_Signs, _Seen] = {}
        self._remembered = lru_cache(1 << 16)(self._signs)

    def look(self, row: int, cell: object) -> None:
        """Examine one cell; one that names its own unit is no evidence for the others."""
        signs = self._remembered(str(cell))
        self._counts[signs] += 1
        if self._counts[signs] == 1:
            self._first[signs] = _Seen(row, str(cell))

    def settle(self, mark: str) -> None:
        """Ask the user if the numbers, read with this decimal mark, cannot be in the assumed unit.

        Raises
        ------
        app.errors.Refused
            With the units that they may be in.

        Examples
        --------
        >>> durations = UnitEvidence(Field("duration_s", Sort.SECONDS, required=True), "log.csv")
        >>> durations.look(2, "0.0020833")
        >>> durations.settle("point")
        Traceback (most recent call last):
        app.errors.Refused: log.csv: duration_s: what is row 2 '0.0020833'? The column names no unit
        """
        place, found = mark == "comma", Counter[str]()
        for signs, count in self._counts.items():
            found.update(dict.fromkeys(signs[place], count))
        most = found["number"] / 2
        doubts: list[tuple[str, bool, tuple[str, ...]]]
        if self.field.sort is Sort.BYTES:
            small = found["below 1000"] > most
            doubts = [
                ("fraction", found["fraction"] > 0, ("KB", "MB", "GB")),
                ("below 1000", small, ("bytes", "KB", "MB", "GB")),
            ]
        else:
            clocks = found["short clock"] > 0 and not found["long clock"]
            doubts = [
                ("finer than 1 ms", found["finer than 1 ms"] > 0, ("days", "s")),
                ("below 1", found["below 1"] > most, ("days", "s")),
                ("short clock", clocks, ("min", "h")),
                ("fraction", not self._named and min(found["fraction"], found["below 20"]) > most, ("min", "s")),
                ("long", not self._named and found["long"] > most, ("ms", "s")),
            ]
        for sign, doubt, units in doubts:
            if doubt:
                seen = min(seen for signs, seen in self._first.items() if sign in signs[place])
                raise self._question(seen, units, mark)

    def _signs(self, cell: str) -> _Signs:
        """The evidence of a cell, read with a decimal point and with a comma."""
        if self.field.sort is Sort.SECONDS and (parts := clock(cell)):
            shown = frozenset(["long clock" if parts[0] is not None or parts[1] > 23 else "short clock"])
            return shown, shown
        point, comma = (self._of(number(cell, mark)) for mark in get_args(Mark))
        return point, comma

    def _of(self, value: float | Reject) -> frozenset[str]:
        if isinstance(value, Reject) or value <= 0:
            return frozenset()
        signs = {
            "number": True,
            "finer than 1 ms": value < 1 and not (value * 1000).is_integer(),
            "fraction": not float(value).is_integer(),
            "below 1": value < 1,
            "below 20": value < 20,
            "below 1000": value < 1000,
            "long": value >= self._longest,
        }
        return frozenset(sign for sign, holds in signs.items() if holds)

    def _question(self, seen: _Seen, units: Sequence[str], mark: str) -> Refused:
        known = UNITS[self.field.sort]
        read = {
            unit: quantity(seen.cell, known, known[unit.casefold()], "comma" if mark == "comma" else "point")
            for unit in units
        }
        what = "bytes" if self.field.sort is Sort.BYTES else "s"
        return Refused(
            f"{self._where}: {self.field.name}: what is {seen}? The column names no unit",
            *(f"{value:,} {what}:  --unit {self.field.name}={unit}" for unit, value in read.items()),
            code=ExitCode.USAGE,
        )


class CellEvidence(Protocol):
    """Port for evidence: it examines all cells of its columns."""

    @property
    def places(self) -> Sequence[int]:
        """Indexes of the columns."""

    def look(self, row: int, cell: object) -> None:
        """Examine one cell, with the number of its row."""


def survey(recording: Recording, evidence: Sequence[CellEvidence], progress: Callable[[int], None]) -> None:
    """Examine every row of a file: the deciding one may be the last."""
    all_seen = not evidence or len(recording.sample) < SAMPLE
    for count, row in enumerate(recording.sample if all_seen else recording.rows()):
        if row.reject is None:
            for column in evidence:
                for place in column.places:
                    if (cell := row.cells[place]) is not None:
                        column.look(row.number, cell)
        if count % 4_096 == 0:
            progress(count)
