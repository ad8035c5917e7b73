"""What an evaluation says: figures for people and programs, and the risks behind them."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from app.errors import Refused
from app.evaluate.rival import Rival
from models.quality import Quality


class Scored(NamedTuple):
    """One row: whose it is, what became of him, and what was told before; `at` in days since 1970, of a stream."""

    id: str
    left: bool
    risk: float
    at: float | None = None


class Verdict(NamedTuple):
    """What came out."""

    frozen: Quality
    prequential: Quality
    about: dict[str, Any]
    scored: list[Scored]
    rival: Rival | None = None


def tell(verdict: Verdict, as_json: bool) -> None:
    """Print the figures; for people as a table, and what was scored."""
    figures = {"frozen": verdict.frozen._asdict(), "prequential": verdict.prequential._asdict()}
    rival = verdict.rival
    batch = {} if rival is None else {"batch": rival.as_object()}
    if as_json:
        click.echo(json.dumps(figures | batch | verdict.about, ensure_ascii=False))
        return
    columns = figures | batch
    click.echo(" " * 20 + "".join(f"{name:>13}" for name in columns))
    for name in figures["frozen"]:
        click.echo(f"{name:20}" + "".join(f"{column[name]:13.4f}" for column in columns.values()))
    for line in () if rival is None else rival.lines():
        click.echo(line)
    for name, what in verdict.about["scored"].items():
        click.echo(f"{name}: {what}", err=True)
    if rival is not None:
        click.echo(f"batch: {rival.library}, {rival.about}", err=True)


def write(path: Path, scored: list[Scored]) -> None:
    """Write id, label and score of each row, and the time of its snapshot where there is one.

    Raises
    ------
    Refused
        If the file cannot be written.
    """
    timed = bool(scored) and scored[0].at is not None
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "label", "score", "at"] if timed else ["id", "label", "score"])
            for row in scored:
                moment = [] if row.at is None else [_iso(row.at)]
                out.writerow([row.id, int(row.left), f"{row.risk:.9f}", *moment])
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error


def _iso(days: float) -> str:
    return datetime.fromtimestamp(days * 86_400.0, tz=UTC).isoformat(timespec="seconds")
