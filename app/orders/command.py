"""``holdfast orders``: a unit's list of today, the life of one work order, the steps as they come, and their effect."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from zoneinfo import ZoneInfo

import click

from app.alerts.topic_reading import Feed, all_of, long_enough, one_of
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to, units_option
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from app.orders.desk_figures import desk_figures
from app.orders.figures_command import effect, unit_lines
from app.orders.figures_command import units as units_
from app.orders.order_book import OrderBook, as_order
from app.orders.sheet import OrderSheet
from models.contract.work_orders import WorkOrder
from streams.kafka.topic_tail import TailRecord, TopicMissingError
from streams.records.topics import WORK_ORDERS


@click.group()
def orders() -> None:
    """A unit's work orders of today, the life of one, each step as it comes, and what came of them."""


@orders.command("list")
@settings_options(*PLACE, "lang", "timezone")
@units_option
@click.option("--open", "only_open", is_flag=True, help="Leave out what ended today.")
@json_option
def list_(settings: Settings, units: tuple[str, ...], only_open: bool, as_json: bool) -> None:
    """Show the open orders, the most urgent deadline first, then who was contacted, then what ended today.

    With --unit also how its day stands beside capacity and target. With --json each order's newest record, as it stands
    in the topic.
    """
    book = OrderBook()
    for order, value in all_of(settings, WORK_ORDERS, as_order, lambda _: True):
        book.take(order, value)
    found = book.today(_now_ms(), ZoneInfo(settings.timezone), units=units, only_open=only_open)
    if not found:
        raise Refused("no such work orders", code=ExitCode.NOT_FOUND)
    if as_json:
        for life in found:
            click.echo(life.value)
        return
    lines = unit_lines(desk_figures(settings), units, language(settings)) if units else []
    out = console()
    out.print(_sheet(settings).table(found, out.width))
    for line in lines:
        out.print(line, soft_wrap=True)


@orders.command()
@settings_options(*PLACE, "lang", "timezone")
@click.argument("order_id", metavar="ID")
@json_option
def show(settings: Settings, order_id: str, as_json: bool) -> None:
    """Show the life of one work order step by step; the beginning of its id is enough.

    With --json the records of its life, as they stand in the topic.
    """
    long_enough(order_id)
    found = all_of(settings, WORK_ORDERS, as_order, lambda order: order.order_id.startswith(order_id))
    one_of((order.order_id for order, _ in found), order_id, "work order", "those of today:  holdfast orders list")
    life = sorted(found, key=lambda each: each[0].seq)
    if as_json:
        for _, value in life:
            click.echo(value)
        return
    out, sheet, newest = console(), _sheet(settings), life[-1][0]
    out.print(sheet.heading(newest), soft_wrap=True)
    for order, _ in life:
        out.print(sheet.step(order), soft_wrap=True)
    for line in sheet.alerts(newest):
        out.print(line, soft_wrap=True)


@orders.command()
@settings_options(*PLACE, "lang", "timezone")
@click.option("--from-beginning", is_flag=True, help="Start with the oldest step that the topic holds.")
@click.option("--limit", type=click.IntRange(1), help="End after so many.")
@click.option("--follow/--no-follow", default=True, help="--no-follow: all that the topic holds now, and no more.")
@units_option
@json_option
def tail(
    settings: Settings, from_beginning: bool, limit: int | None, follow: bool, units: tuple[str, ...], as_json: bool
) -> None:
    """Follow the steps of all orders until Ctrl-C, a line each; with --json each as it stands in the topic."""
    screen = _Screen(settings, units, limit, as_json=as_json)
    with talking_to(settings):
        asyncio.run(_follow(settings, screen, None if from_beginning or not follow else 0, follow=follow))
    if not screen.shown:
        raise Refused("no such work orders", code=ExitCode.NOT_FOUND)


orders.add_command(units_)
orders.add_command(effect)


class _Screen:
    """Shows the steps that pass the filter, and counts them."""

    def __init__(self, settings: Settings, units: tuple[str, ...], limit: int | None, *, as_json: bool) -> None:
        self._units, self._limit, self._as_json = units, limit, as_json
        self._out, self._sheet, self.shown = console(), _sheet(settings), 0

    @property
    def full(self) -> bool:
        return self._limit is not None and self.shown >= self._limit

    def take(self, record: TailRecord) -> None:
        order = as_order(record.value)
        if order is None:
            click.echo(f"{record.partition}:{record.offset} is not a work order that this version can read.", err=True)
        elif not self._units or order.unit in self._units:
            self.shown += 1
            self._show(order, record.value or b"")

    def _show(self, order: WorkOrder, value: bytes) -> None:
        if self._as_json:
            click.echo(value)
        else:
            self._out.print(self._sheet.step(order, named=True), soft_wrap=True)


async def _follow(settings: Settings, screen: _Screen, newest: int | None, *, follow: bool) -> None:
    topic = settings.topic_prefix + WORK_ORDERS
    feed = Feed(settings, topic, newest, follow=follow)
    try:
        async with aclosing(feed.polls()) as polled:
            async for poll in polled:
                if poll.live and not feed.live:
                    feed.live = True
                    click.echo(f"Waiting for work orders in {topic}; Ctrl-C ends.", err=True)
                for record in poll.records:
                    screen.take(record)
                    if screen.full:
                        return
    except TopicMissingError as missing:
        raise no_topic(missing) from None


def _sheet(settings: Settings) -> OrderSheet:
    return OrderSheet(language(settings), ZoneInfo(settings.timezone), _now_ms)


def _now_ms() -> int:
    return int(time.time() * 1000)
