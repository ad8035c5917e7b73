"""One alert found by the beginning of its id, as every verb about one alert needs it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final, NamedTuple

import click

from app.config.options import talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from models.contract.alerts import Alert
from streams.cluster.topic_tail import TopicMissingError, as_alert, tail
from streams.records.topics import ALERTS

_SHORTEST_ID: Final = 4


class Step(NamedTuple):
    """One record of an alert: decoded, and as it stands in the topic."""

    alert: Alert
    value: bytes


def life_of(settings: Settings, alert_id: str) -> list[Step]:
    """Every record that the topic has of the alert whose id begins so, in the order of its life.

    Raises
    ------
    app.errors.Refused
        If there is none (exit 3), or if several ids begin so (exit 2; they are named).
    """
    if len(alert_id) < _SHORTEST_ID:
        raise click.UsageError(f"Give at least {_SHORTEST_ID} characters of the id.")
    with talking_to(settings):
        found = asyncio.run(_found(settings, alert_id))
    ids = sorted({step.alert.alert_id for step in found})
    if not ids:
        raise Refused(
            f"no alert {alert_id}", "recent ones:  holdfast alerts tail --from-beginning", code=ExitCode.NOT_FOUND
        )
    if len(ids) > 1:
        raise Refused(f"{alert_id} is the beginning of {len(ids)} alerts", *ids[:10], code=ExitCode.USAGE)
    return found


async def _found(settings: Settings, alert_id: str) -> list[Step]:
    found = []
    topic = settings.topic_prefix + ALERTS
    try:
        async with aclosing(tail(settings.kafka_client_kwargs(), topic, from_beginning=True, follow=False)) as records:
            async for record in records:
                alert = as_alert(record.value)
                if alert is not None and alert.alert_id.startswith(alert_id):
                    found.append(Step(alert, record.value or b""))
    except TopicMissingError as missing:
        raise no_topic(missing) from None
    return sorted(found, key=lambda step: (step.alert.alert_id, step.alert.seq))
