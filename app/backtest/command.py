"""``holdfast backtest``: what another policy would have made of the recorded history, beside the one in force."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import click

from app.alerts.moments import moment
from app.backtest.sheet import Row, rows, table
from app.config.governing_policy import governing
from app.config.options import PLACE, console, language, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from app.policy.command import usable
from app.process.progress_bar import bar
from models.analysis.alert_tally import AlertTally, Figure, Outcomes
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from streams.kafka.topic_tail import TopicMissingError

if TYPE_CHECKING:
    from app.backtest.rerun import Recorded
    from models.detection.outbox import Output

_FOREVER_MS: Final = 1 << 62
_EXAMPLE: Final = """\b
Example:
  holdfast policy show > p.toml      # then, say, [tiers] budget = 2.0
  holdfast backtest --policy p.toml --since 14d
"""


@click.command(epilog=_EXAMPLE)
@settings_options(*PLACE, "group", "model", "base_rate", "lang", "timezone")
@click.option(
    "--policy", "file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The other policy, TOML."
)
@click.option("--since", help="Count from then on, by the events' time: 14d, 2026-12-01.  [default: all that is kept]")
@click.option("--until", help="Count up to then.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def backtest(settings: Settings, file: Path | None, since: str | None, until: str | None, as_json: bool) -> None:
    """Fold the recorded history again, by the policy in force and by another one, and compare them.

    It shows alerts a day by kind, tier and unit, what is withheld and why, contacts against each unit's capacity, what
    waits, and how many of those alerted left within the horizon, against all subscribers. It only reads.

    The fold begins with what the topics keep (inputs a week, unless retention is longer), counting with --since; what
    is gone is said. Each transaction is folded by the model that decided it. The policy in force means the one of each
    transaction; the other one decides all of them.

    Between lanes the desk hears the policy in force in the order of the live run, while churn.breaches.v1 has it whole;
    otherwise, and any policy by which the lanes find something else, by the lanes' time. That order only decides who
    gets a unit's last free hand. What the front line reported is as it was: an alert that only the other policy raises
    gets no feedback.
    """
    now_ms, zone = int(time.time() * 1000), ZoneInfo(settings.timezone)
    first = 0 if since is None else moment("--since", since, now_ms, zone)
    last = _FOREVER_MS if until is None else moment("--until", until, now_ms, zone)
    if first >= last:
        raise click.UsageError("--until is not after --since.")
    other = None if file is None else usable(file)
    in_force = governing(settings).policy
    policies = [in_force] if other is None else [in_force, other]
    tallies = [AlertTally(first, last, each.contact.utc_offset_hours) for each in policies]
    said = _rerun(settings, policies, tallies)
    begin, end = max(first, said.begin), min(last, said.end)
    if begin >= end:
        raise Refused(
            "nothing is recorded of that time", "what is there:  holdfast topics check", code=ExitCode.NOT_FOUND
        )
    figures = [_figures(said, policy, tally) for policy, tally in zip(policies, tallies, strict=True)]
    found = rows(figures[0], None if other is None else figures[1])
    facts = {
        "since": begin,
        "until": end,
        "in_force": in_force.version,
        "policy": None if other is None else other.version,
        "lanes_order": said.order,
        "breaches_differ": said.differ,
        "events": said.events,
        "subscribers": said.subscribers,
        "whole": not said.gone and said.complete_from is None and not said.versions_gone,
        "gone": dict(said.gone),
        "complete_from": said.complete_from,
        "judged_from": None if said.complete_from is None else said.complete_from + _warm_ms(policies),
        "versions_gone": said.versions_gone,
    }
    if as_json:
        click.echo(json.dumps({**facts, "figures": [_as_json(row) for row in found]}, ensure_ascii=False))
        return
    for line in _remarks(facts, zone):
        click.echo(line, err=True)
    console().print(table(found, None if other is None else other.version, language(settings)))


def _rerun(settings: Settings, policies: Sequence[Policy], tallies: Sequence[AlertTally]) -> Recorded:
    from app.process import logs
    from app.process.compilation import compile_now, settle
    from app.process.interrupt import none_lost

    logs.set_up("warning")
    with none_lost():
        compile_now(settle())
        from app.backtest.rerun import rerun  # it imports Numba

    sinks = [(partial(_take, tally), tally.waits) for tally in tallies]
    try:
        with talking_to(settings), bar("backtest") as update:
            return asyncio.run(rerun(settings, policies, sinks, update))
    except TopicMissingError as missing:
        raise no_topic(missing) from None


def _take(tally: AlertTally, _: int, output: Output) -> None:
    tally.take(output.body)


def _figures(said: Recorded, policy: Policy, tally: AlertTally) -> dict[Figure, float | None]:
    from models.desk.capacity import Units

    units = Units()
    units.govern(policy)
    horizon_ms = round(policy.labels.horizon_days * DAY_MS)
    outcomes = Outcomes(said.left, said.subscribers, horizon_ms, said.end)
    return tally.figures(said.begin, outcomes, units.names, units.limit)


def _warm_ms(policies: Sequence[Policy]) -> int:
    """How long a subscriber must have been observed before tiers and silence are judged."""
    days = (max(each.tiers.min_history_days, each.silence.min_history_days) for each in policies)
    return round(max(days) * DAY_MS)


def _as_json(row: Row) -> dict[str, Any]:
    return {**row.figure._asdict(), "in_force": row.in_force, "policy": row.policy, "difference": row.difference}


def _remarks(facts: Mapping[str, Any], zone: tzinfo) -> Iterator[str]:
    """Remarks needed to read the figures."""

    def at(ms: int) -> str:
        return datetime.fromtimestamp(ms / 1000, zone).strftime("%Y-%m-%d %H:%M")

    yield (
        f"{at(facts['since'])} to {at(facts['until'])}: {facts['events']:,} records, "
        f"{facts['subscribers']:,} subscribers; in force {facts['in_force']}"
    )
    if facts["until"] - facts["since"] < DAY_MS:
        yield "Shorter than a day: figures a day are projected from it."
    if facts["complete_from"] is not None:
        inputs = ", ".join(sorted(facts["gone"])) or "the beginning of the history"
        yield f"Gone by retention: {inputs}. All records are there from {at(facts['complete_from'])} on, so judge"
        yield f"  --since '{at(facts['judged_from'])}', and keep the inputs longer for more (retention.ms)."
    elif facts["gone"]:
        count = sum(facts["gone"].values())
        yield f"The record is not whole: of {count:,} transactions superseded profiles are compacted away."
        yield "  Each subscriber begins with the oldest that is left: what follows from former ones may differ."
    if facts["versions_gone"]:
        yield f"No longer in the topics, the newest stands for them: {', '.join(facts['versions_gone'])}."
    if facts["lanes_order"] == "by_time":
        yield "The order of the live desk is not kept: lanes are merged by their time."
    if facts["breaches_differ"]:
        yield f"{facts['breaches_differ']:,} breaches of the policy in force are not as they were in the live run."
