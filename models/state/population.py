"""The subscribers of a lane as rows of numbers.

A subscriber is a row: all columns of all blocks side by side, so that an event touches one place in memory. Rare data
stays in objects: the profile, and the book (open cases, contacts, episodes). Few subscribers ever visit a competitor's
site, so only those who do have a slot for their latest visits, kept one by one: the policy's windows over them are
exact.

Every block, profile and book is one record of the state topic, with a key of its own, and only changed ones are
written: a call rewrites the calls block, not the profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, get_args

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from models.arrays import Floats, Hashes, Ints, Rows
from models.contract.events import MIN_TS, Page, Profile
from models.contract.policy import ConsentDefault
from models.kernel import compiled
from models.state.columns import (
    ACTIVITY,
    ALIVE,
    BIT,
    BLOCKS,
    DELETED,
    KEPT_VISITS,
    SEEN_IDS,
    START,
    UNPROFILED,
    VISIT_COLUMNS,
    VISITS,
    WIDTH,
    BlockSpec,
)
from models.state.lane_time import Calendar
from models.state.state_records import FILL, VISITS_CODE, StateRecord, StateRecords
from models.state.subscriber_record import LABEL_CODE, Book, Pending, Waiting, subscriber_of

__all__ = [
    "BOOK_CODE",
    "PARTS",
    "PROFILE_CODE",
    "ColumnBlock",
    "Population",
    "Rows",
    "StateMalformedError",
    "StateRecord",
    "StateRecords",
]


PROFILE_CODE: Final = b"P"
_CONSENT_STATED: Final = b'{"stated":1,'
"""First bytes of a profile record that keeps absent consent as absent; older records wrote it as granted."""
BOOK_CODE: Final = b"B"
PARTS: Final = (*(spec.name for spec in BLOCKS), "kept_visits", "ids", "profiles", "books", "pending")
"""Parts of a lane's memory; see :meth:`Population.memory`."""
_NO_ROW: Final = -1
_FIRST_CAPACITY: Final = 1024
_ID_OVERHEAD: Final = 190
_PROFILE_SIZE: Final = 900
_BOOK_SIZE: Final = 1500
_PAGES: Final[dict[str, float]] = {page: float(place) for place, page in enumerate(get_args(Page))}
_NO_SLOT: Final = -1
_FIRST_SLOTS: Final = 64
_VISIT_BYTES: Final = 8 * len(VISIT_COLUMNS)
_VISITS_VERSION: Final = b"\x01\x00"
"""First bytes of a record of visits."""
_VISITS_HEAD: Final = len(_VISITS_VERSION)
Visit = tuple[float, float, float]
"""A visit, in the order of `VISIT_COLUMNS`."""
_LOAD_CHUNK: Final = 65_536
"""Records of a block collected before they are put into rows while the state is read back."""


class StateMalformedError(Exception):
    """A record of the state topic cannot be read; the message names its key."""


