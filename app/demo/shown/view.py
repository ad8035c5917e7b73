"""The demonstration on a terminal: figures, the card, lines of later alerts, stories, and next steps.

It fits the terminal's height: the card and the figures first, then lines and the titles of the stories.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from app.alerts.card import Card
from app.config.settings import Language
from app.demo.feed import LIVED_DAYS
from app.demo.measured.stopwatch import Lap
from app.demo.measured.ticker import Line
from app.demo.scene import Scene
from app.demo.shown import next_steps
from app.demo.shown.words import LABEL, WORDS
from app.simulator.stories import STORIES
from models.contract.time_units import DAY_MS

_TIERS: Final = {"high_risk": "bold red", "warning": "yellow", "healthy": "green"}
_ROOMY: Final = 32
"""Terminal rows from which the stories are listed with their titles."""
_LEAST_LINES: Final = 2
_NOTE_S: Final = 4.0


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

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.height or options.size.height
        flowing = options.update(height=None)

        def rows(parts: Iterable[RenderableType]) -> list[list[Segment]]:
            return [row for part in parts for row in console.render_lines(part, flowing, pad=False)]

        top, bottom = rows(self._top()), rows(self._bottom(roomy=room >= _ROOMY))
        card = _fitted(rows([self._card()]), room - len(top) - len(bottom) - _LEAST_LINES)
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
        commands = next_steps.commands(self._scene)
        return [next_steps.export(self._scene), *(commands if roomy else ["   ".join(commands)])]

    def conclusion(self) -> Text:
        """Result for the terminal after the end."""
        scene, words = self._scene, self._words
        told = words["summary"].format(
            events=f"{scene.tally.events:,}",
            alerts=f"{scene.alerts:,}",
            lost=scene.tally.lost,
            twice=scene.tally.twice,
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
        spotless = not scene.tally.lost and not scene.tally.twice
        people.append(self._tally(), style="bold green" if spotless else "bold white on red")
        yield people
        if scene.known.raised or scene.known.leavers:
            yield Padding(Text(words["known"].format(**scene.known._asdict())), (0, 0, 0, 1))

    def _card(self) -> RenderableType:
        scene = self._scene
        if scene.watch.laps and (scene.card is None or scene.card.subscriber_id != scene.watch.laps[0].subscriber_id):
            return Text(
                f"\n {self._lap(scene.watch.laps[0])}", style="italic"
            )  # never another story's beside its clock
        if scene.card is None:
            return Text(f"\n {self._words['waiting']}", style="italic")
        return self.cards.card(scene.card)

    def _bottom(self, *, roomy: bool) -> Iterator[RenderableType]:
        words = self._words
        yield self._event()
        if roomy:
            yield from self._titles()
            yield Text.assemble(("  k ", "bold cyan"), " " * 10, words["k"], ("   q ", "bold cyan"), words["q"])
        else:
            keys = (("1-5", words["stories"]), ("k", words["k"]), ("q", words["q"]))
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
        """The newest result of a key."""
        scene = self._scene
        told: tuple[float, str] = (0.0, "")
        if scene.first_alert_s is not None:
            told = (scene.began, self._words["first"].format(seconds=scene.first_alert_s))
        if scene.watch.laps:
            lap = scene.watch.laps[0]
            told = max(told, (lap.began, self._lap(lap)))
        if scene.kills:
            told = max(told, (scene.kills[-1].began, self._kill()))
        if scene.note is not None and self._clock() - scene.note[1] < _NOTE_S:
            told = (0.0, self._words[f"note_{scene.note[0]}"])
        return Text(f" {told[1]}", style="bold", no_wrap=True, overflow="ellipsis")

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
        tally = self._scene.tally
        return self._words["tally"].format(lost=tally.lost, twice=tally.twice)

    def _time(self) -> str:
        if self._scene.simulated_ms is None:
            return ""
        moment = datetime.fromtimestamp((self._scene.event_ms or self._scene.simulated_ms) / 1000, self._zone)
        return self._words["clock"].format(time=f"{moment:%Y-%m-%d %H:%M}")

    def _now_ms(self) -> int:
        """Simulated time: an alert of another day has its date."""
        return self._scene.event_ms or self._scene.simulated_ms or self._scene.start_ms

    def _phase(self) -> str:
        scene = self._scene
        lived = ((scene.event_ms or scene.start_ms) - scene.start_ms) // DAY_MS
        return self._words[scene.phase].format(days=LIVED_DAYS, day=min(lived + 1, LIVED_DAYS))


def _fitted(card: list[list[Segment]], room: int) -> list[list[Segment]]:
    """A card cut to the room: its last line goes first, a command that the footer shows as well."""
    return card if len(card) <= room else [*card[: max(0, room - 1)], *card[-1:]][: max(0, room)]
