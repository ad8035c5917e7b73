"""The moment of a decision: everything that is known of a subscriber right after one event, or at one tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.contract.alerts import Trigger
from models.contract.events import Profile
from models.decisions.contact_rules import passive
from models.scoring.engine import ModelView
from models.state.columns import OUTCOME, OUTCOME_CODES, UNPROFILED
from models.state.population import Population

_LEFT: Final = OUTCOME.index["left"]
_CODE: Final = OUTCOME.index["code"]
_LEFT_TS: Final = OUTCOME.index["left_ts"]
_INVOLUNTARY: Final = float(OUTCOME_CODES.index("involuntary"))


@dataclass(slots=True)
class DecisionContext:
    """See the module.

    Attributes
    ----------
    ts
        When it happened: what an alert says.
    clock
        The lane's time, from which terms run: it never goes back, as a late event's `ts` does.
    now
        The subscriber's own time, from which they were scored.
    history
        How long they are known by then, ms; NaN before their first event.
    x
        Their features.
    involuntary
        Their last outcome was involuntary, and no newer profile says that they are back.
    let_go
        They leave by our will, or have left, as far as was known at the lane's time: labels go by it.
    gone
        They left of their own will: nothing is decided about them any more.
    profiled
        Whether they allow profiling; else their risk is the base rate, and no reason of the model is given.
    tier, previous
        As they stand; moved on when the tier changes within the moment.
    reached
        The tier that a daily look moves them to; at any other time the one that they have.
    published
        The risk that was published last; NaN for never.
    """

    row: int
    subscriber_id: str
    ts: int
    clock: int
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
        """The profile, as far as labels may see it: see :func:`of_its_time`."""
        return of_its_time(self.profile, self.clock)


def moment_of(
    population: Population, view: ModelView, row: int, ts: int, clock: int, trigger: Trigger, record_ts: int | None
) -> DecisionContext:
    """The moment of the subscriber in `row`, as seen right now: their features are gone with the next one."""
    profile, book = population.profiles[row], population.books.get(row)
    known = of_its_time(profile, clock)
    outcome = population.blocks[OUTCOME.name].data[row].tolist() if view.left else None
    return DecisionContext(
        row=row,
        subscriber_id=population.id_of(row),
        ts=ts,
        clock=clock,
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
    """The profile, unless it is of a later time.

    The topic is compacted, and a new ledger applies it first: then it tells of today at a time that lies months back.
    Whether and how to contact goes by it all the same.

    Examples
    --------
    >>> late = Profile(subscriber_id="s-1", ts=5)
    >>> of_its_time(late, 4), of_its_time(late, 5) is late
    (None, True)
    """
    return None if profile is None or profile.ts > clock else profile


def left_involuntarily(outcome: list[float], profile: Profile | None) -> bool:
    """Whether the last word on the subscriber is that we let them go; a newer active profile takes it back."""
    if not (outcome[_LEFT] == 1.0 and outcome[_CODE] == _INVOLUNTARY):
        return False
    return profile is None or profile.status != "active" or profile.ts <= outcome[_LEFT_TS]


def left_willingly(outcome: list[float], profile: Profile | None, clock: float) -> bool:
    """Whether the subscriber is gone; `returned`, or an activation since they left, takes it back."""
    if outcome[_LEFT] != 1.0 or outcome[_CODE] == _INVOLUNTARY:
        return False
    activated = None if profile is None else profile.activated_ts
    return activated is None or not outcome[_LEFT_TS] < activated <= clock
