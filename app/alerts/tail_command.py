"""``holdfast alerts tail``: the last few alerts, then new ones as they come."""

from __future__ import annotations

import asyncio
import io
import select
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from app.alerts.alert_filter import AlertFilter
from app.alerts.card_and_line import Card
from app.alerts.moments import moment
from app.alerts.pulse import Pulse, quiet_line
from app.alerts.topic_reading import Feed
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to, units_option
from app.config.settings import Language, Settings
from app.errors import ExitCode, Refused, no_topic
from models.contract.alerts import Alert, Suppression
from models.contract.policy import MANDATORY
from models.contract.vocabulary import KINDS, TIERS
from streams.kafka.topic_tail import TailRecord, TopicMissingError, as_alert, as_suppression
from streams.records.topics import ALERTS, SUPPRESSIONS

_LAST: Final = 10
_SPARE: Final = 3
"""Offsets to read back for each wanted alert: each transaction takes one too, and may hold a single alert."""
_QUIET_S: Final = 60.0
_LINES_S: Final = 5
"""Lines a second on a terminal; further ones are folded into one, since nobody reads faster."""
_REMEMBERED: Final = 20_000
"""Most subscribers whose last risk is kept, to show how it changed."""


@click.command("tail")
@settings_options(*PLACE, "group", "lang", "timezone")
@click.option("--from-beginning", is_flag=True, help="Start with the oldest alert that the topic holds.")
@click.option("--last", type=click.IntRange(0), help=f"Start with the last so many.  [default: {_LAST}; with --json 0]")
@click.option("--limit", type=click.IntRange(1), help="End after so many.")
@click.option("--follow/--no-follow", default=True, help="--no-follow: end where the topic ends now.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be repeated.")
@click.option("--tier", "tiers", multiple=True, type=click.Choice(TIERS), help="Only this tier; may be repeated.")
@units_option
@click.option("--since", help="Only from then on: 90m, 3d, 09:00, 2026-12-01.")
@click.option("--until", help="Only before then; if that is past, it ends there.")
@click.option("--suppressed", is_flag=True, help="Instead, the breaches that were withheld, and why.")
@click.option("--where", help="Only where this holds, such as 'times >= 5 and \"complaints_30d\" in reasons'.")
@json_option
def tail_(
    settings: Settings, /, last: int | None, limit: int | None, follow: bool, as_json: bool, **asked: Any
) -> None:
    """Follow the alerts until Ctrl-C: the first that is no mere notice as a card, the others as lines.

    With --json, each is printed as it stands in the topic. When it is quiet, a line on stderr says every minute whether
    events come and are applied. With --suppressed the lines are of breaches that were not published: `holdfast alerts
    explain ID` says what the policy asked.
    """
    zone, now_ms = ZoneInfo(settings.timezone), int(time.time() * 1000)
    since, until = (
        None if asked[flag] is None else moment(f"--{flag}", asked[flag], now_ms, zone) for flag in ("since", "until")
    )
    if asked["suppressed"] and asked["where"]:
        raise click.UsageError("--where is of alerts: a breach that was withheld may lack what it names.")
    wanted = AlertFilter(
        kinds=asked["kinds"], tiers=asked["tiers"], units=asked["units"], since=since, until=until, where=asked["where"]
    )
    if last is None and not (asked["from_beginning"] or since):
        last = 0 if as_json else _LAST
    screen = Screen(settings, wanted, last=last, limit=limit, as_json=as_json, suppressed=asked["suppressed"])
    newest = None if last is None or not (wanted.all or last == 0) else last * _SPARE
    with talking_to(settings):
        asyncio.run(_follow(settings, screen, newest, follow=follow and not (until and until <= now_ms)))
    if not screen.shown:
        raise Refused("no such alerts", code=ExitCode.NOT_FOUND)


