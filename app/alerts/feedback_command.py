"""``holdfast alerts ack``, ``snooze`` and ``close``: what the front line says about an alert.

They write feedback, as a dispatch service does, and change nothing themselves: the lane that raised the alert reads it.
"""

from __future__ import annotations

import asyncio
import getpass
import time
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
import msgspec

from app.alerts.card import Card, masked
from app.alerts.moments import moment
from app.alerts.one_alert import life_of
from app.config.options import PLACE, json_option, language, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from app.publishing.publisher import publish
from app.publishing.record import TimedRecord, encode
from models.contract.alerts import Alert
from models.contract.events import FEEDBACK, Feedback, FeedbackStatus
from streams.cluster.topic_admin import Cluster

CLOSING: Final[tuple[FeedbackStatus, ...]] = ("dismissed", "retained", "lost", "refused", "withdrawn")
"""What ends an alert. A snooze ends it too, for a while, and has a verb of its own."""

_by = click.option("--by", help="Who says so.  [default: your login]")
_why = click.option("--reason", help="Why; it is kept as the feedback's note.")


@click.command()
@settings_options(*PLACE, "lang", "timezone")
@click.argument("alert_id", metavar="ID")
@_by
@_why
@json_option
def ack(settings: Settings, alert_id: str, by: str | None, reason: str | None, as_json: bool) -> None:
    """Take an alert on: feedback `accepted`. It stays open; the beginning of its id is enough."""
    _feed_back(settings, alert_id, "accepted", by=by, reason=reason, as_json=as_json)


@click.command()
@settings_options(*PLACE, "lang", "timezone")
@click.argument("alert_id", metavar="ID")
@click.option("--until", required=True, help="Until when: 3d, 18:00, 2026-12-01, '2026-12-01 18:00'.")
@_by
@_why
@json_option
def snooze(settings: Settings, alert_id: str, until: str, by: str | None, reason: str | None, as_json: bool) -> None:
    """Put an alert off: feedback `snoozed`. It closes, and is raised anew afterwards if its cause still stands."""
    now = _now_ms()
    until_ts = moment("--until", until, now, ZoneInfo(settings.timezone), ahead=True)
    if until_ts <= now:
        raise click.UsageError(f"--until {until} is not ahead of us.")
    _feed_back(settings, alert_id, "snoozed", by=by, reason=reason, as_json=as_json, until_ts=until_ts)


@click.command()
@settings_options(*PLACE, "lang", "timezone")
@click.argument("alert_id", metavar="ID")
@click.option("--status", type=click.Choice(CLOSING), default="dismissed", show_default=True, help="How it ended.")
@_by
@_why
@json_option
def close(
    settings: Settings, alert_id: str, status: FeedbackStatus, by: str | None, reason: str | None, as_json: bool
) -> None:
    """End an alert; `lost` and `refused` end all alerts of the subscriber."""
    _feed_back(settings, alert_id, status, by=by, reason=reason, as_json=as_json)


def _feed_back(
    settings: Settings,
    alert_id: str,
    status: FeedbackStatus,
    *,
    by: str | None,
    reason: str | None,
    as_json: bool,
    until_ts: int | None = None,
) -> None:
    """Write one record of feedback, and say what was written."""
    alert = life_of(settings, alert_id)[-1].alert
    _refuse_closed(alert, settings)
    fields: dict[str, Any] = {
        "subscriber_id": alert.subscriber_id,
        "ts": _now_ms(),
        "status": status,
        "alert_id": alert.alert_id,
        "by": by or _login(),
        "note": reason,
        "until_ts": until_ts,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    try:
        said = msgspec.convert(body, Feedback)
    except msgspec.ValidationError as error:
        raise click.UsageError(f"The feedback would be refused: {error}.") from None
    record = TimedRecord(FEEDBACK, said.subscriber_id.encode(), encode(body), said.ts)
    with talking_to(settings):
        asyncio.run(_write(settings, record))
    if as_json:
        click.echo(record.value)
        return
    click.echo(_told(alert, said, settings))
    click.echo(f"The lane applies it:  holdfast alerts show {alert.alert_id[:8]}", err=True)


def _refuse_closed(alert: Alert, settings: Settings) -> None:
    """Feedback that nobody would apply is not written."""
    if alert.event == "closed":
        raise Refused(
            f"alert {alert.alert_id} is closed ({alert.close_reason})",
            f"its life:  holdfast alerts show {alert.alert_id[:8]}",
            code=ExitCode.NOT_FOUND,
        )
    if alert.subscriber_id is None:
        raise Refused(f"alert {alert.alert_id} is of an account; feedback is about one subscriber")


async def _write(settings: Settings, record: TimedRecord) -> None:
    client, topic = settings.kafka_client_kwargs(), settings.topic_prefix + record.topic
    async with Cluster(client) as cluster:
        if not await cluster.topics([topic]):  # or a producer creates it, with the wrong partitions
            raise no_topic(Exception(topic))
    await publish([record], client, settings.topic_prefix)


def _told(alert: Alert, said: Feedback, settings: Settings) -> str:
    zone = ZoneInfo(settings.timezone)
    until = f" until {datetime.fromtimestamp(said.until_ts / 1000, zone):%Y-%m-%d %H:%M}" if said.until_ts else ""
    why = f": {said.note}" if said.note else ""
    about = f"{alert.alert_id[:8]} ({Card(language(settings), zone).heading(alert)}, {masked(said.subscriber_id)})"
    return f"{said.status}{until} by {said.by}, {about}{why}; written to {settings.topic_prefix}{FEEDBACK}"


def _login() -> str:
    """Who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise click.UsageError("Say who you are: --by NAME.") from None


def _now_ms() -> int:
    return int(time.time() * 1000)
