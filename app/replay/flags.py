"""Parsing of the flags for files: pairs, words, offsets; for one topic's files or for all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from app.errors import ExitCode, Refused
from app.tables.column_guess import CALLED, Told
from app.tables.fields import TOPICS, fields_of
from models.contract.events import CALLS

_OFFSET: Final = re.compile(r"([+-]?)(\d{1,2})(?::?([0-5]\d)|(\.\d+))?")


class UtcOffset(click.ParamType):
    """Hours from UTC, as +8, -3.5 or +05:30; in ms."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse the offset."""
        found = _OFFSET.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no offset from UTC, such as +8 or +05:30", param, ctx)
        hours = int(found[2]) + (int(found[3]) / 60 if found[3] else float(found[4] or 0))
        if hours > 14:
            self.fail(f"{value!r}: no place on Earth is so far from UTC", param, ctx)
        return round((-hours if found[1] == "-" else hours) * 3_600_000)


class Zone(click.ParamType):
    """A time zone by its name, with its summer time."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        """Look it up."""
        try:
            return ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"there is no time zone {value!r}; such as Europe/Berlin, Asia/Shanghai", param, ctx)


def paired(files: Sequence[Any], topics: Sequence[str]) -> list[tuple[Any, str]]:
    """Each file with its topic: one topic for all files, or one each, in order.

    Examples
    --------
    >>> paired(["a.csv", "b.csv"], ["calls"])
    [('a.csv', 'calls'), ('b.csv', 'calls')]
    """
    if len(topics) not in (1, len(files)):
        raise Refused(
            f"{len(files)} files, but --as is given {len(topics)} times: give it once for all, or once for each, "
            "in their order",
            "such as:  holdfast replay calls.csv left.csv --as calls --as outcomes",
            code=ExitCode.USAGE,
        )
    return list(zip(files, topics if len(topics) > 1 else [*topics] * len(files), strict=True))


def told(flags: dict[str, Any], topic: str, topics: Sequence[str]) -> Told:
    """The flags for the files of `topic`; with several topics, a flag applies to those that have its field.

    Parameters
    ----------
    flags
        ``maps``, ``sets``, ``units``, ``values``, ``decimals``, as given: FIELD=..., or TOPIC.FIELD=... for one topic.
    topics
        All topics of the replay.

    Examples
    --------
    >>> flags = {"maps": ["ts=when", "calls.kind=type"], "values": ["direction:1=outgoing"]}
    >>> told(flags, "outcomes", ["calls", "outcomes"]).columns
    {'ts': 'when'}
    >>> told(flags, "calls", ["calls", "outcomes"]).words
    {'direction': {'1': 'outgoing'}}
    """
    words: dict[str, dict[str, str]] = {}
    for text, name, meaning in _pairs("--value", flags.get("values", ()), topic, topics):
        field, colon, word = name.partition(":")
        if not (colon and word and meaning):
            raise Refused(
                f"--value {text}: expected FIELD:WORD=VALUE",
                "such as: --value direction:1=outgoing",
                code=ExitCode.USAGE,
            )
        words.setdefault(field, {})[word] = meaning
    columns, constants, units, marks = (
        {name: value for _, name, value in _pairs(flag, flags.get(key, ()), topic, topics)}
        for flag, key in (("--map", "maps"), ("--set", "sets"), ("--unit", "units"), ("--decimal", "decimals"))
    )
    if both := columns.keys() & constants.keys():
        raise Refused(f"both --map and --set for {', '.join(sorted(both))}", code=ExitCode.USAGE)
    both_parties = bool(flags.get("both_parties")) and TOPICS[topic] == CALLS
    return Told(columns, constants, units, words, marks, both_parties)


def _pairs(flag: str, texts: Sequence[str], topic: str, topics: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Text, name and value of the flags for this topic."""
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise Refused(f"{flag} {text}: expected FIELD=...", code=ExitCode.USAGE)
        only, dot, field = name.strip().partition(".")
        if dot and only in TOPICS:
            if only not in topics:
                raise Refused(f"{flag} {text}: no file is replayed as {only}", code=ExitCode.USAGE)
            if only == topic:
                yield text, field, value.strip()
        elif _is_for(name.strip().partition(":")[0], topic, topics):
            yield text, name.strip(), value.strip()


def _is_for(field: str, topic: str, topics: Sequence[str]) -> bool:
    """Whether a topic has the field, or no topic has it, in which case each must report it."""
    having = [each for each in topics if field in fields_of(TOPICS[each]) or (field == CALLED and each == "calls")]
    return topic in having or not having
