"""Drift: whether subscribers, or what makes them leave, are no longer as they were. It warns; it never resets.

A detector that resets the champion would let one bad day of labels throw a year away. So a warning starts a fresh
model beside it, and that has to win like any other.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from river import drift

from models.basis import Hats
from models.hat_basis import HatBasis
from models.risk import Floats

Counts = list[list[int]]

PSI_BOUND: Final = 0.25
"""The trade's own rule of thumb: below 0.1 nothing, above 0.25 another population."""
_DELTA: Final = 0.002
"""ADWIN's chance of a false cut, River's default."""
_BLOCK: Final = 8
"""Losses are averaged over so many rows before ADWIN sees them: its sure bound is for values of about 1, which a rare
leaver's loss alone is not, and with few and long averages it sees little (of 32 rows: nothing within 6,000).
"""
_MOST: Final = 4_096
"""Averages that are kept; beyond, the later half begins anew, live and after a restart alike."""
_MIXED: Final = 0.5
"""Added to each bin, so that an empty one is no infinite drift."""


class LossDriftState(Struct, frozen=True, kw_only=True):
    """What ADWIN was told since it began, and what is not told yet."""

    told: list[float]
    pending: list[float]
    detections: int
    rose: int


class LossDrift:
    """ADWIN [1]_ over a model's log-loss: its mean of late against its mean before, wherever the cut between is.

    River's ADWIN cannot be written down, but what it was told can: it is a fold, so the same values make the same
    state.

    References
    ----------
    .. [1] Bifet, A., Gavalda, R. (2007). Learning from time-changing data with adaptive windowing. SIAM International
       Conference on Data Mining.

    Examples
    --------
    >>> watch = LossDrift()
    >>> rose = [watch.add(loss) for loss in [0.1] * 1600 + [0.9] * 800]
    >>> sum(rose), rose.index(True) > 1600
    (1, True)
    >>> falls = LossDrift()
    >>> any(falls.add(loss) for loss in [0.9] * 1600 + [0.1] * 800)
    False
    """

    def __init__(self) -> None:
        self.detections = 0
        """Changes either way; a loss that falls is no reason to warn."""
        self.rose = 0
        self._told: list[float] = []
        self._pending: list[float] = []
        self._adwin = _adwin()

    @property
    def mean(self) -> float | None:
        """Of the rows since the last change."""
        return float(self._adwin.estimation) if self._adwin.width else None

    def add(self, loss: float) -> bool:
        """Take a row's loss in; True if it is now clear that losses have risen."""
        self._pending.append(loss)
        if len(self._pending) < _BLOCK:
            return False
        mean, self._pending = sum(self._pending) / _BLOCK, []
        return self._tell(mean)

    def _tell(self, mean: float) -> bool:
        if len(self._told) >= _MOST:
            self._begin(self._told[_MOST // 2 :])
        before = self._adwin.estimation
        self._told.append(mean)
        self._adwin.update(mean)  # type: ignore[no-untyped-call]
        if not self._adwin.drift_detected:
            return False
        self.detections += 1
        rose = bool(self._adwin.estimation > before)
        self.rose += rose
        self._begin([])  # as River's own does at its next value: the time before the change is over
        return rose

    def _begin(self, told: list[float]) -> None:
        self._adwin = _adwin()
        self._told = []
        for mean in told:
            self._told.append(mean)
            self._adwin.update(mean)  # type: ignore[no-untyped-call]

    def state(self) -> LossDriftState:
        """As plain data."""
        return LossDriftState(
            told=list(self._told), pending=list(self._pending), detections=self.detections, rose=self.rose
        )

    @classmethod
    def resume(cls, state: LossDriftState) -> Self:
        """Go on from :meth:`state`."""
        watch = cls()
        watch._begin(state.told)
        watch._pending = list(state.pending)
        watch.detections, watch.rose = state.detections, state.rose
        return watch


def _adwin() -> drift.ADWIN:
    # It is asked once a block, not once in 32 values.
    return drift.ADWIN(delta=_DELTA, clock=1)  # type: ignore[no-untyped-call]


def counts(basis: HatBasis, x: Floats) -> Counts:
    """How many rows fall near each knot of each feature, and how many are missing (the last).

    Examples
    --------
    >>> basis = HatBasis(("arpu",), [[0.0, 50.0, 100.0]], np.array([50.0]))
    >>> counts(basis, np.array([[0.0, 20.0, 60.0, 500.0, np.nan]]))
    [[2, 1, 1, 1]]
    """
    found = []
    for name, knots, row in zip(basis.names, basis.knots, x, strict=True):
        hats = Hats(name, np.array(knots))
        block = hats.place(row)
        nearest = np.where(block.shares[:, 1] > 0.5, block.places[:, 1], block.places[:, 0])
        found.append(np.bincount(nearest, minlength=hats.width).tolist())
    return found


def psi(before: npt.ArrayLike, after: npt.ArrayLike) -> float:
    """Population stability index of two counts over the same bins: the symmetric Kullback-Leibler distance [1]_.

    References
    ----------
    .. [1] Yurdakul, B. (2018). Statistical properties of population stability index. Western Michigan University.
       (The rule of thumb, and that chance alone makes about (bins - 1) x (1/n + 1/m).)

    Examples
    --------
    >>> round(psi([500, 500], [500, 500]), 3), round(psi([500, 500], [900, 100]), 3)
    (0.0, 0.876)
    """
    one, two = np.asarray(before, dtype=np.float64) + _MIXED, np.asarray(after, dtype=np.float64) + _MIXED
    share, other = one / one.sum(), two / two.sum()
    return float(((other - share) * np.log(other / share)).sum())


def chance_psi(before: npt.ArrayLike, after: npt.ArrayLike) -> float:
    """What chance alone makes, on average, of as many rows and bins as these: see :func:`psi`.

    Examples
    --------
    >>> round(chance_psi([500, 500], [100, 100]), 3)
    0.006
    """
    one, two = np.asarray(before), np.asarray(after)
    return float((len(one) - 1) * (1.0 / max(int(one.sum()), 1) + 1.0 / max(int(two.sum()), 1)))


def psi_of_features(basis: HatBasis, before: Counts, after: Counts) -> dict[str, float]:
    """PSI of each feature, less what chance makes, at least 0."""
    return {
        name: max(psi(one, two) - chance_psi(one, two), 0.0)
        for name, one, two in zip(basis.names, before, after, strict=True)
    }


def psi_of_scores(before: Floats, after: Floats, bins: int = 10) -> float | None:
    """PSI of risks over the deciles of those before; None with fewer rows than would fill them.

    Examples
    --------
    >>> even = np.linspace(0.0, 1.0, 1000)
    >>> psi_of_scores(even, even), psi_of_scores(even, even / 2.0) > 0.25, psi_of_scores(even[:9], even)
    (0.0, True, None)
    """
    if len(before) < 10 * bins or len(after) < 10 * bins:
        return None
    edges = np.unique(np.quantile(before, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    one = np.bincount(np.searchsorted(edges, before, side="right"), minlength=len(edges) + 1)
    two = np.bincount(np.searchsorted(edges, after, side="right"), minlength=len(edges) + 1)
    return max(psi(one, two) - chance_psi(one, two), 0.0)
