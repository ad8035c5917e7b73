"""A recorded log as rows: CSV with whatever separator, JSON lines or Parquet; plain or gzipped; UTF-8, UTF-16 or GBK.

A file may be larger than memory, so it is read row by row. Only the encoding is found out by reading all of it first:
the first megabyte of a Chinese export is often plain ASCII, and a guess would be found wrong in the middle.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple, cast

from app.errors import ExitCode, Refused
from app.replay.reject import Reason, Reject

SAMPLE: Final = 1_000
"""Rows that are looked at before the mapping is decided."""
_CHUNK: Final = 1 << 20
_SEPARATORS: Final = ",;\t|\x01^~"
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_NOT_A_LOG: Final = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
_BOMS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

Format = Literal["csv", "jsonl", "parquet"]


class Row(NamedTuple):
    """Where it stands (the line in a text, counted from 1; the row in Parquet), and its cells or why there are none."""

    number: int
    cells: Sequence[object]
    reject: Reject | None = None


class Recording:
    """An opened log; :meth:`rows` begins anew at each call.

    Parameters
    ----------
    separator, encoding
        Where the file's are not to be found out. A text that breaks the given encoding is rejected line by line.
    header
        Whether the first line of a CSV names the columns; else they are 1, 2, 3.

    Raises
    ------
    app.errors.Refused
        If it is no log that can be read; the message says what to do.
    """

    def __init__(
        self, path: Path, *, separator: str | None = None, encoding: str | None = None, header: bool = True
    ) -> None:
        self.path = path
        self._header = header
        self._at = 0
        try:
            head = self._head()
            self.format: Format = _format(head, path)
            self._lenient = encoding is not None
            self.encoding = "" if self.format == "parquet" else (encoding or self._encoding(head))
            self.separator = separator or (self._separator() if self.format == "csv" else "")
            self.columns = self._columns()
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
        """Bytes read of those, by the newest :meth:`rows`."""
        return self._at

    def rows(self) -> Iterator[Row]:
        """All rows, in the file's order."""
        return {"csv": self._csv, "jsonl": self._jsonl, "parquet": self._parquet}[self.format]()

    # What kind of file it is

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

    def _encoding(self, head: bytes) -> str:
        marked = tuple(name for bom, name in _BOMS.items() if head.startswith(bom))
        for name in marked or ("utf-8", "gb18030"):
            decoder = codecs.getincrementaldecoder(name)()
            try:
                with self._open() as file:
                    while chunk := file.read(_CHUNK):
                        decoder.decode(chunk)
                    decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
            return name
        raise Refused(
            f"{self.path.name} is neither UTF-8 nor GBK text from beginning to end",
            "say which it is, and lines that break it are rejected one by one:  --encoding gb18030",
        )

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(
            self._open(),
            encoding=self.encoding,
            errors="surrogateescape" if self._lenient else "strict",
            newline="",
        )

    def _separator(self) -> str:
        with self._text() as file:
            line = file.readline()
        return max(_SEPARATORS, key=line.count)

    def _columns(self) -> tuple[str, ...]:
        if self.format == "parquet":
            return tuple(_parquet_file(self.path).schema_arrow.names)
        if self.format == "jsonl":
            with self._text() as file:
                objects = [_object(line) for line in islice(file, SAMPLE)]
            names = list(dict.fromkeys(name for each in objects if isinstance(each, dict) for name in each))
        else:
            with self._text() as file:
                try:
                    first = next(csv.reader(file, delimiter=self.separator))
                except csv.Error as error:
                    raise Refused(f"{self.path.name} is not a table: {error}") from error
            names = [name.strip() for name in first] if self._header else [str(n) for n, _ in enumerate(first, 1)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Refused(f"{self.path.name} names a column twice: {', '.join(map(repr, twice))}")
        return tuple(names)

    # Its rows

    def _watched(self, file: io.TextIOWrapper) -> Iterator[str]:
        """Lines, while the position on disk is kept: below the decoder and the unpacker lies the file itself."""
        below: Any = file.buffer
        raw = getattr(below, "fileobj", below)
        for number, line in enumerate(file):
            if number % 1024 == 0:
                self._at = raw.tell()
            yield line
        self._at = self.size

    def _csv(self) -> Iterator[Row]:
        width = len(self.columns)
        with self._text() as file:
            reader = csv.reader(self._watched(file), delimiter=self.separator)
            if self._header:
                next(reader)
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:  # a quote that is never closed swallows up to 128 KiB, and no more
                    yield Row(reader.line_num, (), Reject(Reason.UNREADABLE, str(error)))
                    continue
                if len(cells) == width:
                    yield Row(reader.line_num, cells, self._broken(cells))
                elif cells:
                    detail = f"{len(cells)} fields where the header has {width}"
                    yield Row(reader.line_num, cells, Reject(Reason.WRONG_WIDTH, detail))

    def _jsonl(self) -> Iterator[Row]:
        with self._text() as file:
            for number, line in enumerate(self._watched(file), 1):
                if not line.strip():
                    continue
                found = _object(line)
                if isinstance(found, Reject):
                    yield Row(number, (line.rstrip("\r\n"),), found)
                else:
                    yield Row(number, [found.get(name) for name in self.columns], self._broken([line]))

    def _parquet(self) -> Iterator[Row]:
        file, number = _parquet_file(self.path), 0
        for batch in file.iter_batches(batch_size=8_192):
            for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield Row(number, cells)
            self._at = round(self.size * number / max(file.metadata.num_rows, 1))

    def _broken(self, cells: Sequence[str]) -> Reject | None:
        if self._lenient and any("\udc80" <= c <= "\udcff" for cell in cells for c in cell):
            return Reject(Reason.UNREADABLE, f"not text in {self.encoding}")
        return None


def _format(head: bytes, path: Path) -> Format:
    if head.startswith(_PARQUET):
        return "parquet"
    for magic, what in _NOT_A_LOG.items():
        if head.startswith(magic):
            raise Refused(f"{path.name} is {what}", "save it as CSV, and replay that", code=ExitCode.USAGE)
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith((b"[{", b"[\n", b"[\r", b"[ ")):
        raise Refused(
            f"{path.name} is one JSON array, which would have to be read whole",
            f"one object a line:  jq -c '.[]' {path.name} > {path.stem}.jsonl",
            code=ExitCode.USAGE,
        )
    return "jsonl" if text.startswith(b"{") else "csv"


def _object(line: str) -> dict[str, Any] | Reject:
    try:
        found = json.loads(line)
    except ValueError:
        return Reject(Reason.UNREADABLE, "is no JSON")
    if not isinstance(found, dict):
        return Reject(Reason.UNREADABLE, "is no JSON object")
    if "\\u" in line and any("\ud800" <= c <= "\udfff" for c in json.dumps(found, ensure_ascii=False)):
        return Reject(Reason.UNREADABLE, "half of a surrogate pair is no text")
    return found


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
