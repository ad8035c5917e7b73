"""The demonstration on a terminal: figures, the card, lines of later alerts, stories, next steps; or lines of a log.

It fits the height of the terminal: the card and the figures first, then lines and the titles of the stories.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from app.alerts.card_and_line import Card
from app.config.settings import Language
from app.demo.clocks import Lap, Line
from app.demo.feed import LIVED_DAYS
from app.demo.front_desk import ANSWERS, Answered, ChannelDay
from app.demo.scene import Scene
from app.demo.stage import PREFIX
from app.demo.words import LABEL, WORDS
from app.orders.sheet import OrderSheet
from app.simulator.stories import STORIES
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.work_orders import WorkOrder

_TIERS: Final = {"high_risk": "bold red", "warning": "yellow", "healthy": "green"}
_ROOMY: Final = 32
"""Terminal rows from which the stories are listed with their titles."""
_LEAST_LINES: Final = 2
_NOTE_S: Final = 4.0
_FRAME_S: Final = 0.25
_STATUS_S: Final = 10.0


class SceneView:
    """Draws a scene.

    Parameters
    ----------
    zone
        Time zone of the simulated time shown.
    clock
        The scene's steady clock.
    """

    def __init__(self, scene: Scene, lang: Language, zone: tzinfo, clock: Callable[[], float] = time.monotonic) -> None:
        self._scene = scene
        self._lang = lang
        self._zone = zone
        self._clock = clock
        self._words = WORDS[lang]
        self.cards: Final = Card(lang, zone, self._now_ms)
        self.sheet: Final = OrderSheet(lang, zone, self._now_ms)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.height or options.size.height
        flowing = options.update(height=None)

        def rows(parts: Iterable[RenderableType]) -> list[list[Segment]]:
            return [row for part in parts for row in console.render_lines(part, flowing, pad=False)]

        roomy = room >= _ROOMY
        top, bottom = rows(self._top()), rows(self._bottom(roomy=roomy))
        order = rows(self._order(roomy=roomy))
        card = _fitted(rows([self._card()]), room - len(top) - len(order) - len(bottom) - _LEAST_LINES)
        card += order
        free = max(0, room - len(top) - len(card) - len(bottom))
        lines = rows(self._line(line, options.max_width) for line in list(self._scene.lines)[-free:]) if free else []
        for row in [*top, *card, *lines, *([] for _ in range(free - len(lines))), *bottom][:room]:
            yield from row
            yield Segment.line()

    def line(self, line: Line) -> Text:
        """One alert as a line, with the number of others that came meanwhile."""
        return self.cards.line(line.alert).append_text(self._others(line))

    def status(self) -> Text:
        """All figures in one line, for a log."""
        scene, words = self._scene, self._words
        tiers = "  ".join(f"{words[tier]} {scene.tiers[tier]}" for tier in _TIERS if tier in scene.tiers)
        return Text(
            f"[{LABEL}] {words['events']} {scene.pace.now:,.0f}  {words['applied']} {scene.tally.events:,}  "
            f"{words['lag']} {scene.lag:,}  {tiers}  {words['alerts']} {scene.alerts:,}  {self._tally()}"
        )

    def next_steps(self, *, roomy: bool) -> list[str]:
        """Commands for another terminal, one a line where there is room."""
        given = commands(self._scene)
        return [export(self._scene), *(given if roomy else ["   ".join(given)])]

    def conclusion(self) -> Text:
        """Result for the terminal after the end."""
        scene, words = self._scene, self._words
        told = words["summary"].format(
            events=f"{scene.tally.events:,}",
            alerts=f"{scene.alerts:,}",
            orders=f"{scene.passed.orders:,}",
            lost=scene.lost,
            twice=scene.twice,
        )
        return Text(f"{told} {words['no_quality']}")

    def _others(self, line: Line) -> Text:
        count = line.others.total()
        return Text(self._words["others"].format(count=count) if count else "", style="cyan")

    def _line(self, line: Line, width: int) -> Text:
        others = self._others(line)
        return self.cards.line(line.alert, width - others.cell_len).append_text(others)

    def _top(self) -> Iterator[RenderableType]:
        scene, words = self._scene, self._words
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="center")
        head.add_column(justify="right")
        head.add_row(f" {words['title']}", LABEL, f"{self._time()} ", style="bold white on blue")
        yield head
        numbers = Text(no_wrap=True, overflow="ellipsis")
        numbers.append(f" {words['events']} ").append(f"{scene.pace.now:,.0f}", style="bold")
        numbers.append(f" ({words['peak'].format(peak=f'{scene.pace.peak:,.0f}')})  ", style="dim")
        numbers.append(f"{words['applied']} ").append(f"{scene.tally.events:,}", style="bold")
        numbers.append(f"  {words['lag']} ").append(f"{scene.lag:,}", style="bold")
        numbers.append(f"  {self._phase()}", style="cyan")
        yield numbers
        people = Text(f" {words['tiers']} ", no_wrap=True, overflow="ellipsis")
        for tier, style in _TIERS.items():
            people.append(f"{words[tier]} ").append(f"{scene.tiers.get(tier, 0):,}", style=style).append("  ")
        people.append(f"{words['alerts']} ").append(f"{scene.alerts:,}", style="bold").append("  ")
        spotless = not scene.lost and not scene.twice
        people.append(self._tally(), style="bold green" if spotless else "bold white on red")
        yield people
        if scene.known.raised or scene.known.leavers:
            yield Padding(Text(words["known"].format(**scene.known._asdict())), (0, 0, 0, 1))

    def _card(self) -> RenderableType:
        scene = self._scene
        if self._story_runs():
            return Text(f"\n {self._lap(scene.watch.laps[0])}", style="italic")
        if scene.card is None:
            return Text(f"\n {self._words['waiting']}", style="italic")
        return self.cards.card(scene.card)

    def _story_runs(self) -> bool:
        """Whether the newest story has no card yet: another one's is not shown beside its clock."""
        laps, card = self._scene.watch.laps, self._scene.card
        return bool(laps) and (card is None or card.subscriber_id != laps[0].subscriber_id)

    def _order(self, *, roomy: bool) -> Iterator[RenderableType]:
        """The work order of the card with its keys, and the list of its unit."""
        scene, words = self._scene, self._words
        life = scene.followed
        if life is None or self._story_runs():
            return
        yield Padding(self.sheet.brief(life.newest), (0, 0, 0, 1))
        if roomy:
            keys = (Text.assemble((key, "bold cyan"), f" {words[f'key_{key}']}") for key in ANSWERS)
            yield _line(Text(" ").append_text(Text("   ").join(keys)))
        today = scene.desk.today(life.newest.unit, self._now_ms())
        said = words["today"] + words["saved" if today.target is None else "saved_of"]
        head = Text(f" {said.format(**today._asdict())}", style="bold")
        channels = Text(" · ".join(map(self._channel, today.channels)))
        if not roomy:
            yield _line(head.append(" · ").append_text(channels))
            return
        everywhere = words["everywhere"].format(orders=scene.passed.orders, waiting=sum(scene.desk.waiting.values()))
        yield _line(head.append(f"   {everywhere}", style="not bold dim"))
        yield _line(Text("  ").append_text(channels))
        for each in today.first:
            yield _line(Text("  ").append_text(self.sheet.brief(each.newest)))

    def _channel(self, day: ChannelDay) -> str:
        """Contacts of a channel beside its capacity."""
        capacity = "" if day.capacity is None else f"/{day.capacity}"
        return f"{self.sheet.channel(day.channel)} {day.used}{capacity}"

    def _bottom(self, *, roomy: bool) -> Iterator[RenderableType]:
        words = self._words
        yield self._event()
        if roomy:
            yield from self._titles()
            yield Text.assemble(("  k ", "bold cyan"), " " * 10, words["k"], ("   q ", "bold cyan"), words["q"])
        else:
            answers = ("".join(ANSWERS), words["answers"])
            keys = (("1-5", words["stories"]), answers, ("k", words["k"]), ("q", words["q"]))
            yield Text("   ").join(Text.assemble((f" {key} ", "bold cyan"), text) for key, text in keys)
        yield Text(f" {words['next']}", style="dim")
        for command in self.next_steps(roomy=roomy):
            yield Text(f"  {command}", no_wrap=True, overflow="ellipsis")

    def _titles(self) -> Iterator[Text]:
        latest: dict[int, Lap] = {}
        for lap in self._scene.watch.laps:
            latest.setdefault(lap.story, lap)
        for number, told in STORIES.items():
            seconds = latest[number].seconds if number in latest else None
            clock = "" if seconds is None else f"{seconds:.2f} s"
            title = Text.assemble((f"  {number} ", "bold cyan"), (f"{clock:>8}  ", "bold"), told.title[self._lang])
            title.no_wrap, title.overflow = True, "ellipsis"
            yield title

    def _event(self) -> Text:
        """Result of the newest key."""
        scene = self._scene
        told: tuple[float, str] = (0.0, "")
        if scene.first_alert_s is not None:
            told = (scene.began, self._words["first"].format(seconds=scene.first_alert_s))
        if scene.watch.laps:
            lap = scene.watch.laps[0]
            told = max(told, (lap.began, self._lap(lap)))
        if scene.desk.answered is not None:
            told = max(told, (scene.desk.answered.began, self._answered(scene.desk.answered)))
        if scene.kills:
            told = max(told, (scene.kills[-1].began, self._kill()))
        if scene.note is not None and self._clock() - scene.note[1] < _NOTE_S:
            told = (0.0, self._words[f"note_{scene.note[0]}"])
        return Text(f" {told[1]}", style="bold", no_wrap=True, overflow="ellipsis")

    def _answered(self, said: Answered) -> str:
        """The viewer's last answer, and how long the desk took for its step."""
        words, about = self._words, {"order": said.order_id[:8], "said": self.sheet.reason(said.status)}
        if said.seconds is not None:
            return words["answered"].format(**about, seconds=f"{said.seconds:.2f}")
        if said.status == "unreachable":
            tries = (self._scene.desk.policy or Policy()).desk.tries
            return words["tried"].format(**about, tries=tries)
        return words["answering"].format(**about, seconds=f"{self._clock() - said.began:.1f}")

    def _lap(self, lap: Lap) -> str:
        if lap.seconds is None:
            return self._words["running"].format(story=lap.story, seconds=f"{self._clock() - lap.began:.1f}")
        key = "withheld" if lap.withheld else "story"
        return self._words[key].format(story=lap.story, seconds=f"{lap.seconds:.2f}", reason=lap.outcome)

    def _kill(self) -> str:
        kill, words = self._scene.kills[-1], self._words
        if kill.reopened_s is None:
            return words["killed"].format(seconds=f"{self._clock() - kill.began:.0f}")
        if kill.caught_up_s is None:
            return words["reopened"].format(seconds=kill.reopened_s)
        told = words["caught_up"].format(reopened=kill.reopened_s, seconds=kill.caught_up_s)
        return words["sum"].format(told=told, tally=self._tally())

    def _tally(self) -> str:
        return self._words["tally"].format(lost=self._scene.lost, twice=self._scene.twice)

    def _time(self) -> str:
        if self._scene.simulated_ms is None:
            return ""
        moment = datetime.fromtimestamp((self._scene.event_ms or self._scene.simulated_ms) / 1000, self._zone)
        return self._words["clock"].format(time=f"{moment:%Y-%m-%d %H:%M}")

    def _now_ms(self) -> int:
        """Simulated time; an alert of another day is shown with its date."""
        return self._scene.event_ms or self._scene.simulated_ms or self._scene.start_ms

    def _phase(self) -> str:
        scene = self._scene
        lived = ((scene.event_ms or scene.start_ms) - scene.start_ms) // DAY_MS
        return self._words[scene.phase].format(days=LIVED_DAYS, day=min(lived + 1, LIVED_DAYS))