class Screen:
    """The output: what was shown, and what is still to be shown.

    Parameters
    ----------
    last
        How many earlier records to show; None for all.
    suppressed
        Whether withheld breaches are shown instead of alerts.
    """

    def __init__(
        self,
        settings: Settings,
        wanted: AlertFilter,
        *,
        last: int | None,
        limit: int | None,
        as_json: bool,
        suppressed: bool = False,
    ) -> None:
        self.topic: Final = SUPPRESSIONS if suppressed else ALERTS
        self.lang: Language = language(settings)
        self._wanted, self._limit, self._as_json = wanted, limit, as_json
        self._out: Console = console()
        self._terminal = _on_terminal()
        self._card = Card(self.lang, ZoneInfo(settings.timezone), lambda: int(time.time() * 1000))
        self._earlier: deque[tuple[TailRecord, Alert | Suppression | None]] | None = (
            None if last is None else deque(maxlen=last)
        )
        self._risks: dict[str, float] = {}
        self._folded: Counter[str] = Counter()
        self._second, self._lines, self.shown, self._carded = 0.0, 0, 0, False

    @property
    def full(self) -> bool:
        """Whether as many were shown as requested."""
        return self._limit is not None and self.shown >= self._limit

    def take(self, record: TailRecord, *, live: bool) -> None:
        """Show a record, or keep it until it is known whether it is one of the last."""
        decode: Callable[[bytes | None], Alert | Suppression | None]
        decode, what = (as_alert, "an alert") if self.topic == ALERTS else (as_suppression, "a decision")
        alert = decode(record.value)
        if alert is None and not self._as_json:
            click.echo(f"{record.partition}:{record.offset} is not {what} that this version can read.", err=True)
        elif not (self._wanted.all if alert is None else self._wanted.keeps(alert)):
            pass
        elif self._earlier is not None and not live:
            self._earlier.append((record, alert))
        else:
            self._show(record, alert, live=live)

    def caught_up(self) -> None:
        """Show the last of the earlier records."""
        earlier, self._earlier = self._earlier or (), None
        for record, alert in earlier:
            if not self.full:
                self._show(record, alert, live=False)

    def flush(self, *, end: bool = False) -> None:
        """Show the line for the folded records, once the second is over."""
        if self._folded and (end or time.monotonic() - self._second >= 1.0):
            units = ", ".join(f"{unit} {count}" for unit, count in self._folded.most_common(3))
            self._out.print(f"+{self._folded.total()} more: {units}", style="cyan", soft_wrap=True)
            self._folded.clear()

    def _show(self, record: TailRecord, alert: Alert | Suppression | None, *, live: bool) -> None:
        self.shown += 1
        width = self._out.width if self._terminal else None
        if self._as_json or alert is None:
            click.echo(record.value or b"")
        elif isinstance(alert, Alert):
            self._show_alert(alert, width, live=live)
        elif live and self._burst():
            self._folded[self._card.word(f"withheld_{alert.reason}")] += 1
        else:
            self._out.print(self._card.withheld(alert, width), soft_wrap=True)

    def _show_alert(self, alert: Alert, width: int | None, *, live: bool) -> None:
        subject = alert.subscriber_id or alert.account_id or ""
        before = self._risks.pop(subject, None)
        self._risks[subject] = alert.risk
        if len(self._risks) > _REMEMBERED:
            del self._risks[next(iter(self._risks))]
        if not self._carded and alert.action is not None and alert.kind not in MANDATORY:
            self._carded = True
            self._out.print(self._card.card(alert))
        elif live and self._burst():
            self._folded[self._card.unit(alert)] += 1
        else:
            self._out.print(self._card.line(alert, width, before), soft_wrap=True)

    def _burst(self) -> bool:
        """Whether this second has had all its lines; a file or pipe has no limit."""
        if not self._terminal:
            return False
        now = time.monotonic()
        if now - self._second >= 1.0:
            self.flush()
            self._second, self._lines = now, 0
        self._lines += 1
        return self._lines > _LINES_S


def _on_terminal() -> bool:
    """Whether lines are cut to the width and bursts folded: not in a file or pipe."""
    return sys.stdout.isatty()


def _nobody_reads() -> bool:
    """Whether the reader of a pipe has gone (`| head -0`), which otherwise only the next alert would show."""
    try:
        watched = select.poll()
        watched.register(sys.stdout, 0)
    except (AttributeError, io.UnsupportedOperation):  # no such call on Windows; no file behind a test's stdout
        return False
    return any(told & select.POLLERR for _, told in watched.poll(0))


async def _follow(settings: Settings, screen: Screen, newest: int | None, *, follow: bool) -> None:
    """Show new records, and a heartbeat while there are none."""
    topic = settings.topic_prefix + screen.topic
    feed = Feed(settings, topic, newest, follow=follow)
    pulse = Pulse(settings.kafka_client_kwargs(), settings.topic_prefix, settings.group, watched=screen.topic)
    suppressed = screen.topic == SUPPRESSIONS
    quiet_since = heard = time.monotonic()
    try:
        async with aclosing(feed.polls()) as polled:
            async for poll in polled:
                if poll.live and not feed.live:
                    feed.live = True
                    await pulse.beat()  # a rate needs an earlier observation
                    screen.caught_up()
                    click.echo(
                        f"Waiting for {'decisions' if suppressed else 'alerts'} in {topic}; Ctrl-C ends.", err=True
                    )
                for record in poll.records:
                    screen.take(record, live=feed.live)
                    if screen.full:
                        return
                screen.flush()
                if _nobody_reads():
                    raise BrokenPipeError
                now = time.monotonic()
                if poll.records or not feed.live:
                    quiet_since = heard = now
                elif now - heard >= _QUIET_S:
                    heard = now
                    beat = await pulse.beat()
                    quiet = quiet_line(beat, now - quiet_since, settings.group, screen.lang, suppressed=suppressed)
                    click.echo(quiet, err=True)
                    feed.missed = any(end > poll.places.get(at, end) for at, end in beat.watched_ends.items())
            screen.caught_up()
    except TopicMissingError as missing:
        raise no_topic(missing) from None
    finally:
        screen.flush(end=True)
        await pulse.close()
