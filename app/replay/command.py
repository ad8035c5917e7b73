"""``holdfast replay``: from a file to a topic, with the mapping shown before anything is written."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from app.errors import ExitCode, Refused
from app.options import PIPE_WIDTH, PLACE, needing_brokers, resolved_options, talking_to
from app.policy_file import policy_in_force
from app.replay.bar import reading, writing
from app.replay.column_map import Cartographer, ColumnMap, Told
from app.replay.conversion import Conversion, Rejects, Tally, converted
from app.replay.fields import TOPICS
from app.replay.order import in_time_order
from app.replay.recording import Recording
from app.replay.reject import Reason
from app.replay.shown import examples, shown, tell_mapping, tell_rejects
from app.setting_sources import Resolved
from app.settings import Settings
from app.simulator.record import Record

_OFFSET: Final = re.compile(r"([+-]?)(\d{1,2})(?::?([0-5]\d)|(\.\d+))?")
_SEPARATORS: Final = {"\\t": "\t", "tab": "\t", "\\x01": "\x01", "^A": "\x01"}

_EPILOG: Final = """\b
What the guess misses:
  --map ts=通话日期+通话时间     a field from a column; date and time, or up and down, from two
  --map peer_operator=           leave a field out that was guessed
  --set direction=outgoing       a constant
  --value direction:1=outgoing   what a code of the file means
  --unit bytes=MB                the unit of a column whose name has none
"""


class UtcOffset(click.ParamType):
    """Hours from UTC, as +8, -3.5 or +05:30; in ms."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        found = _OFFSET.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no offset from UTC, such as +8 or +05:30", param, ctx)
        hours = int(found[2]) + (int(found[3]) / 60 if found[3] else float(found[4] or 0))
        if hours > 14:
            self.fail(f"{value!r}: no place on Earth is so far from UTC", param, ctx)
        return round((-hours if found[1] == "-" else hours) * 3_600_000)


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    recording: Recording
    mapping: ColumnMap
    speed: float
    limit: int | None
    rejects: Path | None
    as_json: bool
    now_ms: int


