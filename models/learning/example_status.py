"""What became of what the learner was given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from models.contract.training_example import Example, Fate


class Lesson(StrEnum):
    """One word for each fate and each verdict; the process counts them."""

    LEARNED = "learned"
    COLLECTING = "collecting"
    """Knots and level are not frozen yet: the fate is kept, and learned when they are."""
    MEASURED = "measured"
    """The verdict on a weekly vector: figures are made of it, and nothing is learned."""
    VOID = "void"
    BIASED = "biased"
    """Taken at an alert and not of everybody: measured apart."""
    FOREIGN = "foreign"
    """Of another catalogue of features, or not as long."""
    NOT_FINITE = "not_finite"
    DUPLICATE = "duplicate"
    CONTRADICTORY = "contradictory"
    """The label does not fit what decided it, or what is known of the subscriber's leaving."""
    STOPPED = "stopped"
    """The guard is on: what is told is looked at, and not learned."""


_LARGEST: Final = 1e30
"""Nothing about a subscriber is as large; what is would be infinite in single precision, as rows are kept."""
_SURE: Final = 1e-6
"""No operator loses fewer than one in a million, nor keeps as few: log-odds of such a rate would drown all others."""


def usable(told: Example | Fate, values: Sequence[float]) -> bool:
    """Whether there is no infinity in a vector, and something at all, and risk and base rate are probabilities."""
    finite = not any(abs(value) > _LARGEST for value in values) and not all(map(math.isnan, values))
    return finite and 0.0 <= told.risk <= 1.0 and _SURE < told.base_rate < 1.0 - _SURE
