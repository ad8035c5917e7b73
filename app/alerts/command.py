"""``holdfast alerts``: follow the alerts of the lanes, or look one up."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Final
from zoneinfo import ZoneInfo

import click

from app.alerts.card import Card
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from models.contract.alerts import Alert
from streams.cluster.topic_tail import TopicMissingError, as_alert, tail
from streams.records.topics import ALERTS

_SHORTEST_ID: Final = 4


@click.group()
def alerts() -> None:
    """Follow the alerts, show one."""


@alerts.command("tail")
@settings_options(*PLACE, "lang", "timezone")
@click.option("--from-beginning", is_flag=True, help="Start with the oldest alert that the topic holds.")
@click.option("--limit", type=click.IntRange(1), help="End after this many.")
@json_option
def tail_(settings: Settings, from_beginning: bool, limit: int | None, as_json: bool) -> None:
    """Follow the alerts until Ctrl-C: the first as a card, the later ones as lines.

    With --json, each is printed as stored in the topic.
    """
    with talking_to(settings):
        asyncio.run(_follow(settings, from_beginning=from_beginning, limit=limit, as_json=as_json))


@alerts.command()
@settings_options(*PLACE, "lang", "timezone")
@click.argument("alert_id", metavar="ID")
@json_option
def show(settings: Settings, alert_id: str, as_json: bool) -> None:
    """Show one alert and its history so far; the start of its id is enough."""
    if len(alert_id) < _SHORTEST_ID:
        raise click.UsageError(f"Give at least {_SHORTEST_ID} characters of the id.")
    with talking_to(settings):
        found = asyncio.run(_found(settings, alert_id))
    ids = sorted({alert.alert_id for alert, _ in found})
    if not ids:
        raise Refused(
            f"no alert {alert_id}", "recent ones:  holdfast alerts tail --from-beginning", code=ExitCode.NOT_FOUND
        )
    if len(ids) > 1:
        raise Refused(f"{len(ids)} alerts have an id that starts with {alert_id}", *ids[:10], code=ExitCode.USAGE)
    if as_json:
        for _, value in found:
            click.echo(value)
        return
    out, card = console(), _card(settings)
    life = [alert for alert, _ in found]
    out.print(card.card(next((alert for alert in reversed(life) if alert.action is not None), life[-1])))
    for alert in life:
        out.print(card.line(alert), soft_wrap=True)


async def _follow(settings: Settings, *, from_beginning: bool, limit: int | None, as_json: bool) -> None:
    out, card, shown = console(), _card(settings), 0
    topic = settings.topic_prefix + ALERTS
    if not from_beginning:
        click.echo(f"Waiting for alerts in {topic}; Ctrl-C ends.", err=True)
    try:
        async with aclosing(
            tail(settings.kafka_client_kwargs(), topic, from_beginning=from_beginning, follow=True)
        ) as records:
            async for record in records:
                if as_json:
                    click.echo(record.value or b"")
                elif (alert := as_alert(record.value)) is None:
                    click.echo(
                        f"{record.partition}:{record.offset} is not an alert that this version can read.", err=True
                    )
                    continue
                else:
                    out.print(card.line(alert) if shown else card.card(alert), soft_wrap=bool(shown))
                shown += 1
                if shown == limit:
                    return
    except TopicMissingError as missing:
        raise no_topic(missing) from None


async def _found(settings: Settings, alert_id: str) -> list[tuple[Alert, bytes]]:
    """Every record of the alerts whose id starts with `alert_id`, in order of time."""
    found = []
    topic = settings.topic_prefix + ALERTS
    try:
        async with aclosing(tail(settings.kafka_client_kwargs(), topic, from_beginning=True, follow=False)) as records:
            async for record in records:
                alert = as_alert(record.value)
                if alert is not None and alert.alert_id.startswith(alert_id):
                    found.append((alert, record.value or b""))
    except TopicMissingError as missing:
        raise no_topic(missing) from None
    return sorted(found, key=lambda each: (each[0].alert_id, each[0].seq))


def _card(settings: Settings) -> Card:
    return Card(language(settings), ZoneInfo(settings.timezone), lambda: int(time.time() * 1000))
