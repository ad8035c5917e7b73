"""AUC with its interval by subscriber, and two of them on the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.analysis.score_metrics import roc_auc
from models.arrays import Bools, Floats
from models.contract.training_example import Example

RESAMPLES: Final = 500
Times = npt.NDArray[np.int64]


class Measured(NamedTuple):
    """An AUC with its 95 % interval, resampled by subscriber: snapshots of one person are not independent."""

    auc: float
    low: float
    high: float
    rows: int
    left: int
    people: int

    def __str__(self) -> str:
        return (
            f"AUC {self.auc:.3f} [{self.low:.3f}, {self.high:.3f}], {self.rows} snapshots of {self.people} people, "
            f"{self.left} left"
        )


class Gained(NamedTuple):
    """How much larger one AUC is than another on the same rows, with its 95 % interval."""

    gain: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.gain:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def measured(risk: Floats, left: Bools, who: Sequence[str]) -> Measured:
    """Measure, and bootstrap."""
    low, high = _middle([roc_auc(risk[rows], left[rows]) for rows in _drawn(left, who)])
    return Measured(roc_auc(risk, left), low, high, len(left), int(left.sum()), len(set(who)))


def gained(risk: Floats, over: Floats, left: Bools, who: Sequence[str]) -> Gained:
    """Compare, and bootstrap both together."""
    gains = [roc_auc(risk[rows], left[rows]) - roc_auc(over[rows], left[rows]) for rows in _drawn(left, who)]
    return Gained(roc_auc(risk, left) - roc_auc(over, left), *_middle(gains))


def vectors(examples: Sequence[Example]) -> Floats:
    """(F, n)."""
    return np.array([example.numbers() for example in examples]).T


def _drawn(left: Bools, who: Sequence[str]) -> Iterator[npt.NDArray[np.intp]]:
    """Rows of as many people as there are, drawn with replacement; the same people each time it is asked."""
    names, person = np.unique(np.array(who), return_inverse=True)
    rows_of = [np.flatnonzero(person == n) for n in range(len(names))]
    draw = np.random.default_rng(7)
    for _ in range(RESAMPLES):
        rows = np.concatenate([rows_of[n] for n in draw.integers(0, len(names), len(names))])
        if left[rows].any() and not left[rows].all():
            yield rows


def _middle(found: list[float]) -> tuple[float, float]:
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return low, high
