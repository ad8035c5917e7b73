"""Input records as columns: the bytes of many in one buffer, and a line of numbers each.

A record becomes an object only on access. aiokafka decides which batches of a fetch answer are read and how far the
position moves: checksums, control batches, aborted transactions. Its own code runs here and gets a block of columns
where it asks for a record. aiokafka reads batches of an older format, or that the compiled reader cannot handle, record
by record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, overload

import numpy as np
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from models.arrays import Ints
from models.kernel import compiled
from models.kernel.places import KEY_AT, KEY_LENGTH, OFFSET, RECORD, STAMP, TOPIC, VALUE_AT, VALUE_LENGTH
from streams.records.topics import INPUT_TOPICS
from streams.records.wire import UNDATED, RawRecord

_UNPACKED: Final[dict[int, Callable[[bytes], bytes]]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
_LENGTH: Final = 8
_BEHIND_LENGTH: Final = 12
_COUNT: Final = 57
_BEHIND_HEADER: Final = 61


class InputRecord(NamedTuple):
    """One record; see :class:`streams.records.wire.RawRecord`."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Placed(NamedTuple):
    """A record in the lane's order."""

    topic: str
    record: RawRecord


class Records(Sequence[Placed]):
    """A sequence of records held as columns.

    Parameters
    ----------
    buffer
        Bytes of keys and values.
    lines
        One line a record: positions of key and value, offset, timestamp and topic: see :mod:`models.kernel.places`.

    Examples
    --------
    >>> records = Records.of([InputRecord(7, 1_780_000_000_000, b"s-1", None)], ranks=3)
    >>> records[0]
    Placed(topic='telecom.calls.v1', record=InputRecord(offset=7, timestamp=1780000000000, key=b's-1', value=None))
    """

    __slots__ = ("buffer", "lines")

    def __init__(self, buffer: bytes, lines: Ints) -> None:
        self.buffer = buffer
        self.lines = lines

    @classmethod
    def of(cls, records: Sequence[RawRecord], ranks: int | Sequence[int] = 0) -> Records:
        """Columns from record objects, with topics given by rank."""
        parts = [part for record in records for part in (record.key, record.value)]
        lengths = np.array([-1 if part is None else len(part) for part in parts], dtype=np.int64)
        ends = np.cumsum(np.maximum(lengths, 0))
        lines: Ints = np.zeros((len(records), RECORD), dtype=np.int64)
        lines[:, [KEY_LENGTH, VALUE_LENGTH]] = lengths.reshape(-1, 2)
        lines[:, [KEY_AT, VALUE_AT]] = (ends - np.maximum(lengths, 0)).reshape(-1, 2)
        lines[:, OFFSET] = [record.offset for record in records]
        lines[:, STAMP] = [record.timestamp for record in records]
        lines[:, TOPIC] = ranks
        return cls(b"".join(part for part in parts if part), lines)

    @classmethod
    def joined(cls, parts: Sequence[Records]) -> Records:
        """Join parts as fetched, keeping only the bytes that belong to their records."""
        lines = np.concatenate([part.lines for part in parts])
        pieces, first, size = [], 0, 0
        for part in parts:
            begin, end = part._span()
            behind = first + len(part)
            lines[first:behind, [KEY_AT, VALUE_AT]] += size - begin
            pieces.append(memoryview(part.buffer)[begin:end])
            first, size = behind, size + end - begin
        return cls(b"".join(pieces), lines)

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, at: int) -> Placed: ...
    @overload
    def __getitem__(self, at: slice) -> Records: ...
    def __getitem__(self, at: int | slice) -> Placed | Records:
        if isinstance(at, slice):
            return Records(self.buffer, self.lines[at])
        line = self.lines[at].tolist()
        key, value = (
            None if line[length] < 0 else self.buffer[line[start] : line[start] + line[length]]
            for start, length in ((KEY_AT, KEY_LENGTH), (VALUE_AT, VALUE_LENGTH))
        )
        return Placed(INPUT_TOPICS[line[TOPIC]].name, InputRecord(line[OFFSET], line[STAMP], key, value))

    def some(self, places: Sequence[int]) -> Records:
        """The records at these places."""
        return Records(self.buffer, self.lines[places])

    def subscribers(self) -> list[str]:
        """Subscriber of each record; the records must be events."""
        starts = self.lines[:, KEY_AT]
        spans = zip(starts.tolist(), (starts + self.lines[:, KEY_LENGTH]).tolist(), strict=True)
        return [self.buffer[start:end].decode() for start, end in spans]

    @property
    def nbytes(self) -> int:
        """Bytes from the first key to the last value, for records as fetched."""
        begin, end = self._span()
        return end - begin

    def _span(self) -> tuple[int, int]:
        if not len(self.lines):
            return 0, 0
        first, last = self.lines[0], self.lines[-1]
        return int(first[KEY_AT]), int(last[VALUE_AT]) + max(int(last[VALUE_LENGTH]), 0)


