"""``holdfast replay``: write files to topics, showing the mapping before anything is written."""

from __future__ import annotations

import json
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from app.config.options import PLACE, needing_brokers, resolved_options
from app.config.options import console as terminal
from app.config.setting_sources import Resolved
from app.errors import ExitCode, Refused
from app.replay.conversion import Conversion, Rejects, converted
from app.replay.files import now_ms, parts_of, reading_options
from app.replay.flags import paired
from app.replay.folder import files_of, identity
from app.replay.history_backfill import History
from app.replay.mapping_shown import reading, shown, tell_rejects
from app.replay.playback import Playback, hopeless, play, say

_EXAMPLES: Final = 3
"""Records that a dry run prints of each file."""
_FLAGS: Final = """
Flags for what the guess misses:
  --map ts=通话日期+通话时间     a field from a column; date and time, or up and down, from two
  --map peer_operator=           leave out a field that was guessed
  --set direction=outgoing       a constant
  --value direction:1=outgoing   what a code of the file means
  --unit bytes=MB                the unit of a column whose name has none
  --decimal amount=comma         1,234 is a bit more than one; by default, as all cells of the column show
  --day-first                    5/6/2026 is in June; by default, as all dates of the file show
  --timezone Europe/Berlin       the zone of times without one; times that its clocks skip or show twice are rejected
  --skip 3                       lines before the header
  --both-parties                 each row also gives an event of the called party, if on_net
  --map calls.ts=开始时间        for the files of one topic only

"""
_TEXT_FROM: Final = " " * 33
_SEVERAL: Final = """Several files are written as one stream, in the order of time. Replay outcomes together with
the events, before the worker is started: it then takes all of it in one order. For a worker that already runs give a
speed, such as two days a second: written at once, topics get weeks out of step.

\b
  holdfast replay calls.csv data.csv.gz left.csv \\
    --as calls --as data-usage --as outcomes --speed 172800
"""


class _Replay(click.Command):
    """The command with its examples at the end of the help, in the width of the terminal."""

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        for line in _FLAGS.splitlines():
            formatter.write(click.wrap_text(line, formatter.width, subsequent_indent=_TEXT_FROM) + "\n")
        formatter.write_text(_SEVERAL)


@click.command("replay", cls=_Replay)
@resolved_options(*PLACE, "partitions", "policy")
@reading_options(required=False)
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Instead of FILES: a folder with all of the past, to begin with.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Recorded seconds to write per second; 0: all at once.",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the rows that cannot be converted to this CSV file.",
)
@click.option("--keep-retention", is_flag=True, help="Leave the topics' retention as it is, even for old records.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show the mapping, the first three records and how many rows convert; write nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout at the end.")
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
    """Write recorded logs to the input topics, with the times at which the events happened.

    FILES are CSV with any separator, JSON lines or Parquet, plain or gzipped, in UTF-8, UTF-16, GBK or cp1252; a dash
    is stdin. Columns are guessed from their names in Chinese and English, and shown. What a file leaves open, such as
    whether 5/6/2026 is in May, is asked before anything is written. Rows that cannot be read are counted by reason.
    Records are written in the order of their times.

    --history is for the months before the first live event: calls, data, visits, care, billing, profiles and outcomes,
    each in files or folders of that name. It goes into empty topics, which keep all of it until the workers have
    applied it; an interrupted run goes on where it was. Nobody is contacted for what happened then.
    """
    if (history is None) != bool(files and topics) or (history is not None and (files or topics)):
        raise Refused("either FILES with --as, or --history DIR", code=ExitCode.USAGE)
    given = paired(files, topics) if history is None else files_of(history)
    if rejects is not None and len(given) > 1:
        raise Refused("--rejects is for one file at a time: its columns are the file's", code=ExitCode.USAGE)
    console, limit = terminal(stderr=True), flags["limit"]
    parts = parts_of(given, resolved.settings, flags, console)
    playback = Playback(parts, now_ms(), speed, limit, rejects, lengthen=not flags["keep_retention"])
    if dry_run:
        _dry_run(playback, console, as_json=as_json)
    elif history is not None:
        settings = needing_brokers(resolved.settings)
        whole = History(parts, identity(parts, settings.partitions, limit), settings, console)
        whole.run(playback, as_json=as_json)
    else:
        play(playback, needing_brokers(resolved.settings), console, as_json=as_json)


def _dry_run(playback: Playback, console: Console, *, as_json: bool) -> None:
    facts: list[dict[str, Any]] = []
    for part in playback.parts:
        name, topic, tally = part.recording.path.name, part.mapping.topic, part.tally
        with reading(console, part.recording, playback.limit, "trying / 试算") as tell:
            conversion, none = Conversion(part.mapping, playback.now_ms), Rejects(None, ())
            every = converted(part.recording, conversion, tally, none, limit=playback.limit, progress=tell)
            found = list(islice(every, _EXAMPLES))
            deque(every, maxlen=0)
        records = [{"topic": topic, "key": r.subscriber_id, "ts": r.ts, "value": json.loads(r.value)} for r in found]
        mapping = shown(part.recording, part.mapping)
        facts.append({"file": name, "topic": topic, "mapping": mapping, "counts": tally.facts(), "records": records})
        tell_rejects(name, tally, console)
        click.echo(f"{name}: {tally.converted:,} of {tally.rows:,} rows convert; nothing is written", err=True)
    if as_json:
        say({"files": facts})
    else:
        for record in (record for each in facts for record in each["records"]):
            say(record)
    if not any(part.tally.converted for part in playback.parts):
        raise hopeless(playback)
