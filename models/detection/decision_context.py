"""The context of a decision: everything known about a subscriber right after one event, or at one tick.

Passive churn is part of it: who is suspended or was let go by the operator, in contrast to those who leave of their own
will. It is not for retention: :mod:`~models.detection.contact_rules` withholds their breaches, and they get no label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.arrays import Floats
from models.contract.alerts import Trigger
from models.contract.events import Profile
from models.scoring.engine import ModelView
from models.state.columns import OUTCOME, OUTCOME_CODES, UNPROFILED
from models.state.population import Population

_LEFT: Final = OUTCOME.index["left"]
_CODE: Final = OUTCOME.index["code"]
_LEFT_TS: Final = OUTCOME.index["left_ts"]
_INVOLUNTARY: Final = float(OUTCOME_CODES.index("involuntary"))
_PASSIVE: Final = frozenset({"suspended_arrears", "suspended_fraud", "left"})


def passive(profile: Profile | None, involuntary: bool) -> bool:
    """Whether the subscriber is suspended or gone by the operator's decision: passive churn, not for retention.

    A profile that says *active* is newer than an involuntary outcome only if `involuntary` is already false.
    """
    return involuntary or (profile is not None and profile.status in _PASSIVE)


def left_involuntarily(outcome: list[float], profile: Profile | None) -> bool:
    """Whether the subscriber's last outcome is involuntary and no newer profile is active."""
    if not (outcome[_LEFT] == 1.0 and outcome[_CODE] == _INVOLUNTARY):
        return False
    return profile is None or profile.status != "active" or profile.ts <= outcome[_LEFT_TS]


def left_willingly(outcome: list[float], profile: Profile | None, clock: float) -> bool:
    """Whether the subscriber left of their own will, and neither returned nor was activated since."""
    if outcome[_LEFT] != 1.0 or outcome[_CODE] == _INVOLUNTARY:
        return False
    activated = None if profile is None else profile.activated_ts
    return activated is None or not outcome[_LEFT_TS] < activated <= clock


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
    x: Floats
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
