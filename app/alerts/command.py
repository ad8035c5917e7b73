"""``holdfast alerts``: follow the alerts, look one up, and answer it."""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

import click

from app.alerts.card_and_line import Card
from app.alerts.explain_command import explain_
from app.alerts.feedback_command import ack, close, snooze
from app.alerts.one_alert import answers_to, life_of
from app.alerts.tail_command import tail_
from app.alerts.top_command import top
from app.config.options import PLACE, console, json_option, language, settings_options
from app.config.settings import Settings


@click.group()
def alerts() -> None:
    """Follow the alerts, look one up, answer one."""


@alerts.command()
@settings_options(*PLACE, "lang", "timezone")
@click.argument("alert_id", metavar="ID")
@json_option
def show(settings: Settings, alert_id: str, as_json: bool) -> None:
    """Show one alert, its life so far and what the front line said about it; the beginning of its id is enough.

    With --json the records of its life, as they stand in the topic.
    """
    life = life_of(settings, alert_id)
    if as_json:
        for step in life:
            click.echo(step.value)
        return
    out = console()
    card = Card(language(settings), ZoneInfo(settings.timezone), lambda: int(time.time() * 1000))
    steps = [step.alert for step in life]
    out.print(card.card(next((alert for alert in reversed(steps) if alert.action is not None), steps[-1])))
    for alert in steps:
        out.print(card.step(alert), soft_wrap=True)
    for said in answers_to(settings, steps[-1].alert_id):
        out.print(card.answer(said), soft_wrap=True)


for verb in (tail_, top, explain_, ack, snooze, close):
    alerts.add_command(verb)
