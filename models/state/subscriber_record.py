"""What is kept of a subscriber beside the columns: their book, and the vectors that wait for a label.

Most subscribers have no book. It holds open cases, contacts, and the episodes of open alerts. It is one JSON state
record, rewritten whole when it changes. Each waiting vector is a record of its own, written once.
"""

from __future__ import annotations

from bisect import insort
from operator import itemgetter
from typing import Final

import msgspec
from msgspec import Struct, field

from models.contract.events import Channel
from models.contract.training_example import WEEKLY
from models.contract.vocabulary import KINDS, Kind, Segment, Tier
from models.state.state_records import StateRecord

KEPT_TOUCHES: Final = 64
LABEL_CODE: Final = b"L"
"""First byte of a waiting vector's state key; its time and origin follow, then the subscriber."""
_LABEL_HEAD: Final = 10
_VECTOR_BYTES: Final = 700
_ORIGINS: Final = {origin: place for place, origin in enumerate((WEEKLY, *KINDS))}


class Case(Struct):
    """A complaint or fault that the operator promised to resolve."""

    opened_ts: int
    reason: str
    due_ts: int | None = None
    department: str | None = None
    told: bool = False
    """Whether the overdue breach was already raised."""


class Touch(Struct, array_like=True):
    """A contact with the subscriber, by any department."""

    ts: int
    channel: Channel | None
    status: str
    by: str | None = None
    offer: str | None = None
    """Code of the offer made."""


def episode_key(kind: Kind, subject: str = "") -> str:
    """Key of an episode: a subscriber has at most one of a kind and subject.

    Examples
    --------
    >>> episode_key("silence"), episode_key("contract_expiry", "mobile")
    ('silence', 'contract_expiry:mobile')
    """
    return f"{kind}:{subject}" if subject else kind


class Episode(Struct):
    """An alert between its breach and its end.

    ``seq`` is the number of records published so far: 0 while the ``raised`` is withheld, and then later steps are not
    published either.
    """

    alert_id: str
    kind: Kind
    started_ts: int
    subject: str = ""
    """Distinguishes episodes of one kind where a subscriber may have several: the product of a contract, a case."""
    seq: int = 0
    level: int = 1
    """Strength of the strongest trigger so far: a stronger one escalates. For ``risk_tier`` it is the tier."""
    code: str = ""
    value: float = 0.0
    """Value behind the signal's own reason (`code`), for the card of an alert that is raised later than its breach."""
    appointment_ts: int | None = None
    promised_ts: int | None = None
    """By when the operator promised to settle the complaint, and the department that must."""
    department: str | None = None
    expires_ts: int | None = None
    withheld: str | None = None
    """Reason of the last suppression: of the ``raised`` while ``seq`` is 0, later of an escalation."""
    retry_ts: int | None = None
    """When to decide again on a withheld breach."""
    snoozed_until: int | None = None
    resumed: bool = False
    """Whether it is raised again after a snooze by the front line: the cooldown of its kind then does not apply."""
    trigger_topic: str | None = None
    trigger_offset: int | None = None
    trigger_tick: int | None = None

    @property
    def key(self) -> str:
        """Its key in the book."""
        return episode_key(self.kind, self.subject)


class Book(Struct):
    """Open cases, contacts and episodes of one subscriber."""

    cases: dict[str, Case] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    episodes: dict[str, Episode] = field(default_factory=dict)
    """Open episodes by :func:`episode_key`."""
    raised_ts: dict[str, int] = field(default_factory=dict)
    """When an alert of a kind was last raised, for the cooldown."""
    refused_ts: int | None = None
    appointment_ts: int | None = None
    appointment_case: str | None = None
    """Case id of the open appointment: withdrawing another case does not close it."""
    previous_tier: int | None = None
    """The tier before the last change."""
    risk_hidden: bool = False
    """Whether the subscriber refuses profiling: their risk is not published, and an earlier one is withdrawn."""
    silent_since: int | None = None
    """Last sign of life before the reported silence: one silence is one breach."""

    left: str | None = None
    """The outcome by which they left, until they return; the first one counts."""
    downgraded: list[int] = field(default_factory=list)
    """When they moved to a cheaper plan, kept as long as a label may need it."""

    def empty(self) -> bool:
        """Whether the book is empty, so that its record can be deleted."""
        return self == _EMPTY


_EMPTY: Final = Book()


