"""``holdfast dlq list`` and ``show``: records that could not be read, alerts that an endpoint refused, and why."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from operator import itemgetter
from typing import TypeVar, get_args
from zoneinfo import ZoneInfo

import click
from rich.table import Table

from app.config.options import PLACE, console, json_option, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from app.kafka.redrive_command import redrive
from streams.kafka import parking
from streams.kafka.parking import ParkedFor
from streams.kafka.redriving import letter_id as id_of
from streams.kafka.redriving import redriven
from streams.kafka.topic_tail import TailRecord, TopicMissingError, tail
from streams.records import dead_letters
from streams.records.topics import DEAD_LETTERS, PARKED
from streams.records.wire import DEAD_LETTER_REASONS

Facts = dict[str, str | int | None]
T = TypeVar("T")


@click.group()
def dlq() -> None:
    """Dead letters: the records that could not be read; with --parked the alerts that an endpoint refused."""


dlq.add_command(redrive)

_parked_option = click.option("--parked", is_flag=True, help="Instead, what an endpoint of `holdfast relay` refused.")


@dlq.command("list")
@settings_options(*PLACE, "timezone")
@click.option(
    "--reason", type=click.Choice((*DEAD_LETTER_REASONS, *get_args(ParkedFor))), help="Only those with this reason."
)
@click.option("--topic", help="Only those of this input; its full name.")
@click.option("--limit", type=click.IntRange(1), help="Only this many of the newest.")
@_parked_option
@json_option
def list_(
    settings: Settings, reason: str | None, topic: str | None, limit: int | None, parked: bool, as_json: bool
) -> None:
    """List the dead letters, oldest first, without their content; exit 3 if there is none."""
    about = parked_facts if parked else facts
    again: dict[str, int] = {}  # when a letter was sent again, last

    def wanted(record: TailRecord) -> Facts | None:
        if (letter := redriven(record)) is not None:
            again[letter] = record.timestamp
            return None
        each = about(record)
        return each if reason in (None, each["reason"]) and topic in (None, each.get("topic")) else None

    found = _read(settings, wanted, PARKED if parked else DEAD_LETTERS)
    if not found:
        raise Refused("no alert is parked" if parked else "no dead letters", code=ExitCode.NOT_FOUND)
    for each in found:
        if not parked:
            each["redriven"] = again.get(str(each["id"]))
    counts = Counter(str(each["reason"]) for each in found)
    found = found[-limit:] if limit else found
    if as_json:
        for each in found:
            click.echo(json.dumps(each, ensure_ascii=False))
        return
    console().print(_table(found, settings, parked=parked))
    click.echo(", ".join(f"{count} {name}" for name, count in counts.most_common()), err=True)


def _table(found: list[Facts], settings: Settings, *, parked: bool) -> Table:
    if parked:
        table = Table("id", "when", "reason", "endpoint", "alert", "answer", box=None, pad_edge=False)
        cells = [(each["endpoint"], each["alert"], f"{each['status'] or ''} {each['answer'] or ''}") for each in found]
    else:
        table = Table("id", "when", "reason", "where it came from", "bytes", "what", box=None, pad_edge=False)
        cells = [
            (f"{each['topic']}-{each['partition']}@{each['offset']}", each["bytes"], _what(each, settings))
            for each in found
        ]
    for each, rest in zip(found, cells, strict=True):
        table.add_row(str(each["id"]), _when(each, settings), str(each["reason"]), *(str(cell) for cell in rest))
    for column in table.columns[3:]:
        column.overflow = "fold"
    return table


@dlq.command()
@settings_options(*PLACE, "timezone")
@click.argument("letter_id", metavar="ID")
@_parked_option
@json_option
def show(settings: Settings, letter_id: str, parked: bool, as_json: bool) -> None:
    """Show one dead letter (ID as in the list, 3:17) with its key and content, which may be a customer's data."""
    partition, colon, offset = letter_id.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise click.UsageError("The ID is PARTITION:OFFSET, such as 3:17.")
    wanted = (int(partition), int(offset))
    topic = PARKED if parked else DEAD_LETTERS
    found = _read(settings, lambda each: each if (each.partition, each.offset) == wanted else None, topic)
    if not found:
        raise Refused(f"no dead letter {letter_id}", "list them:  holdfast dlq list", code=ExitCode.NOT_FOUND)
    record = found[0]
    told = {
        **(parked_facts if parked else facts)(record),
        **_content("key", record.key),
        **_content("value", record.value),
    }
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    for name, value in told.items():
        click.echo(f"{name:>14}  {_when(told, settings) if name == 'timestamp' else value}")


def facts(record: TailRecord) -> Facts:
    """Facts about a dead letter, without its content."""
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    size = headers.get("holdfast.value.length")
    return {
        "id": id_of(record),
        "timestamp": record.timestamp,
        "reason": headers.get(dead_letters.REASON),
        "topic": headers.get(dead_letters.TOPIC),
        "partition": _number(headers.get(dead_letters.PARTITION)),
        "offset": _number(headers.get(dead_letters.OFFSET)),
        "bytes": _number(size) if size else len(record.value or b""),
        "message": headers.get(dead_letters.MESSAGE),
    }


def parked_facts(record: TailRecord) -> Facts:
    """Facts about a parked alert, without its content."""
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    return {
        "id": id_of(record),
        "timestamp": record.timestamp,
        "reason": headers.get(parking.REASON),
        "endpoint": headers.get(parking.ENDPOINT),
        "alert": headers.get("ce_id"),
        "status": _number(headers.get(parking.STATUS)),
        "attempts": _number(headers.get(parking.ATTEMPTS)),
        "answer": headers.get(parking.ANSWER),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None


def _content(name: str, data: bytes | None) -> Facts:
    """Text as text, anything else as Base64, so that a terminal gets no control bytes and nothing is lost."""
    if data is None:
        return {name: None}
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and (text or not data):
        return {name: text}
    return {f"{name}_base64": base64.b64encode(data).decode()}


def _what(each: Facts, settings: Settings) -> str:
    again = each["redriven"] and _when(each, settings, "redriven")
    return f"sent again {again}; {each['message']}" if again else str(each["message"])


def _when(each: Facts, settings: Settings, which: str = "timestamp") -> str:
    at = datetime.fromtimestamp(int(each[which] or 0) / 1000, ZoneInfo(settings.timezone))
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _read(settings: Settings, keep: Callable[[TailRecord], T | None], name: str) -> list[T]:
    """Results of `keep` for the topic's records, oldest first; their content, maybe gigabytes, is not held."""

    async def read() -> list[tuple[int, T]]:
        topic = settings.topic_prefix + name
        async with aclosing(tail(settings.kafka_client_kwargs(), topic, from_beginning=True, follow=False)) as records:
            return [(each.timestamp, kept) async for each in records if (kept := keep(each)) is not None]

    try:
        with talking_to(settings):
            found = asyncio.run(read())
    except TopicMissingError as missing:
        raise no_topic(missing) from None
    return [kept for _, kept in sorted(found, key=itemgetter(0))]
