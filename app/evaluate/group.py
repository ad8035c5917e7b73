"""Commands of ``holdfast evaluate``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from app.config.operator_files import learner_settings, policy_of_file
from app.config.options import console as terminal
from app.config.options import json_option, resolved_options
from app.config.setting_sources import Resolved
from app.errors import ExitCode, Refused
from app.evaluate import events as by_events
from app.evaluate import table as by_table
from app.evaluate.boosted import library
from app.evaluate.verdict import JudgedRow, gain_of, write
from app.process.progress_bar import counting
from app.publishing.record import TimedRecord
from app.replay.files import now_ms, parts_of, reading_options
from app.replay.flags import paired
from app.replay.playback import Playback, read
from app.tables.fields import TOPICS
from app.tables.opening import table_options
from models.analysis.paired_test import Bounded
from models.contract.events import OUTCOMES

_FILE = click.Path(path_type=Path, dir_okay=False)
_DAYS = click.FloatRange(min=0.0, min_open=True)
_scores = click.option("--scores", type=_FILE, help="Write id, label and score of each scored row here, as CSV.")
_against_batch = click.option(
    "--against-batch", is_flag=True, help="Also measure a batch LightGBM on the same rows (needs holdfast[batch])."
)


@click.group()
def evaluate() -> None:
    """Measure on labelled data, in one pass, what would have been served."""


@evaluate.command()
@click.argument("train", type=_FILE)
@click.option("--test", type=_FILE, help="Rows to score, never learned. Default: the last 30 % of TRAIN are held out.")
@click.option("--label", required=True, help="Column that says who left: yes/no, 1/0, true/false, 是/否.")
@click.option("--id", "id_column", help="Column with the customer's id; not used for learning.")
@_scores
@click.option("--positive", metavar="VALUE", help="Value of LABEL for leavers, if it is none of these words.")
@table_options
@click.option("--in-order", is_flag=True, help="Learn in the order of the file, if that is the order of time.")
@_against_batch
@json_option
def table(scores: Path | None, as_json: bool, **flags: Any) -> None:
    """Learn a labelled table in one pass and measure on rows that were not learned.

    TRAIN is CSV, JSON lines or Parquet, plain or gzipped, in UTF-8, UTF-16, GBK or cp1252. The learner is the one
    used in production, with a neutral prior. Rows without a label are left out and counted. Columns that are known
    only after a customer has left are not detected: remove them from the file.
    """
    asked = {name: flags.pop(name) for name in ("train", "test", "label", "id_column", "in_order", "against_batch")}
    question = by_table.Question(**asked, positive=flags.pop("positive"), flags=flags)
    facts, rows = by_table.evaluate_table(question)
    over = facts.get("frozen_over_batch")
    gains = {} if over is None else {"AUC, frozen over batch": over}
    _tell(facts, by_table.lines(facts), gains, as_json)
    _kept(scores, rows)


@evaluate.command()
@resolved_options("policy", "learner", "base_rate")
@reading_options()
@click.option(
    "--inactive-days", type=_DAYS, help="Without outcomes in the files: days without use that count as leaving."
)
@click.option("--span-days", type=_DAYS, default=40.0, show_default=True, help="Length of the spans of time.")
@_scores
@_against_batch
@json_option
def events(
    resolved: Resolved,
    /,
    files: tuple[Path, ...],
    topics: tuple[str, ...],
    inactive_days: float | None,
    span_days: float,
    scores: Path | None,
    against_batch: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Run a lane and the learner over recorded logs, and measure the risks they would have served.

    FILES and the flags for reading them are those of `holdfast replay`; nothing is written to Kafka. Each subscriber
    is scored weekly by the model served at the time, and a label is learned when it becomes known. For comparison: the
    prior without learning, and days of silence alone.
    """
    given = library() if against_batch else None
    labelled = OUTCOMES in {TOPICS[topic] for topic in topics}
    if labelled == (inactive_days is not None):
        raise Refused(
            "labels come from outcomes or from silence: " + ("not from both" if labelled else "none is given"),
            "a file of who left when:  holdfast evaluate events calls.csv left.csv --as calls --as outcomes",
            "or days without use:      --inactive-days 14",
            code=ExitCode.USAGE,
        )
    settings = resolved.settings
    policy, numbers = policy_of_file(settings.policy, settings.base_rate), learner_settings(settings.learner)
    console = terminal(stderr=True)
    playback = Playback(parts_of(paired(files, topics), settings, flags, console), now_ms(), limit=flags["limit"])
    with ExitStack() as stack:
        records = read(playback, console, stack, as_json=as_json)
        converted = sum(part.tally.records for part in playback.parts)
        with counting("records", converted) as tick:
            told, learner = by_events.evaluate_events(_counted(records, tick), policy, numbers, inactive_days)
    facts = by_events.facts_of(told, learner, span_days, given)
    facts["files"] = playback.facts()["files"]
    gains = {f"AUC, served over {name}": found for name, found in facts["whole"]["served_over"].items()}
    _tell(facts, by_events.lines(facts), gains, as_json)
    _kept(scores, by_events.scored(by_events.Looks(told)))


def _counted(records: Iterator[TimedRecord], tick: Callable[[int], None]) -> Iterator[TimedRecord]:
    for number, record in enumerate(records, 1):
        yield record
        if number % 1_000 == 0:
            tick(1_000)


def _tell(facts: dict[str, Any], lines: list[str], gains: dict[str, dict[str, float]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)
    for name, found in gains.items():
        click.echo(f"{name}: {gain_of(Bounded(**found))}")
    for name, what in facts.get("scored", {}).items():
        click.echo(f"{name}: {what}", err=True)


def _kept(path: Path | None, rows: list[JudgedRow]) -> None:
    if path is not None:
        write(path, rows)
