"""What the learner did with each record it received."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from models.contract.training_example import Example, WeeklyLabel


class Lesson(StrEnum):
    """Result of one weekly label or example; the process counts them by it."""

    LEARNED = "learned"
    COLLECTING = "collecting"
    """Knots and level are not frozen yet: the weekly label is kept until they are, then learned."""
    MEASURED = "measured"
    """A weekly example: it counts for the quality figures and is not learned."""
    VOID = "void"
    BIASED = "biased"
    """An example taken at an alert, so not a fair sample: measured apart."""
    FOREIGN = "foreign"
    """From another feature catalogue, or with another number of features."""
    NOT_FINITE = "not_finite"
    DUPLICATE = "duplicate"
    CONTRADICTORY = "contradictory"
    """The label does not fit its outcome, or what is known about when the subscriber left."""
    STOPPED = "stopped"
    """The guard is on: the weekly label counts for the guard and is not learned."""


_LARGEST: Final = 1e30
"""Largest feature value: rows are kept in single precision, where much larger ones would be infinite."""
_SURE: Final = 1e-6
"""Least base rate, and one minus the largest: no operator's is beyond, and its log-odds would swamp all others."""


def usable(record: Example | WeeklyLabel, values: Sequence[float]) -> bool:
    """Whether a vector is finite and not all missing, and risk and base rate are probabilities."""
    finite = not any(abs(value) > _LARGEST for value in values) and not all(map(math.isnan, values))
    return finite and 0.0 <= record.risk <= 1.0 and _SURE < record.base_rate < 1.0 - _SURE
