"""The learner that lanes are served by, over the columns of any table: the same voices, and a prior that says nothing.

What it makes is what is served: a snapshot, one curve a feature. A label is as good as another here, so a row is a look
with one week, and the level is the share of leavers among the labels known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from models.arrays import Bools, Floats
from models.learning.blend import compiled
from models.learning.ensemble import Taught, Voices
from models.learning.recent_vectors import Recent, RecentVector
from models.learning.settings import LearnerSettings
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Curve, Snapshot

LEAST_BLOCK: Final = 200
"""Rows that are scored together and then learned together; later a quarter of those learned: labels come late."""
_EVEN: Final = 0.5


class ServedClass:
    """See the module.

    Parameters
    ----------
    names
        Of the features.
    first
        Unlabelled rows on which knots are frozen, (F, n).
    """

    def __init__(self, names: Sequence[str], first: Floats) -> None:
        settings = LearnerSettings()
        curves = [Curve(feature=name, knots=[0.0], values=[0.0], missing=0.0) for name in names]
        self._flat = Snapshot(version="flat", curves=curves, intercept=0.0, base_rate=_EVEN)
        self._voices = Voices.of_prior(Scorer(self._flat), first, 1, _EVEN, settings.memory)
        self._recent = Recent(settings.recent_rows, len(names))
        self._scorer = Scorer(self._flat)

    def risk(self, rows: Floats) -> Floats:
        """Probability of leaving, by the model in force."""
        return self._scorer.score(rows).risk

    def learn(self, rows: Floats, left: Bools) -> None:
        """Learn labelled rows one by one, and take a model that has learned them into force."""
        for row, answer in zip(rows.T, left.tolist(), strict=True):
            self._recent.add(RecentVector(row.tolist(), 0))
            self._voices.learn(Taught(row.astype("<f4"), 1, 1, answer))
        voices = self._voices
        voices.settle()
        if voices.heard:
            rate = voices.left / (voices.left + voices.stayed)
            self._scorer = Scorer(compiled(self._flat, voices, self._recent, rate, ("table", None)))

    def go_on(self, rows: Floats, left: Bools, tick: Callable[[int], None]) -> Floats:
        """Score and learn rows in this order; returns what was said of each before its label was learned."""
        said, start = np.empty(len(left)), 0
        while start < len(left):
            known = self._voices.left + self._voices.stayed
            part = slice(start, start + max(LEAST_BLOCK, known // 4))
            said[part] = self.risk(rows[:, part])
            self.learn(rows[:, part], left[part])
            tick(len(said[part]))
            start = part.stop
        return said
