"""Reading of files for commands such as replay: the flags, and the mapping shown to the user."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import click
from rich.console import Console

from app.config.operator_files import policy_of_file
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.replay.column_map import Cartographer, ColumnMap
from app.replay.flags import SEPARATORS, Encoding, UtcOffset, Zone, told
from app.replay.mapping_shown import columns_of, reading, tell_mapping
from app.replay.playback import Part
from app.tables.column_names import known_names
from app.tables.fields import TOPICS, Sort
from app.tables.recording import Recording
from app.tables.times import First, LocalTime, ReadTime, moment

_NAMED_UTC: Final = re.compile(r"(?:(?<![A-Za-z])(?i:utc|gmt)|(?<=[a-z])(?:UTC|GMT|Utc|Gmt))(?![A-Za-z]|\s*[+-]?\d)")
"""A zone in a column's name, start_time_utc; GMT+8 is another."""
_WITHOUT_ZONE: Final = frozenset({"local time", "date", "day number of a spreadsheet"})

_WRITTEN: Final = (
    click.option(
        "--decimal", "decimals", multiple=True, metavar="FIELD=MARK", help="Mark of decimals: comma or point."
    ),
    click.option(
        "--day-first", "first", flag_value="day", help="5/6/2026 is in June.  [default: the file's dates tell]"
    ),
    click.option("--month-first", "first", flag_value="month", help="5/6/2026 is in May."),
    click.option("--year-first", "first", flag_value="year", help="26/5/6 is in 2026."),
    click.option("--separator", help="Between the fields of a CSV; tab and ^A by these names.  [default: found out]"),
    click.option("--encoding", type=Encoding(), help="UTF-8, UTF-16, GBK and cp1252 are found out."),
    click.option("--skip", type=click.IntRange(0), default=0, help="Lines of a CSV in front of its header."),
)
"""How any table is written."""
_OPTIONS: Final = (
    click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Where a field comes from."),
    click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value for every row."),
    click.option("--value", "values", multiple=True, metavar="FIELD:WORD=VALUE", help="What a word of the file means."),
    click.option("--unit", "units", multiple=True, metavar="FIELD=UNIT", help="Unit of a column that names none."),
    click.option("--utc-offset", type=UtcOffset(), help="Of times without a zone.  [default: the policy's, +8]"),
    click.option("--timezone", type=Zone(), help="The same with summer time, such as Europe/Berlin."),
    *_WRITTEN,
    click.option("--both-parties", is_flag=True, help="A row is of who calls and, if on_net, of who is called."),
    click.option("--no-header", is_flag=True, help="The first line of a CSV is data; columns are called 1, 2, 3."),
    click.option("--limit", type=click.IntRange(1), help="Read only the first so many rows of each file."),
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
        help="What the files are a log of.",
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


def opened(file: Path, flags: Mapping[str, Any], *, header: bool = True) -> Recording:
    """Open a file as the flags say.

    Raises
    ------
    app.errors.Refused
        If it cannot be read.
    """
    separator = SEPARATORS.get(flags["separator"], flags["separator"])
    return Recording(file, separator=separator, encoding=flags["encoding"], header=header, skip=flags["skip"])


def table_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the flags that say how a table is written."""
    for option in reversed(_WRITTEN):
        verb = option(verb)
    return verb


def now_ms() -> int:
    """The present time; later rows are rejected."""
    return int(time.time() * 1000)


def _part(
    file: Path, topic: str, topics: tuple[str, ...], settings: Settings, flags: dict[str, Any], console: Console
) -> Part:
    """Open a file, map its columns, and show the mapping."""
    recording = opened(_on_disk(file, console), flags, header=not flags["no_header"])
    offset = flags["utc_offset"]
    if offset is not None and flags["timezone"] is not None:
        raise Refused("either --utc-offset or --timezone", code=ExitCode.USAGE)
    if offset is None:
        offset = round(policy_of_file(settings.policy, None).contact.utc_offset_hours * 3_600_000)
    said, local = told(flags, topic, topics), LocalTime(offset, zone=flags["timezone"])
    with reading(console, recording, what="looking / 查看") as tell:
        mapping = Cartographer(recording, TOPICS[topic], said, local, flags["first"], tell, now_ms()).map()
    tell_mapping(recording, mapping, console)
    if flags["utc_offset"] is None and flags["timezone"] is None and offset:
        _ask_for_zone(recording, mapping)
    return Part(recording, mapping)


def _ask_for_zone(recording: Recording, mapping: ColumnMap) -> None:
    """Refuse to read a column at the policy's offset whose name says that it is in UTC."""
    for source in mapping.sources:
        if source.field.sort is not Sort.TIME:
            continue
        local = mapping.local._replace(first=cast("First", source.way or "month"))
        named = [place for place in source.columns if _NAMED_UTC.search(recording.columns[place])]
        for cell in (row.cells[place] for place in named for row in recording.sample if row.reject is None):
            read = moment(cell, local)
            if isinstance(read, ReadTime) and read.form in _WITHOUT_ZONE:
                raise Refused(
                    f"{recording.path.name}: {recording.columns[named[0]]} is in UTC by its name, and its times say no "
                    f"zone: they would be read at {mapping.local}",
                    "if it is:  --utc-offset 0",
                    f"else say at which offset, or --timezone:  --utc-offset {mapping.local.offset_ms / 3_600_000:g}",
                    code=ExitCode.USAGE,
                )


def _on_disk(file: Path, console: Console) -> Path:
    """A file that can be read more than once: its last row may decide how it is to be read."""
    if file.is_file():
        return file
    console.print(f"{file} is a pipe: it is copied to a file first, as what tells how to read it may stand at its end")
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
        advice.append("each row is of two subscribers, who calls and who is called:  --both-parties")
    return Refused(
        f"{recording.path.name}: no column gives {', '.join(mapping.missing)}",
        f"it has:          {columns_of(recording.columns)}",
        *advice,
        code=ExitCode.USAGE,
    )
