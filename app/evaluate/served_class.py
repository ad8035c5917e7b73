"""The production learner applied to the columns of any table: the same ensemble, with a neutral prior.

The result is a snapshot as served, one curve a feature. All labels count alike here, so a row is a look with one
week, and the level is the share of leavers among the known labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from models.arrays import Bools, Floats
from models.learning.blend import blended_snapshot
from models.learning.ensemble import Ensemble, Taught
from models.learning.recent_vectors import Recent, RecentVector
from models.learning.settings import LearnerSettings
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Curve, Snapshot

LEAST_BLOCK: Final = 200
"""Fewest rows that are scored and then learned as a block; later a quarter of those learned, since labels come late."""
_EVEN: Final = 0.5


class ServedClass:
    """One-pass learner over a table, as used in production.

    Parameters
    ----------
    names
        Names of the features.
    first
        Unlabelled rows that fix the knots, (F, n).
    """

    def __init__(self, names: Sequence[str], first: Floats) -> None:
        settings = LearnerSettings()
        curves = [Curve(feature=name, knots=[0.0], values=[0.0], missing=0.0) for name in names]
        self._flat = Snapshot(version="flat", curves=curves, intercept=0.0, base_rate=_EVEN)
        self._ensemble = Ensemble.of_prior(Scorer(self._flat), first, 1, _EVEN, settings.memory)
        self._recent = Recent(settings.recent_rows, len(names))
        self._scorer = Scorer(self._flat)

    def risk(self, rows: Floats) -> Floats:
        """Probability of leaving, by the current model."""
        return self._scorer.score(rows).risk

    def learn(self, rows: Floats, left: Bools) -> None:
        """Learn labelled rows one by one, then make the resulting model the current one."""
        for row, answer in zip(rows.T, left.tolist(), strict=True):
            self._recent.add(RecentVector(row.tolist(), 0))
            self._ensemble.learn(Taught(row.astype("<f4"), 1, 1, answer))
        ensemble = self._ensemble
        ensemble.settle()
        if ensemble.heard:
            rate = ensemble.left / (ensemble.left + ensemble.stayed)
            self._scorer = Scorer(blended_snapshot(self._flat, ensemble, self._recent, rate, ("table", None)))

    def go_on(self, rows: Floats, left: Bools, tick: Callable[[int], None]) -> Floats:
        """Score and learn rows in this order; returns each row's risk from before its label was learned."""
        said, start = np.empty(len(left)), 0
        while start < len(left):
            known = self._ensemble.left + self._ensemble.stayed
            part = slice(start, start + max(LEAST_BLOCK, known // 4))
            said[part] = self.risk(rows[:, part])
            self.learn(rows[:, part], left[part])
            tick(len(said[part]))
            start = part.stop
        return said
