"""One alert found by the beginning of its id, as every verb about one alert needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple, TypeVar

import click

from app.config.options import talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from models.contract.alerts import Alert, Suppression
from models.contract.events import FEEDBACK, Feedback
from streams.cluster.topic_tail import TopicMissingError, as_alert, as_feedback, as_suppression, tail
from streams.records.topics import ALERTS, SUPPRESSIONS

_SHORTEST_ID: Final = 4
Decided = TypeVar("Decided", Alert, Suppression, Feedback)


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
    found = _read(settings, ALERTS, as_alert, alert_id)
    _one_of(found, alert_id)
    return sorted((Step(alert, value) for alert, value in found), key=lambda step: step.alert.seq)


def alert_and_withheld(settings: Settings, alert_id: str) -> tuple[list[Alert], list[Suppression]]:
    """The alert whose id begins so, and the decisions not to publish it; it may have been withheld for good.

    Raises
    ------
    app.errors.Refused
        As :func:`life_of`.
    """
    life = _read(settings, ALERTS, as_alert, alert_id)
    withheld = _read(settings, SUPPRESSIONS, as_suppression, alert_id)
    _one_of([*life, *withheld], alert_id)
    return sorted((alert for alert, _ in life), key=lambda alert: alert.seq), [each for each, _ in withheld]


def answers_to(settings: Settings, alert_id: str) -> list[Feedback]:
    """What the front line has said about the alert with this id, by time, as far as the topic still has it."""
    return sorted((said for said, _ in _read(settings, FEEDBACK, as_feedback, alert_id)), key=lambda said: said.ts)


def _read(
    settings: Settings, topic: str, decode: Callable[[bytes | None], Decided | None], alert_id: str
) -> list[tuple[Decided, bytes]]:
    if len(alert_id) < _SHORTEST_ID:
        raise click.UsageError(f"Give at least {_SHORTEST_ID} characters of the id.")

    async def read() -> list[tuple[Decided, bytes]]:
        found, name = [], settings.topic_prefix + topic
        async with aclosing(tail(settings.kafka_client_kwargs(), name, from_beginning=True, follow=False)) as records:
            async for record in records:
                decoded = decode(record.value)
                if decoded is not None and (decoded.alert_id or "").startswith(alert_id):
                    found.append((decoded, record.value or b""))
        return found

    try:
        with talking_to(settings):
            return asyncio.run(read())
    except TopicMissingError as missing:
        raise no_topic(missing) from None


def _one_of(found: Sequence[tuple[Alert | Suppression, bytes]], alert_id: str) -> None:
    ids = sorted({each.alert_id for each, _ in found})
    if not ids:
        raise Refused(
            f"no alert {alert_id}", "recent ones:  holdfast alerts tail --from-beginning", code=ExitCode.NOT_FOUND
        )
    if len(ids) > 1:
        raise Refused(f"{alert_id} is the beginning of {len(ids)} alerts", *ids[:10], code=ExitCode.USAGE)
