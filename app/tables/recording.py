"""A recorded log as rows: CSV with any separator, JSON lines or Parquet; plain or gzipped.

A file may be larger than memory, so it is read row by row.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, cast

from app.errors import ExitCode, Refused
from app.tables.column_names import bare
from app.tables.encoding import encoding_of
from app.tables.reject import Reject, RejectReason, cut, is_sum

SAMPLE: Final = 1_000
"""Rows kept: of a file with fewer these are all."""
_CHUNK: Final = 1 << 20
_SEPARATORS: Final = ",;\t|\x01^~"
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_NOT_A_LOG: Final = {
    b"PK\x03\x04": ("an Excel workbook or a zip archive", "save it as CSV, or unpack it, and give that"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save it as CSV, and give that"),
    b"BZh": ("packed by bzip2", "bunzip2 -k {name}"),
    b"\xfd7zXZ": ("packed by xz", "unxz -k {name}"),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "unzstd {name}"),
    b"7z\xbc\xaf": ("a 7-Zip archive", "unpack it, and give what is in it"),
    b"Rar!": ("a RAR archive", "unpack it, and give what is in it"),
    b"%PDF": ("a PDF", "ask for the table as CSV"),
    b"SQLite format 3": ("an SQLite database", "sqlite3 -header -csv {name} 'select * from TABLE' > TABLE.csv"),
    b"<": (
        "HTML or XML, as some programs save under the name of a workbook",
        "open it in a spreadsheet, save it as CSV",
    ),
}
_PREAMBLE: Final = 50
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""Line before the header that names the separator; Excel accepts it and some programs write it."""

_NAMES: Final = 10_000
"""Most names of a file of JSON lines: with more, its names are values."""
_EXPONENT: Final = re.compile(r":\s*-?\d[\d.]*[eE]")
"""In JSON, a number that may have been rounded; as a float it would be a whole one."""

Format = Literal["csv", "jsonl", "parquet"]


Update = Callable[[float, float, int], None]
"""Takes how much of a file is read, its size, and the number of rows."""


class TableRow(NamedTuple):
    """A row's number (line of a text, from 1; row in Parquet), and its cells or the reason why there are none."""

    number: int
    cells: Sequence[object]
    reject: Reject | None = None


