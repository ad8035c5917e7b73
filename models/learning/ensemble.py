"""The ensemble of the two learning models: River's logistic regression and a Bayesian posterior over shared knots."""

from __future__ import annotations

import math
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.analysis.score_metrics import log_losses
from models.arrays import Floats
from models.fitting.curve_posterior import Lot, Posterior, PosteriorState
from models.fitting.knots import GroundState, Knots
from models.fitting.river_logistic import RiverLogistic, RiverState
from models.scoring.calibration import levelling
from models.scoring.scorer import Scorer, sigmoid

LOT: Final = 256
MOST_LOT: Final = 1_024
"""Fewest and most person-weeks that the posterior learns in one step; between them, a sixteenth of the labels so far.
A step costs about the same for one row as for all of these, and changes less the more is known."""
LEAVERS: Final = 500.0
"""Memory, in leavers, of the comparison of the two models' log-loss."""
NATS: Final = 10.0
"""Lead in log-loss at which the better model weighs e times as much; large, since the person-weeks of one subscriber
are not independent."""

LEVEL_LEAVERS: Final = 200.0
"""Memory, in leavers, of the estimate of how many subscribers leave."""
LEAST: Final = 20
"""Leavers needed before that estimate may replace the base rate."""
DOUBT: Final = 2.0
"""Standard errors of that estimate attributed to chance: with a correct base rate the level stays at the base rate."""


class Taught(NamedTuple):
    """A vector to learn, in single precision; its first and last known week (from 1); whether they left in the last."""

    x: npt.NDArray[np.float32]
    first: int
    last: int
    left: bool


class TaughtState(Struct, frozen=True, kw_only=True):
    """Taught rows as bytes: (first, last, left) of each, then the vectors."""

    weeks: bytes
    x: bytes


class EnsembleState(Struct, frozen=True, kw_only=True):
    """The full state of :class:`Ensemble`."""

    ground: GroundState
    river: RiverState
    posterior: PosteriorState
    lift: float
    left: int
    stayed: int
    lead: float
    lot: TaughtState
    said: bytes
    settled: int = 0
    came: float = 0.0
    weeks: float = 0.0