NONE: Final = Records.of([])
"""An empty sequence of records."""


class FetchedRecords(PartitionRecords):  # type: ignore[misc]
    """aiokafka's records of a partition, still unread, as an iterator over `Records`."""

    def __init__(self, fetched: PartitionRecords, raw: bytes) -> None:
        fetched._records_iterator = None  # a reference cycle, which would keep the bytes alive
        self.nbytes = len(raw)
        super().__init__(
            fetched._tp,
            _Batches(raw),
            fetched._aborted_transactions,
            fetched.next_fetch_offset,
            None,
            None,
            fetched._check_crcs,
            fetched._isolation_level,
        )

    def _consumer_record(self, tp: Any, record: Any) -> Records:
        if not isinstance(record, _Block):
            stamp = UNDATED if record.timestamp is None else record.timestamp  # the first format had none
            return Records.of([InputRecord(record.offset, stamp, record.key, record.value)])
        # A fetch may begin inside a batch.
        return record.records[int(np.searchsorted(record.records.lines[:, OFFSET], self.next_fetch_offset)) :]


class _Block(NamedTuple):
    """Stands for a record in aiokafka's code; its offset is that of the block's last record."""

    offset: int
    records: Records


class _Batches:
    """aiokafka's batches of an answer; a batch cut off at the end is ignored."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        self._batches = MemoryRecords(raw)
        self.has_next = self._batches.has_next

    def next_batch(self) -> Any:
        begin = self._at
        self._at += _BEHIND_LENGTH + int.from_bytes(self._raw[begin + _LENGTH : begin + _BEHIND_LENGTH], "big")
        batch = self._batches.next_batch()
        return _Batch(batch, self._raw, begin, self._at) if isinstance(batch, DefaultRecordBatch) else batch


class _Batch:
    """One batch of aiokafka, except for its records."""

    def __init__(self, batch: Any, raw: bytes, begin: int, end: int) -> None:
        self._batch = batch
        self._place = raw, begin, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """The marker in a control batch."""
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        records = self._records()
        if records is None:
            return iter(self._batch)
        return iter([_Block(int(records.lines[-1, OFFSET]), records)] if records else [])

    def _records(self) -> Records | None:
        """The batch's records; None if aiokafka must read them."""
        batch, (buffer, begin, end) = self._batch, self._place
        at = begin + _BEHIND_HEADER
        count = int.from_bytes(buffer[begin + _COUNT : at], "big", signed=True)
        if batch.compression_type:
            unpack = _UNPACKED.get(batch.compression_type)
            if unpack is None:
                return None
            buffer, at = bytes(unpack(buffer[at:end])), 0
            end = len(buffer)
        if not 0 <= count <= end - at:
            return None
        lines = np.zeros((count, RECORD), dtype=np.int64)
        plain = compiled.take_records(
            np.frombuffer(buffer, dtype=np.uint8), at, end, batch.base_offset, batch.first_timestamp, lines
        )
        if batch.timestamp_type:
            lines[:, STAMP] = batch.max_timestamp
        return Records(buffer, lines) if plain else None
