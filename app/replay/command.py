"""``holdfast replay``: from files to topics, with the mapping shown before anything is written."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from rich.console import Console

from app.errors import ExitCode, Refused
from app.options import PIPE_WIDTH, PLACE, needing_brokers, resolved_options
from app.policy_file import policy_in_force
from app.replay.backfill import History
from app.replay.column_map import Cartographer
from app.replay.conversion import Conversion
from app.replay.fields import TOPICS
from app.replay.flags import SEPARATORS, Encoding, UtcOffset, paired, told
from app.replay.folder import files_of, identity
from app.replay.playback import Part, Playback, play, say
from app.replay.recording import Recording
from app.replay.shown import columns_of, reading, shown, tell_mapping, tell_rejects, tried
from app.setting_sources import Resolved
from app.settings import Settings

_EPILOG: Final = """\b
What the guess misses:
  --map ts=通话日期+通话时间     a field from a column; date and time, or up and down, from two
  --map peer_operator=           leave a field out that was guessed
  --set direction=outgoing       a constant
  --value direction:1=outgoing   what a code of the file means
  --unit bytes=MB                the unit of a column whose name has none
  --decimal amount=comma         whether 1,234 is a bit more than one; else all cells of the column tell
  --day-first                    whether 5/6/2026 is in June; else all dates of the file tell
  --map calls.ts=开始时间        for the files of one topic only

\b
Several files go out as one stream, in the order of time. Outcomes only so: what is there
when a worker starts is taken in one order. Into a worker that runs, give a speed, such as
two days a second: at once, topics get weeks out of step.
  holdfast replay calls.csv data.csv.gz left.csv --as calls --as data-usage --as outcomes --speed 172800
"""


@click.command("replay", epilog=_EPILOG)
@resolved_options(*PLACE, "partitions", "policy")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--as", "topics", type=click.Choice(list(TOPICS)), multiple=True, help="What the files are a log of.")
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Instead of FILES: a folder with all of the past, to begin with.",
)
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Where a field comes from.")
@click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value for every row.")
@click.option("--value", "values", multiple=True, metavar="FIELD:WORD=VALUE", help="What a word of the file means.")
@click.option("--unit", "units", multiple=True, metavar="FIELD=UNIT", help="Unit of a column that names none.")
@click.option("--utc-offset", type=UtcOffset(), help="Of times without a zone.  [default: the policy's, +8]")
@click.option("--decimal", "decimals", multiple=True, metavar="FIELD=MARK", help="Mark of decimals: comma or point.")
@click.option("--day-first", "first", flag_value="day", help="5/6/2026 is in June.  [default: the file's dates tell]")
@click.option("--month-first", "first", flag_value="month", help="5/6/2026 is in May.")
@click.option("--year-first", "first", flag_value="year", help="26/5/6 is in 2026.")
@click.option("--separator", help="Between the fields of a CSV; tab and ^A by these names.  [default: found out]")
@click.option("--encoding", type=Encoding(), help="UTF-8, UTF-16, GBK and cp1252 are found out.")
@click.option("--no-header", is_flag=True, help="The first line of a CSV is data; columns are called 1, 2, 3.")
@click.option("--limit", type=click.IntRange(1), help="Read only the first so many rows of each file.")
@click.option(
    "--speed", type=click.FloatRange(0), default=0.0, show_default=True, help="Recorded seconds a second; 0: at once."
)
@click.option(
    "--rejects", type=click.Path(path_type=Path, dir_okay=False), help="Write rows that do not convert here, as CSV."
)
@click.option("--dry-run", is_flag=True, help="Show the mapping and the first three records, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
def replay(
    resolved: Resolved,
    /,
    files: tuple[Path, ...],
    topics: tuple[str, ...],
    history: Path | None,
    speed: float,
    rejects: Path | None,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Put recorded logs on the input topics, with the times at which it happened.

    FILES are CSV with any separator, JSON lines or Parquet, plain or gzipped, in UTF-8, GBK or cp1252; a dash is
    stdin. Columns are guessed from their names in Chinese and English, and shown. What a file does not tell, such as
    whether 5/6/2026 is in May, is asked before anything is written. Rows that cannot be read are counted by reason.
    Records go out in the order of their times.

    --history is for the months before the first live event: calls, data, visits, care, billing, profiles and outcomes,
    each in files or folders of that name. It goes into empty topics, which keep all of it until the workers have
    applied it; an interrupted run goes on where it was. Nobody is contacted for what happened then.
    """
    if (history is None) != bool(files and topics) or (history is not None and (files or topics)):
        raise Refused("either FILES with --as, or --history DIR", code=ExitCode.USAGE)
    given = paired(files, topics) if history is None else files_of(history)
    if rejects is not None and len(given) > 1:
        raise Refused("--rejects is for one file at a time: its columns are the file's", code=ExitCode.USAGE)
    console, topics = _console(), tuple(dict.fromkeys(topic for _, topic in given))
    parts = tuple(_part(file, topic, topics, resolved.settings, flags, console) for file, topic in given)
    for part in parts:
        if part.mapping.missing:
            raise _incomplete(part)
    limit = flags["limit"]
    playback = Playback(parts, _now_ms(), speed, limit, rejects)
    if dry_run:
        _dry_run(playback, console, as_json=as_json)
    elif history is not None:
        settings = needing_brokers(resolved.settings)
        whole = History(parts, identity(parts, settings.partitions, limit), settings, console)
        whole.run(playback, as_json=as_json)
    else:
        play(playback, needing_brokers(resolved.settings), console, as_json=as_json)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _console() -> Console:
    terminal = sys.stderr.isatty()
    return Console(stderr=True, highlight=False, markup=False, width=None if terminal else PIPE_WIDTH)


