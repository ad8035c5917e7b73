"""What became of an example that the learner was given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from models.example import Example


class Lesson(StrEnum):
    """One word for each example; the process counts them."""

    LEARNED = "learned"
    COLLECTING = "collecting"
    """The knots are not frozen yet: the row is kept, and learned when they are."""
    VOID = "void"
    BIASED = "biased"
    """Taken at an alert and not of everybody: measured, not learned."""
    FOREIGN = "foreign"
    """Of another catalogue of features, or not as long."""
    NOT_FINITE = "not_finite"
    DUPLICATE = "duplicate"
    CONTRADICTORY = "contradictory"
    """The label does not fit what decided it, or what is known of the subscriber's leaving."""
    HELD = "held"
    """A leaver whose companions are not known yet: the example waits for them, and is then counted a second time, by
    what becomes of it."""
    STOPPED = "stopped"
    """A guard is on under which learning would do harm: measured, not learned."""


LESSONS: Final = tuple(Lesson)
_LARGEST: Final = 1e30
"""Nothing about a subscriber is as large; what is would be infinite in single precision, as rows are kept."""

_SURE: Final = 1e-6
"""No operator loses fewer than one in a million, nor keeps as few: log-odds of such a rate would drown all others."""


def usable(example: Example, values: Sequence[float]) -> bool:
    """Whether there is no infinity in a vector, and something at all, and risk and base rate are probabilities."""
    finite = not any(abs(value) > _LARGEST for value in values) and not all(map(math.isnan, values))
    return finite and 0.0 <= example.risk <= 1.0 and _SURE < example.base_rate < 1.0 - _SURE
