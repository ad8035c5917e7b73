"""Records of the inputs as columns: the bytes of many in one buffer, and a line of numbers each.

A record becomes an object only where somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, overload

import numpy as np

from models.arrays import Ints
from models.kernel.places import KEY_AT, KEY_LENGTH, OFFSET, RECORD, STAMP, TOPIC, VALUE_AT, VALUE_LENGTH
from streams.records.topics import INPUT_TOPICS
from streams.records.wire import RawRecord


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
    """See the module.

    Parameters
    ----------
    buffer
        In which keys and values stand.
    lines
        Of each record where they do, its offset, timestamp and topic: see :mod:`models.kernel.places`.

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
        """Columns of records that are objects, their topics given by rank."""
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
        """One after the other; of each, which are as they were fetched, only the bytes that are theirs are kept."""
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
        """Those at some places."""
        return Records(self.buffer, self.lines[places])

    def subscribers(self) -> list[str]:
        """Whom each is about, of records that are events."""
        starts = self.lines[:, KEY_AT]
        spans = zip(starts.tolist(), (starts + self.lines[:, KEY_LENGTH]).tolist(), strict=True)
        return [self.buffer[start:end].decode() for start, end in spans]

    @property
    def nbytes(self) -> int:
        """Bytes from the first key to the last value, of records as they were fetched."""
        begin, end = self._span()
        return end - begin

    def _span(self) -> tuple[int, int]:
        if not len(self.lines):
            return 0, 0
        first, last = self.lines[0], self.lines[-1]
        return int(first[KEY_AT]), int(last[VALUE_AT]) + max(int(last[VALUE_LENGTH]), 0)


NONE: Final = Records.of([])
"""No records at all."""
