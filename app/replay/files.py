"""Reading of files for commands such as replay: the flags, and the mapping shown to the user."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast
from zoneinfo import available_timezones

import click
from rich.console import Console

from app.config.operator_files import policy_of_file
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.process.progress_bar import bar
from app.replay.flags import UtcOffset, Zone, told
from app.replay.mapping_shown import columns_of, reading, tell_mapping
from app.replay.playback import Part
from app.tables.column_cells import ColumnCells
from app.tables.column_guess import ColumnMap, ColumnMapper, Source
from app.tables.column_names import MAY_BE_OF_ZONE, OF_ZONE, bare, known_names
from app.tables.fields import TOPICS, Sort
from app.tables.opening import WRITTEN, opened
from app.tables.recording import Recording
from app.tables.times import First, LocalTime, ReadTime, moment

_NAMED_UTC: Final = re.compile(r"(?:(?<![A-Za-z])(?i:utc|gmt)|(?<=[a-z])(?:UTC|GMT|Utc|Gmt))(?![A-Za-z]|\s*[+-]?\d)")
"""A zone in a column's name, start_time_utc; GMT+8 is another."""
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?|UTC|GMT|Z", re.IGNORECASE)
_WITHOUT_ZONE: Final = frozenset({"local time", "date", "day number of a spreadsheet"})

_OPTIONS: Final = (
    click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="The column that gives a field."),
    click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value for every row."),
    click.option("--value", "values", multiple=True, metavar="FIELD:WORD=VALUE", help="What a word of the file means."),
    click.option("--unit", "units", multiple=True, metavar="FIELD=UNIT", help="Unit of a column whose name has none."),
    click.option(
        "--utc-offset", type=UtcOffset(), help="Offset from UTC of times without a zone.  [default: the policy's, +8]"
    ),
    click.option(
        "--timezone", type=Zone(), help="Zone of times without one, such as Europe/Berlin; knows summer time."
    ),
    *WRITTEN,
    click.option("--both-parties", is_flag=True, help="Each row also gives an event of the called party, if on_net."),
    click.option("--no-header", is_flag=True, help="The first line of a CSV is data; columns are called 1, 2, 3."),
    click.option("--limit", type=click.IntRange(1), help="Read only this many rows of each file, from its start."),
)


