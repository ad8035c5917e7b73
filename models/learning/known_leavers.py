"""Who left and when, each once: for the lead time of alerts, and to find contradictory labels.

A leaver has a positive example for every week before they left. Counted by example, those observed longest would weigh
most, so lead time is counted by leaver.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Self

from msgspec import Struct

from models.contract.time_units import DAY_MS
from models.contract.training_example import Example


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
