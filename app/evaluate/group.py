"""The verbs of ``holdfast evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from app.evaluate.events import EventQuestion, evaluate_events
from app.evaluate.table import Question, evaluate_table
from app.evaluate.verdict import tell, write
from app.options import json_option

_FILE = click.Path(path_type=Path, dir_okay=False)
_DAYS = click.FloatRange(min=0.0, min_open=True)
_scores = click.option("--scores", type=_FILE, help="Write id, label and score of each scored row here, as CSV.")
_against_batch = click.option(
    "--against-batch", is_flag=True, help="Measure a batch LightGBM on the same rows beside it (holdfast[batch])."
)
_LEARNERS = click.Choice(["committee", "newton", "curves", "river"])


@click.group()
def evaluate() -> None:
    """Measure how well the model learns from data that has answers, in one pass."""


@evaluate.command()
@click.argument("train", type=_FILE)
@click.option("--test", type=_FILE, help="Rows to score, never learned. Default: the last 30 % of TRAIN are held out.")
@click.option("--label", required=True, help="Column that says who left: yes/no, 1/0, true/false, 是/否.")
@click.option("--id", "id_column", help="Column that names the customer; it is not learned from.")
@_scores
@click.option("--learner", type=_LEARNERS, default="committee", show_default=True)
@click.option("--in-order", is_flag=True, help="Learn in the order of the file: where that is the order of time.")
@_against_batch
@json_option
def table(scores: Path | None, as_json: bool, **question: Any) -> None:
    """Learn a labelled table in one pass and measure on rows that were not learned.

    TRAIN is CSV, plain or gzipped, in UTF-8 or GBK. Columns that only the future knows are not found out: leave them
    out of the file.
    """
    verdict = evaluate_table(Question(**question))
    if scores is not None:
        write(scores, verdict.scored)
    tell(verdict, as_json)


@evaluate.command()
@click.argument("log", type=_FILE)
@click.option("--id", "id_column", required=True, help="Column that names the customer.")
@click.option(
    "--ts", "ts_column", required=True, help="Column that says when: a date, or epoch seconds to nanoseconds."
)
@click.option("--day-first", "first", flag_value="day", help="5/6/2026 is in June.  [default: the log's dates tell]")
@click.option("--month-first", "first", flag_value="month", help="5/6/2026 is in May.")
@click.option("--year-first", "first", flag_value="year", help="26/5/6 is in 2026.")
@click.option("--value", "value_column", help="Column with an amount: minutes, money, bytes.")
@click.option("--inactive-days", type=_DAYS, required=True, help="So many days without an event: gone.")
@click.option("--every-days", type=_DAYS, required=True, help="Look at everybody so often.")
@_scores
@_against_batch
@json_option
def events(scores: Path | None, as_json: bool, **question: Any) -> None:
    """Replay a log of events, in one pass, with labels that are learned only when they are known.

    LOG is CSV, plain or gzipped, in UTF-8 or GBK, one row an event. Whoever has three events or more, the last of them
    within --inactive-days, is scored every --every-days; the label is that no event follows within --inactive-days. A
    column with the ids of other customers is taken for the other side of the event.
    """
    verdict = evaluate_events(EventQuestion(**question))
    if scores is not None:
        write(scores, verdict.scored)
    tell(verdict, as_json)
