"""The moment of a decision: everything that is known of a subscriber right after one event, or at one tick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.alerts import Trigger
from models.decay import Floats
from models.events import Profile


@dataclass(slots=True)
class Moment:
    """See the module.

    Attributes
    ----------
    ts
        When it happened: what an alert says.
    clock
        The lane's time, from which terms run: it never goes back, as a late event's `ts` does.
    now
        The subscriber's own time, from which he was scored.
    columns, column
        The features of many, (F, n), and which of them are his.
    involuntary
        His last outcome was involuntary, and no newer profile says that he is back.
    gone
        He left of his own will: nothing is decided about him any more.
    profiled
        Whether he allows profiling; else his risk is the base rate, and no reason of the model is given.
    tier, previous
        As they stand; moved on when the tier changes within the moment.
    """

    row: int
    subscriber_id: str
    ts: int
    clock: int
    now: float
    profile: Profile | None
    refused_ts: int | None
    involuntary: bool
    gone: bool
    tier: int
    previous: int | None
    risk: float
    profiled: bool
    columns: Floats
    column: int
    trigger: Trigger
    record_ts: int | None

    @property
    def x(self) -> Floats:
        """His features. Most moments end without anybody asking for them."""
        return np.ascontiguousarray(self.columns[:, self.column])