class Recording:
    """An opened log; each call of :meth:`rows` starts at the beginning.

    Parameters
    ----------
    separator, encoding
        Given instead of detected. Lines that are invalid in a given encoding are rejected one by one.
    header
        Whether the first line of a CSV names the columns; else they are 1, 2, 3.
    skip
        Lines of a CSV in front of that: a title, a date of export.
    progress
        Called while the whole of a file of JSON lines is read for the names in it.

    Raises
    ------
    app.errors.Refused
        If the log cannot be read; the message says what to do.
    """

    def __init__(
        self,
        path: Path,
        *,
        separator: str | None = None,
        encoding: str | None = None,
        header: bool = True,
        skip: int = 0,
        progress: Update = lambda done, total, count: None,
    ) -> None:
        self.path = path
        self._header = header
        self._skip = skip
        self._at = 0
        try:
            head = self._head()
            self._lenient = encoding is not None
            binary = _is_parquet(head, path)
            self.encoding = "" if binary else encoding_of(path.name, self._open, encoding)
            self.format: Format = "parquet" if binary else _format(head.decode(self.encoding, "replace"), path)
            self.separator = separator or (self._separator() if self.format == "csv" else "")
            self.columns = self._columns(progress)
            self.sample = list(islice(self.rows(), SAMPLE))
        except (OSError, EOFError, zlib.error) as error:
            raise Refused(f"{path} cannot be read: {error}") from error
        if not self.sample:
            raise Refused(f"{path.name} has no rows")

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    @property
    def position(self) -> int:
        """Bytes read so far by the newest :meth:`rows`."""
        return self._at

    def rows(self) -> Iterator[TableRow]:
        """All rows, in the file's order; sums under the table are rejected."""
        held, ordinary = list[tuple[str, TableRow]](), set[str]()
        for row in {"csv": self._csv, "jsonl": self._jsonl, "parquet": self._parquet}[self.format]():
            first = next((cell for cell in row.cells if cell not in (None, "")), None)
            if row.reject is None and is_sum(first) and first not in ordinary:
                held.append((str(first), row))
                continue
            if held:  # a row before other rows is no sum: its first cell is a name
                ordinary.update(name for name, _ in held)
                yield from (each for _, each in held)
                held.clear()
            yield row
        for _, row in held:
            yield row._replace(reject=Reject(RejectReason.SUM, "a sum or a count under the table"))

    # Kind of file

    def _head(self) -> bytes:
        with self._open() as file:
            head = file.read(_CHUNK)
        if not head.strip():
            raise Refused(f"{self.path.name} is empty")
        return head

    def _open(self) -> IO[bytes]:
        with self.path.open("rb") as file:
            packed = file.read(2) == _GZIP
        return cast("IO[bytes]", gzip.open(self.path, "rb")) if packed else self.path.open("rb")

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(
            self._open(),
            encoding=self.encoding,
            errors="surrogateescape" if self._lenient else "strict",
            newline="",
        )

    def _separator(self) -> str:
        with self._text() as file:
            line = next((line for line in islice(file, self._skip, None) if line.strip()), "")
        said = _SEPARATOR_LINE.fullmatch(line)
        return said[1] if said else max(_SEPARATORS, key=line.count)

    def _columns(self, progress: Update) -> tuple[str, ...]:
        if self.format == "parquet":
            return tuple(_parquet_file(self.path).schema_arrow.names)
        if self.format == "jsonl":
            names = self._names(progress)
        else:
            first = next(self._records(), TableRow(1, ()))
            if first.reject is not None:
                raise Refused(f"{self.path.name} is not a table: {first.reject.detail}")
            names = [str(name).strip() if self._header else str(n) for n, name in enumerate(first.cells, 1)]
            blank = names.count("") > 1  # cells of a spreadsheet that once held something
            names = [name or (f"column {n}" if blank else "") for n, name in enumerate(names, 1)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Refused(f"{self.path.name} names a column twice: {', '.join(repr(cut(name)) for name in twice[:10])}")
        return tuple(names)

    def _names(self, progress: Update) -> list[str]:
        """The names in all objects: a field may come with the last one."""
        names: dict[str, None] = {}
        with self._text() as file:
            for number, line in self._watched(file):
                if isinstance(found := _object(line), dict):
                    names |= dict.fromkeys(found)
                if len(names) > _NAMES:
                    raise Refused(f"{self.path.name} has more than {_NAMES:,} different names in its objects")
                if number % 4_096 == 0:
                    progress(self._at, self.size, number)
        if not names:
            raise Refused(
                f"{self.path.name} has no JSON object in a line of its own",
                _one_a_line(self.path, "."),
                code=ExitCode.USAGE,
            )
        return list(names)

    def preamble(self, names: frozenset[str], least: int = 2) -> int:
        """Number of lines before the one that looks most like a header; `names` in the form of :func:`bare`.

        It has `least` of the names, and more than the line that was taken for the header.
        """
        if self.format != "csv":
            return 0
        with self._text() as file:
            lines = list(islice(file, _PREAMBLE))
        found = [len({bare(cell) for cell in re.split(f"[{_SEPARATORS}]", line)} & names) for line in lines]
        best = max(found, default=0)
        return found.index(best) if best >= least and best > found[min(self._skip, len(found) - 1)] else 0

    # Rows

    def _watched(self, file: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
        """Numbered lines, while the position on disk is recorded from the file under decoder and unpacker."""
        below: Any = file.buffer
        raw = getattr(below, "fileobj", below)
        for number, line in enumerate(file, 1):
            if number % 1024 == 1:
                self._at = raw.tell()
            yield number, line
        self._at = self.size

    def _records(self, width: int | None = None) -> Iterator[TableRow]:
        """The rows of a CSV, its header among them; `width` is how many cells one should have, where that is known.

        A quote that is not closed swallows lines up to the next quote. It shows there: what follows is no separator,
        or the row has another width, or there is no next quote. Then its first line alone is no row.
        """
        with self._text() as file:
            lines = _Lines(islice(self._watched(file), self._skip, None))
            reader, begun = csv.reader(lines, delimiter=self.separator), False
            while True:
                lines.taken.clear()
                cells, reject = [], None
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:  # more than 128 KiB in a cell
                    reject = Reject(RejectReason.UNREADABLE, str(error))
                begin, line = lines.taken[0]
                if reject is None and len(cells) < 2 and not "".join(cells).strip():
                    continue  # a line of blanks is no row, and no header
                if not begun and _SEPARATOR_LINE.fullmatch(line):
                    begun = True
                    continue
                begun = True
                if (len(lines.taken) > 1 or lines.ended) and (reject or not self._closes(lines, len(cells), width)):
                    lines.give_back()
                    reject = Reject(RejectReason.UNREADABLE, f"a quote opened in row {begin} is not closed")
                elif '\\"' in line and not self._closes(lines, len(cells), width):
                    reject = Reject(
                        RejectReason.UNREADABLE, "quotes inside a cell are doubled, not marked by a backslash"
                    )
                yield TableRow(begin, cells if reject is None else [line], reject)

    def _closes(self, lines: _Lines, found: int, width: int | None) -> bool:
        if width not in (None, found) and len(lines.taken) > 1:
            return False
        try:
            next(csv.reader([line for _, line in lines.taken], delimiter=self.separator, strict=True))
        except csv.Error:
            return False
        return True

    def _csv(self) -> Iterator[TableRow]:
        width = len(self.columns)
        for number, cells, reject in islice(self._records(width), int(self._header), None):
            why = reject or self._broken(cells)
            if why is None and self._header and tuple(str(cell).strip() for cell in cells) == self.columns:
                why = Reject(RejectReason.HEADER, "the header once more")
            if why is None and len(cells) != width:
                why = Reject(RejectReason.WRONG_WIDTH, f"{len(cells)} fields where the header has {width}")
            yield TableRow(number, cells, why)

    def _jsonl(self) -> Iterator[TableRow]:
        with self._text() as file:
            for number, line in self._watched(file):
                if not line.strip():
                    continue
                found = _object(line)
                if isinstance(found, Reject):
                    yield TableRow(number, (line.rstrip("\r\n"),), found)
                else:
                    yield TableRow(number, [found.get(name) for name in self.columns], self._broken([line]))

    def _parquet(self) -> Iterator[TableRow]:
        file, number = _parquet_file(self.path), 0
        for batch in file.iter_batches(batch_size=8_192):
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield TableRow(number, cells)
            self._at = round(self.size * number / max(file.metadata.num_rows, 1))

    def _broken(self, cells: Sequence[object]) -> Reject | None:
        if self._lenient and any("\udc80" <= c <= "\udcff" for cell in cells for c in str(cell)):
            return Reject(RejectReason.UNREADABLE, f"not text in {self.encoding}")
        return None


class _Lines:
    """Lines for a CSV reader; keeps the lines of the current row and can return them again."""

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self.again: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line[1]

    def give_back(self) -> None:
        """Return all lines of this row except its first to the reader."""
        self.again.extendleft(reversed(self.taken[1:]))
        self.ended = False


def _is_parquet(head: bytes, path: Path) -> bool:
    for magic, (what, advice) in _NOT_A_LOG.items():
        if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(magic):
            raise Refused(f"{path.name} is {what}", advice.format(name=path.name), code=ExitCode.USAGE)
    return head.startswith(_PARQUET)


def _format(head: str, path: Path) -> Format:
    text = head.removeprefix("\ufeff").lstrip()
    if text.startswith(("[{", "[\n", "[\r", "[ ")):
        raise Refused(
            f"{path.name} is one JSON array, which would have to be read whole",
            _one_a_line(path, "'.[]'"),
            code=ExitCode.USAGE,
        )
    return "jsonl" if text.startswith("{") else "csv"


def _one_a_line(path: Path, what: str) -> str:
    """Advice; into a file of another name, since the shell would empty this one first."""
    return f"one object a line:  jq -c {what} {path.name} > {path.stem}.lines.jsonl"


def _object(line: str) -> dict[str, Any] | Reject:
    try:
        found = json.loads(line)
    except ValueError:
        return Reject(RejectReason.UNREADABLE, "is no JSON")
    if not isinstance(found, dict):
        return Reject(RejectReason.UNREADABLE, "is no JSON object")
    if "\\u" in line and any("\ud800" <= c <= "\udfff" for c in json.dumps(found, ensure_ascii=False)):
        return Reject(RejectReason.UNREADABLE, "half of a surrogate pair is no text")
    if _EXPONENT.search(line):
        written = json.loads(line, parse_float=_as_written)
        found |= {name: value for name, value in written.items() if isinstance(value, Decimal)}
    return found


def _as_written(text: str) -> Decimal | float:
    """A number of JSON that keeps its exponent, if it has one."""
    try:
        return Decimal(text) if "E" in text.upper() else float(text)
    except ArithmeticError:  # an exponent of twenty digits
        return float(text)


def _parquet_file(path: Path) -> Any:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise Refused(
            f"{path.name} is Parquet, for which a library is missing", "pip install 'holdfast[files]'"
        ) from None
    try:
        return ParquetFile(path)
    except ArrowInvalid as error:
        raise Refused(f"{path.name} is no whole Parquet file: {error}") from error
