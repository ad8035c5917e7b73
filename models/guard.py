"""The one guard: what nobody taught must still rank the labels of the last four weeks, or learning stops.

Labels break in ways that raise no error: a field is swapped and all of them are inverted, a join goes wrong and they
are somebody else's. The learner would follow. The prior does not: so it is asked about the latest labels. Where it has
ranked them above chance before and no longer does, or far more leave than ever do, nothing is learned and nothing
published until it does again, and last week's copy is put back. A prior that never ranked an operator's labels says
nothing of them: then only the ceiling stands.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from models.events import DAY_MS
from models.evidence import influence, standard_error
from models.fate_window import Fates

SPAN_MS: Final = 28 * DAY_MS
LEAST: Final = 20
"""Leavers, and stayers, below which the ranking of the prior is not judged."""
Z: Final = 2.5
CEILING: Final = 5.0
"""Times the rate that the base rate says."""


class GuardState(Struct, frozen=True, kw_only=True):
    """What the guard saw when it looked last.

    Attributes
    ----------
    armed
        The prior has ranked labels above chance before.
    on
        Nothing is learned or published.
    why
        ``ranking`` or ``leaver_rate``, while it is on.
    auc, bound
        Of the prior on the last four weeks, and what it must be above; None where too few left.
    rate, ceiling
        Share of person-weeks with a leaver, and the most it may be.
    since
        Time of the label at which it went on, ms.
    """

    armed: bool = False
    on: bool = False
    why: str | None = None
    auc: float | None = None
    bound: float | None = None
    rate: float | None = None
    ceiling: float | None = None
    since: int | None = None


def looked(before: GuardState, fates: Fates, now: int, weekly_rate: float) -> GuardState:
    """Look at the latest labels.

    Parameters
    ----------
    weekly_rate
        Share of person-weeks with a leaver, as the operator's base rate has it.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([True, False] * 100)
    >>> def seen(risk):
    ...     return Fates(np.zeros(200, int), risk, risk, left, np.ones(200, int), np.arange(200, dtype=np.uint32))
    >>> good = looked(GuardState(), seen(np.where(left, 0.6, 0.4)), 0, 0.3)
    >>> bad = looked(good, seen(np.where(left, 0.4, 0.6)), 7, 0.3)
    >>> (good.armed, good.on), (bad.on, bad.why, bad.since)
    ((True, False), (True, 'ranking', 7))
    """
    rows = fates.of(fates.ts > now - SPAN_MS)
    leavers, weeks = int(rows.left.sum()), int(rows.weeks.sum())
    auc = bound = None
    ceiling, rate = min(CEILING * weekly_rate, 1.0), leavers / weeks if weeks else None
    armed, unranked = before.armed, False
    if leavers >= LEAST and len(rows.left) - leavers >= LEAST:
        auc, influences = influence(rows.prior, rows.left)
        bound = 0.5 + Z * standard_error(influences, rows.who)
        unranked = armed and auc < bound
        armed |= auc >= bound
    flood = rate is not None and leavers >= LEAST and rate > ceiling
    on = unranked or flood
    return GuardState(
        armed=armed,
        on=on,
        why="leaver_rate" if flood else "ranking" if unranked else None,
        auc=auc,
        bound=bound,
        rate=rate,
        ceiling=ceiling,
        since=None if not on else before.since if before.on else now,
    )
