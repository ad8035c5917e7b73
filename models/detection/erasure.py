"""Erasure of a subscriber: stop marks by the subscriber's hash, and the receipt of what was deleted.

Events older than the erasure may still arrive after it. They must not create the subscriber again, so only a hash of
the id is kept for a while, and events not newer than the erasure are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from models.contract.alerts import Receipt, Remains, subscriber_hash
from models.contract.events import Erasure
from models.contract.policy import RetentionPolicy
from models.contract.time_units import DAY_MS
from models.state.population import StateMalformedError, StateRecord

BREACHES_KEPT_MS: Final = 7 * DAY_MS
"""Retention of ``churn.breaches.v1``."""
MARK_CODE: Final = b"X"
"""First byte of a stop mark's state key; the population does not handle these."""


class StopMark(Struct, frozen=True):
    """An erasure for which older events are still ignored."""

    erased_ts: int
    until: int
    request: str


_hash_of = lru_cache(maxsize=1 << 16)(subscriber_hash)
_decode = msgspec.json.Decoder(StopMark).decode


class StopMarks:
    """The marks of a lane, by the hash of the subscriber.

    Attributes
    ----------
    version
        Increases whenever a mark is set or ends, so that callers know to look again.

    Examples
    --------
    >>> marks = StopMarks()
    >>> marks.set("s-1", StopMark(erased_ts=100, until=500, request="r"))
    >>> marks.stops("s-1", 100), marks.stops("s-1", 101), marks.stops("s-2", 1)
    (True, False, False)
    >>> marks.expire(500), marks.stops("s-1", 100)
    (True, False)
    """

    def __init__(self) -> None:
        self._marks: dict[str, StopMark] = {}
        self._dirty: dict[str, None] = {}
        self.version = 0

    def __bool__(self) -> bool:
        return bool(self._marks)

    def set(self, subscriber_id: str, mark: StopMark) -> None:
        """Mark a subscriber as erased; of two erasures the newer time and the longer stop count."""
        name = subscriber_hash(subscriber_id)
        held = self._marks.get(name)
        if held is not None:
            mark = StopMark(max(held.erased_ts, mark.erased_ts), max(held.until, mark.until), mark.request)
        self._marks[name] = mark
        self.version += 1
        self._dirty[name] = None

    def get(self, subscriber_id: str) -> StopMark | None:
        """The mark of a subscriber, while it lasts."""
        return self._marks.get(_hash_of(subscriber_id)) if self._marks else None

    def stops(self, subscriber_id: str, ts: float) -> bool:
        """Whether an event at `ts` is not newer than the subscriber's erasure."""
        mark = self.get(subscriber_id)
        return mark is not None and ts <= mark.erased_ts

    def next_end(self) -> float:
        """When the next mark ends; infinity without one."""
        return min((mark.until for mark in self._marks.values()), default=float("inf"))

    def expire(self, tick: int) -> bool:
        """Drop the marks that have ended; returns whether there were any."""
        over = [name for name, mark in self._marks.items() if mark.until <= tick]
        for name in over:
            del self._marks[name]
            self._dirty[name] = None
        self.version += bool(over)
        return bool(over)

    def take_changes(self) -> list[StateRecord]:
        """State records of the marks that changed."""
        names, self._dirty = sorted(self._dirty), {}
        found = ((name, self._marks.get(name)) for name in names)
        return [(MARK_CODE + name.encode(), None if m is None else msgspec.json.encode(m)) for name, m in found]

    def load(self, records: Iterable[StateRecord]) -> list[StateRecord]:
        """Read the marks among the state records, and return the others."""
        others = []
        for key, value in records:
            if not key.startswith(MARK_CODE):
                others.append((key, value))
            elif value is None:
                self._marks.pop(key[1:].decode(), None)
            else:
                try:
                    self._marks[key[1:].decode()] = _decode(value)
                except msgspec.MsgspecError as error:
                    raise StateMalformedError(f"state record {key!r}: {error}") from error
        return others


def request_hash(request_id: str) -> str:
    """Hash of a request, by which a second delivery is recognised."""
    return subscriber_hash(request_id)


def receipt(event: Erasure, clock: int, known: bool, policy: RetentionPolicy) -> Receipt:
    """The receipt: what was deleted at once, and what remains until retention or compaction has run."""
    outputs = clock + round(policy.outputs_days * DAY_MS)
    state = clock + round(policy.compaction_days * DAY_MS)
    return Receipt(
        request_id=event.request_id,
        subscriber_hash=subscriber_hash(event.subscriber_id),
        ts=event.ts,
        deleted=[
            Remains(where="churn.state.v1", what="counters, profile, book, vectors waiting for a label", until=state),
            Remains(where="churn.risk-scores.v1", what="latest risk", until=state),
        ]
        if known
        else [],
        remaining=[
            Remains(where="churn.retention-alerts.v1", what="alerts", until=outputs),
            Remains(where="churn.parked.v1", what="alerts that an endpoint refused", until=outputs),
            Remains(where="churn.suppressions.v1", what="decisions not to contact", until=outputs),
            Remains(where="churn.work-orders.v1", what="work orders", until=outputs),
            Remains(where="churn.breaches.v1", what="what the desk was told", until=clock + BREACHES_KEPT_MS),
            Remains(where="churn.desk-state.v1", what="contacts, open alerts and orders", until=state),
            Remains(where="churn.training-examples.v1", what="labelled vectors", until=outputs),
            Remains(
                where="churn.state.v1",
                what="stop mark (hash only)",
                until=clock + round(policy.stop_mark_days * DAY_MS),
            ),
        ],
    )
