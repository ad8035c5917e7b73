"""``holdfast model segments``: who is at risk, in groups with plain descriptions, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import click
import msgspec
from rich.table import Table

from app.alerts_cli import no_topic
from app.errors import ExitCode, Refused
from app.model_standing import read_models, standing
from app.options import PLACE, console, json_option, language, settings_options, talking_to
from app.policy_file import policy_in_force
from app.settings import Language, Settings
from models.association import Associations, associations
from models.departures import Departures, departures
from models.events import DAY_MS
from models.example import Example
from models.risk import Scorer
from models.tiers import Tier
from streams.tail import TopicMissingError, as_example, tail
from streams.topics import EXAMPLES

_TIERS = click.Choice(["high_risk", "warning"])


@click.command()
@settings_options(*PLACE, "lang", "model", "policy", "base_rate")
@click.option("--since", "days", type=click.IntRange(1), help="Only snapshots of the last so many days of the topic.")
@click.option(
    "--tier", type=_TIERS, default="high_risk", show_default=True, help="Who counts as at risk: at least this."
)
@click.option("--least", type=click.IntRange(2), default=10, show_default=True, help="Customers in a segment at least.")
@json_option
def segments(settings: Settings, days: int | None, tier: Tier, least: int, as_json: bool) -> None:
    """Group the customers at risk by why they are, describe each group, and tell what became of causes and offers.

    Made from labelled examples, so of customers whose outcome is known or was waited for. What is told of offers is
    association, not cause. With --json: one object for the groups, and one for the associations.
    """
    found = _since(_examples(settings), days)
    if not found:
        raise Refused(
            "no labelled examples yet",
            "a label takes as long as the policy's horizon, and a worker that reads outcomes",
            code=ExitCode.NOT_FOUND,
        )
    told = departures(found, _scorer(settings), tier, least=least)
    offers = associations(found)
    if not told.customers:
        raise Refused(f"none of {len(found):,} examples was at tier {tier}", code=ExitCode.NOT_FOUND)
    if as_json:
        for each in (told, offers):
            click.echo(msgspec.json.encode(each))
        return
    _tell(told, language(settings))
    _tell_offers(offers, language(settings))


def _examples(settings: Settings) -> list[Example]:
    """All of the topic, read as a bystander."""

    async def read() -> list[Example]:
        topic = settings.topic_prefix + EXAMPLES
        async with aclosing(tail(settings.kafka_client_kwargs(), topic, from_beginning=True, follow=False)) as records:
            return [example async for each in records if (example := as_example(each.value)) is not None]

    try:
        with talking_to(settings):
            return asyncio.run(read())
    except TopicMissingError as missing:
        raise no_topic(missing) from None


def _since(examples: Sequence[Example], days: int | None) -> Sequence[Example]:
    """Those of the last days before the newest: a replayed log is as old as it is."""
    if days is None or not examples:
        return examples
    first = max(example.ts for example in examples) - days * DAY_MS
    return [example for example in examples if example.ts >= first]


def _scorer(settings: Settings) -> Scorer:
    """The model that workers serve now: it says why somebody was at risk."""
    served = standing(settings, read_models(settings)).served
    return Scorer(served, policy_in_force(settings.policy, settings.base_rate).base_rate)


def _tell(told: Departures, lang: Language) -> None:
    out = console()
    for each in told.segments:
        out.print(f"{each.number}. {getattr(each.text, lang)}", soft_wrap=True)
    about = [f"{told.customers:,} customers", f"{told.examples:,} examples", f"silhouette {told.silhouette:.2f}"]
    if told.foreign:
        about.append(f"{told.foreign:,} of another catalogue of features left out")
    click.echo(", ".join(about), err=True)


def _tell_offers(offers: Associations, lang: Language) -> None:
    few = f"; {offers.too_few} pairs have fewer than {offers.least} customers" if offers.too_few else ""
    caveat = getattr(offers.caveat, lang)
    click.echo(f"cause and offer ({caveat}); of all {offers.n:,} with an alert {offers.rate:.1%} left{few}", err=True)
    if not offers.pairs:
        return
    table = Table("cause", "offer", "customers", "left", "rate", "95 %", "lift", caveat, box=None, pad_edge=False)
    for each in offers.pairs:
        lift = "" if each.lift is None else f"{each.lift:.2f}"
        interval = f"{100 * each.low:.1f}-{100 * each.high:.1f} %"
        apart = "differs from all" if each.apart else ""
        cells = (
            each.cause,
            each.offer_code or "-",
            f"{each.n:,}",
            f"{each.left:,}",
            f"{each.rate:.1%}",
            interval,
            lift,
        )
        table.add_row(*cells, apart)
    console().print(table)
