"""What has drifted, as the learner watches it: the champion's loss, and each feature against the frozen rows.

Features are compared a week at a time: of a day or two, a weekend would be another population.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
from msgspec import Struct

from models import drift
from models.drift import PSI_BOUND, Counts, LossDrift, LossDriftState
from models.events import DAY_MS
from models.hat_basis import HatBasis
from models.quality import log_losses
from models.risk import Floats

LOG_LOSS: Final = "log_loss"
WEEK_MS: Final = 7 * DAY_MS
LEAST_ROWS: Final = 200
"""Of fewer, chance alone makes a PSI of another population."""


class DriftState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

    losses: LossDriftState
    psi: dict[str, float]
    week: Counts
    since: int
    over: list[str]
    warnings: int
    last: str | None
    last_labels: int


class DriftWatch:
    """See the module. A feature warns when it goes over the bound, and again only after it was below half of it."""

    def __init__(self) -> None:
        self.losses = LossDrift()
        self.psi: dict[str, float] = {}
        """Of each feature, over the last whole week."""
        self._week: Counts = []
        self._since = 0
        self.over: list[str] = []
        """Features that have drifted."""
        self.warnings = 0
        self.last: str | None = None
        """What was seen last to have drifted."""
        self.last_labels = 0

    def told(self, risk: float, *, left: bool, labels: int) -> bool:
        """Take in what the champion told of a row; True if its losses have risen."""
        loss = float(log_losses(np.array([risk]), np.array([left]))[0])
        if not self.losses.add(loss):
            return False
        self._warn(LOG_LOSS, labels)
        return True

    def look(self, basis: HatBasis, reference: Counts, x: Floats, now: int, labels: int) -> bool:
        """Take rows in, (F, n); at the end of a week, True if one more feature has drifted from the frozen rows.

        Parameters
        ----------
        basis, reference
            How the frozen rows are cut up, and how many fell where.
        now
            Time of the stream, ms.
        """
        found = drift.counts(basis, x)
        if not self._week:
            self._week, self._since = [[0] * len(row) for row in found], now
        self._week = [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(self._week, found, strict=True)]
        if now < self._since + WEEK_MS or sum(self._week[0]) < LEAST_ROWS:
            return False
        self.psi, self._week = drift.psi_of_features(basis, reference, self._week), []
        over = [name for name, psi in self.psi.items() if psi > PSI_BOUND * (0.5 if name in self.over else 1.0)]
        news = [name for name in over if name not in self.over]
        self.over = over
        if news:
            self._warn(news[0], labels)
        return bool(news)

    def begin_again(self) -> None:
        """Another model leads, whose knots were frozen on other rows."""
        self.psi, self._week, self.over = {}, [], []

    def _warn(self, what: str, labels: int) -> None:
        self.warnings += 1
        self.last, self.last_labels = what, labels

    def state(self) -> DriftState:
        """Everything that is needed to go on."""
        return DriftState(
            losses=self.losses.state(),
            psi=self.psi,
            week=self._week,
            since=self._since,
            over=list(self.over),
            warnings=self.warnings,
            last=self.last,
            last_labels=self.last_labels,
        )

    @classmethod
    def resume(cls, state: DriftState) -> Self:
        """Go on from :meth:`state`."""
        watch = cls()
        watch.losses = LossDrift.resume(state.losses)
        watch.psi, watch._week, watch._since = state.psi, state.week, state.since
        watch.over, watch.warnings = list(state.over), state.warnings
        watch.last, watch.last_labels = state.last, state.last_labels
        return watch
