"""One record of feedback, as a person at a terminal writes it; a dispatch service writes the same."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from app.config.options import talking_to
from app.config.settings import Settings
from app.errors import no_topic
from app.publishing.publisher import publish, wall_clock_ms
from app.publishing.record import TimedRecord, encode
from models.contract.events import FEEDBACK, Feedback
from streams.kafka.topic_admin import Cluster


def say(settings: Settings, fields: Mapping[str, Any]) -> tuple[Feedback, bytes]:
    """Write feedback as of now; after this returns, the record is on the broker.

    Parameters
    ----------
    fields
        Of the feedback; those that are None are left out, and without `by` it is said by the login's owner.

    Returns
    -------
    tuple
        The feedback, and its bytes in the topic.

    Raises
    ------
    click.UsageError
        If a lane would refuse it, or nobody is logged in who could have said it.
    app.errors.Refused
        If there is no such topic or no broker answers.
    """
    given = {"ts": wall_clock_ms(), "by": fields.get("by") or _login()}
    body = {name: value for name, value in {**fields, **given}.items() if value is not None}
    try:
        said = msgspec.convert(body, Feedback)
    except msgspec.ValidationError as error:
        raise click.UsageError(f"The feedback would be refused: {error}.") from None
    record = TimedRecord(FEEDBACK, said.subscriber_id.encode(), encode(body), said.ts)
    with talking_to(settings):
        asyncio.run(_write(settings, record))
    return said, record.value


async def _write(settings: Settings, record: TimedRecord) -> None:
    client, topic = settings.kafka_client_kwargs(), settings.topic_prefix + record.topic
    async with Cluster(client) as cluster:
        if not await cluster.topics([topic]):  # or a producer creates it, with the wrong partitions
            raise no_topic(Exception(topic))
    await publish([record], client, settings.topic_prefix)


def _login() -> str:
    """Who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise click.UsageError("Say who you are: --by NAME.") from None
