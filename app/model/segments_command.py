"""``holdfast model segments``: who is at risk, in groups with plain descriptions, and what became of them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.table import Table

from app.config.operator_files import policy_in_force
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to
from app.config.settings import Language, Settings
from app.errors import ExitCode, Refused, no_topic
from app.model.standing import read_models, standing
from models.analysis.daily_segments import Night, NightReason, night
from models.analysis.offer_outcomes import Associations
from models.analysis.risk_segments import LEAST
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example
from models.contract.vocabulary import CAUSE_TEXTS, Tier
from models.scoring.scorer import Scorer
from streams.cluster.topic_tail import TopicMissingError, as_example, tail
from streams.model_topic.versions import SEGMENTS
from streams.records.topics import EXAMPLES

_TIERS = click.Choice(["high_risk", "warning"])


@click.command()
@settings_options(*PLACE, "lang", "timezone", "model", "policy", "base_rate")
@click.option("--now", "afresh", is_flag=True, help="Make them afresh, from all examples that are kept.")
@click.option("--since", "days", type=click.IntRange(1), help="With --now: only labels of the last so many days.")
@click.option("--tier", type=_TIERS, help="With --now: who counts as at risk, at least this.  [default: high_risk]")
@click.option(
    "--least", type=click.IntRange(2), help=f"With --now: customers in a segment at least.  [default: {LEAST}]"
)
@json_option
def segments(
    settings: Settings, afresh: bool, days: int | None, tier: Tier | None, least: int | None, as_json: bool
) -> None:
    """Group the customers at risk by why they are, describe each group, and tell what became of causes and offers.

    The learner makes them each night of the stream, from the labels of 30 days; so they are of customers of whom it is
    known by now whether they left. What is told of offers is association, not cause. With --json: one object for the
    groups, and one for the associations.
    """
    only_now = {"--since": days, "--tier": tier, "--least": least}
    given = [name for name, value in only_now.items() if value is not None]
    if given and not afresh:
        raise Refused(
            f"{given[0]} goes with --now: what is made at night is made in one way",
            f"holdfast model segments --now {given[0]} {only_now[given[0]]}",
            code=ExitCode.USAGE,
        )
    found = _made_now(settings, days, tier or "high_risk", least or LEAST) if afresh else _last(settings)
    if as_json:
        about = {name: getattr(found, name) for name in ("day", "since", "until", "model_version", "reason")}
        for each in (found.groups, found.offers):
            click.echo(msgspec.json.encode({**about, **msgspec.to_builtins(each)}))
        return
    _tell(found, language(settings), afresh=afresh)
    _tell_offers(found.offers, language(settings))


def _last(settings: Settings) -> Night:
    versions = read_models(settings)
    if (night := versions.night) is not None:
        return night
    if SEGMENTS in versions.own:
        raise Refused(
            "the last night's segments are of another release",
            "that release reads them; or make them afresh:  holdfast model segments --now",
        )
    raise Refused(
        "no night's segments yet",
        "the learner makes them when the first label of a new day comes; a label takes as long as the policy's horizon",
        "from the examples that are there now:  holdfast model segments --now",
        code=ExitCode.NOT_FOUND,
    )


def _made_now(settings: Settings, days: int | None, tier: Tier, least: int) -> Night:
    examples = _examples(settings)
    if not examples:
        raise Refused(
            "no labelled examples yet",
            "a label takes as long as the policy's horizon, and a worker that reads outcomes",
            code=ExitCode.NOT_FOUND,
        )
    labelled = [example.labelled_ts for example in examples]
    until = max(labelled)
    every = (until - min(labelled)) // DAY_MS + 1
    found = night(
        examples, _scorer(settings), until, ZoneInfo(settings.timezone), days=days or every, tier=tier, least=least
    )
    if found.reason is not NightReason.MADE:
        raise Refused(f"{found.text.en} ({len(examples):,} examples)", code=ExitCode.NOT_FOUND)
    return found


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


def _scorer(settings: Settings) -> Scorer:
    """The model that workers serve now: it says why somebody was at risk."""
    served = standing(settings, read_models(settings)).served
    return Scorer(served, policy_in_force(settings.policy, settings.base_rate).base_rate)


_HEAD: Final = {
    "en": "{when}, by model {version}; of the customers whose outcome became known in {days} days:",
    "zh": "{when},模型{version};{days}天内结果已知的客户:",
}
_WHEN: Final = {
    "en": ("Night of {day}", "Made now, labels up to {day}"),
    "zh": ("{day}夜间分群", "即时分群,标签截至{day}"),
}


def _tell(told: Night, lang: Language, *, afresh: bool) -> None:
    out, groups = console(), told.groups
    when, days = _WHEN[lang][afresh].format(day=told.day), (told.until - told.since) // DAY_MS
    out.print(_HEAD[lang].format(when=when, version=told.model_version, days=days), soft_wrap=True)
    if not groups.segments:
        out.print(getattr(told.text, lang), soft_wrap=True)
    for each in groups.segments:
        out.print(f"{each.number}. {getattr(each.text, lang)}", soft_wrap=True)
    about = [f"{groups.customers:,} customers", f"{groups.examples:,} examples", f"silhouette {groups.silhouette:.2f}"]
    if groups.early:
        about.append(f"{groups.early:,} from before any stayer was known left out")
    if groups.foreign:
        about.append(f"{groups.foreign:,} of another catalogue of features left out")
    click.echo(", ".join(about), err=True)


_COLUMNS: Final = {
    "en": ("cause", "offer", "customers", "left", "rate", "95 %", "lift"),
    "zh": ("原因", "优惠", "客户数", "离网", "离网率", "95%区间", "与总体之比"),
}
_APART: Final = {"en": "differs from all", "zh": "与总体有差异"}


def _tell_offers(offers: Associations, lang: Language) -> None:
    few = f"; {offers.too_few} pairs have fewer than {offers.least} customers" if offers.too_few else ""
    caveat = getattr(offers.caveat, lang)
    click.echo(f"cause and offer ({caveat}); of all {offers.n:,} with an alert {offers.rate:.1%} left{few}", err=True)
    if not offers.pairs:
        return
    table = Table(*_COLUMNS[lang], caveat, box=None, pad_edge=False)
    for each in offers.pairs:
        cause = CAUSE_TEXTS.get(each.cause)
        table.add_row(
            each.cause if cause is None else getattr(cause, lang),
            each.offer_code or "-",
            f"{each.n:,}",
            f"{each.left:,}",
            f"{each.rate:.1%}",
            f"{100 * each.low:.1f}-{100 * each.high:.1f} %",
            "" if each.lift is None else f"{each.lift:.2f}",
            _APART[lang] if each.apart else "",
        )
    console().print(table)
