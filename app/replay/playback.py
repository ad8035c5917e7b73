"""Playback of files to their topics: all are read, sorted by time, and written as one stream.

Files are often sorted by customer, or by loading day. A lane takes records as they arrive, and one that is seven days
late triggers nothing, so a replay must be written in order of time: sorted runs on disk, merged.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import click
from rich.console import Console

from app.config.options import talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.publishing.publisher import PublishCount
from app.publishing.record import TimedRecord
from app.replay.conversion import Conversion, Rejects, RowCount, converted
from app.replay.mapping_shown import reading, tell_rejects, writing
from app.tables.column_guess import ColumnMap
from app.tables.recording import Recording
from app.tables.reject import RejectReason
from streams.records.topics import RANK

RUN: Final = 250_000
"""Records sorted at once: about 150 MB. A file with fewer uses no disk."""
_HEAD: Final = struct.Struct("<qBHI")
_TOPICS: Final = tuple(RANK)


@dataclass(frozen=True, slots=True)
class Part:
    """One file with its mapping and the counts of its rows."""

    recording: Recording
    mapping: ColumnMap
    tally: RowCount = field(default_factory=RowCount)


@dataclass(frozen=True, slots=True)
class Playback:
    """A replay to do.

    Parameters
    ----------
    now_ms
        Later rows are rejected.
    limit
        Most rows of each file.
    rejects
        File for rows that do not convert; with one input file only.
    lengthen
        Whether the retention of topics may be extended while workers read.
    """

    parts: tuple[Part, ...]
    now_ms: int
    speed: float = 0.0
    limit: int | None = None
    rejects: Path | None = None
    lengthen: bool = True

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return sum(part.tally.rows for part in self.parts)

    def facts(self, done: PublishCount | None = None) -> dict[str, Any]:
        """Results as plain data for JSON."""
        done = done or PublishCount()
        files = [
            {"file": part.recording.path.name, "topic": part.mapping.topic, **part.tally.facts()} for part in self.parts
        ]
        times = {"first_ts": done.first_ts, "last_ts": done.last_ts, "seconds": round(done.seconds, 3)}
        return {"written": done.records, **times, "files": files}


def say(facts: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    click.echo(json.dumps(facts, ensure_ascii=False, default=str))


def say_aside(line: str) -> None:
    """Print one line on stderr."""
    click.echo(line, err=True)


def play(playback: Playback, settings: Settings, console: Console, *, as_json: bool) -> None:
    """Read, sort, write; after this returns all converted records are on the broker.

    Raises
    ------
    app.errors.Refused
        If no row converted, or Kafka does not answer.
    """
    with ExitStack() as stack:
        records = read(playback, console, stack, as_json=as_json)
        first = next(records)
        done = _write(playback, settings, chain([first], records), first.ts, console)
    if as_json:
        say(playback.facts(done))
    pace = f" ({done.records / done.seconds:,.0f}/s)" if done.seconds else ""
    where = ", ".join(f"{settings.topic_prefix}{topic}" for topic in done.by_topic)
    click.echo(
        f"{done.records:,} records of {playback.rows:,} rows are on {where} in {done.seconds:.1f} s{pace}", err=True
    )


def read(playback: Playback, console: Console, stack: ExitStack, *, as_json: bool) -> Iterator[TimedRecord]:
    """Read all files before returning; yields their records in order of time, at least one.

    Raises
    ------
    app.errors.Refused
        If no row converts.
    """
    records = in_time_order(_converted(playback, console, stack))
    first = next(records, None)
    for part in playback.parts:
        tell_rejects(part.recording.path.name, part.tally, console)
    if first is None:
        if as_json:
            say(playback.facts())
        raise hopeless(playback)
    return chain([first], records)


def _converted(playback: Playback, console: Console, stack: ExitStack) -> Iterator[TimedRecord]:
    """The files' records one file after the other, each with a bar until its last row is read."""
    for part in playback.parts:
        conversion = Conversion(part.mapping, playback.now_ms)
        out = None if playback.rejects is None else stack.enter_context(_opened(playback.rejects))
        rejects = Rejects(out, part.recording.columns)
        with reading(console, part.recording, playback.limit) as tell:
            yield from converted(part.recording, conversion, part.tally, rejects, limit=playback.limit, progress=tell)


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise Refused(f"--rejects {path} cannot be written: {error.strerror}", code=ExitCode.USAGE) from error


def hopeless(playback: Playback) -> Refused:
    """Error that no row converted, with the most useful advice."""
    reasons = sum((part.tally.rejected for part in playback.parts), Counter[RejectReason]())
    (most, _), *_ = reasons.most_common(1)
    advice = {
        RejectReason.UNKNOWN_WORD: ("say what its words mean:  --value direction:1=outgoing",),
        RejectReason.NOT_A_TIME: ("from another column:       --map ts=COLUMN",),
    }
    names = ", ".join(part.recording.path.name for part in playback.parts)
    return Refused(f"none of {playback.rows:,} rows of {names} converted", *advice.get(most, ()))


def _write(
    playback: Playback, settings: Settings, records: Iterator[TimedRecord], first_ts: int, console: Console
) -> PublishCount:
    from app.publishing.prepared_topics import prepare, put_back
    from app.publishing.publisher import PublishPace, publish

    async def send() -> PublishCount:
        client, prefix = settings.kafka_client_kwargs(), settings.topic_prefix
        span, topics = playback.now_ms - first_ts, {part.mapping.topic for part in playback.parts}
        await prepare(settings, span, only=topics, lengthen=playback.lengthen, say=say_aside)
        with writing(console, sum(part.tally.records for part in playback.parts)) as tell:
            done = await publish(records, client, prefix, pace=PublishPace(playback.speed), progress=tell)
        if playback.lengthen:
            await put_back(settings, say_aside)
        return done

    with talking_to(settings):
        return asyncio.run(send())


def in_time_order(records: Iterable[TimedRecord], run: int = RUN) -> Iterator[TimedRecord]:
    """The records by timestamp, then by rank of their topic, then in order of arrival; reads all before yielding.

    Examples
    --------
    >>> given = [TimedRecord("telecom.calls.v1", b"s", b"%d" % n, ts) for n, ts in enumerate((5, 3, 5, 1))]
    >>> [(r.ts, r.value) for r in in_time_order(given, run=2)]
    [(1, b'3'), (3, b'1'), (5, b'0'), (5, b'2')]
    """
    rest = iter(records)
    with ExitStack() as stack:
        runs: list[Iterator[TimedRecord]] = []
        held = sorted(islice(rest, run), key=_as_applied)
        while following := list(islice(rest, run)):
            runs.append(_spilled(held, stack.enter_context(TemporaryFile())))
            held = sorted(following, key=_as_applied)
        # For equal times the earlier run goes first, and all runs are earlier than the one in memory.
        yield from merge(*runs, held, key=_as_applied)


def _as_applied(record: TimedRecord) -> tuple[int, int]:
    return record.ts, RANK[record.topic]


def _spilled(held: list[TimedRecord], file: IO[bytes]) -> Iterator[TimedRecord]:
    for record in held:
        head = _HEAD.pack(record.ts, RANK[record.topic], len(record.key), len(record.value))
        file.write(head + record.key + record.value)
    file.seek(0)
    return _read(file)


def _read(file: IO[bytes]) -> Iterator[TimedRecord]:
    while head := file.read(_HEAD.size):
        ts, rank, key, value = _HEAD.unpack(head)
        yield TimedRecord(_TOPICS[rank], file.read(key), file.read(value), ts)
