"""``holdfast report``: read the topics, and show the figures of a day and of its month."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import aclosing
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, get_args

import click

from app.config.governing_policy import governing
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from app.process.progress_bar import bar
from app.report.facts import Facts, StoreError
from app.report.figures import Asked, By, IndicatorValue, anything, figures
from app.report.indicators import INDICATORS, LEFT_OUT
from app.report.periods import Days, yesterday
from app.report.record_rows import READ
from app.report.sheet import legend, remarks, table
from models.contract.alerts import UNASSIGNED, UNASSIGNED_TEXT
from streams.kafka.partition_read import RestoreStalledError
from streams.kafka.topic_tail import TopicMissingError
from streams.kafka.whole_topics import RecreatedError, read_chunks

_EPILOG: Final = """\b
Examples:
  holdfast report                                    # yesterday and the month to date
  holdfast report --day 2026-11-29 --by unit
  holdfast report --store figures.db --json          # each night: keeps what Kafka deletes after a week

\b
Left out, since the topics do not carry them:
""" + "".join(f"  {name}: {why}\n" for name, why in LEFT_OUT)


@click.command(epilog=_EPILOG)
@settings_options(*PLACE, "policy", "lang")
@click.option("--day", "day_", metavar="DATE", help="The day, such as 2026-11-29.  [default: yesterday]")
@click.option("--by", type=click.Choice(get_args(By)), default="total", show_default=True, help="A line for each.")
@click.option(
    "--unit",
    callback=lambda _context, _option, unit: UNASSIGNED if unit == UNASSIGNED_TEXT.zh else unit,
    help=f"Only this unit's. Without one: {UNASSIGNED}, {UNASSIGNED_TEXT.zh}.",
)
@click.option(
    "--indicator",
    "only",
    type=click.Choice([indicator.key for indicator in INDICATORS]),
    metavar="NAME",
    multiple=True,
    help="Only this one; may be repeated. All of them, and what each is of: --legend.",
)
@click.option("--base", metavar="MONTH", help="Base month of the stock, such as 2025-12.  [default: the month before]")
@click.option(
    "--revenue",
    type=click.Choice(("bill", "accrual")),
    default="bill",
    show_default=True,
    help="Billing records that count as revenue.",
)
@click.option("--started", is_flag=True, help="Count each case on the day it began, though its outcome may be open.")
@click.option(
    "--store",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep what is read in this file, and read only what is new. It holds customers' data.",
)
@click.option(
    "--legend",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, wanted: _explain(context) if wanted else None,
    help="Explain each indicator, and exit.",
)
@json_option
def report(settings: Settings, /, store: Path | None, as_json: bool, **chosen: Any) -> None:
    """Show the T+1 report: yesterday, the month to date, and the change against the day and the month before.

    Each indicator has its numerator and its denominator. What takes 30, 90 or 180 days to be known counts on the day on
    which it is known: yesterday's retention success is of those contacted 30 days earlier. With --started it counts on
    the day of the contact, and has no value until then. An indicator whose records Kafka no longer keeps has no value
    either: inputs are kept for a week. So run it each night with --store, or keep the inputs longer. Nothing is shown
    as 0 % that has no cases.

    Days are the policy's (contact.utc_offset_hours). Leavers count when the operator knew. An ARPU is the last bill.
    --by tier takes the tier published last by then. Units and segments are those of the newest profile; orders count
    for their own unit.
    """
    policy, now_ms = governing(settings).policy, int(time.time() * 1000)
    zone = timezone(timedelta(hours=policy.contact.utc_offset_hours))
    asked = _asked(policy.contact.utc_offset_hours, now_ms, **chosen)
    try:
        with Facts(store, f"{settings.bootstrap} {settings.topic_prefix}", policy) as facts:
            _read(settings, facts, now_ms)
            if store is not None:
                facts.prune(now_ms)
            facts.derive()
            found = list(figures(facts, policy, asked))
            unread, known_to = facts.unread, datetime.fromtimestamp(facts.known_to() / 1000, zone)
            if not anything(facts, policy, asked, found):
                raise Refused(
                    f"nothing is recorded of {asked.day}" + (f" and unit {unit}" if (unit := asked.unit) else ""),
                    f"the newest record is of {known_to:%Y-%m-%d %H:%M}" if facts.known_to() else "there is no record",
                    code=ExitCode.NOT_FOUND,
                )
    except StoreError as fault:
        advice = "name another file with --store; one is for one cluster, prefix and release"
        raise Refused(str(fault), advice, code=ExitCode.USAGE) from None
    except sqlite3.OperationalError as fault:
        raise Refused(f"the database failed: {fault}", "is the disk full, or does another report run?") from None
    if as_json:
        for figure in found:
            click.echo(json.dumps(_as_json(figure, asked, zone), ensure_ascii=False))
        return
    lang = language(settings)
    out = console()
    out.print(table(found, asked, lang, out.width))
    for line in remarks(found, unread, known_to, lang):
        click.echo(line, err=True)


def _explain(context: click.Context) -> None:
    for line in legend(language(Settings())):
        click.echo(line)
    context.exit()


def _asked(offset: float, now_ms: int, day_: str | None, base: str | None, **rest: Any) -> Asked:
    last = yesterday(now_ms, offset)
    day = last if day_ is None else _date("--day", day_)
    month = None if base is None else _date("--base", f"{base}-01")
    if day > last + timedelta(days=1):
        raise click.UsageError(f"--day {day} is ahead of us.")
    if month is not None and month >= day.replace(day=1):
        raise click.UsageError(f"--base {base} is not before the month of {day}.")
    as_of = now_ms if rest["started"] else min(now_ms, Days(day, day).ms(offset)[1])
    return Asked(day, as_of, base=month, **rest)


def _date(flag: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{flag} {text} is no date; such as 2026-11-29.") from None


def _read(settings: Settings, facts: Facts, now_ms: int) -> None:
    async def read() -> None:
        with bar("report") as update:
            chunks = read_chunks(settings.kafka_client_kwargs(), settings.topic_prefix, READ, facts.places(), update)
            async with aclosing(chunks) as found:
                async for chunk in found:
                    facts.take(chunk, now_ms)

    try:
        with talking_to(settings):
            asyncio.run(read())
    except TopicMissingError as missing:
        raise no_topic(missing) from None
    except RecreatedError as topic:
        raise Refused(f"{topic} was created anew since this store was written", "begin another --store") from None
    except RestoreStalledError as stalled:
        raise Refused(str(stalled), "try again; is Kafka well?  holdfast doctor", code=ExitCode.NOT_FOUND) from None


def _as_json(figure: IndicatorValue, asked: Asked, zone: timezone) -> dict[str, Any]:
    now, before = figure.now, figure.before
    return {
        "indicator": figure.indicator.key,
        "part": figure.part or None,
        "by": asked.by,
        "scope": figure.scope,
        "period": figure.period,
        "day": asked.day.isoformat(),
        "cases_from": now.first.isoformat(),
        "cases_to": now.last.isoformat(),
        "numerator": _rounded(now.numerator),
        "denominator": _rounded(now.denominator),
        "unknown": now.unknown,
        "value": _rounded(now.value),
        "low": _rounded(now.low),
        "high": _rounded(now.high),
        "as_of": datetime.fromtimestamp(asked.as_of / 1000, zone).isoformat(timespec="seconds"),
        "matured": now.why is None,
        "why": now.why,
        "before": _rounded(before.value),
        "change": _rounded(figure.change),
    }


def _rounded(number: float | None) -> float | None:
    """A sum of money without the dust of its addition."""
    return None if number is None else round(number, 6)
