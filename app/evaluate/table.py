"""Evaluation of a labelled table in one pass: learn, then score rows that were never learned."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import numpy as np
from msgspec import structs

from app.errors import ExitCode, Refused
from app.evaluate.boosted import Boosted, library
from app.evaluate.recipe import FIRST, Kind, Recipe, Writing
from app.evaluate.served_class import ServedClass
from app.evaluate.sheet import Sheet, answers, read
from app.evaluate.verdict import JudgedRow, auc_of, figures, gain
from app.process.progress_bar import counting
from app.tables.opening import opened
from app.tables.quantities import Mark
from models.analysis.score_metrics import OneClassError
from models.arrays import Bools, Floats, Rows

HELD_OUT: Final = 0.3
"""Share of the rows that is only scored, if no test table is given."""
LEAST_ROWS: Final = 50
_COMPARED: Final = ("roc_auc", "pr_auc", "lift_top_decile", "precision_top_5pct", "log_loss", "ece")


class Question(NamedTuple):
    """An evaluation to make: files, columns and options."""

    train: Path
    test: Path | None
    label: str
    id_column: str | None
    in_order: bool
    against_batch: bool = False
    positive: str | None = None
    """The label's word for those who left, where it is none of the usual ones."""
    flags: Mapping[str, Any] = {}
    """How the tables are written, as :func:`app.tables.opening.table_options` has it."""


class Half(NamedTuple):
    """A table, the numbers of its rows to learn or score in order, and the labels of all rows."""

    sheet: Sheet
    left: Bools
    rows: Rows


def evaluate_table(question: Question) -> tuple[dict[str, Any], list[JudgedRow]]:
    """Learn one table in one pass, score the rest.

    Raises
    ------
    Refused
        If a file or a column cannot be used.
    """
    batch = library() if question.against_batch else None
    train = read(opened(question.train, question.flags), question.label)
    left, known, words = answers(train.column(question.label), question.label, question.positive)
    names = _features(train, question)
    order = np.arange(train.rows) if question.in_order else shuffled(train.rows)
    order, blank = order[known[order]], int((~known).sum())
    if len(order) < LEAST_ROWS:
        raise Refused(f"{train.source} has {len(order)} rows: too few to learn from, {LEAST_ROWS} are needed")
    if question.test is None:
        cut = round(len(order) * (1.0 - HELD_OUT))
        taught, asked = Half(train, left, order[:cut]), Half(train, left, order[cut:])
        where = f"the last {HELD_OUT:.0%} of {train.source} in the order of learning, never learned"
    else:
        test = read(opened(question.test, question.flags), question.label)
        truth, known, _ = answers(test.column(question.label), question.label, question.positive)
        taught, asked = Half(train, left, order), Half(test, truth, np.flatnonzero(known))
        where, blank = f"{test.source}, never learned", blank + int((~known).sum())
    sheets = [train] if asked.sheet is train else [train, asked.sheet]
    recipe = Recipe(sheets, names, taught.rows, _written(question.flags))
    if not recipe.names:
        kinds = ", ".join(f"{name} ({kind})" for name, kind in recipe.kinds.items())
        raise Refused(f"{train.source} has nothing to learn from in its first rows: {kinds}")
    try:
        facts, risk = _measured(recipe, taught, asked, batch)
    except OneClassError as error:
        raise Refused(f"{where}: {error}") from error
    facts["rows"]["blank_label"] = blank
    facts["left_out"] = [line for sheet in sheets for line in sheet.left_out]
    facts["label"] = {"column": question.label, "left": words, "rows_left": int(left.sum())}
    facts["scored"] = {
        "frozen": where,
        "prequential": "the same rows, each scored before the block of labels that it stands in was learned",
    }
    facts["order"] = "of the file" if question.in_order else "shuffled with a fixed seed"
    ids = asked.sheet.column(question.id_column) if question.id_column else None
    named = zip(asked.rows.tolist(), asked.left[asked.rows].tolist(), risk.tolist(), strict=True)
    return facts, [JudgedRow(ids[row] if ids else str(row + 1), one, said) for row, one, said in named]


