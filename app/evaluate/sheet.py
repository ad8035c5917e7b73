"""A table as text: from CSV, plain or gzipped, in UTF-8 or GBK, with whatever separator."""

from __future__ import annotations

import csv
import gzip
import zlib
from io import StringIO
from pathlib import Path
from typing import Final, NamedTuple

from app.errors import Refused

_GZIP: Final = b"\x1f\x8b"
_SEPARATORS: Final = ",;\t|"


class Sheet(NamedTuple):
    """Columns of text, in the order of the file."""

    source: str
    columns: dict[str, list[str]]

    @property
    def rows(self) -> int:
        """How many rows, without the header."""
        return len(next(iter(self.columns.values()), []))

    def column(self, name: str) -> list[str]:
        """One column.

        Raises
        ------
        Refused
            If there is none of that name; the message lists those that are.
        """
        if name not in self.columns:
            raise Refused(f"{self.source} has no column {name!r}", f"it has: {', '.join(self.columns)}")
        return self.columns[name]


def read(path: Path) -> Sheet:
    """Read a whole file.

    Raises
    ------
    Refused
        If it cannot be read as a table: the message says why.
    """
    lines = text_of(path)
    first = lines.partition("\n")[0]
    if not first.strip():
        raise Refused(f"{path.name} is empty")
    separator = max(_SEPARATORS, key=first.count)
    # A field of more than 128 KiB is csv's own limit: one quote that is never closed swallows the rest of the file.
    try:
        header, *rows = csv.reader(StringIO(lines, newline=""), delimiter=separator)
    except csv.Error as error:
        raise Refused(f"{path.name} is not a table: {error}") from error
    names = _names(header, path)
    rows = [row for row in rows if row]
    if not rows:
        raise Refused(f"{path.name} has a header and no rows")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise Refused(f"{path.name}, row {number}: {len(row)} fields where the header has {len(names)}")
    return Sheet(path.name, {name: [row[k].strip() for row in rows] for k, name in enumerate(names)})


def text_of(path: Path) -> str:
    """The text of a file, whatever it is packed and encoded in.

    Raises
    ------
    Refused
        If the file cannot be opened, unpacked or understood.
    """
    try:
        raw = path.read_bytes()
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(f"{path} cannot be read: {error}") from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused(f"{path.name} is neither UTF-8 nor GBK text")


def _names(header: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refused(f"{path.name} names a column twice: {', '.join(map(repr, twice))}")
    return names
