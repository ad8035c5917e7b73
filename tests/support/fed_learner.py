"""The product's learner over a run's examples, and the risks that it would have served.

When a model of the process beside a run reaches the lanes depends on the machine's load, and so does, by hours of
recorded time, when a lane knows a label; a figure must not. So the same learner is fed with the examples by the day on
which their labels were known, those of one day mixed, and a vector is scored by what was in force when it was frozen:
by the latest model whose last label was known on an earlier day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from support.real_figures import Floats, vectors

from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, WeeklyLabel
from models.learning.learner import Learner, LearnerSettings
from models.scoring.prior import prior
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot


class Stand(NamedTuple):
    """A model, and from when it was in force: the day after its last label."""

    since: int
    model: Snapshot


class Fed(NamedTuple):
    """A learner that was fed, and what it published."""

    learner: Learner
    published: list[Stand]

    def __str__(self) -> str:
        report = self.learner.report()
        lessons = {lesson.value: count for lesson, count in report.examples_total.items() if count}
        return (
            f"{len(self.published)} models published, share learned {report.share:.2f}, stake {report.stake:.2f}, "
            f"guard {report.guard.why}, told {lessons}, leavers learned {report.leavers}"
        )


def known_day(told: Example | WeeklyLabel) -> int:
    """The day on which something was known."""
    return (told.known_ts if isinstance(told, WeeklyLabel) else told.labelled_ts) // DAY_MS


def in_order(told: Iterable[Example | WeeklyLabel]) -> list[Example | WeeklyLabel]:
    """By the day on which it was known, and within it by id."""
    return sorted(told, key=lambda e: (known_day(e), e.fate_id if isinstance(e, WeeklyLabel) else e.example_id))


def fed(told: Iterable[Example | WeeklyLabel], numbers: LearnerSettings, model: Snapshot | None = None) -> Fed:
    """Feed them in the order given to a learner that begins with this model, or the prior."""
    found = Fed(Learner(numbers, model or prior()), [])
    for each in told:
        found.learner.learn(each)
        if (snapshot := found.learner.due()) is not None:
            found.published.append(Stand((known_day(each) + 1) * DAY_MS, snapshot))
    return found


def told(looks: Sequence[Example], stands: Sequence[Stand], model: Snapshot | None = None) -> Floats:
    """The risk of each by what was in force when he was looked at: before the first of them the prior.

    At the operator's base rate, as it is served: each model's own would set apart looks that had different ones.
    """
    x, risk = vectors(looks), np.zeros(len(looks))
    scorers = [Scorer(model, looks[0].base_rate) for model in (model or prior(), *(stand.model for stand in stands))]
    which = np.searchsorted([stand.since for stand in stands], [look.ts for look in looks], side="right")
    for number in np.unique(which).tolist():
        risk[which == number] = scorers[number].score(x[:, which == number]).risk
    return risk
