"""``holdfast alerts ack``, ``snooze`` and ``close``: feedback on an alert.

They only write feedback, as a dispatch service does; the lane that raised the alert applies it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import click

from app.alerts.card_and_line import Card
from app.alerts.masking import masked
from app.alerts.moments import UNTIL, ahead
from app.alerts.one_alert import life_of
from app.config.options import PLACE, json_option, language, settings_options
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.publishing.feedback import say
from models.contract.alerts import Alert
from models.contract.events import FEEDBACK, Feedback, FeedbackStatus

CLOSING: Final[tuple[FeedbackStatus, ...]] = ("dismissed", "retained", "lost", "refused", "withdrawn")
"""Statuses that end an alert. A snooze ends it for a while, and has a verb of its own."""

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
@click.option("--until", required=True, help=UNTIL)
@_by
@_why
@json_option
def snooze(settings: Settings, alert_id: str, until: str, by: str | None, reason: str | None, as_json: bool) -> None:
    """Put an alert off: feedback `snoozed`. It closes, and is raised anew afterwards if its cause still stands."""
    until_ts = ahead(until, ZoneInfo(settings.timezone))
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
    """Write one feedback record, and print what was written."""
    alert = life_of(settings, alert_id)[-1].alert
    _refuse_closed(alert, settings)
    fields = {
        "subscriber_id": alert.subscriber_id or next(iter(alert.members or ()), None),  # any line, for an account's
        "status": status,
        "alert_id": alert.alert_id,
        "by": by,
        "note": reason,
        "until_ts": until_ts,
    }
    said, value = say(settings, fields)
    if as_json:
        click.echo(value)
        return
    click.echo(_told(alert, said, settings))
    click.echo(f"The lane applies it:  holdfast alerts show {alert.alert_id[:8]}", err=True)


def _refuse_closed(alert: Alert, settings: Settings) -> None:
    """Refuse feedback on a closed alert, since it would not be applied."""
    if alert.event == "closed":
        raise Refused(
            f"alert {alert.alert_id} is closed ({alert.close_reason})",
            f"its life:  holdfast alerts show {alert.alert_id[:8]}",
            code=ExitCode.NOT_FOUND,
        )


def _told(alert: Alert, said: Feedback, settings: Settings) -> str:
    zone = ZoneInfo(settings.timezone)
    until = f" until {datetime.fromtimestamp(said.until_ts / 1000, zone):%Y-%m-%d %H:%M}" if said.until_ts else ""
    why = f": {said.note}" if said.note else ""
    about = f"{alert.alert_id[:8]} ({Card(language(settings), zone).heading(alert)}, {masked(said.subscriber_id)})"
    return f"{said.status}{until} by {said.by}, {about}{why}; written to {settings.topic_prefix}{FEEDBACK}"
