"""The verbs of ``holdfast evaluate``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import click

from app.evaluate.table import Question, Verdict, evaluate_table
from app.options import json_option

_FILE = click.Path(path_type=Path, dir_okay=False)
_LEARNERS = click.Choice(["newton", "curves", "river"])


@click.group()
def evaluate() -> None:
    """Measure how well the model learns from data that has answers, in one pass."""


@evaluate.command()
@click.argument("train", type=_FILE)
@click.option("--test", type=_FILE, help="Rows to score, never learned. Default: the last 30 % of TRAIN are held out.")
@click.option("--label", required=True, help="Column that says who left: yes/no, 1/0, true/false, 是/否.")
@click.option("--id", "id_column", help="Column that names the customer; it is not learned from.")
@click.option("--scores", type=_FILE, help="Write the risk of each scored row here, as CSV.")
@click.option("--learner", type=_LEARNERS, default="newton", show_default=True)
@click.option("--in-order", is_flag=True, help="Learn in the order of the file: where that is the order of time.")
@json_option
def table(
    train: Path,
    test: Path | None,
    label: str,
    id_column: str | None,
    scores: Path | None,
    learner: str,
    in_order: bool,
    as_json: bool,
) -> None:
    """Learn a labelled table in one pass and measure on rows that were not learned.

    TRAIN is CSV, plain or gzipped, in UTF-8 or GBK. Columns that only the future knows are not found out: leave them
    out of the file.
    """
    verdict = evaluate_table(Question(train, test, label, id_column, learner, in_order))
    if scores is not None:
        _write(scores, id_column or "row", verdict)
    tell(verdict, as_json)


def tell(verdict: Verdict, as_json: bool) -> None:
    """Print the figures; for people as a table, and what was scored."""
    figures = {"frozen": verdict.frozen._asdict(), "prequential": verdict.prequential._asdict()}
    if as_json:
        click.echo(json.dumps(figures | verdict.about, ensure_ascii=False))
        return
    click.echo(f"{'':20}{'frozen':>12}{'prequential':>13}")
    for name, value in figures["frozen"].items():
        click.echo(f"{name:20}{value:12.4f}{figures['prequential'][name]:13.4f}")
    for name, what in verdict.about["scored"].items():
        click.echo(f"{name}: {what}", err=True)


def _write(path: Path, id_name: str, verdict: Verdict) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow([id_name, "risk", "left"])
        for row in zip(verdict.ids, verdict.risk.tolist(), verdict.left.tolist(), strict=True):
            out.writerow([row[0], f"{row[1]:.9f}", int(row[2])])
