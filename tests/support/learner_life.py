"""A learner that lives through a planted stream, and what its models are worth."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

import planted
from models.analysis.score_metrics import roc_auc
from models.contract.training_example import Example, WeeklyLabel
from models.learning.learner import Learner, LearnerSettings, Lesson
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot

SETTINGS = LearnerSettings(warm_rows=300, window=4_000, recent_rows=600)
ROWS = 2_500


class Life:
    """A learner, what became of what it was told, and what it published."""

    def __init__(self, settings: LearnerSettings = SETTINGS, prior: Snapshot | None = None) -> None:
        self.learner = Learner(settings, prior or planted.starting())
        self.lessons: Counter[Lesson] = Counter()
        self.published: list[tuple[int, Snapshot]] = []

    def live(self, told: list[Example | WeeklyLabel]) -> Life:
        for each in told:
            self.lessons[self.learner.learn(each)] += 1
            snapshot = self.learner.due()
            if snapshot is not None:
                self.published.append((planted.known_ts(each), snapshot))
        return self


def worth(model: Snapshot) -> float:
    """AUC on people of the planted truth whom nobody has seen."""
    x = planted.vectors(99, 6_000)
    left = np.random.default_rng(98).random(6_000) < planted.truth(x, 1.5)
    return roc_auc(Scorer(model).score(x.T.copy()).risk, left)


@cache
def stream() -> list[Example | WeeklyLabel]:
    """What it is told."""
    return planted.told(planted.examples(ROWS, seed=2, strength=1.5, prompt=True))


@cache
def whole_life() -> Life:
    """One for the tests of a process: it takes some 10 s."""
    return Life().live(stream())
