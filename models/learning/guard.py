"""The one guard: what nobody taught must still rank the labels of the last four weeks, or learning stops.

Labels break in ways that raise no error: a field is swapped and all of them are inverted, a join goes wrong and they
are somebody else's. The learner would follow. The prior does not: so it is asked about the latest labels. Where it does
not rank them above chance, and that is a fall from what it used to, beyond chance too, or where far more leave than
ever do, nothing is learned or published until it is over, and an earlier copy is put back. A prior that never ranked an
operator's labels says nothing of them by not ranking them: then only the ceiling stands.

Above chance alone would not do: at 1.8 % a month among 2,000 subscribers a sound prior of AUC 0.70 is within 2.5
standard errors of chance every other week.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from models.analysis.paired_test import influence, standard_error
from models.contract.time_units import DAY_MS
from models.learning.person_weeks import Fates

SPAN_MS: Final = 28 * DAY_MS
LEAST: Final = 20
"""Leavers, and stayers, below which the ranking of the prior is not judged."""
Z: Final = 2.5
FALL: Final = 3.5
"""Standard errors below the usual: it is looked at daily, and at 2.5 two of four clean logs were stopped."""
CEILING: Final = 5.0
"""Times the rate that the base rate says."""
USUAL_WEEKS: Final = 12
"""What the prior's ranking usually is, is the mean of about so many weekly looks."""
KNOWN_WEEKS: Final = 4
"""Before so many of them nothing is judged: at first those who left are known, and those who stayed are not yet."""


class GuardState(Struct, frozen=True, kw_only=True):
    """What the guard saw when it looked last.

    Attributes
    ----------
    on
        Nothing is learned or published.
    why
        ``ranking`` or ``leaver_rate``, while it is on.
    auc, bound
        Of the prior on the last four weeks, and what is above chance; None where too few left.
    usual, weeks
        What that AUC usually is, and the weekly looks of which that is known.
    rate, ceiling
        Share of person-weeks with a leaver, and the most it may be.
    since
        Time of the label at which it went on, ms.
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


def looked(before: GuardState, fates: Fates, now: int, weekly_rate: float, *, new_week: bool) -> GuardState:
    """Look at the latest labels.

    Parameters
    ----------
    weekly_rate
        Share of person-weeks with a leaver, as the operator's base rate has it.
    new_week
        Whether this look is to count for what is usual.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([True, False] * 100)
    >>> def seen(risk):
    ...     return Fates(np.zeros(200, int), risk, risk, left, np.ones(200, int), np.arange(200, dtype=np.uint32))
    >>> good = GuardState()
    >>> for _ in range(KNOWN_WEEKS):
    ...     good = looked(good, seen(np.where(left, 0.6, 0.4)), 0, 0.3, new_week=True)
    >>> bad = looked(good, seen(np.where(left, 0.4, 0.6)), 7, 0.3, new_week=True)
    >>> (good.usual, good.on), (bad.auc, bad.on, bad.why, bad.since)
    ((1.0, False), (0.0, True, 'ranking', 7))
    """
    rows = fates.of(fates.ts > now - SPAN_MS)
    leavers, person_weeks = int(rows.left.sum()), int(rows.weeks.sum())
    auc = bound = None
    ceiling, rate = min(CEILING * weekly_rate, 1.0), leavers / person_weeks if person_weeks else None
    known, unranked = before.weeks >= KNOWN_WEEKS, before.why == "ranking"
    if leavers >= LEAST and len(rows.left) - leavers >= LEAST:
        auc, influences = influence(rows.prior, rows.left)
        error = standard_error(influences, rows.who)
        bound = 0.5 + Z * error
        fallen = before.usual is not None and before.usual - auc > FALL * error
        # Once on, half of the fall must be made good: among shuffled labels chance alone is above chance now and then.
        middle = bound if before.usual is None or not unranked else max(bound, 0.5 + (before.usual - 0.5) / 2.0)
        unranked = known and fallen and auc < middle
    flood = known and rate is not None and leavers >= LEAST and rate > ceiling
    on = unranked or flood
    usual, weeks = before.usual, before.weeks
    if new_week and auc is not None and not on:
        weeks += 1
        usual = auc if usual is None else usual + (auc - usual) / min(weeks, USUAL_WEEKS)
    return GuardState(
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
