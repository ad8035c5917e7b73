"""Reading a topic for the verbs: all wanted records at once, or new ones as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Final, TypeVar

import click

from app.config.options import talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from streams.kafka.topic_tail import REFUSED, UNREACHABLE, Poll, TailRecord, TopicMissingError, polls, tail

_SHORTEST_ID: Final = 4
_AGAIN_S: Final = 2.0
Decoded = TypeVar("Decoded")


def all_of(
    settings: Settings,
    topic: str,
    decode: Callable[[bytes | None], Decoded | None],
    wanted: Callable[[Decoded], bool],
) -> list[tuple[Decoded, bytes]]:
    """All wanted records of the topic, decoded and as in the topic; unreadable ones are skipped.

    Raises
    ------
    app.errors.Refused
        If there is no such topic.
    """
    found: list[tuple[Decoded, bytes]] = []

    def take(record: TailRecord) -> None:
        decoded = decode(record.value)
        if decoded is not None and wanted(decoded):
            found.append((decoded, record.value or b""))

    each_record(settings, topic, take)
    return found


def each_record(settings: Settings, topic: str, take: Callable[[TailRecord], None]) -> None:
    """Call `take` with each record of the topic, to its end of this moment.

    Raises
    ------
    app.errors.Refused
        If there is no such topic.
    """

    async def read() -> None:
        name = settings.topic_prefix + topic
        async with aclosing(tail(settings.kafka_client_kwargs(), name, from_beginning=True, follow=False)) as records:
            async for record in records:
                take(record)

    try:
        with talking_to(settings):
            asyncio.run(read())
    except TopicMissingError as missing:
        raise no_topic(missing) from None


def long_enough(beginning: str) -> None:
    """Refuse the beginning of an id if it is too short."""
    if len(beginning) < _SHORTEST_ID:
        raise click.UsageError(f"Give at least {_SHORTEST_ID} characters of the id.")


def one_of(ids: Iterable[str], beginning: str, what: str, hint: str) -> None:
    """Refuse the beginning of an id that fits none (exit 3) or several (exit 2; they are named).

    Examples
    --------
    >>> one_of(["9f0c11", "9f0c11"], "9f0c", "alert", "")
    >>> one_of(["9f0c11", "9f0c22"], "9f0c", "alert", "")
    Traceback (most recent call last):
    app.errors.Refused: 9f0c is the beginning of 2 alerts
    """
    found = sorted(set(ids))
    if not found:
        raise Refused(f"no {what} {beginning}", hint, code=ExitCode.NOT_FOUND)
    if len(found) > 1:
        raise Refused(f"{beginning} is the beginning of {len(found)} {what}s", *found[:10], code=ExitCode.USAGE)


class Feed:
    """A topic read across lost connections: a new one continues where the last one stopped.

    Attributes
    ----------
    live
        Whether the reader has all earlier records.
    missed
        Set by the reader if the topic holds more than was delivered: a client can stay stuck after a broker's restart
        (aiokafka#1154), and then a new one continues.
    """

    def __init__(self, settings: Settings, topic: str, newest: int | None, *, follow: bool) -> None:
        self.live = self.missed = False
        self._client, self._topic, self._newest, self._follow = settings.kafka_client_kwargs(), topic, newest, follow

    async def polls(self) -> AsyncGenerator[Poll, None]:
        """Polls, as from :func:`streams.kafka.topic_tail.polls`."""
        places: dict[int, int] | None = None
        while True:
            self.missed = False
            try:
                async with aclosing(
                    polls(self._client, self._topic, newest=self._newest, follow=self._follow, places=places)
                ) as polled:
                    async for poll in polled:
                        if poll.live:
                            places = dict(poll.places)
                        elif places is not None:
                            places.update({record.partition: record.offset + 1 for record in poll.records})
                        yield poll
                        if self.missed:
                            break
                    else:
                        return
            except (*UNREACHABLE, REFUSED):
                if places is None:
                    raise
                click.echo("The connection was lost; trying again.", err=True)
                await asyncio.sleep(_AGAIN_S)
