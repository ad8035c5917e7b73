"""Training examples: a subscriber's feature vector, the served risk, and the outcome.

Lanes write them in the transaction in which the label became known; the learner reads nothing else. Vector and risk are
those that were served, so figures measured on examples are those the operator really saw.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from models.contract.vocabulary import Segment, Tier

Label = Literal["positive", "negative", "void"]
"""``void``: whether they would have left is unknown, so nothing may be learned from it."""

WEEKLY: Final = "weekly"
"""Origin of the weekly vectors of all subscribers, which are a fair sample; others are taken at an alert."""

_WEEK_DAYS: Final = 7

Vector = bytes | list[float | None]
"""Features as little-endian float32, in JSON as base64; a list, null for a missing value, is of a former release."""


def numbers_of(x: Vector) -> list[float]:
    """A vector as numbers; NaN is a missing value. Empty if the length is not a multiple of 4 bytes.

    Examples
    --------
    >>> numbers_of(np.array([1.5, np.nan], dtype="<f4").tobytes()), numbers_of([1.5, None]), numbers_of(b"?")
    ([1.5, nan], [1.5, nan], [])
    """
    if isinstance(x, bytes):
        found: list[float] = np.frombuffer(x, dtype="<f4").astype(np.float64).tolist() if len(x) % 4 == 0 else []
        return found
    return [math.nan if value is None else value for value in x]


def week_ends(horizon_days: float) -> tuple[float, ...]:
    """Days after a vector at which its weeks end: whole weeks, and a last one with the rest of the horizon.

    Examples
    --------
    >>> week_ends(30.0), week_ends(14.0), week_ends(5.0)
    ((7.0, 14.0, 21.0, 30.0), (7.0, 14.0), (5.0,))
    """
    whole = max(int(horizon_days // _WEEK_DAYS) - 1, 0)
    return (*(float(_WEEK_DAYS * week) for week in range(1, whole + 1)), float(horizon_days))


class WeeklyLabel(Struct, frozen=True, kw_only=True, gc=False):
    """Whether a subscriber left in one or more weeks after a weekly vector; the target that the learner learns.

    It is published as soon as it is known. A label for the whole horizon comes a month late, and sooner for leavers
    than for stayers. Week by week both are known within days of each other [1]_. In JSON and in outputs a weekly label
    is called a fate.

    References
    ----------
    .. [1] Singer, J. D., Willett, J. B. (1993). It's about time: using discrete-time survival analysis to study
       duration and the timing of events. Journal of Educational Statistics 18(2).

    Attributes
    ----------
    ts, known_ts
        The lane's time when the vector was frozen, and when the label was known, ms.
    first, last
        The weeks covered, counted from 1.
    left
        Whether the subscriber left in the last of them; in the others they stayed.
    outcome
        The outcome by which they left.
    risk, base_rate
        As served, at the operator's base rate.
    """

    fate_id: str
    subscriber_id: str
    ts: int
    known_ts: int
    first: int
    last: int
    left: bool
    outcome: str | None
    segment: Segment
    risk: float
    base_rate: float
    model_version: str
    catalogue: str
    x: Vector

    def numbers(self) -> list[float]:
        """The vector as numbers; NaN is a missing value."""
        return numbers_of(self.x)


class Example(Struct, frozen=True, kw_only=True, gc=False):
    """A labelled vector with its context.

    Attributes
    ----------
    example_id
        A hash of the subscriber, the time and the origin: one label per vector.
    ts, labelled_ts
        The lane's time when the vector was frozen, and when its label was known, ms.
    origin
        ``weekly``, or the kind of the alert that was raised then.
    outcome, outcome_ts, leave_reason
        The outcome that decided the label, and its time (of a lapse the last activity); None if time decided it.
    downgraded
        A separate target: whether they moved to a cheaper plan within the horizon.
    first_alert_ts
        Time of the first alert for them, at most a horizon before they left.
    contacted
        Treatment: a contact reached them between the vector and its label.
    hold_out
        Whether they belong to the hold-out.
    cause, offer_code
        Cause of the raised alert, and the last offer reported since.
    risk, base_rate
        As served, at the operator's base rate.
    catalogue
        Hash of the features, in whose order `x` is.
    """

    example_id: str
    subscriber_id: str
    ts: int
    labelled_ts: int
    origin: str
    label: Label
    outcome: str | None
    outcome_ts: int | None
    leave_reason: str | None
    downgraded: bool
    first_alert_ts: int | None
    contacted: bool
    hold_out: bool
    cause: str | None
    offer_code: str | None
    tier: Tier
    segment: Segment
    risk: float
    base_rate: float
    model_version: str
    policy_version: str
    catalogue: str
    x: Vector

    def numbers(self) -> list[float]:
        """The vector as numbers; NaN is a missing value."""
        return numbers_of(self.x)

    @property
    def delay_ms(self) -> int:
        """Time from the vector to its label."""
        return self.labelled_ts - self.ts

    @property
    def lead_ms(self) -> int | None:
        """Time from the first alert to leaving; None unless they left after an alert.

        Zero if they had fallen silent for good before the alert and the lapse showed later.
        """
        if self.label != "positive" or self.first_alert_ts is None or self.outcome_ts is None:
            return None
        return max(0, self.outcome_ts - self.first_alert_ts)
