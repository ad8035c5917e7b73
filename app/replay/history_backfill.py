"""``holdfast replay --history``: write months of recorded data as the beginning of a prefix, each record once.

The stream is the same in every run: the same files, read in the same way, in one order. So the number of a partition's
records on the broker is the position to continue from, and an interrupted run leaves nothing wrong behind.

1. *Look.* Is the prefix empty, or does it hold a run of the same history?
2. *Read* all files and sort them by time.
3. *Announce* the history to the lanes (:mod:`streams.model_topic.recorded_history`), with the topics' present settings.
4. *Extend* retention: Kafka ages a segment by its records' timestamps, and these are months old.
5. *Write* the records that are missing.
6. *Wait* until the workers have applied them.
7. *Restore* the settings. Ctrl-C does so too; after a kill the next run does.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import Final, NamedTuple

import click
from msgspec.structs import replace
from rich.console import Console

from app.config.options import talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.publishing.prepared_topics import mended
from app.publishing.publisher import Place, PublishCount, PublishPace, publish
from app.publishing.record import TimedRecord
from app.replay.mapping_shown import writing
from app.replay.playback import Part, Playback, read, say
from streams.kafka.broker_view import BrokerView
from streams.kafka.retries import NoAnswerError, patient
from streams.kafka.topic_admin import Cluster
from streams.model_topic import recorded_history
from streams.model_topic.recorded_history import Backfill
from streams.model_topic.retention import PATIENCE_S
from streams.records.topics import INPUT_TOPICS, STATE

_FOR_EVER_MS: Final = 100 * 365 * 86_400_000
_ALONE_S: Final = 30.0
"""Longest wait for a worker if none is running; if some are, but apply nothing, it is that of a replay."""
_POLL_S: Final = 1.0
_IN_STEP: Final = 172_800.0
"""Recorded seconds written a second while workers read: faster, topics get out of step (``holdfast replay --help``)."""


class InputLogs(NamedTuple):
    """State of the input topics: by topic (without prefix), the first and end offset of each partition."""

    starts: dict[str, list[int]]
    ends: dict[str, list[int]]

    def records(self) -> dict[str, int]:
        """Number of records in each topic that has any."""
        held = {topic: sum(ends) - sum(self.starts[topic]) for topic, ends in self.ends.items()}
        return {topic: count for topic, count in held.items() if count}


class PrefixFound(NamedTuple):
    """State of a prefix before anything is written."""

    noted: Backfill | None
    logs: InputLogs
    state: int
    """Number of records in the lanes' state."""
    applied: Mapping[Place, int]
    """Offsets that the group has committed."""
    workers: int


def objection(ground: PrefixFound, history: str, prefix: str) -> Refused | None:
    """Reason why nothing may be written here, or None."""
    noted = ground.noted
    if noted is None:
        full = ground.logs.records() | ({STATE: ground.state} if ground.state else {})
        if not full:
            return None
        return Refused(
            "a history needs empty topics, but there are records already: "
            + ", ".join(f"{prefix}{topic} has {count:,} records" for topic, count in full.items()),
            "write it under another prefix:    --topic-prefix NAME.",
            "or delete the topics of this prefix, and run this again",
        )
    if noted.history != history:
        return Refused(
            "another history was begun here: other files, or other flags for them",
            "go on with that one:              the same files and flags as then",
            "this one, under another prefix:   --topic-prefix NAME.",
        )
    lost = _lost(noted, ground, prefix)
    if lost:
        return Refused(
            f"Kafka has deleted {lost:,} records of this history that no worker had applied: the topics' own retention "
            "was back in force",
            "delete the topics of this prefix, and run this again",
        )
    return None


def _lost(noted: Backfill, ground: PrefixFound, prefix: str) -> int:
    """Records that were deleted before a worker had applied them; those of a compacted topic are only superseded."""
    lost = 0
    for topic in INPUT_TOPICS:
        if topic.config["cleanup.policy"] == "compact":
            continue
        for partition, (was, now) in enumerate(
            zip(noted.starts[topic.name], ground.logs.starts[topic.name], strict=True)
        ):
            lost += max(0, now - max(was, ground.applied.get((topic.full(prefix), partition), 0)))
    return lost


