"""``holdfast relay``: send the alerts to HTTP endpoints and chat services until asked to stop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click
import structlog

from app.alerts.alert_filter import AlertFilter
from app.alerts.moments import moment
from app.config.options import PLACE, language, settings_options, talking_to, units_option
from app.config.settings import Settings
from app.errors import no_topic
from app.process.fault import fail_at
from app.relay.digest import DigestWriter, service
from app.relay.endpoints import chats, unique, webhooks
from app.relay.envelope import require, signing_keys
from app.relay.process import RelayPlan, deliver
from app.relay.route import Wanted
from models.contract.vocabulary import KINDS, TIERS
from streams.kafka.subscription import Start
from streams.kafka.topic_tail import TopicMissingError

log = structlog.get_logger(__name__)

_FLAGS: Final = (*PLACE, "group", "lang", "timezone", "metrics_host", "metrics_port", "log_level", "fail_at")


@click.command()
@settings_options(*_FLAGS)
@click.option("--to", "to", multiple=True, metavar="[NAME=]URL", help="An HTTP endpoint; may be repeated.")
@click.option("--notify", multiple=True, metavar="[NAME=]URL", help="A chat or mail service; may be repeated.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be repeated.")
@click.option("--tier", "tiers", multiple=True, type=click.Choice(TIERS), help="Only this tier; may be repeated.")
@units_option
@click.option("--where", help="Only where this holds, such as 'times >= 5 and \"complaints_30d\" in reasons'.")
@click.option(
    "--from",
    "start",
    default="now",
    show_default=True,
    metavar="now|beginning|TIME",
    help="Where a new endpoint begins; a time is such as 90m (ago), 3d, 09:00, 2026-12-01.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be sent, one JSON object a line; send nothing.")
def relay(settings: Settings, /, to: tuple[str, ...], notify: tuple[str, ...], dry_run: bool, **asked: Any) -> None:
    """Send each alert to HTTP endpoints, and a digest per unit and minute to chat and mail, until Ctrl-C.

    An endpoint gets each alert as a CloudEvent by POST, signed as in Standard Webhooks, at least once, and those of a
    subscriber in order: one that is sent again has the same `webhook-id`. 2xx is accepted; 400, 422 and the like park
    the alert on churn.parked.v1; anything else is tried again until it is accepted (deploy/docs/relay.md). Past its
    contact_by an alert is delivered with `pastcontactby` true, and left out of digests. A chat or mail service is given
    by its apprise URL: dingtalk:// wecombot:// feishu:// slack:// mailtos://.

    Each endpoint keeps its position in a consumer group of its own, GROUP.relay.NAME. Everybody on the machine can see
    a command line: give URLs with a token by HOLDFAST_RELAY_TO and HOLDFAST_RELAY_NOTIFY, or in files named by
    HOLDFAST_RELAY_TO_FILE and HOLDFAST_RELAY_NOTIFY_FILE. Keys to sign with: HOLDFAST_RELAY_SECRET or _SECRET_FILE.

    Exit codes: 0 stopped, 1 failed, 2 usage, 3 no topics, 75 the broker did not answer for a minute. Restarted by a
    supervisor, it goes on where it was.
    """
    from app.process import logs

    logs.set_up(settings.log_level)
    plan = _plan(settings, to, notify, asked, dry_run=dry_run)
    if dry_run:
        _show(settings, plan)
        return
    log.info("settings", settings=settings.redacted())
    if notify or any(_tells(url) for url in to):
        log.warning("url_on_command_line", advice="others on this machine can read it: HOLDFAST_RELAY_TO, ..._NOTIFY")
    with talking_to(settings):
        deliver(settings, plan)


def _plan(
    settings: Settings, to: Iterable[str], notify: Iterable[str], asked: dict[str, Any], *, dry_run: bool
) -> RelayPlan:
    """The plan of this run, checked as far as possible without a broker."""
    require()
    zone, now_ms = ZoneInfo(settings.timezone), int(time.time() * 1000)
    start: Start = asked["start"]
    if start not in {"now", "beginning"}:
        start = moment("--from", asked["start"], now_ms, zone)

    def new_filter() -> AlertFilter:
        return AlertFilter(kinds=asked["kinds"], tiers=asked["tiers"], units=asked["units"], where=asked["where"])

    new_filter()  # an expression that cannot be read is refused now
    hooks = webhooks([*to, *(settings.relay_to or "").split()])
    told = chats([*notify, *(settings.relay_notify or "").split()])
    if not unique([*hooks, *told]):
        raise click.UsageError("There is no endpoint: give --to or --notify.")
    return RelayPlan(
        Wanted(
            settings.kafka_client_kwargs(),
            settings.topic_prefix,
            settings.group,
            start,
            new_filter,
            fail_at(settings.fail_at),
        ),
        hooks,
        signing_keys(settings.relay_secret) if hooks and not dry_run else (),
        [(each, service(each)) for each in told],
        DigestWriter(language(settings), zone),
    )


def _tells(url: str) -> bool:
    """Whether a URL seems to hold a token."""
    found = urlsplit(url.rpartition("=")[2] if "://" not in url.partition("=")[0] else url)
    return "@" in found.netloc or bool(found.query)


def _show(settings: Settings, plan: RelayPlan) -> None:
    from app.relay.dry_run import would_send

    async def show() -> int:
        count = 0
        async with aclosing(would_send(plan)) as messages:
            async for message in messages:
                count += 1
                click.echo(json.dumps({"endpoint": message.endpoint, **message.sent}, ensure_ascii=False))
        return count

    try:
        with talking_to(settings):
            count = asyncio.run(show())
    except TopicMissingError as missing:
        raise no_topic(missing) from None
    hint = "" if count else "; what the topic holds: --from beginning"
    click.echo(f"{count} messages wait; nothing was sent{hint}", err=True)