def _measured(recipe: Recipe, taught: Half, asked: Half, batch: str | None) -> tuple[dict[str, Any], Floats]:
    rows = recipe.features(taught.sheet)
    asked_rows = (rows if asked.sheet is taught.sheet else recipe.features(asked.sheet))[:, asked.rows]
    rows, left, truth = rows[:, taught.rows], taught.left[taught.rows], asked.left[asked.rows]
    who = np.arange(len(truth), dtype=np.uint32)
    model = ServedClass(recipe.names, rows[:, :FIRST])
    with counting("rows", len(left) + len(truth)) as tick:
        model.go_on(rows, left, tick)
        risk = model.risk(asked_rows)
        going_on = model.go_on(asked_rows, truth, tick)
    facts: dict[str, Any] = {
        "frozen": figures(risk, truth, who),
        "prequential": figures(going_on, truth, who),
        "rows": {"learned": len(left), "scored": len(truth), "left_among_scored": int(truth.sum())},
        "columns": {str(kind): recipe.of(kind) for kind in Kind if recipe.of(kind)},
        "ratios": len(recipe.ratios),
        "features": len(recipe.names),
    }
    if batch is not None:
        columns, categories = recipe.columns(taught.sheet)
        trees = Boosted(columns[taught.rows], left, categories)
        said = trees.risk(recipe.columns(asked.sheet)[0][asked.rows])
        about = "trained on the learned rows with many passes, and scored on the rows of `frozen`"
        facts["batch"] = figures(said, truth, who) | {"library": batch, "trees": trees.count, "about": about}
        facts["frozen_over_batch"] = structs.asdict(gain(risk, said, truth, who))
    return facts, risk


def lines(facts: dict[str, Any]) -> list[str]:
    """The figures as lines of text."""
    columns = {name: facts[name] for name in ("frozen", "prequential", "batch") if name in facts}
    found = [" " * 20 + "".join(f"{name:>13}" for name in columns)]
    found += [f"{name:20}" + "".join(f"{each[name]:13.4f}" for each in columns.values()) for name in _COMPARED]
    found += [f"AUC, {name}: {auc_of(each)}" for name, each in columns.items()]
    label, named = facts["label"], " or ".join(map(repr, facts["label"]["left"]))
    found.append(f"left: {label['rows_left']:,} rows, those with {named} in column {label['column']!r}")
    if blank := facts["rows"]["blank_label"]:
        found.append(f"{blank:,} rows without a label are left out")
    return [*found, *facts["left_out"]]


def _written(flags: Mapping[str, Any]) -> Writing:
    marks: dict[str, Mark] = {}
    for text in flags.get("decimals", ()):
        name, _, mark = text.rpartition("=")
        if not name or mark not in get_args(Mark):
            raise Refused(f"--decimal {text}: it is COLUMN=point or COLUMN=comma", code=ExitCode.USAGE)
        marks[name] = mark
    return Writing(marks, flags.get("first"))


def _features(train: Sheet, question: Question) -> list[str]:
    if question.id_column:
        train.column(question.id_column)
    names = [name for name in train.columns if name not in (question.label, question.id_column)]
    if not names:
        raise Refused(f"{train.source} has nothing to learn from except the label")
    return names


def shuffled(rows: int) -> Rows:
    """Row numbers in a fixed random order, independent of the file's.

    A table is no stream: many are sorted by customer number, that is by tenure, and learning the oldest customers
    first looks like drift (AUC 0.656 against 0.668 on one such table).

    Examples
    --------
    >>> shuffled(5).tolist()
    [1, 2, 4, 0, 3]
    """
    hashes = [blake2b(row.to_bytes(8, "little"), digest_size=8).digest() for row in range(rows)]
    return np.array(sorted(range(rows), key=hashes.__getitem__), dtype=np.int64)
