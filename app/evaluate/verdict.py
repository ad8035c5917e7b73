"""What an evaluation says: figures with their intervals, and the risks behind them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.errors import Refused
from models.analysis.paired_test import Bounded, Whos, auc_bounded, compare
from models.analysis.score_metrics import measure
from models.arrays import Bools, Floats

Z: Final = 1.96
"""Of a 95 % interval: nothing is decided by it, and nobody looks twice in a run."""


class JudgedRow(NamedTuple):
    """One row: whose it is, what became of them, and what was said before; `at` in days since 1970, of a log."""

    id: str
    left: bool
    risk: float
    at: float | None = None


def figures(risk: Floats, left: Bools, who: Whos) -> dict[str, Any]:
    """All figures of one risk, the AUC with its 95 % interval, in which rows of one person belong together.

    Raises
    ------
    models.analysis.score_metrics.OneClassError
        Without at least one who left and one who stayed.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([True, False] * 50)
    >>> found = figures(np.where(left, 0.7, 0.3), left, np.arange(100, dtype=np.uint32))
    >>> found["roc_auc"], found["roc_auc_95"]
    (1.0, [1.0, 1.0])
    """
    quality, auc = measure(risk, left), auc_bounded(risk, left, who, Z)
    return quality._asdict() | {"roc_auc_95": [auc.low, auc.high]}


def gain(risk: Floats, over: Floats, left: Bools, who: Whos) -> Bounded:
    """What one risk gains in AUC on another on the same rows, with its 95 % interval."""
    found = compare(risk, over, left, who, Z).auc_gain
    assert found is not None  # noqa: S101 - whoever has figures has both classes
    return found


def auc_of(found: dict[str, Any]) -> str:
    """An AUC with its interval, for people."""
    low, high = found["roc_auc_95"]
    return f"{found['roc_auc']:.3f} [{low:.3f}, {high:.3f}]"


def gain_of(found: Bounded) -> str:
    """A gain with its interval, for people.

    Examples
    --------
    >>> gain_of(Bounded(-0.0037, -0.0074, 0.0001))
    '-0.0037 (95 %: -0.0074 to +0.0001)'
    """
    return f"{found.value:+.4f} (95 %: {found.low:+.4f} to {found.high:+.4f})"


def write(path: Path, scored: list[JudgedRow]) -> None:
    """Write id, label and score of each row, and the time of the look where there is one.

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
