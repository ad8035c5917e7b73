"""The guard against broken labels: the prior must still rank those of the last four weeks, or learning stops.

Labels break without any error: a swapped field inverts them all, a wrong join assigns them to other subscribers. The
learner would follow such labels; the prior does not, so it is tested on the latest ones. The guard switches on if the
prior ranks them no better than chance and significantly worse than it used to, or if far more subscribers leave than
the base rate allows. While it is on, nothing is learned or published, and an earlier copy is served. For a prior that
never ranked an operator's labels, only the ceiling on the leaver rate applies.

A test against chance alone would not do: at 1.8 % a month among 2,000 subscribers a sound prior of AUC 0.70 is within
2.5 standard errors of chance every other week.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from models.analysis.paired_test import influence, standard_error
from models.contract.time_units import DAY_MS
from models.learning.person_weeks import PersonWeeks

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
