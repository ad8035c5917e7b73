"""Date and decimal format of a column: the only one that all of its cells allow, or the user is asked.

5/6/2026 and 1,234 are ambiguous. No cell decides alone: each rules out the formats in which it cannot be read, over
the whole file, and nothing is written before one format is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from app.errors import ExitCode, Refused
from app.tables.fields import Field, Reading, Sort, ways
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


class _Seen(NamedTuple):
    """A cell that rules out a format, and its row; 0 for the command line."""

    row: int
    cell: str

    def __str__(self) -> str:
        return f"row {self.row} {cut(self.cell)!r}" if self.row else repr(cut(self.cell))


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
        self._unsure: _Seen | None = None
        self._serial: _Seen | None = None
        self._date: _Seen | None = None
        self._remembered = lru_cache(1 << 16)(self._allowed)
        self.left = list(self._ways)

    def look(self, row: int, cell: str) -> None:
        """Examine one cell."""
        time = self.field.sort is Sort.TIME
        text = numbered_date(cell) if time else cell
        if time:
            self._serial = self._serial or (_Seen(row, cell) if not text and serial_day(cell) else None)
            self._date = self._date or (_Seen(row, text) if text else None)
        if not text or text.isdecimal():
            return
        if not time and len(self.left) == 1 and not isinstance(self._ways[self.left[0]](text), Reject):
            return  # nothing new: a large file has many numbers, and each once
        allowed, unsure = self._remembered(text)
        if allowed:
            for way in self._ways.keys() - allowed - self._against.keys():
                self._against[way] = _Seen(row, text)
            self.left = [way for way in self._ways if way not in self._against]
            if unsure and self._unsure is None:
                self._unsure = _Seen(row, text)

    def settled(self, others: Sequence[Evidence] = ()) -> str:
        """The format of the column; if its cells do not decide, the file's other columns may.

        Raises
        ------
        app.errors.Refused
            If cells contradict each other, or none of them decides.
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
        if len(left) == 1 or self._unsure is None:
            return left[0]
        lent = {each.left[0] for each in others if len(each.left) == 1} & set(left)
        if len(lent) == 1:
            return lent.pop()
        raise self._question(self._unsure, left)

    @property
    def why(self) -> str:
        """What ruled the other ways out, for people; nothing where no cell did.

        Examples
        --------
        >>> amounts = Evidence(Field("amount", Sort.MONEY, required=True), "log.csv", [])
        >>> amounts.look(7, "1.234,50")
        >>> amounts.settled(), amounts.why
        ('comma', "row 7 '1.234,50'")
        """
        return str(next(iter(self._against.values()), ""))

    def _allowed(self, text: str) -> tuple[frozenset[str], bool]:
        """The formats in which a cell can be read, and whether its value differs between them; none if it is no use."""
        read = {way: value for way, read in self._ways.items() if not isinstance(value := read(text), Reject)}
        different = len(set(read.values())) > 1
        if self.field.sort is Sort.TIME and "." in text and "day" in read:
            return frozenset(["day"]), False  # 5.6.2026 is never the sixth of May
        if self._now_ms is not None:
            # One day more, since the file's time zone is not known here.
            limit = self._now_ms + DAY_MS
            read = {way: ms for way, ms in read.items() if not (isinstance(ms, int) and ms > limit)} or read
        if not different and len(read) == len(self._ways):
            return frozenset(), False
        if different and self.field.sort is not Sort.TIME and "," not in text and self._commas:
            return frozenset(), False
        return frozenset(read), different

    def _question(self, seen: _Seen, left: Sequence[str]) -> Refused:
        read = {way: self._ways[way](seen.cell) for way in left}
        if self.field.sort is Sort.TIME:
            read = {way: datetime.fromtimestamp(int(str(ms)) // 1000, UTC).date() for way, ms in read.items()}
        return Refused(
            f"{self._where}: {self.field.name}: {seen} is {' or '.join(map(str, read.values()))}, and nothing tells",
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


def survey(recording: Recording, witnesses: Sequence[Evidence], progress: Callable[[int], None]) -> None:
    """Examine every row of a file: the deciding one may be the last."""
    all_seen = not witnesses or len(recording.sample) < SAMPLE
    for count, row in enumerate(recording.sample if all_seen else recording.rows()):
        if row.reject is None:
            for witness in witnesses:
                for place in witness.places:
                    if isinstance(cell := row.cells[place], str):
                        witness.look(row.number, cell)
        if count % 4_096 == 0:
            progress(count)
