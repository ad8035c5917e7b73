"""``holdfast alerts top``: the open alerts on the whole screen, most urgent first."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from typing import Final
from zoneinfo import ZoneInfo

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.containers import Lines
from rich.text import Text

from app.alerts.card_and_line import Card
from app.alerts.open_alerts import OpenAlerts
from app.alerts.pulse import Pulse, quiet_line
from app.config.governing_policy import governing
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from app.process.full_screen import QUIT, Keys, screen
from models.contract.alerts import Alert
from models.contract.policy import Policy
from models.contract.vocabulary import TIERS
from streams.kafka.topic_tail import TopicMissingError, as_alert, polls, tail
from streams.records.topics import ALERTS, SCORES

_BEAT_S: Final = 5.0
_WORDS: Final = {
    "en": {
        "open": "open {:,}", "people": "subscribers", "reading": "reading ...", "none": "no alert is open",
        "budget": "tier alerts in 24 h: {raised} of {allowed:.1f} in the budget ({a_day:g} a day per 1,000)",
        "keys": "arrows or j k: choose   q: quit   holdfast alerts show {id}",
    },
    "zh": {
        "open": "待处理{:,}", "people": "客户", "reading": "读取中……", "none": "无待处理告警",
        "budget": "24小时质态告警：{raised}，预算{allowed:.1f}（每千户每日{a_day:g}）",
        "keys": "方向键或j k：选择   q：退出   holdfast alerts show {id}",
    },
}  # fmt: skip


@click.command()
@settings_options(*PLACE, "group", "lang", "timezone", "policy", "base_rate")
@json_option
def top(settings: Settings, as_json: bool) -> None:
    """Show the open alerts by priority, the tiers, and the volume against the budget, until q or Ctrl-C.

    With --json: the open alerts once, by priority, each as its newest record that has an action.
    """
    if not as_json and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise Refused(
            "`alerts top` draws on a terminal, and this is none",
            "once, for a program:  holdfast alerts top --json",
            "as they come:         holdfast alerts tail",
            code=ExitCode.USAGE,
        )
    board = Board(settings)
    if not as_json:
        board.budget = governing(settings).policy.tiers.budget
    with talking_to(settings):
        try:
            asyncio.run(_once(settings, board) if as_json else _watch(settings, board))
        except TopicMissingError as missing:
            raise no_topic(missing) from None


class Board:
    """Draws what is open.

    Attributes
    ----------
    heartbeat
        The last heartbeat line on inputs and group.
    budget
        Tier alerts per 1,000 subscribers and day; the shipped policy's until it is set.
    """

    def __init__(self, settings: Settings) -> None:
        lang = language(settings)
        self.alerts: Final = OpenAlerts()
        self.heartbeat = ""
        self.caught_up = False
        self.quit: Final = asyncio.Event()
        self._words = _WORDS[lang]
        self.budget = Policy().tiers.budget
        self._card = Card(lang, ZoneInfo(settings.timezone), lambda: int(time.time() * 1000))
        self._chosen = 0

    def press(self, key: str) -> None:
        """Act on a key."""
        if key == QUIT:
            self.quit.set()
        elif key in ("down", "j"):
            self._chosen += 1
        elif key in ("up", "k"):
            self._chosen = max(0, self._chosen - 1)

    def __rich_console__(self, out: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or options.size.height
        alerts, head = self.alerts.by_priority(), list(self._head())
        self._chosen = min(self._chosen, max(0, len(alerts) - 1))
        rows = max(1, height - len(head) - 1)
        for line in head:
            line.truncate(width, overflow="ellipsis")
            yield line
        lines = [row for line in self._fitting(alerts, rows, width, out) for row in line]
        yield from lines
        if not alerts:
            yield Text(self._words["none" if self.caught_up else "reading"], style="italic")
        yield from (Text("") for _ in range(rows - max(1, len(lines))))
        foot = self._words["keys"].format(id=alerts[self._chosen].alert_id[:8] if alerts else "ID")
        yield Text(foot, style="dim", no_wrap=True, overflow="ellipsis", end="")

    def _fitting(self, alerts: list[Alert], rows: int, width: int, out: Console) -> list[Lines]:
        """As many alerts as fit, the chosen one among them; a line that is too long for one row wraps."""
        first, drawn = max(0, self._chosen - rows + 1), list[Lines]()
        for place, alert in enumerate(alerts[first : first + rows], first):
            line = self._card.line(alert, width)
            if place == self._chosen:
                line.stylize("reverse")
            drawn.append(line.wrap(out, width))
            while len(drawn) > 1 and sum(map(len, drawn)) > rows:
                del drawn[0 if place <= self._chosen else -1]
        return drawn

    def _head(self) -> Iterator[Text]:
        alerts, words, names = self.alerts, self._words, self._card.word
        kinds = "  ".join(f"{names(kind)} {count:,}" for kind, count in alerts.kinds().most_common())
        yield Text.assemble((words["open"].format(alerts.kinds().total()), "bold"), f"  {kinds}")
        tiers = alerts.tiers()
        people = "  ".join(f"{names(tier)} {tiers[tier]:,}" for tier in reversed(TIERS))
        allowed = self.budget * tiers.total() / 1000
        volume = words["budget"].format(raised=alerts.raised_today(), allowed=allowed, a_day=self.budget)
        over = "bold red" if alerts.raised_today() > max(1.0, allowed) else ""
        yield Text.assemble(f"{words['people']} {people}  ", (volume, over))
        yield Text(self.heartbeat, style="cyan")


async def _once(settings: Settings, board: Board) -> None:
    values: dict[str, bytes] = {}
    async with aclosing(
        tail(settings.kafka_client_kwargs(), settings.topic_prefix + ALERTS, from_beginning=True, follow=False)
    ) as records:
        async for record in records:
            alert = as_alert(record.value)
            if alert is None:
                continue
            board.alerts.take(alert)
            if alert.action is not None:
                values[alert.alert_id] = record.value or b""
    for alert in board.alerts.by_priority():
        if alert.alert_id in values:
            click.echo(values[alert.alert_id])


async def _watch(settings: Settings, board: Board) -> None:
    """Draw until the user quits, or one of the readers fails."""
    with Keys() as keys:
        tasks = [
            asyncio.create_task(act)
            for act in (
                screen(console(), board, board.press, keys),
                _read_alerts(settings, board),
                _read_scores(settings, board),
                _beat(settings, board),
                board.quit.wait(),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises the error that ended it
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task


async def _read_alerts(settings: Settings, board: Board) -> None:
    topic = settings.topic_prefix + ALERTS
    async with aclosing(polls(settings.kafka_client_kwargs(), topic, newest=None, follow=True)) as polled:
        async for poll in polled:
            board.caught_up = board.caught_up or poll.live
            for record in poll.records:
                if (alert := as_alert(record.value)) is not None:
                    board.alerts.take(alert)


async def _read_scores(settings: Settings, board: Board) -> None:
    topic = settings.topic_prefix + SCORES
    async with aclosing(tail(settings.kafka_client_kwargs(), topic, from_beginning=True, follow=True)) as records:
        async for record in records:
            board.alerts.score(record.key, record.value)


async def _beat(settings: Settings, board: Board) -> None:
    """Update the heartbeat every few seconds."""
    pulse = Pulse(settings.kafka_client_kwargs(), settings.topic_prefix, settings.group)
    seen, since, lang = board.alerts.now, time.monotonic(), language(settings)
    try:
        while True:
            beat = await pulse.beat()
            if board.alerts.now != seen:
                seen, since = board.alerts.now, time.monotonic()
            board.heartbeat = quiet_line(beat, time.monotonic() - since, settings.group, lang)
            await asyncio.sleep(_BEAT_S)
    finally:
        await pulse.close()