def reading_options(*, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command FILES, ``--as`` and the flags for reading them."""
    path = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)
    files = click.argument("files", nargs=-1, required=required, type=path)
    topics = click.option(
        "--as",
        "topics",
        type=click.Choice(list(TOPICS)),
        multiple=True,
        required=required,
        help="What the files contain.",
    )

    def given(verb: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((files, topics, *_OPTIONS)):
            verb = option(verb)
        return verb

    return given


def parts_of(
    given: Sequence[tuple[Path, str]], settings: Settings, flags: dict[str, Any], console: Console
) -> tuple[Part, ...]:
    """Open files, each of a topic, map their columns, and show the mapping.

    Raises
    ------
    app.errors.Refused
        If a file cannot be read, or lacks a required field.
    """
    topics = tuple(dict.fromkeys(topic for _, topic in given))
    parts = tuple(_part(file, topic, topics, settings, flags, console) for file, topic in given)
    for part in parts:
        if part.mapping.missing:
            raise _incomplete(part)
    return parts


def now_ms() -> int:
    """The present time; later rows are rejected."""
    return int(time.time() * 1000)


def _part(
    file: Path, topic: str, topics: tuple[str, ...], settings: Settings, flags: dict[str, Any], console: Console
) -> Part:
    """Open a file, map its columns, and show the mapping."""
    file = _on_disk(file, console)
    with bar("opening / 打开", console) as update:
        recording = opened(file, flags, header=not flags["no_header"], progress=update)
    offset = flags["utc_offset"]
    if offset is not None and flags["timezone"] is not None:
        raise Refused("either --utc-offset or --timezone", code=ExitCode.USAGE)
    if offset is None:
        offset = round(policy_of_file(settings.policy, None).contact.utc_offset_hours * 3_600_000)
    said, local = told(flags, topic, topics), LocalTime(offset, zone=flags["timezone"])
    with reading(console, recording, what="looking / 查看") as tell:
        mapping = ColumnMapper(recording, TOPICS[topic], said, local, flags["first"], tell, now_ms()).map()
    tell_mapping(recording, mapping, console)
    if flags["utc_offset"] is None and flags["timezone"] is None:
        _ask_for_zone(recording, mapping)
    return Part(recording, mapping)


def _ask_for_zone(recording: Recording, mapping: ColumnMap) -> None:
    """Refuse to read times at the policy's offset if a column's name or another column shows a different zone."""
    name, columns = recording.path.name, recording.columns
    zones = {place: cells for place, column in mapping.cells.items() if (cells := _zones(columns[place], column))}
    for source in mapping.sources:
        local = mapping.local._replace(first=cast("First", source.way or "month"))
        if source.field.sort is not Sort.TIME or not _without_zone(mapping, source, local):
            continue
        when = "+".join(columns[place] for place in source.columns)
        if any(_NAMED_UTC.search(columns[place]) for place in source.columns) and mapping.local.offset_ms:
            raise Refused(
                f"{name}: {when} is in UTC by its name, and its times say no zone: they would be read at "
                f"{mapping.local}",
                "if it is:  --utc-offset 0",
                f"else say at which offset, or --timezone:  --utc-offset {mapping.local.offset_ms / 3_600_000:g}",
                code=ExitCode.USAGE,
            )
        for place, cells in zones.items():
            joined = all(map(_OFFSET.fullmatch, cells))
            one = f"--timezone {cells[0]}" if cells[0] in available_timezones() else "--utc-offset HOURS"
            raise Refused(
                f"{name}: the times of {when} say no zone, and {columns[place]} says {', '.join(cells[:5])}: they "
                f"would be read at {mapping.local}",
                *([f"each row has its own:    --map {source.field.name}={when}+{columns[place]}"] if joined else []),
                f"they are all in one:       {one}",
                *([] if joined or len(cells) == 1 else ["else a file for each zone, or times that say theirs"]),
                code=ExitCode.USAGE,
            )


def _without_zone(mapping: ColumnMap, source: Source, local: LocalTime) -> bool:
    """Whether some times of a field are read at the operator's own zone."""
    columns = [mapping.cells[place] for place in source.columns if mapping.cells[place].seen]
    usual = [str(next(iter(column.seen))) for column in columns]
    for n, column in enumerate(columns):
        # Of two columns, each cell beside the first one of the other.
        for cell in (*column.seen, *[""] * (column.blanks > 0 and len(columns) > 1)):
            read = moment(" ".join([*usual[:n], str(cell), *usual[n + 1 :]]), local)
            if isinstance(read, ReadTime) and read.form in _WITHOUT_ZONE:
                return True
    return False


def _zones(name: str, column: ColumnCells) -> list[str]:
    """The zones in a column that is named like one; none if they may be those of a town or of the network."""
    sure = OF_ZONE.fullmatch(bare(name))
    if not sure and bare(name) not in MAY_BE_OF_ZONE:
        return []
    cells = [str(cell).strip() for cell in column.seen]
    return cells if sure or all(cell in available_timezones() or _OFFSET.fullmatch(cell) for cell in cells) else []


def _on_disk(file: Path, console: Console) -> Path:
    """A file that can be read more than once: its last row may decide how it is to be read."""
    if file.is_file():
        return file
    console.print(f"{file} is a pipe and is copied to a file first: only its last rows may show how to read it")
    copy = Path(click.get_current_context().with_resource(TemporaryDirectory(prefix="holdfast-"))) / "stdin"
    with click.open_file(str(file), "rb") as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target)
    return copy


def _incomplete(part: Part) -> Refused:
    recording, mapping = part.recording, part.mapping
    advice = []
    if skip := recording.preamble(known_names(mapping.topic)):
        advice.append(f"row {skip + 1} looks like the header:  --skip {skip}")
    for name in mapping.missing:
        words = mapping.fields[name].words
        constant = (
            f"  or  --set {name}={'|'.join(words) or 'VALUE'}" if mapping.fields[name].sort is not Sort.ID else ""
        )
        advice.append(f"{name + ':':16} --map {name}=COLUMN{constant}")
    if "direction" in mapping.missing:
        advice.append("each row names the caller and the called party:  --both-parties")
    return Refused(
        f"{recording.path.name}: no column gives {', '.join(mapping.missing)}",
        f"it has:          {columns_of(recording.columns)}",
        *advice,
        code=ExitCode.USAGE,
    )
