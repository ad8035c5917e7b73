"""``holdfast demo``: start jars, Kafka, worker and population, show them, and clean up."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import click

from app.config.options import language, resolved_options
from app.errors import ExitCode, Refused
from models.contract.time_units import DAY_MS

if TYPE_CHECKING:
    from rich.console import Console

    from app.config.setting_sources import Resolved
    from app.config.settings import Settings
    from app.demo.scene import Scene
    from app.demo.screen import SceneView
    from app.demo.show import Show
    from app.demo.stage import Stage

SUBSCRIBERS: Final = 400
"""About 370,000 events in 45 days: processed in seconds on two cores, with a few subscribers leaving on any day."""


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """Options of the command line."""

    subscribers: int
    seed: int
    seconds: float | None
    as_json: bool


@click.command()
@click.option("--subscribers", type=click.IntRange(10, 100_000), default=SUBSCRIBERS, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Seed of the simulated population.")
@click.option("--seconds", type=click.FloatRange(1), help="End after this many seconds.  [default: until Ctrl-C]")
@click.option("--json", "as_json", is_flag=True, help="No screen; one JSON object on stdout at the end.")
@resolved_options("lang", "timezone")
@click.pass_context
def demo(context: click.Context, resolved: Resolved, /, **flags: Any) -> None:
    """Show Holdfast at work here: a real Kafka, a worker, simulated subscribers. Ctrl-C removes everything.

    Keys: 1 to 5 play a customer's story and time its alert; a, c, u, r and x play the front line on its work order; k
    kills the worker and counts what was lost; q ends.
    Everything shown is simulated. Exit code 0 if an alert was seen.
    """
    context.exit(_perform(DemoOrder(**flags), resolved.settings))


def _perform(call: DemoOrder, settings: Settings) -> int:
    """Set up, show, clean up; returns the exit code."""
    from app.demo.child import ChildError
    from app.demo.stage import StageError
    from streams.embedded_kafka.broker_error import BrokerError

    # Clients that wait for a broker log it many times a second, and a killed worker is expected here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        with _interrupted_by(signal.SIGTERM, signal.SIGHUP), ExitStack() as after:
            stage, began = _stage(after)
            scene, view = asyncio.run(_shown(call, settings, stage, began))
            _conclude(call, scene, view)
    except (BrokerError, ChildError, StageError) as error:
        raise Refused(str(error)) from error
    if scene.alerts:
        return ExitCode.OK
    click.echo("No alert was seen.", err=True)
    return ExitCode.FAILED


@contextmanager
def _interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Treat these signals like Ctrl-C, also while Kafka is still starting."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stage(after: ExitStack) -> tuple[Stage, float]:
    """Get the jars and start Kafka; also returns the start time, after any download. `after` removes everything."""
    from app.demo.stage import raise_stage, start_compiling
    from app.demo.words import LABEL
    from app.kafka.download_bar import DownloadBar
    from streams.embedded_kafka.broker_settings import BrokerSettings
    from streams.embedded_kafka.jars import ensure_jars

    settings = BrokerSettings.from_environment()
    with DownloadBar() as bar:
        bar.say(f"Holdfast demo: {LABEL}.")
        compiler = start_compiling(bar)
        if compiler is not None:
            after.callback(compiler.kill)
        ensure_jars(settings, bar)
        began = time.monotonic()
        stage = raise_stage(settings, bar)
        after.callback(stage.close)
        return stage, began


async def _shown(call: DemoOrder, settings: Settings, stage: Stage, began: float) -> tuple[Scene, SceneView]:
    """Run the show until its end; returns its last scene and view."""
    from rich.console import Console

    from app.demo.feed import AHEAD_DAYS, LIVED_DAYS, FeedOrder
    from app.demo.scene import Scene
    from app.demo.screen import SceneView, log, silence
    from app.demo.show import Show
    from app.demo.stage import PREFIX
    from app.process.full_screen import Keys, screen
    from app.publishing.publisher import wall_clock_ms

    start_ms = wall_clock_ms() - (LIVED_DAYS + AHEAD_DAYS) * DAY_MS
    order = FeedOrder(stage.brokers, PREFIX, call.subscribers, call.seed, start_ms)
    scene = Scene(
        brokers=stage.brokers,
        subscribers=call.subscribers,
        seed=call.seed,
        began=began,
        start_ms=start_ms,
        live_ms=order.live_ms,
    )
    view = SceneView(scene, language(settings), ZoneInfo(settings.timezone))
    console = Console(highlight=False)
    on_screen = _on_screen(call, console)
    keys = Keys() if on_screen and sys.stdin.isatty() else None
    show = Show(stage, order, scene, played=keys is not None)

    def front() -> Coroutine[Any, Any, None]:
        if call.as_json:
            return silence()
        if on_screen:
            return screen(console, view, show.press, keys)
        return log(console, view, scene)

    with keys or nullcontext():
        _stop_on_signals(show)
        await show.run(call.seconds, front)
    return scene, view


def _on_screen(call: DemoOrder, console: Console) -> bool:
    """Whether the output is a terminal that can be drawn on."""
    return not call.as_json and console.is_terminal and not console.is_dumb_terminal


def _stop_on_signals(show: Show) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, show.stop)


def _conclude(call: DemoOrder, scene: Scene, view: SceneView) -> None:
    """Print the conclusion after the screen has closed, or the JSON object for a script."""
    from rich.console import Console

    from app.demo.scene import summary

    if call.as_json:
        click.echo(json.dumps(summary(scene, time.monotonic())))
        return
    console = Console(highlight=False)
    if _on_screen(call, console) and scene.first_alert is not None:
        console.print(view.cards.card(scene.first_alert))
    console.print(view.conclusion())