class History:
    """The backfill of one history.

    Parameters
    ----------
    parts
        Its files.
    history
        Their :func:`identity`.
    """

    def __init__(self, parts: tuple[Part, ...], history: str, settings: Settings, console: Console) -> None:
        self._parts = parts
        self._history = history
        self._settings = settings
        self._client = settings.kafka_client_kwargs()
        self._prefix = settings.topic_prefix
        self._console = console

    def run(self, playback: Playback, *, as_json: bool) -> None:
        """Do all steps; after this returns the history is on the broker, and applied if there are workers.

        Raises
        ------
        Refused
            If the prefix is not empty, no row converts, somebody else writes to the topics, or nobody reads them.
        """
        with talking_to(self._settings):
            ground = asyncio.run(self._look())
        refused = objection(ground, self._history, self._prefix)
        if refused is not None:
            raise refused
        noted = ground.noted
        if noted is not None:
            # Reject the same rows as the first run, by its time.
            playback = dataclasses.replace(playback, now_ms=noted.now)
        with ExitStack() as stack:
            records: Iterator[TimedRecord] = iter(())
            if noted is None or noted.ends is None:
                records = read(playback, self._console, stack, as_json=as_json)
                until = max(part.tally.latest for part in self._parts)
                noted = noted or Backfill(
                    history=self._history, now=playback.now_ms, until=until, starts=ground.logs.ends
                )
            self._say(noted, ground)
            with talking_to(self._settings):
                done, applied = asyncio.run(self._go(noted, playback, ground, records))
        if as_json:
            facts = playback.facts(done)
            say(facts | {"history": self._history, "there": done.there, "until": noted.until, "applied": applied})
        if not applied:
            raise Refused(
                f"all of it is written, but no worker has applied any of it for {_ALONE_S:.0f} s (if some run, for "
                f"{PATIENCE_S:.0f} s): the topics keep it meanwhile",
                "start `holdfast worker` and `holdfast learner` for these topics, and run this again:",
                "it puts the topics' own retention back when all is applied",
                code=ExitCode.NOT_FOUND,
            )

    def _say(self, noted: Backfill, ground: PrefixFound) -> None:
        """Show what will be done."""
        end = time.strftime("%Y-%m-%d %H:%M", time.gmtime(noted.until / 1000))
        lines = [f"a history up to {end} UTC: until that is applied nobody is contacted"]
        if ground.logs.records() and ground.noted is not None:
            lines.append(
                f"{sum(ground.logs.records().values()):,} records are there already, and it goes on behind them"
            )
        lines.append(
            "until the workers have applied it, the input topics keep all that they have (retention.ms -1); then, and "
            "after Ctrl-C, their own retention is put back; after a kill by the next run"
        )
        if ground.workers and noted.ends is None:
            lines.append("workers read along, so it is written at two recorded days a second")
        for line in lines:
            click.echo(line, err=True)

    async def _look(self) -> PrefixFound:
        """State of the prefix; missing topics are created."""
        partitions = self._settings.partitions
        async with Cluster(self._client) as cluster:
            created = [topic for topic in await cluster.create(self._prefix, partitions) if topic.created]
            faults = await cluster.faults(self._prefix, partitions)
            applied = await self._committed(cluster)
        if faults:
            raise Refused("; ".join(faults), code=ExitCode.NOT_FOUND)
        if created:
            click.echo(f"created {len(created)} topics with {partitions} partitions", err=True)
        noted = await recorded_history.read(self._client, self._prefix)
        async with self._watching() as view:
            logs, state = await self._logs(view), await self._logs(view, STATE)
            group = await view.group(self._settings.group)
        return PrefixFound(
            noted, logs, sum(state.records().values()), applied, 0 if group is None else len(group.members)
        )

    async def _committed(self, cluster: Cluster) -> dict[Place, int]:
        """Offsets that the group has applied; on a new broker its coordinator takes a while to start."""
        try:
            return await patient(lambda: cluster.committed(self._settings.group), "the group's offsets")
        except NoAnswerError as error:
            raise TimeoutError(str(error)) from error

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[BrokerView]:
        view = BrokerView(self._client, self._prefix)
        try:
            yield view
        finally:
            await view.close()

    async def _logs(self, view: BrokerView, *topics: str) -> InputLogs:
        topics, partitions = topics or tuple(topic.name for topic in INPUT_TOPICS), range(self._settings.partitions)
        bounds = await view.bounds([(topic, partition) for topic in topics for partition in partitions])
        if bounds is None:
            raise TimeoutError("where the topics end")
        starts, ends = ({t: [found[t, p] for p in partitions] for t in topics} for found in bounds)
        return InputLogs(starts, ends)

    async def _go(
        self, noted: Backfill, playback: Playback, ground: PrefixFound, records: Iterator[TimedRecord]
    ) -> tuple[PublishCount, bool]:
        """Steps 3 to 7."""
        done = PublishCount()
        if noted.ends is not None and not noted.settings:
            async with Cluster(self._client) as cluster:
                if not await self._left(cluster, noted):
                    click.echo("all of it is written and applied", err=True)
                    return done, True
        noted = await self._held_open(noted)
        applied: bool | None = None
        try:
            if noted.ends is None:
                done = await self._written(noted, playback, ground, records)
                noted = await self._complete(noted, playback)
            applied = await self._applied(noted)
        finally:
            if applied is not False:
                await self._put_back(noted)
            if applied is None:
                click.echo("Kafka soon deletes what is older than that: run this again at once", err=True)
        return done, applied

    async def _held_open(self, noted: Backfill) -> Backfill:
        """Steps 3 and 4. Settings noted by a killed run are kept, since those must be restored."""
        async with Cluster(self._client) as cluster:
            found = {name: await cluster.settings(name) for name in (t.full(self._prefix) for t in INPUT_TOPICS)}
            if not noted.settings:
                noted = replace(noted, settings={name: dict(settings.own) for name, settings in found.items()})
            await recorded_history.write(self._client, self._prefix, noted)
            for name, settings in found.items():
                if changes := held_open(settings.all):
                    await cluster.give(name, {**settings.own, **changes})
        return noted

    async def _put_back(self, noted: Backfill) -> None:
        """Step 7."""
        async with Cluster(self._client) as cluster:
            for name, own in noted.settings.items():
                await cluster.give(name, own)
        await recorded_history.write(self._client, self._prefix, replace(noted, settings={}))
        click.echo("the topics' own retention is in force again", err=True)

    async def _written(
        self, noted: Backfill, playback: Playback, ground: PrefixFound, records: Iterator[TimedRecord]
    ) -> PublishCount:
        """Step 5."""
        there = {
            (self._prefix + topic, partition): end - noted.starts[topic][partition]
            for topic, ends in ground.logs.ends.items()
            for partition, end in enumerate(ends)
        }
        pace = PublishPace(playback.speed or (_IN_STEP if ground.workers else 0.0))
        with writing(self._console, sum(part.tally.records for part in self._parts)) as tell:
            return await publish(records, self._client, self._prefix, pace=pace, there=there, progress=tell)

    async def _complete(self, noted: Backfill, playback: Playback) -> Backfill:
        """Check that exactly the history is on the topics, and note its ends."""
        async with self._watching() as view:
            ends = (await self._logs(view)).ends
        written = sum(sum(of_topic) - sum(noted.starts[topic]) for topic, of_topic in ends.items())
        meant = sum(part.tally.records for part in self._parts)
        if written != meant:
            raise Refused(
                f"the topics have {written:,} records where the history has {meant:,}: somebody else writes there too",
                "stop the other sources, delete the topics of this prefix, and run this again",
            )
        noted = replace(noted, ends=ends)
        await recorded_history.write(self._client, self._prefix, noted)
        click.echo(f"{meant:,} records of {playback.rows:,} rows are on the topics", err=True)
        return noted

    async def _applied(self, noted: Backfill) -> bool:
        """Step 6; False if no worker has applied anything for a while."""
        total = sum(sum(ends) - sum(noted.starts[topic]) for topic, ends in (noted.ends or {}).items())
        last, idle = total, 0.0
        click.echo(f"waiting for group {self._settings.group} to apply it", err=True)
        with writing(self._console, total, "applying / 应用") as tell:
            async with Cluster(self._client) as cluster, self._watching() as view:
                while left := await self._left(cluster, noted):
                    tell(PublishCount(records=total - left))
                    group = await view.group(self._settings.group)
                    last, idle = left, idle + _POLL_S if left == last else 0.0
                    if idle >= (_ALONE_S if group is not None and not group.members else PATIENCE_S):
                        return False
                    await asyncio.sleep(_POLL_S)
        return True

    async def _left(self, cluster: Cluster, noted: Backfill) -> int:
        """Number of its records that no worker has applied yet."""
        committed, left = await self._committed(cluster), 0
        for topic, ends in (noted.ends or {}).items():
            for partition, (start, end) in enumerate(zip(noted.starts[topic], ends, strict=True)):
                left += max(0, end - max(start, committed.get((self._prefix + topic, partition), 0)))
        return left


def held_open(config: Mapping[str, str]) -> dict[str, str]:
    """Changes of a topic's settings so that it keeps records of any age with their own timestamps.

    Examples
    --------
    >>> held_open({"retention.ms": "604800000", "retention.bytes": "-1", "cleanup.policy": "delete"})
    {'retention.ms': '-1'}
    >>> held_open({"retention.ms": "604800000", "retention.bytes": "-1", "cleanup.policy": "compact"})
    {}
    """
    changes = mended(config, _FOR_EVER_MS)
    if "delete" in config.get("cleanup.policy", "delete"):
        changes |= {limit: "-1" for limit in ("retention.ms", "retention.bytes") if int(config.get(limit, -1)) >= 0}
    return changes
