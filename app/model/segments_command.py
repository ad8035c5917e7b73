"""``holdfast model segments``: groups of customers at risk, described in plain words, with their outcomes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.table import Table

from app.config.governing_policy import governing
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to
from app.config.settings import Language, Settings
from app.errors import ExitCode, Refused, no_topic
from app.model.model_status import read_models, status_of
from models.analysis.daily_segments import Night, NightReason, night
from models.analysis.offer_outcomes import Associations
from models.analysis.risk_segments import LEAST
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example
from models.contract.vocabulary import CAUSE_TEXTS, Tier
from models.scoring.scorer import Scorer
from streams.kafka.topic_tail import TopicMissingError, as_example, tail
from streams.model_topic.versions import SEGMENTS
from streams.records.topics import EXAMPLES

_TIERS = click.Choice(["high_risk", "warning"])


@click.command()
@settings_options(*PLACE, "lang", "timezone", "model", "policy", "base_rate")
@click.option("--now", "afresh", is_flag=True, help="Build the segments now, from all stored examples.")
@click.option("--since", "days", type=click.IntRange(1), help="With --now: use the labels of this many last days.")
@click.option("--tier", type=_TIERS, help="With --now: lowest tier that counts as at risk.  [default: high_risk]")
@click.option("--least", type=click.IntRange(2), help=f"With --now: fewest customers in a segment.  [default: {LEAST}]")
@json_option
def segments(
    settings: Settings, afresh: bool, days: int | None, tier: Tier | None, least: int | None, as_json: bool
) -> None:
    """Show groups of customers at risk, why they are at risk, and the outcomes by cause and offer.

    The learner builds the groups each night of the stream from the labels of 30 days. So they hold customers whose
    outcome is known by now. Outcomes by offer are association, not cause. With --json: one object for the groups, and
    one for the outcomes by cause and offer.
    """
    only_now = {"--since": days, "--tier": tier, "--least": least}
    given = [name for name, value in only_now.items() if value is not None]
    if given and not afresh:
        raise Refused(
            f"{given[0]} needs --now: the nightly segments have fixed settings",
            f"holdfast model segments --now {given[0]} {only_now[given[0]]}",
            code=ExitCode.USAGE,
        )
    found = _made_now(settings, days, tier or "high_risk", least or LEAST) if afresh else _last(settings)
    if as_json:
        about = {name: getattr(found, name) for name in ("day", "since", "until", "model_version", "reason")}
        for each in (found.groups, found.offers):
            click.echo(msgspec.json.encode({**about, **msgspec.to_builtins(each)}))
        return
    _print_groups(found, language(settings), afresh=afresh)
    _print_offers(found.offers, language(settings))


def _last(settings: Settings) -> Night:
    versions = read_models(settings)
    if (night := versions.night) is not None:
        return night
    if SEGMENTS in versions.own:
        raise Refused(
            "last night's segments were made by another release",
            "use that release to read them, or build them now:  holdfast model segments --now",
        )
    raise Refused(
        "no nightly segments yet",
        "the learner builds them at the first label of a new day; a label takes as long as the policy's horizon",
        "to build them now from the stored examples:  holdfast model segments --now",
        code=ExitCode.NOT_FOUND,
    )


def _made_now(settings: Settings, days: int | None, tier: Tier, least: int) -> Night:
    examples = _examples(settings)
    if not examples:
        raise Refused(
            "no labelled examples yet",
            "a label takes as long as the policy's horizon, and needs a worker that reads outcomes",
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
    """All examples in the topic, read without joining a consumer group."""

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
    """The model that workers serve now; its contributions say why a customer was at risk."""
    served = status_of(settings, read_models(settings)).served
    return Scorer(served, governing(settings).policy.base_rate)


_HEAD: Final = {
    "en": "{when}. Customers whose outcome became known within {days} days; risk explained by model {version}.",
    "zh": "{when}。范围：{days}天内结果已知的客户；风险原因依据模型{version}。",
}
_WHEN: Final = {
    "en": ("Segments of the night of {day}", "Segments built now, with outcomes up to {day}"),
    "zh": ("{day}夜间分群", "即时分群，结果截至{day}"),
}
_BASIS: Final = {
    "en": "{customers:,} customers at risk, from {examples:,} examples. Group separation: {silhouette:.2f} of 1.",
    "zh": "风险客户{customers}位，取自{examples}条样本。分群区分度{silhouette:.2f}（最高1）。",
}
_EARLY: Final = {
    "en": " Left out: {early:,} examples labelled before any customer was known to have stayed.",
    "zh": "另有{early}条样本早于首个留存结果，未纳入。",
}
_FOREIGN: Final = {
    "en": " Left out: {foreign:,} examples with the features of another release.",
    "zh": "另有{foreign}条样本的特征来自其他版本，未纳入。",
}


def _print_groups(found: Night, lang: Language, *, afresh: bool) -> None:
    out, groups = console(), found.groups
    when, days = _WHEN[lang][afresh].format(day=found.day), (found.until - found.since) // DAY_MS
    out.print(_HEAD[lang].format(when=when, version=found.model_version, days=days), soft_wrap=True)
    if not groups.segments:
        out.print(getattr(found.text, lang), soft_wrap=True)
    for each in groups.segments:
        out.print(f"{each.number}. {getattr(each.text, lang)}", soft_wrap=True)
    basis = _BASIS[lang].format(customers=groups.customers, examples=groups.examples, silhouette=groups.silhouette)
    basis += _EARLY[lang].format(early=groups.early) if groups.early else ""
    basis += _FOREIGN[lang].format(foreign=groups.foreign) if groups.foreign else ""
    click.echo(basis, err=True)


_OUTCOMES: Final = {
    "en": "Outcomes by cause and offer ({caveat}). Of all {n:,} customers with an alert {rate:.1%} left.",
    "zh": "按原因和优惠统计的结果（{caveat}）。有预警的{n}位客户中{rate:.1%}已离网。",
}
_TOO_FEW: Final = {
    "en": " Not shown: {pairs:,} combinations with fewer than {least} customers.",
    "zh": "另有{pairs}个组合不足{least}位客户，未列出。",
}
_COLUMNS: Final = {
    "en": ("cause", "offer", "customers", "left", "rate", "95 % interval", "lift"),
    "zh": ("原因", "优惠", "客户数", "离网", "离网率", "95%区间", "与总体之比"),
}
_APART: Final = {"en": "differs from average", "zh": "与总体有差异"}


def _print_offers(offers: Associations, lang: Language) -> None:
    few = _TOO_FEW[lang].format(pairs=offers.too_few, least=offers.least) if offers.too_few else ""
    caveat = getattr(offers.caveat, lang)
    click.echo(_OUTCOMES[lang].format(caveat=caveat, n=offers.n, rate=offers.rate) + few, err=True)
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
