"""Vectors that wait for their labels, and their records in the state topic."""

from __future__ import annotations

from bisect import insort
from operator import itemgetter
from typing import Final

import msgspec
from msgspec import Struct

from models.contract.training_example import WEEKLY
from models.contract.vocabulary import KINDS, Segment, Tier
from models.state.state_records import StateRecord

LABEL_CODE: Final = b"L"
"""First byte of a waiting vector's state key; its time and origin follow, then the subscriber."""
_HEAD: Final = 10
_SIZE: Final = 700
_ORIGINS: Final = {origin: place for place, origin in enumerate((WEEKLY, *KINDS))}


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
        subscriber = key[_HEAD:]
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
        return _SIZE * sum(map(len, self._by_row.values()))


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
    if len(key) <= _HEAD:
        raise ValueError(f"a label's key of {len(key)} bytes")
    return key[_HEAD:].decode()


def _place(pending: Pending) -> tuple[int, int]:
    return pending.ts, _ORIGINS[pending.origin]
