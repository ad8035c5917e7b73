"""What one fetch answer brought of a partition, in blocks: the records of a batch at once, as columns.

Which batches are read, and how far the place moves, aiokafka decides: checksums, control batches, aborted
transactions. Its own code runs here, and is given a block where it asks for a record. A batch of an older format, or
one that the compiled reader finds odd, is read by aiokafka record by record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from models.kernel import compiled
from models.kernel.places import OFFSET, RECORD, STAMP
from streams.records.record_columns import InputRecord, Records
from streams.records.wire import UNDATED

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


class FetchedRecords(PartitionRecords):  # type: ignore[misc]
    """aiokafka's records of a partition, of which it was not asked for any yet, as an iterator over `Records`."""

    def __init__(self, fetched: PartitionRecords, raw: bytes) -> None:
        fetched._records_iterator = None  # a cycle, which would hold the bytes
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
        # A fetch may begin in the midst of a batch.
        return record.records[int(np.searchsorted(record.records.lines[:, OFFSET], self.next_fetch_offset)) :]


class _Block(NamedTuple):
    """Stands for a record; its offset is that of the last one."""

    offset: int
    records: Records


class _Batches:
    """aiokafka's batches of an answer, in which a batch cut off at its end is none."""

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
    """One batch: aiokafka's, but for its records."""

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
        """Its records; None if aiokafka has to look at them."""
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