class Ensemble:
    """River and the posterior, trained on the same person-weeks and weighted by their log-loss.

    Parameters
    ----------
    prior
        At the operator's base rate.
    lift
        Added to the prior's log-odds of leaving within the horizon to get those of leaving in a week.
    """

    def __init__(self, prior: Scorer, ground: Knots, river: RiverLogistic, posterior: Posterior, lift: float) -> None:
        self._prior = prior
        self.ground, self.river, self.posterior = ground, river, posterior
        self.left = 0
        self.stayed = 0
        self._lift, self._lead = lift, 0.0
        self._came = self._weeks = 0.0  # recent leavers and person-weeks
        self._settled = 0
        self._lot: list[Taught] = []
        self._said: list[float] = []  # River's risk of each person-week of the lot, predicted before learning it

    @classmethod
    def of_prior(cls, prior: Scorer, rows: Floats, weeks: int, weekly_rate: float, memory: int) -> Self:
        """Begin on unlabelled rows, (F, n); the prior is levelled to the weekly rate of leaving."""
        ground, scored = Knots.of(prior.snapshot.features, rows), prior.score(rows)
        lift = levelling(scored.risk, weekly_rate)
        offset = scored.logit + lift
        posterior = Posterior(ground, weeks, float(offset.mean()), max(float(offset.std()), 1e-3), memory)
        return cls(prior, ground, RiverLogistic(ground, weekly_rate), posterior, lift)

    @property
    def heard(self) -> int:
        """Leavers learned from, or stayers if they are fewer."""
        return min(self.left, self.stayed)

    def rate(self, base_rate: float) -> float:
        """Share that leaves within the horizon: the base rate, unless the labels show another one beyond chance.

        The labels are compared by a ratio: the observed share of person-weeks with a leaver, over the share that the
        base rate implies. The observed share is at most 1, so it underestimates where more leave than stay. Hazards of
        the weeks have no such bound, but moved the level too fast to rank well.
        """
        if self._came < LEAST:
            return base_rate
        stay = math.log1p(-base_rate)
        says = math.log(self._came / self._weeks / -math.expm1(stay / self.posterior.weeks))
        surely = math.copysign(max(0.0, abs(says) - DOUBT / math.sqrt(self._came)), says)
        return -math.expm1(math.exp(surely) * stay)

    @property
    def share_of_river(self) -> float:
        """River's weight: half at first, then more or less as its predictions beat the posterior's."""
        return sigmoid(-self._lead / NATS)

    def learn(self, taught: Taught) -> None:
        """Learn the known weeks of a vector."""
        logs = self.ground.logs(taught.x.astype(np.float64)[:, None])[:, 0].tolist()
        for week in range(taught.first, taught.last + 1):
            self._said.append(self.river.risk(logs, week - 1))
            self.river.learn(logs, week - 1, left=taught.left and week == taught.last)
        self.left += taught.left
        self.stayed += not taught.left
        self._lot.append(taught)
        if len(self._said) >= min(max(LOT, (self.left + self.stayed) // 16), MOST_LOT):
            self._learn_lot()

    def settle(self) -> None:
        """Let the posterior learn the waiting rows, and choose again how smooth its curves are."""
        if self._lot:
            self._learn_lot()
        self.posterior.review()
        self._settled += 1

    def _learn_lot(self) -> None:
        rows = [(each, week) for each in self._lot for week in range(each.first, each.last + 1)]
        x = np.array([each.x for each, _ in rows], dtype=np.float64).T
        left = np.array([each.left and week == each.last for each, week in rows])
        offset = self._prior.score(x).logit + self._lift
        lot = Lot(x=x, offset=offset, week=np.array([week - 1 for _, week in rows]), left=left)
        gained = log_losses(np.array(self._said), left) - log_losses(self.posterior.told(lot), left)
        self._lead = self._lead * max(0.0, 1.0 - float(left.sum()) / LEAVERS) + float(gained.sum())
        self.posterior.learn(lot)
        if self._settled >= self.posterior.weeks:
            # Before that the rate would be too high: leavers are known at once, stayers only when their weeks end.
            fade = max(0.0, 1.0 - float(left.sum()) / LEVEL_LEAVERS)
            self._came, self._weeks = self._came * fade + float(left.sum()), self._weeks * fade + len(rows)
        self._lot, self._said = [], []

    def state(self) -> EnsembleState:
        """The full state, for a checkpoint."""
        return EnsembleState(
            ground=self.ground.state(),
            river=self.river.state(),
            posterior=self.posterior.state(),
            lift=self._lift,
            left=self.left,
            stayed=self.stayed,
            lead=self._lead,
            settled=self._settled,
            came=self._came,
            weeks=self._weeks,
            said=np.array(self._said).tobytes(),
            lot=packed(self._lot),
        )

    @classmethod
    def resume(cls, state: EnsembleState, prior: Scorer, memory: int) -> Self:
        """Restore from :meth:`state`; later results are the same to the last bit."""
        ground = Knots.resume(prior.snapshot.features, state.ground)
        river = RiverLogistic.resume(ground, state.river)
        ensemble = cls(prior, ground, river, Posterior.resume(ground, state.posterior, memory), state.lift)
        ensemble.left, ensemble.stayed = state.left, state.stayed
        ensemble._settled, ensemble._came, ensemble._weeks = state.settled, state.came, state.weeks
        ensemble._lead, ensemble._said = state.lead, np.frombuffer(state.said).tolist()
        ensemble._lot = unpacked(state.lot, len(ground.names))
        return ensemble


def packed(rows: list[Taught]) -> TaughtState:
    """Taught rows as bytes."""
    weeks = np.array([(each.first, each.last, each.left) for each in rows], dtype="<u2")
    return TaughtState(weeks=weeks.tobytes(), x=np.array([each.x for each in rows], dtype="<f4").tobytes())


def unpacked(state: TaughtState, width: int) -> list[Taught]:
    """Taught rows from bytes.

    Raises
    ------
    ValueError
        If the bytes do not make rows of this width.
    """
    weeks = np.frombuffer(state.weeks, dtype="<u2").reshape(-1, 3).tolist()
    rows = np.frombuffer(state.x, dtype="<f4").reshape(len(weeks), width)
    return [Taught(x, first, last, bool(left)) for x, (first, last, left) in zip(rows, weeks, strict=True)]