def _part(
    file: Path, topic: str, topics: tuple[str, ...], settings: Settings, flags: dict[str, Any], console: Console
) -> Part:
    """Open a file, map its columns, and show how."""
    separator = SEPARATORS.get(flags["separator"], flags["separator"])
    file = _on_disk(file, console)
    recording = Recording(file, separator=separator, encoding=flags["encoding"], header=not flags["no_header"])
    offset = flags["utc_offset"]
    if offset is None:
        offset = round(policy_in_force(settings.policy, None).contact.utc_offset_hours * 3_600_000)
    said = told(flags, topic, topics)
    with reading(console, recording, what="looking / 查看") as tell:
        mapping = Cartographer(recording, TOPICS[topic], said, offset, flags["first"], tell).map()
    tell_mapping(recording, mapping, console)
    return Part(recording, mapping)


def _on_disk(file: Path, console: Console) -> Path:
    """A file that can be read more than once: what tells how it is to be read may stand in its last row."""
    if file.is_file():
        return file
    console.print(f"{file} is a pipe: it is copied to a file first, as what tells how to read it may stand at its end")
    copy = Path(click.get_current_context().with_resource(TemporaryDirectory(prefix="holdfast-"))) / "stdin"
    with click.open_file(str(file), "rb") as source, copy.open("wb") as target:
        shutil.copyfileobj(source, target)
    return copy


def _incomplete(part: Part) -> Refused:
    first = part.mapping.missing[0]
    words = part.mapping.fields[first].words
    return Refused(
        f"{part.recording.path.name}: no column gives {', '.join(part.mapping.missing)}",
        f"it has:          {columns_of(part.recording.columns)}",
        f"from a column:   --map {first}=COLUMN",
        f"a constant:      --set {first}={words[0] if words else 'VALUE'}",
        *([f"one of:          {', '.join(words)}"] if words else []),
        code=ExitCode.USAGE,
    )


def _dry_run(playback: Playback, console: Console, *, as_json: bool) -> None:
    facts: list[dict[str, Any]] = []
    for part in playback.parts:
        name, topic = part.recording.path.name, part.mapping.topic
        found, tally = tried(part.recording, Conversion(part.mapping, playback.now_ms))
        records = [{"topic": topic, "key": r.subscriber_id, "ts": r.ts, "value": json.loads(r.value)} for r in found]
        mapping = shown(part.recording, part.mapping)
        facts.append({"file": name, "topic": topic, "mapping": mapping, "first": tally.facts(), "records": records})
        tell_rejects(name, tally, console)
        click.echo(
            f"{name}: {tally.converted:,} of the first {tally.rows:,} rows convert; nothing is written", err=True
        )
    if as_json:
        say({"files": facts})
        return
    for each in facts:
        for record in each["records"]:
            say(record)
