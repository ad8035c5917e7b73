"""The guards over the latest person-weeks: against broken labels, and against a learned model worse than the prior.

Labels break without any error: a swapped field inverts them all, a wrong join assigns them to other subscribers. The
learner would follow such labels; the prior does not, so it is tested on the latest ones. The first guard switches on if
the prior ranks those of the last four weeks no better than chance and significantly worse than it used to, or if far
more subscribers leave than the base rate allows. While it is on, nothing is learned or published, and an earlier copy
is served. For a prior that never ranked an operator's labels, only the ceiling on the leaver rate applies. A test
against chance alone would not do: at 1.8 % a month among 2,000 subscribers a sound prior of AUC 0.70 is within 2.5
standard errors of chance every other week.

The second is a weekly bet that the served model is worse than the prior alone. Each week is a round. The stake wins or
loses a share in proportion to the prior's log-loss advantage over the served model, in nats a leaver. Against a model
that is not worse, the bet gains nothing on average, so a stake that has grown two-hundredfold is reason enough to
withdraw, whenever it is checked [1]_. The stake never falls below its start, so a model that turns bad after a good
year is found as soon as a new one.

References
----------
.. [1] Shin, J., Ramdas, A., Rinaldo, A. (2024). E-detectors: a nonparametric framework for sequential change detection.
   The New England Journal of Statistics in Data Science 2(2). (The largest of restarted stakes; the bound is the mean
   number of rounds until a false alarm.)
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.analysis.paired_test import influence, standard_error
from models.analysis.score_metrics import log_losses
from models.arrays import Bools, Floats, Ints
from models.contract.time_units import DAY_MS
from models.scoring.calibration import levelled

CAPACITY: Final = 8_000
_ROW: Final = np.dtype(
    [("ts", "<i8"), ("prior", "<f4"), ("served", "<f4"), ("left", "?"), ("weeks", "u1"), ("who", "<u4")]
)


class PersonWeekRow(NamedTuple):
    """A weekly label as a row: one or more person-weeks; fields as in :class:`PersonWeeks`."""

    ts: int
    prior: float
    served: float
    left: bool
    weeks: int
    who: int


class PersonWeeks(NamedTuple):
    """Rows of the window, the oldest first; ``ts`` is when the label was known, ``weeks`` how many weeks it covers."""

    ts: Ints
    prior: Floats
    served: Floats
    left: Bools
    weeks: Ints
    who: npt.NDArray[np.uint32]

    def of(self, rows: Bools) -> PersonWeeks:
        """The selected rows."""
        return PersonWeeks(
            self.ts[rows], self.prior[rows], self.served[rows], self.left[rows], self.weeks[rows], self.who[rows]
        )


class PersonWeekWindowState(Struct, frozen=True, kw_only=True):
    """The full state of :class:`PersonWeekWindow`."""

    added: int
    rows: bytes


class PersonWeekWindow:
    """The latest person-weeks, :data:`CAPACITY` rows at most.

    Examples
    --------
    >>> window = PersonWeekWindow()
    >>> window.add(PersonWeekRow(5, 0.1, 0.2, True, 2, 7))
    >>> found = window.latest()
    >>> found.left.tolist(), found.served.round(6).tolist(), found.weeks.tolist()
    ([True], [0.2], [2])
    """

    def __init__(self) -> None:
        self._rows = np.zeros(CAPACITY, dtype=_ROW)
        self._added = 0

    def add(self, row: PersonWeekRow) -> None:
        """Add a row; the oldest is overwritten when the window is full."""
        self._rows[self._added % CAPACITY] = tuple(row)
        self._added += 1

    def latest(self) -> PersonWeeks:
        """All rows in the window."""
        rows = self._rows[np.arange(max(0, self._added - CAPACITY), self._added) % CAPACITY]
        prior, served = rows["prior"].astype(np.float64), rows["served"].astype(np.float64)
        return PersonWeeks(
            rows["ts"].copy(), prior, served, rows["left"].copy(), rows["weeks"].astype(np.int64), rows["who"].copy()
        )

    def state(self) -> PersonWeekWindowState:
        """The window as bytes."""
        return PersonWeekWindowState(added=self._added, rows=self._rows[: min(self._added, CAPACITY)].tobytes())

    @classmethod
    def resume(cls, state: PersonWeekWindowState) -> Self:
        """Restore from :meth:`state`.

        Raises
        ------
        ValueError
            If the bytes do not match the number of rows.
        """
        window, rows = cls(), np.frombuffer(state.rows, dtype=_ROW)
        if len(rows) != min(state.added, CAPACITY):
            raise ValueError(f"{len(rows)} person-weeks, expected {min(state.added, CAPACITY)}")
        window._rows[: len(rows)] = rows
        window._added = state.added
        return window


# Broken labels

SPAN_MS: Final = 28 * DAY_MS
LEAST: Final = 20
"""Least leavers, and least stayers, for judging the ranking of the prior."""
Z: Final = 2.5
"""Standard errors above 0.5 at which an AUC is better than chance."""
FALL: Final = 3.5
"""Standard errors below the usual AUC. The check runs daily, and at 2.5 it stopped two of four clean logs."""
CEILING: Final = 5.0
"""Highest leaver rate, as a multiple of the expected one."""
USUAL_WEEKS: Final = 12
"""The usual AUC is the mean of about this many weekly checks."""
KNOWN_WEEKS: Final = 4
"""Weekly checks before anything is judged: leavers become known sooner than stayers."""


class LabelGuardState(Struct, frozen=True, kw_only=True):
    """The guard's last check.

    Attributes
    ----------
    on
        If true, nothing is learned or published.
    why
        ``ranking`` or ``leaver_rate``, while it is on.
    auc, bound
        AUC of the prior on the last four weeks, and the least AUC above chance; None where too few left.
    usual, weeks
        The usual AUC, and the number of weekly checks behind it.
    rate, ceiling
        Share of person-weeks with a leaver, and the most it may be.
    since
        Time of the label at which the guard went on, ms.
    """

    on: bool = False
    why: str | None = None
    auc: float | None = None
    bound: float | None = None
    usual: float | None = None
    weeks: int = 0
    rate: float | None = None
    ceiling: float | None = None
    since: int | None = None


def check_labels(
    before: LabelGuardState, latest: PersonWeeks, now: int, weekly_rate: float, *, new_week: bool
) -> LabelGuardState:
    """The guard's next state after a check of the latest labels.

    Parameters
    ----------
    weekly_rate
        Share of person-weeks with a leaver that the operator's base rate implies.
    new_week
        Whether this check counts towards the usual AUC.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([True, False] * 100)
    >>> def seen(risk):
    ...     return PersonWeeks(np.zeros(200, int), risk, risk, left, np.ones(200, int), np.arange(200, dtype=np.uint32))
    >>> good = LabelGuardState()
    >>> for _ in range(KNOWN_WEEKS):
    ...     good = check_labels(good, seen(np.where(left, 0.6, 0.4)), 0, 0.3, new_week=True)
    >>> bad = check_labels(good, seen(np.where(left, 0.4, 0.6)), 7, 0.3, new_week=True)
    >>> (good.usual, good.on), (bad.auc, bad.on, bad.why, bad.since)
    ((1.0, False), (0.0, True, 'ranking', 7))
    """
    rows = latest.of(latest.ts > now - SPAN_MS)
    leavers, person_weeks = int(rows.left.sum()), int(rows.weeks.sum())
    auc = bound = None
    ceiling, rate = min(CEILING * weekly_rate, 1.0), leavers / person_weeks if person_weeks else None
    known, unranked = before.weeks >= KNOWN_WEEKS, before.why == "ranking"
    if leavers >= LEAST and len(rows.left) - leavers >= LEAST:
        auc, influences = influence(rows.prior, rows.left)
        error = standard_error(influences, rows.who)
        bound = 0.5 + Z * error
        fallen = before.usual is not None and before.usual - auc > FALL * error
        # Once on, half of the fall must be recovered: shuffled labels pass the test against chance now and then.
        middle = bound if before.usual is None or not unranked else max(bound, 0.5 + (before.usual - 0.5) / 2.0)
        unranked = known and fallen and auc < middle
    flood = known and rate is not None and leavers >= LEAST and rate > ceiling
    on = unranked or flood
    usual, weeks = before.usual, before.weeks
    if new_week and auc is not None and not on:
        weeks += 1
        usual = auc if usual is None else usual + (auc - usual) / min(weeks, USUAL_WEEKS)
    return LabelGuardState(
        on=on,
        why="leaver_rate" if flood else "ranking" if unranked else None,
        auc=auc,
        bound=bound,
        usual=usual,
        weeks=weeks,
        rate=rate,
        ceiling=ceiling,
        since=None if not on else before.since if before.on else now,
    )


# A worse model

SHARES: Final = np.array([0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8])
"""Shares of the stake, bet in parallel: how much worse a model is, is not known beforehand."""
ENOUGH: Final = 200.0
_LEAST_OF_EACH: Final = 2


def first_stakes() -> Floats:
    """The stakes before any bet."""
    return np.ones(len(SHARES))


def bet(stakes: Floats, round_: PersonWeeks) -> Floats:
    """The stakes after one week of person-weeks scored by a learned model.

    Examples
    --------
    >>> left = np.array([True, False] * 50)
    >>> prior, served = np.where(left, 0.6, 0.4), np.where(left, 0.4, 0.6)
    >>> week = PersonWeeks(np.zeros(100, int), prior, served, left, np.ones(100, int), np.arange(100, dtype=np.uint32))
    >>> stakes = first_stakes()
    >>> for _ in range(20):
    ...     stakes = bet(stakes, week)
    >>> bool(worse(stakes)), bool(worse(bet(stakes, week.of(left))))
    (True, True)
    """
    left = round_.left
    if not _LEAST_OF_EACH <= int(left.sum()) <= len(left) - _LEAST_OF_EACH:
        return stakes
    rate = float(left.mean())
    saved = log_losses(levelled(round_.served, rate), left) - log_losses(levelled(round_.prior, rate), left)
    gain = min(max(float(saved.sum()) / int(left.sum()), -1.0), 1.0)
    return np.maximum(stakes, 1.0) * (1.0 + SHARES * gain)


def worse(stakes: Floats) -> bool:
    """Whether the mean stake has reached :data:`ENOUGH`."""
    return bool(stakes.mean() >= ENOUGH)
