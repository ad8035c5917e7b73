"""The subscribers of a lane as rows of NumPy columns.

A batch of ten thousand events touches a few thousand subscribers; as Python objects that costs more than the rest of
the lane together. So a subscriber is a row number, and each group of columns (a *block*: what his calls, his data
sessions, ... left behind) is one array. What is rare about a subscriber stays an object: his profile and his book.

Every block, profile and book is one record of the state topic, with a key of its own, and only what changed is
written: a call rewrites the calls block, not the profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NewType

import msgspec
import numpy as np
import numpy.typing as npt

from models.book import Book
from models.columns import BLOCKS, BlockSpec
from models.events import Profile

Row = NewType("Row", int)
Rows = npt.NDArray[np.int64]
StateRecord = tuple[bytes, bytes | None]

ROW_VERSION: Final = b"\x01\x00"
"""Leads every block's bytes. A reader that does not know it stops, naming the key."""
PROFILE_CODE: Final = b"P"
BOOK_CODE: Final = b"B"
_NO_ROW: Final = -1


class StateMalformedError(Exception):
    """A record of the state topic cannot be read; the message names its key."""


class Block:
    """One group of columns: ``data`` has a row a subscriber.

    ``dirty`` marks the rows changed since the last :meth:`Population.take_changes`.
    """

    def __init__(self, spec: BlockSpec) -> None:
        self.spec = spec
        self.code = spec.code
        self.fill = np.array(spec.fill, dtype=spec.dtype)
        self.data: npt.NDArray[np.float64] = np.empty((0, len(spec.columns)), dtype=spec.dtype)
        self.dirty: npt.NDArray[np.bool_] = np.zeros(0, dtype=bool)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` rows; new ones hold the fill values."""
        old = len(self.data)
        data = np.empty((capacity, self.data.shape[1]), dtype=self.data.dtype)
        data[:old] = self.data
        data[old:] = self.fill
        self.data = data
        self.dirty = np.concatenate([self.dirty, np.zeros(capacity - old, dtype=bool)])

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """All rows of one column, a view."""
        return self.data[:, self.spec.index[name]]


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
        self.profiles: list[Profile | None] = []
        self.books: dict[int, Book] = {}
        self._rows: dict[str, int] = {}
        self._free: list[int] = []
        self._capacity = 0
        self._dirty_profiles: set[int] = set()
        self._dirty_books: set[int] = set()
        self._deleted: dict[str, None] = {}
        self._by_code = {block.code: block for block in self.blocks.values()}
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
        """Row of the subscriber; a new one if he is not known yet."""
        row = self._rows.get(subscriber_id, _NO_ROW)
        return row if row != _NO_ROW else self._add(subscriber_id)

    def _add(self, subscriber_id: str) -> int:
        if self._free:
            row = self._free.pop()
            self.ids[row] = subscriber_id
        else:
            row = len(self.ids)
            self.ids.append(subscriber_id)
            self.profiles.append(None)
            if row >= self._capacity:
                self._capacity = max(1024, 2 * self._capacity)
                for block in self.blocks.values():
                    block.grow(self._capacity)
        self._rows[subscriber_id] = row
        return row

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

    def set_profile(self, row: int, profile: Profile | None) -> None:
        """Replace the profile whole; ``None`` deletes it."""
        self.profiles[row] = profile
        self._dirty_profiles.add(row)

    def delete(self, row: int) -> None:
        """Forget the subscriber: tombstones for all that was written of him, and his row is free."""
        subscriber_id = self.id_of(row)
        del self._rows[subscriber_id]
        self.ids[row] = None
        self.profiles[row] = None
        self.books.pop(row, None)
        self._dirty_profiles.discard(row)
        self._dirty_books.discard(row)
        for block in self.blocks.values():
            block.data[row] = block.fill
            block.dirty[row] = False
        self._deleted[subscriber_id] = None
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
            records += self._take_block(block)
        for row in sorted(self._dirty_profiles):
            profile = self.profiles[row]
            key = PROFILE_CODE + self.id_of(row).encode()
            records.append((key, None if profile is None else self._encode(profile)))
        self._dirty_profiles.clear()
        for row in sorted(self._dirty_books):
            book = self.books.get(row)
            if book is not None and book.empty():
                del self.books[row]
                book = None
            key = BOOK_CODE + self.id_of(row).encode()
            records.append((key, None if book is None else self._encode(book)))
        self._dirty_books.clear()
        return records

    def _take_block(self, block: Block) -> Iterator[StateRecord]:
        rows = np.flatnonzero(block.dirty)
        if not len(rows):
            return
        block.dirty[rows] = False
        taken = block.data[rows]
        raw, width, ids = taken.tobytes(), taken.shape[1] * taken.itemsize, self.ids
        start = 0
        for row in rows.tolist():
            subscriber_id = ids[row]
            assert subscriber_id is not None  # noqa: S101 - a deleted row is never dirty
            yield block.code + subscriber_id.encode(), ROW_VERSION + raw[start : start + width]
            start += width

    def load(self, records: Iterable[StateRecord]) -> None:
        """Take up state records as the topic holds them; the last of a key wins.

        Raises
        ------
        StateMalformedError
            If a record is of no known kind or version. The lane must not start on half a state.
        """
        for key, value in records:
            code, subscriber_id = key[:1], key[1:].decode()
            if value is None:
                self._load_tombstone(code, subscriber_id)
                continue
            row = self.row(subscriber_id)
            block = self._by_code.get(code)
            try:
                if block is not None:
                    if value[:2] != ROW_VERSION:
                        raise ValueError(f"row version {value[:2]!r}")  # noqa: TRY301 - one message for all causes
                    block.data[row] = np.frombuffer(value, dtype=block.data.dtype, offset=2)
                elif code == PROFILE_CODE:
                    self.profiles[row] = self._decode_profile(value)
                elif code == BOOK_CODE:
                    self.books[row] = self._decode_book(value)
                else:
                    raise ValueError(f"kind {code!r}")  # noqa: TRY301
            except (ValueError, msgspec.MsgspecError) as error:
                raise StateMalformedError(f"state record {key!r}: {error}") from error

    def _load_tombstone(self, code: bytes, subscriber_id: str) -> None:
        row = self.find(subscriber_id)
        if row == _NO_ROW:
            return
        if code == PROFILE_CODE:
            self.profiles[row] = None
        elif code == BOOK_CODE:
            self.books.pop(row, None)
        elif code in self._by_code:
            block = self._by_code[code]
            block.data[row] = block.fill
            if block.spec.identity:
                # The last block that a living subscriber can lose: his row is free again.
                self.profiles[row] = None
                self.books.pop(row, None)
                del self._rows[subscriber_id]
                self.ids[row] = None
                for other in self.blocks.values():
                    other.data[row] = other.fill
                self._free.append(row)

    def memory(self) -> dict[str, int]:
        """Bytes by part, for the budget that operators watch."""
        parts = {name: block.data.nbytes + block.dirty.nbytes for name, block in self.blocks.items()}
        parts["ids"] = sum(2 * len(i) + 150 for i in self._rows)
        return parts
