"""The context of a decision: everything known about a subscriber right after one event, or at one tick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.contract.alerts import Trigger
from models.contract.events import Profile
from models.decisions.passive_churn import left_involuntarily, left_willingly, passive
from models.scoring.engine import ModelView
from models.state.columns import OUTCOME, UNPROFILED
from models.state.population import Population


@dataclass(slots=True)
class DecisionContext:
    """A subscriber at the moment of a decision.

    Attributes
    ----------
    ts
        When it happened; shown in the alert.
    clock
        The lane's time, from which terms run; it never goes back, unlike the `ts` of a late event.
    crossed
        The first tick that the lane's time has just passed, if any; it is swept after this decision.
    now
        The subscriber's own time, as of which they were scored.
    history
        How long they have been known by then, ms; NaN before their first event.
    x
        Their features.
    involuntary
        Their last outcome was involuntary, and no newer profile is active.
    let_go
        Passive churn as known at the lane's time; labels depend on it.
    gone
        They left of their own will: nothing more is decided about them.
    profiled
        Whether they allow profiling; otherwise their risk is the base rate, and the model gives no reasons.
    tier, previous
        Current and previous tier; updated when the tier changes in this decision.
    reached
        The tier that a daily look moves them to; at other times their current one.
    published
        The risk published last; NaN for never.
    """

    row: int
    subscriber_id: str
    ts: int
    clock: int
    crossed: int | None
    now: float
    history: float
    profile: Profile | None
    refused_ts: int | None
    involuntary: bool
    let_go: bool
    gone: bool
    tier: int
    previous: int | None
    reached: int
    published: float
    risk: float
    profiled: bool
    x: npt.NDArray[np.float64]
    trigger: Trigger
    record_ts: int | None

    @property
    def known(self) -> Profile | None:
        """The profile, unless it is newer than this moment, as by :func:`of_its_time`; labels use it."""
        return of_its_time(self.profile, self.clock)


def moment_of(
    population: Population,
    view: ModelView,
    row: int,
    ts: int,
    clock: int,
    trigger: Trigger,
    record_ts: int | None,
    crossed: int | None = None,
) -> DecisionContext:
    """The context of the subscriber in `row`; `x` is overwritten when the next one is made."""
    profile, book = population.profiles[row], population.books.get(row)
    known = of_its_time(profile, clock)
    outcome = population.blocks[OUTCOME.name].data[row].tolist() if view.left else None
    return DecisionContext(
        row=row,
        subscriber_id=population.id_of(row),
        ts=ts,
        clock=clock,
        crossed=crossed,
        now=view.now,
        history=view.history,
        profile=profile,
        refused_ts=None if book is None else book.refused_ts,
        involuntary=outcome is not None and left_involuntarily(outcome, profile),
        let_go=passive(known, outcome is not None and left_involuntarily(outcome, known)),
        gone=outcome is not None and left_willingly(outcome, profile, clock),
        tier=int(view.tier),
        reached=int(view.reached),
        published=view.published,
        previous=None if book is None else book.previous_tier,
        risk=view.risk,
        profiled=not population.marks[row] & UNPROFILED,
        x=view.x,
        trigger=trigger,
        record_ts=record_ts,
    )


def of_its_time(profile: Profile | None, clock: float) -> Profile | None:
    """The profile, unless it is newer than `clock`.

    The profile topic is compacted, and a new ledger applies it first: today's profile then meets events that are months
    old. Contact rules use it all the same.

    Examples
    --------
    >>> late = Profile(subscriber_id="s-1", ts=5)
    >>> of_its_time(late, 4), of_its_time(late, 5) is late
    (None, True)
    """
    return None if profile is None or profile.ts > clock else profile