def _line(text: Text) -> Text:
    """A text cut at the width of the terminal."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _fitted(card: list[list[Segment]], room: int) -> list[list[Segment]]:
    """A card cut to the room left: its last line goes first, as the footer shows that command too."""
    return card if len(card) <= room else [*card[: max(0, room - 1)], *card[-1:]][: max(0, room)]


def export(scene: Scene) -> str:
    """Shell line that points the other commands at the demonstration's Kafka."""
    return f"export HOLDFAST_BROKERS={scene.brokers} HOLDFAST_TOPIC_PREFIX={PREFIX}"


def commands(scene: Scene) -> list[str]:
    """Three commands; the second appears with the first alert, whose id it needs."""
    shown = scene.card or scene.first_alert
    show = [f"holdfast alerts show {shown.alert_id[:8]}"] if shown is not None else []
    return ["holdfast alerts tail", *show, "holdfast orders list"]


def _step(order: WorkOrder) -> tuple[str, int]:
    return order.order_id, order.seq


async def log(console: Console, view: SceneView, scene: Scene) -> None:
    """Print the first alert as a card, later ones as lines, and the figures now and then, until cancelled."""
    printed, carded, quiet_s = 0, None, 0.0
    stepped = ("", 0)
    while True:
        if scene.card is not None and scene.card is not carded:
            carded = scene.card
            console.print(view.cards.card(carded))
            for command in view.next_steps(roomy=True):
                console.print(command, style="dim", soft_wrap=True)
        if scene.followed is not None and stepped != (step := _step(scene.followed.newest)):
            stepped = step
            console.print(Text("  ").append_text(view.sheet.brief(scene.followed.newest)), soft_wrap=True)
        fresh = min(scene.told - printed, len(scene.lines))
        for line in list(scene.lines)[len(scene.lines) - fresh :]:
            console.print(view.line(line), soft_wrap=True)
        printed = scene.told
        if quiet_s >= _STATUS_S:
            quiet_s = 0.0
            console.print(view.status(), soft_wrap=True)
        await asyncio.sleep(_FRAME_S)
        quiet_s += _FRAME_S


async def silence() -> None:
    """Show nothing until cancelled: for a script only the JSON object at the end is printed."""
    await asyncio.Event().wait()
