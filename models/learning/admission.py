"""Checks before an example or weekly label is used: the right features, complete, not seen before, no contradiction.

For these it remembers ids, so that a repeated record counts once, and who left and when, each once. A leaver has a
positive example for every week before they left. Counted by example, those observed longest would weigh most, so the
lead time of alerts is counted by leaver.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Final, Self

import numpy as np
from msgspec import Struct

from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, WeeklyLabel, week_ends
from models.learning.settings import LearnerSettings
from models.scoring.snapshot import Snapshot

_LARGEST: Final = 1e30
"""Largest feature value: rows are kept in single precision, where much larger ones would be infinite."""
_SURE: Final = 1e-6
"""Least base rate, and one minus the largest: no operator's is beyond, and its log-odds would swamp all others."""


class Lesson(StrEnum):
    """Result of one weekly label or example; the process counts them by it."""

    LEARNED = "learned"
    COLLECTING = "collecting"
    """Knots and level are not frozen yet: the weekly label is kept until they are, then learned."""
    MEASURED = "measured"
    """A weekly example: it counts for the quality figures and is not learned."""
    VOID = "void"
    BIASED = "biased"
    """An example taken at an alert, so not a fair sample: measured apart."""
    FOREIGN = "foreign"
    """From another feature catalogue, or with another number of features."""
    NOT_FINITE = "not_finite"
    DUPLICATE = "duplicate"
    CONTRADICTORY = "contradictory"
    """The label does not fit its outcome, or what is known about when the subscriber left."""
    STOPPED = "stopped"
    """The guard is on: the weekly label counts for the guard and is not learned."""


def usable(record: Example | WeeklyLabel, values: Sequence[float]) -> bool:
    """Whether a vector is finite and not all missing, and risk and base rate are probabilities."""
    finite = not any(abs(value) > _LARGEST for value in values) and not all(map(math.isnan, values))
    return finite and 0.0 <= record.risk <= 1.0 and _SURE < record.base_rate < 1.0 - _SURE


class KnownIds:
    """The latest ids seen, by hash.

    Parameters
    ----------
    most
        Ids at most; the oldest are forgotten.

    Examples
    --------
    >>> known = KnownIds(2)
    >>> [known.is_new(name) for name in ("a", "b", "a", "c", "a")]
    [True, True, False, True, True]
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._codes: dict[int, None] = {}

    def is_new(self, name: str) -> bool:
        """Whether an id is new; it is remembered."""
        code = id_hash(name)
        if code in self._codes:
            return False
        self._codes[code] = None
        if len(self._codes) > self._most:
            del self._codes[next(iter(self._codes))]
        return True

    def state(self) -> bytes:
        """Eight bytes an id, the oldest first."""
        return np.array(list(self._codes), dtype="<u8").tobytes()

    @classmethod
    def resume(cls, raw: bytes, most: int) -> Self:
        """Restore from :meth:`state`."""
        known = cls(most)
        known._codes = dict.fromkeys(np.frombuffer(raw, dtype="<u8").tolist())
        return known


def id_hash(text: str) -> int:
    """64-bit hash of an id: enough to distinguish a few thousand.

    Examples
    --------
    >>> id_hash("s-1") == id_hash("s-1"), id_hash("s-1") == id_hash("s-2")
    (True, False)
    """
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


class Leaving(Struct, frozen=True, array_like=True):
    """When a subscriber left, and how many days before that their first alert and first tier alert were; None: none."""

    ts: int
    lead_days: float | None
    tier_lead_days: float | None = None


class LeavingsState(Struct, frozen=True, kw_only=True):
    """Leavings by hash of the subscriber, the oldest first."""

    latest: dict[int, Leaving]


class Leavings:
    """The latest leavers, by hash of the subscriber's id.

    Parameters
    ----------
    most
        Leavers at most; the oldest are forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._latest: dict[int, Leaving] = {}

    def left_within(self, who: int, since: int, until: float) -> bool:
        """Whether a subscriber is known to have left after `since` and not later than `until`, ms."""
        known = self._latest.get(who)
        return known is not None and since < known.ts <= until

    def note(self, example: Example, who: int) -> None:
        """Remember when the subscriber of a positive example left, with the longest lead."""
        if example.outcome_ts is None:
            return
        before = self._latest.pop(who, None)
        lead = None if example.lead_ms is None else example.lead_ms / DAY_MS
        of_tier = None
        if example.origin == "risk_tier" and not example.hold_out:
            of_tier = max(0, example.outcome_ts - example.ts) / DAY_MS
        if before is not None and before.ts == example.outcome_ts:
            lead, of_tier = _longer(lead, before.lead_days), _longer(of_tier, before.tier_lead_days)
        self._latest[who] = Leaving(example.outcome_ts, lead, of_tier)
        if len(self._latest) > self._most:
            del self._latest[next(iter(self._latest))]

    def state(self) -> LeavingsState:
        """The leavings as plain data."""
        return LeavingsState(latest=dict(self._latest))

    @classmethod
    def resume(cls, state: LeavingsState, most: int) -> Self:
        """Restore from :meth:`state`."""
        leavings = cls(most)
        leavings._latest = dict(state.latest)
        return leavings


