"""The subscribers of a lane as rows of NumPy columns.

A batch of ten thousand events touches a few thousand subscribers; as Python objects that costs more than the rest of
the lane together. So a subscriber is a row number, and each group of columns (a *block*: what his calls, his data
sessions, ... left behind) is one array. What is rare about a subscriber stays an object: his profile and his book.

Every block, profile and book is one record of the state topic, with a key of its own, and only what changed is
written: a call rewrites the calls block, not the profile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from models.block import ROW_VERSION, Block, StateRecord
from models.book import Book
from models.columns import BLOCKS
from models.events import Profile
from models.pending import LABEL_CODE, Pending, Waiting, subscriber_of

__all__ = [
    "BOOK_CODE",
    "PARTS",
    "PROFILE_CODE",
    "ROW_VERSION",
    "Block",
    "Population",
    "Rows",
    "StateMalformedError",
    "StateRecord",
]

Rows = npt.NDArray[np.int64]

PROFILE_CODE: Final = b"P"
BOOK_CODE: Final = b"B"
PARTS: Final = (*(spec.name for spec in BLOCKS), "ids", "profiles", "books", "pending")
"""Of what a lane's memory is made; see :meth:`Population.memory`."""
_NO_ROW: Final = -1
_FIRST_CAPACITY: Final = 1024
_ID_OVERHEAD: Final = 190
_PROFILE_SIZE: Final = 900
_BOOK_SIZE: Final = 1500


class StateMalformedError(Exception):
    """A record of the state topic cannot be read; the message names its key."""


