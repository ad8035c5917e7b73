"""The product's learner over a run's examples, and what it would have served of whom.

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

from models import checkpoint
from models.events import DAY_MS
from models.example import Example
from models.learner import Learner, LearnerSettings
from models.lesson import Lesson
from models.prior import prior
from models.risk import Scorer
from models.snapshot import Snapshot

FAIR = (Lesson.LEARNED, Lesson.COLLECTING, Lesson.STOPPED)
"""What becomes of an example of the fair sample that is taken."""


class Stand(NamedTuple):
    """A model, and from when it was in force: the day after its last label."""

    since: int
    model: Snapshot


class Fed(NamedTuple):
    """A learner that was fed, what it published, and its champion's voice after each look."""

    learner: Learner
    published: list[Stand]
    voices: list[Stand]

    def __str__(self) -> str:
        report = self.learner.report()
        lessons = {lesson.value: count for lesson, count in report.examples_total.items() if count}
        guards = {g.guard.value: g.behaviour.value for g in report.guards if g.on}
        latest, crowned = report.latest, report.crowned
        why = latest and (latest.step.value, latest.verdict and latest.verdict.value)
        return (
            f"{len(self.published)} models published, crowned {crowned and crowned.why.value}, latest look {why}, "
            f"guards on {guards}, examples {lessons}, leavers learned {report.positives}"
        )


def in_order(examples: Iterable[Example]) -> list[Example]:
    """By the day of the label, and within it by a hash."""
    return sorted(examples, key=lambda e: (e.labelled_ts // DAY_MS, e.example_id))


def fed(examples: Iterable[Example], numbers: LearnerSettings) -> Fed:
    """Feed them in the order given to a learner that begins with the shipped model."""
    found = Fed(Learner(numbers, prior()), [], [])
    for example in examples:
        found.learner.learn(example)
        since = (example.labelled_ts // DAY_MS + 1) * DAY_MS
        if (snapshot := found.learner.due()) is not None:
            found.published.append(Stand(since, snapshot))
        fair = sum(found.learner.lessons.get(lesson, 0) for lesson in FAIR)
        if fair // numbers.look_every > len(found.voices):
            found.voices.append(Stand(since, _voice(found.learner, numbers)))
    return found


def _voice(learner: Learner, numbers: LearnerSettings) -> Snapshot:
    """What is judged against what is served, and would be served; before knots are frozen what is served."""
    lineages = checkpoint.decode(learner.checkpoint(), numbers.shape()).lineages
    return learner.served if lineages is None else lineages.voice


def told(looks: Sequence[Example], stands: Sequence[Stand]) -> Floats:
    """The risk of each by what was in force when he was looked at: before the first of them the shipped model.

    At the operator's base rate, as it is served: each model's own would set apart looks that had different ones.
    """
    x, risk = vectors(looks), np.zeros(len(looks))
    scorers = [Scorer(model, looks[0].base_rate) for model in (prior(), *(stand.model for stand in stands))]
    which = np.searchsorted([stand.since for stand in stands], [look.ts for look in looks], side="right")
    for number in np.unique(which).tolist():
        risk[which == number] = scorers[number].score(x[:, which == number]).risk
    return risk
