"""Output of a replay: the mapping to check before anything is written, progress bars, and counts at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.process.progress_bar import bar
from app.publishing.publisher import PublishCount
from app.replay.conversion import RowCount, value_of
from app.tables.column_cells import ColumnCells
from app.tables.column_guess import ColumnMap, Source
from app.tables.fields import Sort, is_nothing
from app.tables.quantities import KIB
from app.tables.recording import Recording, TableRow
from app.tables.reject import Reject, cut
from app.tables.times import First, LocalTime, moment, numbered_date

_WORDS: Final = 6
_OPTIONAL: Final = 12
_WIDTH: Final = 32


def shown(recording: Recording, mapping: ColumnMap) -> list[dict[str, Any]]:
    """Each field with its source, an example, and how that was read; missing fields too.

    The example is from the first row that has one. A required field without a source has no column.
    """
    facts = []
    for source in mapping.sources:
        column = "+".join(recording.columns[place] for place in source.columns) or None
        row = _first(recording, mapping, source)
        example = None if row is None else cut(" ".join(str(row.cells[place]) for place in source.columns), 200)
        read = source.constant if row is None else value_of(source, row.cells)
        facts.append(
            {
                "field": source.field.name,
                "required": source.field.required,
                "column": column,
                "example": example,
                "becomes": read.detail if isinstance(read, Reject) else read,
                "how": _how(source, row, mapping),
            }
        )
    return facts + [
        {"field": name, "required": True, "column": None, "example": None, "becomes": None, "how": "missing"}
        for name in mapping.missing
    ]


def tell_mapping(recording: Recording, mapping: ColumnMap, console: Console) -> None:
    """Print the mapping."""
    kind = {"csv": f"CSV, {recording.separator!r} between fields", "jsonl": "JSON lines", "parquet": "Parquet"}
    encoding = f", {recording.encoding}" if recording.encoding else ""
    console.print(Text(f"{recording.path.name} ({kind[recording.format]}{encoding}) -> {mapping.topic}"))
    table = Table("field", "<- column", "example", "becomes", "how", box=None, pad_edge=False, header_style="bold")
    for fact in shown(recording, mapping):
        style = "red" if fact["how"] == "missing" else ""
        cells = (fact["field"] + "*" * fact["required"], fact["column"] or "", fact["example"] or "")
        becomes = "" if fact["becomes"] is None else str(fact["becomes"])
        table.add_row(*(Text(cut(cell, _WIDTH)) for cell in (*cells, becomes)), Text(fact["how"]), style=style)
    console.print(table)
    given = {source.field.name for source in mapping.sources}
    absent = [each.name for each in mapping.fields.values() if not each.required and each.name not in given]
    more = f" and {len(absent) - _OPTIONAL} more" if len(absent) > _OPTIONAL else ""
    lines = [
        ("not given", ", ".join(absent[:_OPTIONAL]) + more),
        ("not used", columns_of(mapping.unused(recording.columns))),
    ]
    for what, names in lines:
        if names:
            console.print(Text(f"{what}: {names}", style="dim"))
    western = ["letters are read as Western European; --encoding cp1250 and the like for others"]
    for note in (*mapping.notes, *western[: recording.encoding == "cp1252"]):
        console.print(Text(f"note: {note}", style="yellow"))


def columns_of(names: Sequence[str]) -> str:
    """Names of columns, the first few if there are many.

    Examples
    --------
    >>> columns_of(["a"] * 40)[-13:]
    ', and 10 more'
    """
    return ", ".join(
        [*(cut(name, _WIDTH) for name in names[:30]), *([f"and {len(names) - 30} more"] * (len(names) > 30))]
    )


def tell_rejects(name: str, tally: RowCount, console: Console) -> None:
    """Print how many rows did not convert, why, and the numbers of the first ones."""
    for reason, count in tally.rejected.most_common():
        console.print(Text(f"{name}: {count:,} rejected as {reason.value}", style="yellow"))
        for number, detail in tally.examples[reason]:
            console.print(Text(f"  row {number}: {detail}"))


@contextmanager
def reading(
    console: Console, recording: Recording, limit: int | None = None, what: str = "reading / 读取"
) -> Iterator[Callable[[int], None]]:
    """Progress bar by bytes of the file, or by rows if a limit is given."""
    with bar(what, console) as update:

        def tell(rows: int) -> None:
            done, total = (recording.position, recording.size) if limit is None else (rows, limit)
            update(done, total, rows)

        yield tell


@contextmanager
def writing(console: Console, records: int, what: str = "writing / 写入") -> Iterator[Callable[[PublishCount], None]]:
    """Progress bar by records on the topic, including those of an earlier run."""
    with bar(what, console) as update:
        yield lambda done: update(done.records + done.there, records, done.records + done.there)


def _first(recording: Recording, mapping: ColumnMap, source: Source) -> TableRow | None:
    """The first row that has something in each of the columns."""
    if not source.columns or not all(mapping.cells[place].seen for place in source.columns):
        return None
    return next((row for row in chain(recording.sample, recording.rows()) if _has(row, source)), None)


def _has(row: TableRow, source: Source) -> bool:
    """Whether a row has something in each of the columns."""
    return row.reject is None and not any(is_nothing(row.cells[p]) for p in source.columns)


def _how(source: Source, row: TableRow | None, mapping: ColumnMap) -> str:
    if not source.columns:
        return "the same for every row"
    sort, unit = source.field.sort, source.unit
    mark = f", decimal {source.way}{_because(source)}" if source.way == "comma" or source.why else ""
    if row is None:
        return "empty"
    if sort is Sort.TIME:
        return _time(row, source, mapping.local)
    if sort is Sort.BYTES:
        added = "added, " if len(source.columns) > 1 else ""
        return (
            f"{added}in {unit or 'bytes'}"
            + (f", 1 KB = {KIB} bytes" if unit and "bit" not in unit and unit[0] != "b" else "")
            + mark
        )
    if sort in (Sort.WORD, Sort.FLAG):
        return _words(source, mapping.cells[source.columns[0]])
    if unit is not None or sort is Sort.SECONDS:
        return f"in {unit or 'seconds'}{mark}"
    return f"as it is{mark}"


def _time(row: TableRow, source: Source, local: LocalTime) -> str:
    cells = [row.cells[place] for place in source.columns]
    local = local._replace(first=cast("First", source.way))
    read = moment(cells[0] if len(cells) == 1 else " ".join(map(str, cells)), local)
    if isinstance(read, Reject):
        return "no time"
    order = f", {source.way} first{_because(source)}" if numbered_date(cells[0]) else ""
    said = "epoch" in read.form or "with a zone" in read.form
    return (read.form if said else f"{read.form}, {local}") + order


def _because(source: Source) -> str:
    return f": {source.why}" if source.why else ""


def _words(source: Source, column: ColumnCells) -> str:
    """The words in the file, with their meanings; unknown ones first."""
    known, unknown = list[str](), list[str]()
    for word in dict.fromkeys(map(str, column.seen)):
        if isinstance(read := source.read(word), Reject):
            unknown.append(f"{cut(word, _WIDTH)} ?")
        else:
            known.append(f"{cut(word, _WIDTH)} = {read}")
    words = [*unknown, *known]
    return ", ".join(words[:_WORDS]) + (" ..." if len(words) > _WORDS else "")