class Population:
    """The subscribers of one lane.

    Examples
    --------
    >>> lane = Population()
    >>> row = lane.row("s-10086")
    >>> lane.find("s-10086") == row, lane.find("s-10010")
    (True, -1)
    >>> len(lane)
    1
    """

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {spec.name: Block(spec) for spec in BLOCKS}
        self.ids: list[str | None] = []
        self._keys: list[bytes] = []
        self.profiles: list[Profile | None] = []
        self.books: dict[int, Book] = {}
        self.pending = Waiting()
        self._rows: dict[str, int] = {}
        self._free: list[int] = []
        self._capacity = 0
        self._id_bytes = 0
        self._profiles_held = 0
        self._dirty_profiles: set[int] = set()
        self._dirty_books: set[int] = set()
        self._deleted: dict[str, None] = {}
        self._by_code = {block.code: block for block in self.blocks.values()}
        self._identity = next(block for block in self.blocks.values() if block.spec.identity)
        self._grow(_FIRST_CAPACITY)
        self._encode = msgspec.json.Encoder().encode
        self._decode_profile = msgspec.json.Decoder(Profile).decode
        self._decode_book = msgspec.json.Decoder(Book).decode

    def __len__(self) -> int:
        return len(self._rows)

    def live_rows(self) -> Rows:
        """Row numbers in use, in no order that may matter."""
        return np.fromiter(self._rows.values(), dtype=np.int64, count=len(self._rows))

    def find(self, subscriber_id: str) -> int:
        """Row of the subscriber, or -1."""
        return self._rows.get(subscriber_id, _NO_ROW)

    def row(self, subscriber_id: str) -> int:
        """Row of the subscriber; a new one if he is not known yet, which is a change to be written."""
        row = self._rows.get(subscriber_id, _NO_ROW)
        if row == _NO_ROW:
            row = self._add(subscriber_id)
            # Without this record a subscriber of whom only a profile is known could not be deleted after a restart.
            self._identity.dirty[row] = True
        return row

    def _add(self, subscriber_id: str) -> int:
        if self._free:
            row = self._free.pop()
            self.ids[row] = subscriber_id
            self._keys[row] = subscriber_id.encode()
        else:
            row = len(self.ids)
            self.ids.append(subscriber_id)
            self._keys.append(subscriber_id.encode())
            self.profiles.append(None)
            if row >= self._capacity:
                self._grow(2 * self._capacity)
        self._rows[subscriber_id] = row
        self._id_bytes += len(self._keys[row])
        return row

    def _grow(self, capacity: int) -> None:
        self._capacity = capacity
        for block in self.blocks.values():
            block.grow(capacity)

    def id_of(self, row: int) -> str:
        """Who has this row; a free row is a mistake of ours."""
        subscriber_id = self.ids[row]
        if subscriber_id is None:
            raise KeyError(row)
        return subscriber_id

    def book(self, row: int) -> Book:
        """Book of the subscriber, opened if he has none; the caller marks it with :meth:`mark_book`."""
        book = self.books.get(row)
        if book is None:
            book = self.books[row] = Book()
        return book

    def mark_book(self, row: int) -> None:
        """Note that the book changed; an empty one is closed when the changes are taken."""
        self._dirty_books.add(row)

    def hold(self, row: int, pending: Pending) -> None:
        """Keep a vector until its label is known."""
        self.pending.hold(row, self._keys[row], pending)

    def release(self, row: int, pending: Pending) -> None:
        """Let go a vector whose label is known."""
        self.pending.release(row, self._keys[row], pending)

    def set_profile(self, row: int, profile: Profile | None) -> None:
        """Replace the profile whole; ``None`` deletes it."""
        self._hold(row, profile)
        self._dirty_profiles.add(row)

    def _hold(self, row: int, profile: Profile | None) -> None:
        self._profiles_held += (profile is not None) - (self.profiles[row] is not None)
        self.profiles[row] = profile

    def delete(self, row: int) -> None:
        """Forget the subscriber: tombstones for all that was written of him, and his row is free."""
        self._deleted[self.id_of(row)] = None
        self.pending.forget(row, self._keys[row])
        self._free_row(row)

    def _free_row(self, row: int) -> None:
        del self._rows[self.id_of(row)]
        self.ids[row] = None
        self._id_bytes -= len(self._keys[row])
        self._keys[row] = b""
        self._hold(row, None)
        self.books.pop(row, None)
        self.pending.drop(row)
        self._dirty_profiles.discard(row)
        self._dirty_books.discard(row)
        for block in self.blocks.values():
            block.clear(row)
        self._free.append(row)

    def take_changes(self) -> list[StateRecord]:
        """State records of all that changed since the last call, and start anew.

        Tombstones come first, so that a subscriber who was forgotten and came back in one batch stays.
        """
        records: list[StateRecord] = []
        codes = [PROFILE_CODE, BOOK_CODE, *self._by_code]
        for subscriber_id in self._deleted:
            key = subscriber_id.encode()
            records += [(code + key, None) for code in codes]
        self._deleted.clear()
        for block in self.blocks.values():
            records += block.take(self._keys)
        for row in sorted(self._dirty_profiles):
            profile = self.profiles[row]
            records.append((PROFILE_CODE + self._keys[row], None if profile is None else self._encode(profile)))
        self._dirty_profiles.clear()
        for row in sorted(self._dirty_books):
            book = self.books.get(row)
            if book is not None and book.empty():
                del self.books[row]
                book = None
            records.append((BOOK_CODE + self._keys[row], None if book is None else self._encode(book)))
        self._dirty_books.clear()
        return records + self.pending.take()

    def load(self, records: Iterable[StateRecord]) -> None:
        """Take up state records as the topic holds them; the last of a key wins.

        Raises
        ------
        StateMalformedError
            If a record is of no known kind or version. The lane must not start on half a state.
        """
        rows, by_code = self._rows, self._by_code
        for key, value in records:
            try:
                code = key[:1]
                if code == LABEL_CODE:
                    self._load_pending(key, value)
                    continue
                subscriber_id = key[1:].decode()
                if value is None:
                    self._load_tombstone(code, subscriber_id)
                    continue
                row = rows.get(subscriber_id, _NO_ROW)
                if row == _NO_ROW:
                    row = self._add(subscriber_id)
                block = by_code.get(code)
                if block is not None:
                    block.read(row, value)
                else:
                    self._load_object(code, row, value)
            except (ValueError, msgspec.MsgspecError) as error:
                raise StateMalformedError(f"state record {key!r}: {error}") from error
        for block in self.blocks.values():
            block.settle()

    def _load_pending(self, key: bytes, value: bytes | None) -> None:
        subscriber_id = subscriber_of(key)
        row = self.find(subscriber_id)
        if row == _NO_ROW:
            if value is None:
                return
            row = self._add(subscriber_id)
        self.pending.load(row, key, value)

    def _load_object(self, code: bytes, row: int, value: bytes) -> None:
        if code == PROFILE_CODE:
            self._hold(row, self._decode_profile(value))
        elif code == BOOK_CODE:
            self.books[row] = self._decode_book(value)
        else:
            raise ValueError(f"kind {code!r}")

    def _load_tombstone(self, code: bytes, subscriber_id: str) -> None:
        row = self.find(subscriber_id)
        if row == _NO_ROW:
            return
        if code == PROFILE_CODE:
            self._hold(row, None)
        elif code == BOOK_CODE:
            self.books.pop(row, None)
        elif code in self._by_code:
            # What was read before the tombstone must not be put in place after it.
            for block in self.blocks.values():
                block.settle()
            if code == self._identity.code:
                # The last block that a living subscriber can lose: his row is free again.
                self._free_row(row)
            else:
                self._by_code[code].clear(row)

    def memory(self) -> dict[str, int]:
        """Bytes by part, for the budget that operators watch; those of objects are estimates of the usual size."""
        parts = {name: block.data.nbytes + block.dirty.nbytes for name, block in self.blocks.items()}
        parts["ids"] = 2 * self._id_bytes + _ID_OVERHEAD * len(self._rows)
        parts["profiles"] = _PROFILE_SIZE * self._profiles_held
        parts["books"] = _BOOK_SIZE * len(self.books)
        parts["pending"] = self.pending.nbytes()
        return parts
