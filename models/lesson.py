"""What became of an example that the learner was given."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


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
    STOPPED = "stopped"
    """A guard is on under which learning would do harm: measured, not learned."""


LESSONS: Final = tuple(Lesson)
