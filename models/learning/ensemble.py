"""The two voices that learn, side by side on one ground, and how many leavers they have heard of."""

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
from models.fitting.river_logistic import RiverState, RiverVoice
from models.scoring.calibration import levelling
from models.scoring.scorer import Scorer, sigmoid

LOT: Final = 256
MOST_LOT: Final = 1_024
"""Person-weeks that the posterior learns at once, a sixteenth of those so far: a step costs the same for one as for all
of these, and moves less as more is known."""
LEAVERS: Final = 500.0
"""Of the last so many it is judged which voice tells labels better."""
NATS: Final = 10.0
"""Of log-loss by which one has told them better, before it counts e times as much: person-weeks of one subscriber are
not so many witnesses."""

LEVEL_LEAVERS: Final = 200.0
"""By the last so many it is judged how many leave."""
LEAST: Final = 20
"""Leavers before which nothing is said of it."""
DOUBT: Final = 2.0
"""Standard errors of it that are left to chance: at a sound base rate the level stays where the base rate has it."""


class Taught(NamedTuple):
    """A vector as single precision, the weeks that are told of it (from 1), and whether they left in the last one."""

    x: npt.NDArray[np.float32]
    first: int
    last: int
    left: bool


class TaughtState(Struct, frozen=True, kw_only=True):
    """Taught rows as bytes: (first, last, left) each, then vectors."""

    weeks: bytes
    x: bytes


class VoicesState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

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


class Voices:
    """See the module.

    Parameters
    ----------
    prior
        At the operator's base rate.
    lift
        What its log-odds of leaving within the horizon lack to those of leaving in a week.
    """

    def __init__(self, prior: Scorer, ground: Knots, river: RiverVoice, posterior: Posterior, lift: float) -> None:
        self._prior = prior
        self.ground, self.river, self.posterior = ground, river, posterior
        self.left = 0
        self.stayed = 0
        self._lift, self._lead = lift, 0.0
        self._came = self._weeks = 0.0  # leavers and person-weeks of late
        self._settled = 0
        self._lot: list[Taught] = []
        self._said: list[float] = []  # by River, of each person-week of the lot, before it was learned

    @classmethod
    def of_prior(cls, prior: Scorer, rows: Floats, weeks: int, weekly_rate: float, memory: int) -> Self:
        """Begin on unlabelled rows, (F, n): the prior is levelled to the rate at which they should leave in a week."""
        ground, scored = Knots.of(prior.snapshot.features, rows), prior.score(rows)
        lift = levelling(scored.risk, weekly_rate)
        offset = scored.logit + lift
        posterior = Posterior(ground, weeks, float(offset.mean()), max(float(offset.std()), 1e-3), memory)
        return cls(prior, ground, RiverVoice(ground, weekly_rate), posterior, lift)

    @property
    def heard(self) -> int:
        """Leavers learned from; where more leave than stay, stayers."""
        return min(self.left, self.stayed)

    def rate(self, base_rate: float) -> float:
        """Share that leaves within the horizon: by the base rate, as far as labels do not surely say another.

        They say so many times the base rate's risk of a person-week. That is at most all of them, so where more leave
        than stay it says less than there is; the hazards of the weeks, which do not, moved the level too fast to rank.
        """
        if self._came < LEAST:
            return base_rate
        stay = math.log1p(-base_rate)
        says = math.log(self._came / self._weeks / -math.expm1(stay / self.posterior.weeks))
        surely = math.copysign(max(0.0, abs(says) - DOUBT / math.sqrt(self._came)), says)
        return -math.expm1(math.exp(surely) * stay)

    @property
    def share_of_river(self) -> float:
        """How much of what was learned is River's: half, until one of the two has told labels better beforehand."""
        return sigmoid(-self._lead / NATS)

    def learn(self, taught: Taught) -> None:
        """Learn what is known of some weeks of a vector."""
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
        """Have the posterior learn what waits for it, and judge how smooth its curves should be."""
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
            # In the weeks before, those who left are known, and those who stayed are not yet.
            fade = max(0.0, 1.0 - float(left.sum()) / LEVEL_LEAVERS)
            self._came, self._weeks = self._came * fade + float(left.sum()), self._weeks * fade + len(rows)
        self._lot, self._said = [], []

    def state(self) -> VoicesState:
        """Everything that is needed to go on."""
        return VoicesState(
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
    def resume(cls, state: VoicesState, prior: Scorer, memory: int) -> Self:
        """Go on from :meth:`state`, to the same bits as without a break."""
        ground = Knots.resume(prior.snapshot.features, state.ground)
        river = RiverVoice.resume(ground, state.river)
        voices = cls(prior, ground, river, Posterior.resume(ground, state.posterior, memory), state.lift)
        voices.left, voices.stayed = state.left, state.stayed
        voices._settled, voices._came, voices._weeks = state.settled, state.came, state.weeks
        voices._lead, voices._said = state.lead, np.frombuffer(state.said).tolist()
        voices._lot = unpacked(state.lot, len(ground.names))
        return voices


def packed(rows: list[Taught]) -> TaughtState:
    """Taught rows as bytes."""
    weeks = np.array([(each.first, each.last, each.left) for each in rows], dtype="<u2")
    return TaughtState(weeks=weeks.tobytes(), x=np.array([each.x for each in rows], dtype="<f4").tobytes())


def unpacked(state: TaughtState, width: int) -> list[Taught]:
    """The rows again.

    Raises
    ------
    ValueError
        If the bytes do not make rows of this width.
    """
    weeks = np.frombuffer(state.weeks, dtype="<u2").reshape(-1, 3).tolist()
    rows = np.frombuffer(state.x, dtype="<f4").reshape(len(weeks), width)
    return [Taught(x, first, last, bool(left)) for x, (first, last, left) in zip(rows, weeks, strict=True)]