def _longer(one: float | None, other: float | None) -> float | None:
    return max((days for days in (one, other) if days is not None), default=None)


class Admission:
    """Checks examples and weekly labels; remembers the ids seen, and when each leaver left.

    Parameters
    ----------
    settings
        How many ids and leavers are remembered.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._settings = settings
        self._ends = [0.0, *week_ends(settings.horizon_days)]
        self.known = KnownIds(settings.seen_ids)
        self.leavings = Leavings(settings.leavers)

    @property
    def weeks(self) -> int:
        """Number of weeks of a vector's horizon."""
        return len(self._ends) - 1

    def refusal(self, record: Example | WeeklyLabel, served: Snapshot) -> Lesson | None:
        """Why a record cannot be used at all, or None. Of a refused one, time and outcome are not used either."""
        values = record.numbers()
        if record.catalogue != served.catalogue_hash or len(values) != len(served.curves):
            return Lesson.FOREIGN
        if not self.known.is_new(record.fate_id if isinstance(record, WeeklyLabel) else record.example_id):
            return Lesson.DUPLICATE
        return None if usable(record, values) else Lesson.NOT_FINITE

    def label_refusal(self, record: Example | WeeklyLabel) -> Lesson | None:
        """Why a record's label must not be learned, or None; also remembers when a subscriber left."""
        who = id_hash(record.subscriber_id)
        if isinstance(record, WeeklyLabel):
            return self._contradicted(record, who)
        if record.label == "void":
            return Lesson.VOID
        until = record.ts + self._settings.horizon_days * DAY_MS
        if record.label == "positive":
            if record.outcome is None:
                return Lesson.CONTRADICTORY
            self.leavings.note(record, who)
        elif self.leavings.left_within(who, record.ts, until):
            return Lesson.CONTRADICTORY
        return None

    def _contradicted(self, label: WeeklyLabel, who: int) -> Lesson | None:
        if not 1 <= label.first <= label.last <= self.weeks or label.left is not (label.outcome is not None):
            return Lesson.CONTRADICTORY
        since, until = (label.ts + self._ends[week] * DAY_MS for week in (label.first - 1, label.last))
        stayed = not label.left and self.leavings.left_within(who, round(since), until)
        return Lesson.CONTRADICTORY if stayed else None

    def resume(self, known: bytes, leavings: LeavingsState) -> None:
        """Restore the ids and leavers of a checkpoint."""
        self.known = KnownIds.resume(known, self._settings.seen_ids)
        self.leavings = Leavings.resume(leavings, self._settings.leavers)