class Population:
    """The subscribers of one lane.

    Attributes
    ----------
    table, ring, marks, dirty
        For each row its columns, last event ids, marks, and the parts to be written; see :mod:`models.state.columns`.
    touched
        Number of rows to be written, followed by those rows.
    consent
        Default for consents a profile leaves open; :func:`models.state.record_updates.consent_by` changes it.
    visits
        Kept visits to competitors' sites.
    ids, profiles, books, pending
        Subscriber id, profile and book of each row, and the vectors that wait for a label.
    terms
        Calendar of when each subscriber must be looked at next, from the column ``due_ts``.

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
        self.table: Floats = np.empty((0, WIDTH))
        self.ring: Hashes = np.empty((0, len(SEEN_IDS.columns)), dtype="<u8")
        self.marks: Ints = np.zeros(0, dtype=np.int64)
        self.dirty: Ints = np.zeros(0, dtype=np.int64)
        self.touched: Ints = np.zeros(1, dtype=np.int64)
        self.consent = ConsentDefault()
        self.visits = KeptVisits()
        self.terms = Calendar()
        self.blocks: dict[str, ColumnBlock] = {spec.name: ColumnBlock(spec) for spec in BLOCKS}
        self.ids: list[str | None] = []
        self._keys: list[bytes] = []
        self.profiles: list[Profile | None] = []
        self.books: dict[int, Book] = {}
        self.pending = Waiting()
        self._rows: dict[str, int] = {}
        self._free: list[int] = []
        self._loose: list[int] = []
        self._capacity = 0
        self._id_bytes = 0
        self._profiles_held = 0
        self._dirty_profiles: set[int] = set()
        self._dirty_books: set[int] = set()
        self._deleted: dict[str, None] = {}
        self._by_code = {block.code: block for block in self.blocks.values()}
        self._grow(_FIRST_CAPACITY)
        self._encode = msgspec.json.Encoder().encode
        self._decode_profile = msgspec.json.Decoder(Profile).decode
        self._decode_book = msgspec.json.Decoder(Book).decode

    def __len__(self) -> int:
        # Not found by the marks: every transaction calls this, and would scan all rows.
        return len(self._rows) - sum(self._unknown(row) for row in set(self._loose))

    def live_rows(self) -> Rows:
        """Rows of known subscribers."""
        return np.flatnonzero(self.marks & ALIVE)

    def find(self, subscriber_id: str) -> int:
        """Row of a known subscriber, or -1."""
        row = self._rows.get(subscriber_id, _NO_ROW)
        return row if row != _NO_ROW and self.marks[row] & ALIVE else _NO_ROW

    def row(self, subscriber_id: str) -> int:
        """Row of the subscriber, made known if necessary."""
        row = self.seat(subscriber_id)
        if not self.marks[row] & ALIVE:
            self.enliven(row)
        return row

    def seat(self, subscriber_id: str) -> int:
        """Row for the subscriber, reserved until one of their events is applied (:meth:`enliven`)."""
        row = self._rows.get(subscriber_id, _NO_ROW)
        if row == _NO_ROW:
            row = self._add(subscriber_id)
            self._loose.append(row)
        return row

    def seats(self, subscriber_ids: Iterable[str]) -> Rows:
        """Rows for subscribers, as :meth:`seat` gives them; nearly all have theirs."""
        held, seat = self._rows.get, self.seat
        return np.array([seat(who) if (row := held(who)) is None else row for who in subscriber_ids], dtype=np.int64)

    def enliven(self, row: int) -> None:
        """Mark the subscriber as known, to be written.

        Without that record a subscriber with only a profile could not be deleted after a restart.
        """
        self.marks[row] |= ALIVE
        self.touch(row, ACTIVITY.name)

    def touch(self, row: int, part: str) -> None:
        """Mark a block of the row, or its kept visits, as changed."""
        if not self.dirty[row]:
            self.touched[1 + self.touched[0]] = row
            self.touched[0] += 1
        self.dirty[row] |= BIT[part]

    def settle_rows(self) -> None:
        """Free the rows of subscribers who did not become known or were deleted; between batches only."""
        for row in self._loose:
            if self._unknown(row):
                self._free_row(row)
        self._loose.clear()

    def _unknown(self, row: int) -> bool:
        return self.ids[row] is not None and not self.marks[row] & ALIVE

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
        self.table = _longer(self.table, capacity, FILL)
        self.ring = _longer(self.ring, capacity, 0)
        self.marks = _longer(self.marks, capacity, 0)
        self.dirty = _longer(self.dirty, capacity, 0)
        self.touched = _longer(self.touched, capacity + 1, 0)
        self.visits.grow(capacity)
        self._capacity = capacity
        for name, block in self.blocks.items():
            whole: npt.NDArray[Any] = self.ring if block.spec is SEEN_IDS else self.table
            start = START.get(name, 0)
            block.data = whole[:, start : start + len(block.spec.columns)]

    def id_of(self, row: int) -> str:
        """Id of the subscriber in this row; a free row is a bug."""
        subscriber_id = self.ids[row]
        if subscriber_id is None:
            raise KeyError(row)
        return subscriber_id

    def book(self, row: int) -> Book:
        """Book of the subscriber, created if missing; the caller marks changes with :meth:`mark_book`."""
        book = self.books.get(row)
        if book is None:
            book = self.books[row] = Book()
        return book

    def mark_book(self, row: int) -> None:
        """Mark the book as changed; an empty one is deleted when the changes are taken."""
        self._dirty_books.add(row)

    def hold(self, row: int, pending: Pending) -> None:
        """Keep a vector until its label is known."""
        self.pending.hold(row, self._keys[row], pending)

    def release(self, row: int, pending: Pending) -> None:
        """Delete a vector whose label is known."""
        self.pending.release(row, self._keys[row], pending)

    def set_profile(self, row: int, profile: Profile | None) -> None:
        """Replace the whole profile; ``None`` deletes it."""
        self._hold(row, profile)
        self._dirty_profiles.add(row)

    def _hold(self, row: int, profile: Profile | None) -> None:
        self._profiles_held += (profile is not None) - (self.profiles[row] is not None)
        self.profiles[row] = profile
        self.mark_profiling(row)

    def mark_profiling(self, row: int) -> None:
        """Mark a subscriber who refuses profiling, or leaves it open where the default is no."""
        profile = self.profiles[row]
        if profile is None or self.consent.profiling_of(profile):
            self.marks[row] &= ~UNPROFILED
        else:
            self.marks[row] |= UNPROFILED

    def forget_visits(self, row: int) -> None:
        """Delete the subscriber's visits: they refused their use."""
        self.blocks[VISITS.name].data[row] = self.blocks[VISITS.name].fill
        self.touch(row, VISITS.name)
        self.visits.clear(row)
        self.touch(row, "kept_visits")

    def delete(self, row: int) -> None:
        """Delete the subscriber, with tombstones for all their records.

        The row stays reserved until :meth:`settle_rows`: the batch may hold more of their events.
        """
        self._deleted[self.id_of(row)] = None
        self.pending.forget(row, self._keys[row])
        self._clear(row)
        self.touch(row, ACTIVITY.name)
        self.dirty[row] = DELETED
        self._loose.append(row)

    def _clear(self, row: int) -> None:
        self._hold(row, None)
        self.books.pop(row, None)
        self.pending.drop(row)
        self._dirty_profiles.discard(row)
        self._dirty_books.discard(row)
        self.table[row] = FILL
        self.ring[row] = 0
        self.visits.clear(row)
        self.marks[row] = 0

    def _free_row(self, row: int) -> None:
        del self._rows[self.id_of(row)]
        self.ids[row] = None
        self._id_bytes -= len(self._keys[row])
        self._keys[row] = b""
        self.visits.free(row)
        self._free.append(row)

    def take_changes(self) -> StateRecords:
        """State records of all changes since the last call; clears the marks.

        Tombstones come first, so that a subscriber who was deleted and came back in one batch is kept.
        """
        records = StateRecords()
        codes = [PROFILE_CODE, BOOK_CODE, VISITS_CODE, *self._by_code]
        records.put((code + name.encode(), None) for name in self._deleted for code in codes)
        self._deleted.clear()
        touched = self.touched[1 : 1 + self.touched[0]]
        visits = self.visits.slot, self.visits.count, self.visits.visits
        records.put_rows(touched, self._keys, (self.table, self.ring, self.dirty), visits)
        self.touched[0] = 0
        for row in sorted(self._dirty_books):
            book = self.books.get(row)
            if book is not None and book.empty():
                del self.books[row]
        records.put(
            [
                *self._changed(PROFILE_CODE, self._dirty_profiles, self.profiles.__getitem__),
                *self._changed(BOOK_CODE, self._dirty_books, self.books.get),
                *self.pending.take(),
            ]
        )
        return records

    def _changed(self, code: bytes, rows: set[int], held: Callable[[int], Profile | Book | None]) -> list[StateRecord]:
        found = [(code + self._keys[row], held(row)) for row in sorted(rows)]
        rows.clear()
        begin = _CONSENT_STATED if code == PROFILE_CODE else b"{"
        return [(key, None if value is None else begin + self._encode(value)[1:]) for key, value in found]

    def load(self, records: Iterable[StateRecord]) -> None:
        """Read state records in topic order; the last of a key wins.

        Raises
        ------
        StateMalformedError
            If a record is of unknown kind or version. The lane must not start on half a state.
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
                    row = self._loaded_row(subscriber_id)
                block = by_code.get(code)
                if block is not None:
                    if block.read(row, value):
                        self._settle(block)
                else:
                    self._load_object(code, row, value)
            except (ValueError, msgspec.MsgspecError) as error:
                raise StateMalformedError(f"state record {key!r}: {error}") from error
        for block in self.blocks.values():
            self._settle(block)

    def _settle(self, block: ColumnBlock) -> None:
        bad = block.settle()
        if bad != _NO_ROW:
            key = block.code + self._keys[bad]
            raise StateMalformedError(f"state record {key!r}: unknown version; run the release that wrote it")

    def _loaded_row(self, subscriber_id: str) -> int:
        row = self._rows.get(subscriber_id, _NO_ROW)
        if row == _NO_ROW:
            row = self._add(subscriber_id)
            self.marks[row] |= ALIVE
        return row

    def _load_pending(self, key: bytes, value: bytes | None) -> None:
        subscriber_id = subscriber_of(key)
        if value is not None or subscriber_id in self._rows:
            self.pending.load(self._loaded_row(subscriber_id), key, value)

    def _load_object(self, code: bytes, row: int, value: bytes) -> None:
        if code == PROFILE_CODE:
            profile = self._profile_of(value)
            self._hold(row, profile if value.startswith(_CONSENT_STATED) else _without_implied(profile))
        elif code == BOOK_CODE:
            self.books[row] = self._decode_book(value)
            self._load_visits_of_a_former_book(row, value)
        elif code == VISITS_CODE:
            self.visits.read(row, value)
        else:
            raise ValueError(f"kind {code!r}")

    def _profile_of(self, value: bytes) -> Profile:
        try:
            return self._decode_profile(value)
        except msgspec.ValidationError:
            content = msgspec.json.decode(value)
            if not isinstance(content, dict) or not 0 <= content.get("ts", -1) < MIN_TS:
                raise
            # Written before events had a least time: the least one keeps it older than all others.
            return msgspec.convert(content | {"ts": MIN_TS}, Profile)

    def _load_visits_of_a_former_book(self, row: int, value: bytes) -> None:
        """Move the visits of a book in the former format into a record of their own."""
        if b'"visits":[[' in value:
            former = msgspec.json.decode(value, type=_FormerBook).visits
            self.visits.put(row, [(ts, dwell_s, _PAGES[page]) for ts, dwell_s, page, _ in former])
            self.touch(row, "kept_visits")
            self.mark_book(row)

    def _load_tombstone(self, code: bytes, subscriber_id: str) -> None:
        row = self.find(subscriber_id)
        if row == _NO_ROW:
            return
        if code == PROFILE_CODE:
            self._hold(row, None)
        elif code == BOOK_CODE:
            self.books.pop(row, None)
        elif code == VISITS_CODE:
            self.visits.clear(row)
        elif code in self._by_code:
            # Put earlier rows in place first, or they would reappear after the tombstone.
            for block in self.blocks.values():
                self._settle(block)
            if code == ACTIVITY.code:
                # Only a deleted subscriber loses this block: the row is free again.
                self._clear(row)
                self._free_row(row)
            else:
                block = self._by_code[code]
                block.data[row] = block.fill

    def memory(self) -> dict[str, int]:
        """Bytes of memory by part, for operators; those of objects are estimates by their usual size."""
        parts = {name: block.data.nbytes for name, block in self.blocks.items()}
        parts["kept_visits"] = self.visits.nbytes()
        parts["ids"] = 2 * self._id_bytes + _ID_OVERHEAD * len(self._rows)
        parts["profiles"] = _PROFILE_SIZE * self._profiles_held
        parts["books"] = _BOOK_SIZE * len(self.books)
        parts["pending"] = self.pending.nbytes()
        return parts


class _FormerBook(msgspec.Struct):
    """The visits in a book of the former format: (ts, dwell_s, page, operator)."""

    visits: list[tuple[float, float, str, str]]


def _without_implied(profile: Profile) -> Profile:
    """The profile of an older record without its granted consents: they may never have been stated."""
    consent = profile.consent
    stated = replace(consent, behaviour=consent.behaviour and None, profiling=consent.profiling and None)
    return replace(profile, consent=stated)


def _longer(held: npt.NDArray[Any], size: int, fill: Any) -> npt.NDArray[Any]:
    found = np.empty((size, *held.shape[1:]), dtype=held.dtype)
    found[: len(held)] = held
    found[len(held) :] = fill
    return found


class KeptVisits:
    """Slots of kept visits, by row of the population.

    Attributes
    ----------
    slot
        Slot of each row, or -1.
    count
        Number of visits in each slot.
    visits
        Visits of each slot, the oldest first.

    Examples
    --------
    >>> kept = KeptVisits()
    >>> kept.grow(4)
    >>> kept.put(2, [(5.0, 12.5, 0.0), (9.0, 31.0, 2.0)])
    >>> kept.of(2), kept.of(3)
    ([(5.0, 12.5, 0.0), (9.0, 31.0, 2.0)], [])
    """

    def __init__(self) -> None:
        self.slot: Ints = np.empty(0, dtype=np.int64)
        self.count: Ints = np.zeros(_FIRST_SLOTS, dtype=np.int64)
        self.visits: Floats = np.zeros((_FIRST_SLOTS, KEPT_VISITS, len(VISIT_COLUMNS)))
        self._free = list(range(_FIRST_SLOTS))

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        slot = np.full(rows, _NO_SLOT, dtype=np.int64)
        slot[: len(self.slot)] = self.slot
        self.slot = slot

    def room_for(self, rows: Rows) -> None:
        """Give a slot to each of the rows that has none, so that their visits can be kept from now on."""
        for row in dict.fromkeys(rows[self.slot[rows] == _NO_SLOT].tolist()):
            if not self._free:
                slots = len(self.count)
                self.count = np.concatenate([self.count, np.zeros(slots, dtype=np.int64)])
                self.visits = np.concatenate([self.visits, np.zeros_like(self.visits)])
                self._free = list(range(slots, 2 * slots))
            self.slot[row] = self._free.pop()

    def of(self, row: int) -> list[Visit]:
        """The kept visits of a row, the oldest first."""
        slot = self.slot[row]
        if slot == _NO_SLOT:
            return []
        return [(ts, dwell_s, page) for ts, dwell_s, page in self.visits[slot, : self.count[slot]].tolist()]

    def put(self, row: int, visits: Iterable[Visit]) -> None:
        """Replace the kept visits of a row."""
        self.clear(row)
        found = list(visits)
        if found:
            self.room_for(np.array([row]))
            slot = self.slot[row]
            self.visits[slot, : len(found)] = found
            self.count[slot] = len(found)

    def clear(self, row: int) -> None:
        """Drop the visits of a row but not its slot, which a later visit in the batch may need."""
        slot = self.slot[row]
        if slot != _NO_SLOT:
            self.count[slot] = 0

    def free(self, row: int) -> None:
        """Free the slot of a row; between batches only."""
        slot = int(self.slot[row])
        if slot != _NO_SLOT:
            self.count[slot] = 0
            self.slot[row] = _NO_SLOT
            self._free.append(slot)

    def read(self, row: int, value: bytes) -> None:
        """Read a state record.

        Raises
        ------
        ValueError
            If its version or size is unknown.
        """
        if not value.startswith(_VISITS_VERSION) or (len(value) - _VISITS_HEAD) % _VISIT_BYTES:
            raise ValueError(f"{len(value)} bytes of row version {value[:_VISITS_HEAD]!r}")
        found = np.frombuffer(value, dtype="<f8", offset=_VISITS_HEAD).reshape(-1, len(VISIT_COLUMNS))
        self.put(row, ((ts, dwell_s, page) for ts, dwell_s, page in found.tolist()))

    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.slot.nbytes + self.count.nbytes + self.visits.nbytes


class ColumnBlock:
    """A group of columns, with one row per subscriber.

    Attributes
    ----------
    data
        A view of the population's table, replaced whenever the table grows.
    """

    def __init__(self, spec: BlockSpec) -> None:
        self.spec = spec
        self.code = spec.code
        self.fill = np.array(spec.fill, dtype=spec.dtype)
        self.data: npt.NDArray[Any] = np.empty((0, len(spec.columns)), dtype=spec.dtype)
        self._read: tuple[list[int], list[bytes]] = ([], [])

    def column(self, name: str) -> npt.NDArray[Any]:
        """All rows of one column, a view."""
        return self.data[:, self.spec.index[name]]

    def read(self, row: int, value: bytes) -> bool:
        """Collect a row from the state topic, for :meth:`settle` to put in place; true if that must be called now."""
        rows, values = self._read
        rows.append(row)
        values.append(value)
        return len(rows) >= _LOAD_CHUNK

    def settle(self) -> int:
        """Put the collected rows in place; if a row was read twice, the last wins.

        Returns the row of a value with unknown version or size, or -1 if all could be read.
        """
        rows, values = self._read
        if not rows:
            return -1
        self._read = ([], [])
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
        whole = np.frombuffer(b"".join(values) or b"\0", dtype=np.uint8)
        columns, fill = self.data.view(np.uint64), self.fill.view(np.uint64)
        bad: int = compiled.read_rows(np.array(rows, dtype=np.int64), ends, whole, columns, fill)
        return -1 if bad < 0 else rows[bad]