class Pending(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A vector that waits for its label; fields as in :class:`models.contract.training_example.Example`.

    It is written once. ``x`` holds the features as little-endian float32: half the memory over months of waiting, and
    still a thousand times finer than they are known. The served risk is kept in full precision.
    """

    ts: int
    origin: str
    risk: float
    base_rate: float
    tier: Tier
    segment: Segment
    model: str
    policy: str
    hold_out: bool
    cause: str | None
    x: bytes
    weeks: int = 0
    """From an earlier release: how many of its weeks have a label written. Now the column ``stayed_ts`` implies it."""

    def key(self, subscriber: bytes) -> bytes:
        """Its key in the state topic: one vector for each time and origin."""
        return LABEL_CODE + self.ts.to_bytes(8, "big") + bytes([_ORIGINS[self.origin]]) + subscriber


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Pending).decode


class Waiting:
    """The vectors of a lane that wait for their labels, by row of the population.

    Examples
    --------
    >>> known = {"ts": 5, "origin": "weekly", "risk": 0.1, "base_rate": 0.015, "tier": "healthy", "segment": "low"}
    >>> vector = Pending(**known, model="m-1", policy="p-1", hold_out=False, cause=None, x=b"")
    >>> waiting = Waiting()
    >>> waiting.hold(3, b"s-1", vector)
    >>> waiting.of(3) == [vector], 3 in waiting, waiting.take()[0][0][-3:]
    (True, True, b's-1')
    >>> waiting.release(3, b"s-1", vector)
    >>> 3 in waiting, waiting.take()[0][1] is None
    (False, True)
    """

    def __init__(self) -> None:
        self._by_row: dict[int, list[Pending]] = {}
        self._dirty: dict[bytes, Pending | None] = {}

    def __contains__(self, row: int) -> bool:
        return row in self._by_row

    def rows(self) -> list[int]:
        """Rows with waiting vectors."""
        return list(self._by_row)

    def of(self, row: int) -> list[Pending]:
        """The vectors of one subscriber, by time and origin: the same order after a restart."""
        return list(self._by_row.get(row, ()))

    def hold(self, row: int, subscriber: bytes, pending: Pending) -> None:
        """Keep a vector until its label is known; if two have the same time and origin, the first is kept."""
        waiting, place = self._by_row.setdefault(row, []), _place(pending)
        if all(_place(held) != place for held in waiting):
            insort(waiting, pending, key=_place)
            self._dirty[pending.key(subscriber)] = pending

    def release(self, row: int, subscriber: bytes, pending: Pending) -> None:
        """Delete a vector whose label is known."""
        waiting = self._by_row[row]
        waiting.remove(pending)
        if not waiting:
            del self._by_row[row]
        self._dirty[pending.key(subscriber)] = None

    def forget(self, row: int, subscriber: bytes) -> None:
        """Delete all vectors of a forgotten subscriber: nothing may be learned from them any more."""
        for pending in self._by_row.pop(row, ()):
            self._dirty[pending.key(subscriber)] = None

    def drop(self, row: int) -> None:
        """Drop the vectors of a freed row without writing anything."""
        self._by_row.pop(row, None)

    def take(self) -> list[StateRecord]:
        """State records of what changed since the last call."""
        changed, self._dirty = sorted(self._dirty.items(), key=itemgetter(0)), {}
        return [(key, None if pending is None else _encode(pending)) for key, pending in changed]

    def load(self, row: int, key: bytes, value: bytes | None) -> None:
        """Read a state record of the subscriber in `row`.

        Raises
        ------
        ValueError, msgspec.MsgspecError
            If it is not a vector, or its key does not match it.
        """
        subscriber = key[_LABEL_HEAD:]
        waiting = [held for held in self._by_row.pop(row, ()) if held.key(subscriber) != key]
        if value is not None:
            pending = _decode(value)
            if pending.key(subscriber) != key:
                raise ValueError("a vector under a key that is not its own")
            insort(waiting, pending, key=_place)
        if waiting:
            self._by_row[row] = waiting

    def nbytes(self) -> int:
        """Estimated bytes of memory, by the usual size of a vector."""
        return _VECTOR_BYTES * sum(map(len, self._by_row.values()))


def subscriber_of(key: bytes) -> str:
    r"""The subscriber in a vector's state key.

    Raises
    ------
    ValueError
        If the key is too short to contain a subscriber.

    Examples
    --------
    >>> subscriber_of(b"L" + (7).to_bytes(8, "big") + b"\x00" + b"s-1")
    's-1'
    """
    if len(key) <= _LABEL_HEAD:
        raise ValueError(f"a label's key of {len(key)} bytes")
    return key[_LABEL_HEAD:].decode()


def _place(pending: Pending) -> tuple[int, int]:
    return pending.ts, _ORIGINS[pending.origin]