@click.command("replay", epilog=_EPILOG)
@resolved_options(*PLACE, "partitions", "policy")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--as", "topic", type=click.Choice(list(TOPICS)), required=True, help="What the file is a log of.")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Where a field comes from.")
@click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value for every row.")
@click.option("--value", "values", multiple=True, metavar="FIELD:WORD=VALUE", help="What a word of the file means.")
@click.option("--unit", "units", multiple=True, metavar="FIELD=UNIT", help="Unit of a column that names none.")
@click.option("--utc-offset", type=UtcOffset(), help="Of times without a zone.  [default: the policy's, +8]")
@click.option("--day-first/--month-first", default=None, help="How 5/6/2026 is read where no date of the file tells.")
@click.option("--separator", help="Between the fields of a CSV; tab and ^A by these names.  [default: found out]")
@click.option("--encoding", help="Such as gb18030.  [default: found out: UTF-8, UTF-16 or GBK]")
@click.option("--no-header", is_flag=True, help="The first line of a CSV is data; columns are called 1, 2, 3.")
@click.option("--limit", type=click.IntRange(1), help="Read only the first so many rows.")
@click.option(
    "--speed", type=click.FloatRange(0), default=0.0, show_default=True, help="Recorded seconds a second; 0: at once."
)
@click.option(
    "--rejects", type=click.Path(path_type=Path, dir_okay=False), help="Write rows that do not convert here, as CSV."
)
@click.option("--dry-run", is_flag=True, help="Show the mapping and the first three records, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
def replay(resolved: Resolved, /, file: Path, topic: str, dry_run: bool, **flags: Any) -> None:
    """Put a recorded log on an input topic, with the times at which it happened.

    FILE is CSV with any separator, JSON lines or Parquet, plain or gzipped, in UTF-8 or GBK. Columns are guessed from
    their names in Chinese and English, and shown; nothing is asked.

    Records go out in the order of their times. Replay every file before the worker starts: lanes merge the topics by
    time, and what is told a week late raises no alert.
    """
    settings = resolved.settings
    recording = Recording(
        file,
        separator=_SEPARATORS.get(flags["separator"], flags["separator"]),
        encoding=_encoding(flags["encoding"]),
        header=not flags["no_header"],
    )
    mapping = _mapping(recording, TOPICS[topic], settings, flags)
    console = _console()
    tell_mapping(recording, mapping, console)
    if mapping.missing:
        raise _incomplete(recording, mapping)
    order = Order(recording, mapping, flags["speed"], flags["limit"], flags["rejects"], flags["as_json"], _now_ms())
    if dry_run:
        _dry_run(order)
        return
    _replay(order, needing_brokers(settings), console)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _console() -> Console:
    terminal = sys.stderr.isatty()
    return Console(stderr=True, highlight=False, markup=False, width=None if terminal else PIPE_WIDTH)


def _encoding(name: str | None) -> str | None:
    try:
        return None if name is None else "".encode(name).decode() or name
    except LookupError:
        raise Refused(f"there is no encoding {name!r}", "such as: utf-8, gb18030", code=ExitCode.USAGE) from None


def _mapping(recording: Recording, topic: str, settings: Settings, flags: dict[str, Any]) -> ColumnMap:
    told = Told(
        columns=dict(_pair("--map", each) for each in flags["maps"]),
        constants=dict(_pair("--set", each) for each in flags["sets"]),
        units=dict(_pair("--unit", each) for each in flags["units"]),
        words=_words(flags["values"]),
    )
    if both := told.columns.keys() & told.constants.keys():
        raise Refused(f"both --map and --set for {', '.join(sorted(both))}", code=ExitCode.USAGE)
    offset = flags["utc_offset"]
    if offset is None:
        offset = round(policy_in_force(settings.policy, None).contact.utc_offset_hours * 3_600_000)
    return Cartographer(recording, topic, told, offset, flags["day_first"]).map()


def _pair(flag: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip()):
        raise Refused(f"{flag} {text}: it is FIELD=...", code=ExitCode.USAGE)
    return name.strip(), value.strip()


def _words(values: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for each in values:
        name, meaning = _pair("--value", each)
        field, colon, word = name.partition(":")
        if not (colon and word and meaning):
            raise Refused(
                f"--value {each}: it is FIELD:WORD=VALUE", "such as: --value direction:1=outgoing", code=ExitCode.USAGE
            )
        found.setdefault(field, {})[word] = meaning
    return found


def _incomplete(recording: Recording, mapping: ColumnMap) -> Refused:
    first = mapping.missing[0]
    words = mapping.fields[first].words
    return Refused(
        f"{recording.path.name}: no column gives {', '.join(mapping.missing)}",
        f"it has:          {', '.join(recording.columns)}",
        f"from a column:   --map {first}=COLUMN",
        f"a constant:      --set {first}={words[0] if words else 'VALUE'}",
        *([f"one of:          {', '.join(words)}"] if words else []),
        code=ExitCode.USAGE,
    )


def _dry_run(order: Order) -> None:
    found = examples(order.recording, Conversion(order.mapping, order.now_ms))
    told = [{**each, "value": json.loads(each["value"])} for each in found]
    if order.as_json:
        _say({"topic": order.mapping.topic, "mapping": shown(order.recording, order.mapping), "records": told})
        return
    for each in told:
        _say(each)


def _say(facts: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(facts, ensure_ascii=False, default=str))


def _replay(order: Order, settings: Settings, console: Console) -> None:
    tally = Tally()
    with ExitStack() as stack:
        records = in_time_order(_converted(order, tally, console, stack))
        first = next(records, None)  # reads all of the file
        tell_rejects(tally, console)
        if first is None:
            if order.as_json:
                _say({"topic": order.mapping.topic, "written": 0, **tally.facts()})
            raise _hopeless(order, tally)
        _write(order, settings, chain([first], records), first.ts, tally, console)


def _hopeless(order: Order, tally: Tally) -> Refused:
    (most, _), *_ = tally.rejected.most_common(1)
    advice = {
        Reason.UNKNOWN_WORD: ("say what its words mean:  --value direction:1=outgoing",),
        Reason.NOT_A_TIME: ("from another column:       --map ts=COLUMN",),
    }
    message = f"none of {tally.rows:,} rows of {order.recording.path.name} converted; nothing was written"
    return Refused(message, *advice.get(most, ()))


def _converted(order: Order, tally: Tally, console: Console, stack: ExitStack) -> Iterator[Record]:
    """The file's records, with a bar that goes when the last is read."""
    conversion = Conversion(order.mapping, order.now_ms)
    out = None
    if order.rejects is not None:
        out = stack.enter_context(order.rejects.open("w", encoding="utf-8", newline=""))
    rejects = Rejects(out, order.recording.columns)
    with reading(console, order.recording, order.limit) as tell:
        yield from converted(order.recording, conversion, tally, rejects, limit=order.limit, progress=tell)


def _write(
    order: Order, settings: Settings, records: Iterator[Record], first_ts: int, tally: Tally, console: Console
) -> None:
    from app.simulator.ground import prepare
    from app.simulator.publish import Pace, Published, publish

    async def send() -> Published:
        client, prefix = settings.kafka_client_kwargs(), settings.topic_prefix
        span, topic = order.now_ms - first_ts, order.mapping.topic
        for change in await prepare(client, prefix, settings.partitions, span, only=topic):
            click.echo(change, err=True)
        with writing(console, tally.converted) as tell:
            return await publish(records, client, prefix, pace=Pace(order.speed), progress=tell)

    with talking_to(settings):
        done = asyncio.run(send())
    if order.as_json:
        times = {"first_ts": done.first_ts, "last_ts": done.last_ts, "seconds": round(done.seconds, 3)}
        _say({"topic": order.mapping.topic, "written": done.records, **tally.facts(), **times})
    pace = f" ({done.records / done.seconds:,.0f}/s)" if done.seconds else ""
    where = settings.topic_prefix + order.mapping.topic
    click.echo(f"{done.records:,} of {tally.rows:,} rows are on {where} in {done.seconds:.1f} s{pace}", err=True)
