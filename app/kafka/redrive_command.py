"""``holdfast dlq redrive``: send dead letters to their input again, once the cause of their rejection is fixed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Final, Literal, NamedTuple

import click

from app.config.options import PLACE, json_option, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from models.contract.events import INPUTS
from streams.kafka.redriving import BATCH, Origin, Redriving, letter_id, origin, redriven
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TailRecord, TopicMissingError, tail
from streams.records.dead_letters import REASON, TOPIC
from streams.records.topics import DEAD_LETTERS
from streams.records.wire import DEAD_LETTER_REASONS

Left = Literal["sent before", "not kept", "no such input"]
_LEFT: Final[dict[Left, str]] = {
    "sent before": "{count} sent again before: left out (--again sends them once more, and they count once more)",
    "not kept": "{count} larger than what a letter keeps, or without their origin: send them from their source",
    "no such input": "{count} of a topic or partition that is no input here: left out",
}


@click.command()
@settings_options(*PLACE)
@click.argument("letter_ids", nargs=-1, metavar="[ID]...")
@click.option("--reason", type=click.Choice(DEAD_LETTER_REASONS), help="Only those with this reason.")
@click.option("--topic", help="Only those of this input; its full name.")
@click.option("--again", is_flag=True, help="Also those that were sent again before.")
@click.option("--yes", is_flag=True, help="Send them; without it, say what would be sent.")
@json_option
def redrive(
    settings: Settings,
    letter_ids: tuple[str, ...],
    reason: str | None,
    topic: str | None,
    again: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Send dead letters again as they were, to the input and partition that they came from.

    For when the reader was wrong and not the record: an older worker, a clock. A letter that is still poison becomes
    another letter; a record that must be changed comes from its source. Each is sent once: a note in the dead letters
    says which were. IDs as `dlq list` has them; without any, all that --reason and --topic leave. Exit 3 if there is
    none to send.
    """
    wanted = _Wanted(letter_ids, {name: said for name, said in ((REASON, reason), (TOPIC, topic)) if said}, again)
    going = _Redrive(settings, wanted, as_json=as_json)
    try:
        with talking_to(settings):
            count = asyncio.run(going.run(send=yes))
    except TopicMissingError as missing:
        raise no_topic(missing) from None
    for why, left in going.left.items():
        click.echo(_LEFT[why].format(count=f"{left:,}"), err=True)
    if not count:
        raise Refused("no dead letter to send", "list them:  holdfast dlq list", code=ExitCode.NOT_FOUND)
    click.echo(f"{count:,} sent" if yes else f"{count:,} would be sent; to send them:  --yes", err=True)


class _Wanted(NamedTuple):
    """The letters to send: by ids, if any are given, and by headers; with `again` also those sent before."""

    ids: Collection[str]
    headers: Mapping[str, str]
    again: bool

    def has(self, record: TailRecord) -> bool:
        """Whether a letter is one of those to send."""
        said = dict(record.headers)
        return (not self.ids or letter_id(record) in self.ids) and all(
            said.get(name) == value.encode() for name, value in self.headers.items()
        )


class _Redrive:
    """One run, which reads the topic twice: the notes on letters that were sent before stand behind the letters."""

    def __init__(self, settings: Settings, wanted: _Wanted, *, as_json: bool) -> None:
        self.left = Counter[Left]()
        self._settings, self._wanted, self._as_json = settings, wanted, as_json
        self._sent: set[str] = set()
        self._partitions: dict[str, int] = {}

    async def run(self, *, send: bool) -> int:
        """Send the letters, or show what would be sent; returns their number."""
        client, prefix = self._settings.kafka_client_kwargs(), self._settings.topic_prefix
        async with Cluster(client) as cluster:
            found = await cluster.topics([prefix + name for name in INPUTS])
        self._partitions = {name: each.partitions for name, each in found.items()}
        async with AsyncExitStack() as stack:
            writer = None
            if send:
                writer = Redriving(client, prefix)
                stack.push_async_callback(writer.close)
                await writer.open()  # before the notes are read
            async with aclosing(self._read()) as records:
                self._sent = {sent async for record in records if (sent := redriven(record)) is not None}
            count = 0
            async with aclosing(self._batches()) as batches:
                async for batch in batches:
                    offsets = await writer.send(batch) if writer else [None] * len(batch)
                    for (letter, at), offset in zip(batch, offsets, strict=True):
                        self._say(letter, at, offset)
                    count += len(batch)
            return count

    def _read(self) -> AsyncGenerator[TailRecord, None]:
        topic = self._settings.topic_prefix + DEAD_LETTERS
        return tail(self._settings.kafka_client_kwargs(), topic, from_beginning=True, follow=False)

    async def _batches(self) -> AsyncGenerator[list[tuple[TailRecord, Origin]], None]:
        batch: list[tuple[TailRecord, Origin]] = []
        async with aclosing(self._read()) as records:
            async for record in records:
                is_letter = redriven(record) is None
                if is_letter and self._wanted.has(record) and (at := self._origin(record)) is not None:
                    batch.append((record, at))
                if len(batch) == BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _origin(self, record: TailRecord) -> Origin | None:
        """Where to send a letter; None, and counted, if it is not to be sent."""
        at = origin(record)
        left: Left | None = None
        if at is None:
            left = "not kept"
        elif not 0 <= at.partition < self._partitions.get(at.topic, 0):
            left = "no such input"
        elif not self._wanted.again and letter_id(record) in self._sent:
            left = "sent before"
        if left is None:
            return at
        self.left[left] += 1
        return None

    def _say(self, letter: TailRecord, at: Origin, offset: int | None) -> None:
        told = {"id": letter_id(letter), "topic": at.topic, "partition": at.partition, "offset": offset}
        place = f"{at.topic}-{at.partition}" + ("" if offset is None else f"@{offset}")
        click.echo(json.dumps(told) if self._as_json else f"{told['id']} -> {place}")
