"""What has drifted, as the learner watches it: the champion's loss, and each feature against the frozen rows."""

from __future__ import annotations

from typing import Final, Self

import numpy as np
from msgspec import Struct

from models import drift
from models.drift import PSI_BOUND, Counts, LossDrift, LossDriftState
from models.hat_basis import HatBasis
from models.quality import log_losses
from models.recent import Recent

LOG_LOSS: Final = "log_loss"


class DriftState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

    losses: LossDriftState
    over: list[str]
    warnings: int
    last: str | None
    last_labels: int


class DriftWatch:
    """See the module. A feature warns when it goes over the bound, and again only after it was below half of it."""

    def __init__(self) -> None:
        self.losses = LossDrift()
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

    def look(self, basis: HatBasis, reference: Counts, recent: Recent, labels: int) -> bool:
        """Compare features of the latest rows with those of the frozen rows; True if one more has drifted."""
        if len(recent) < recent.capacity:
            return False
        moved = drift.psi_of_features(basis, reference, drift.counts(basis, recent.x))
        over = [name for name, psi in moved.items() if psi > PSI_BOUND * (0.5 if name in self.over else 1.0)]
        news = [name for name in over if name not in self.over]
        self.over = over
        if news:
            self._warn(news[0], labels)
        return bool(news)

    def _warn(self, what: str, labels: int) -> None:
        self.warnings += 1
        self.last, self.last_labels = what, labels

    def state(self) -> DriftState:
        """Everything that is needed to go on."""
        return DriftState(
            losses=self.losses.state(),
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
        watch.over, watch.warnings = list(state.over), state.warnings
        watch.last, watch.last_labels = state.last, state.last_labels
        return watch
