"""State records of a transaction as the bytes of Kafka record batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.arrays import Bytes, Floats, Rows
from models.kernel import compiled
from models.kernel.places import AT, COUNT, KEY_AT, KEY_LENGTH, RECORD, TAKEN, VALUE_AT, VALUE_LENGTH
from models.state.columns import BIT, BLOCKS, SEEN_IDS, START

StateRecord = tuple[bytes, bytes | None]

VISITS_CODE: Final = b"w"
"""First byte of the state key of a subscriber's kept visits."""
ROOM: Final = 900 << 10
"""Bytes of records in a batch at most: under the default ``max.message.bytes`` of 1 MiB."""
FILL: Final = np.array([value for spec in BLOCKS if spec is not SEEN_IDS for value in spec.fill])
_FILL_BITS: Final = np.concatenate([FILL.view(np.uint64), np.zeros(len(SEEN_IDS.columns), dtype=np.uint64)])
_PARTS: Final = np.array(
    [
        (BIT[SEEN_IDS.name], ord(SEEN_IDS.code), len(FILL), len(SEEN_IDS.columns)),
        (BIT["kept_visits"], ord(VISITS_CODE), 0, 0),
        *(
            (BIT[spec.name], ord(spec.code), START[spec.name], len(spec.columns))
            for spec in BLOCKS
            if spec is not SEEN_IDS
        ),
    ],
    dtype=np.int64,
)


class Body(NamedTuple):
    """The records of one batch, without its header, and their number."""

    content: bytes
    records: int


class StateRecords:
    """State records of one transaction, in the order they were added, batch by batch.

    Examples
    --------
    >>> records = StateRecords()
    >>> records.put([(b"Bs-1", b"{}"), (b"Bs-2", None)])
    >>> len(records), list(records)
    (2, [(b'Bs-1', b'{}'), (b'Bs-2', None)])
    >>> [(len(body.content), body.records) for body in records.bodies()]
    [(24, 2)]
    """

    def __init__(self) -> None:
        self._room: Bytes = np.empty(ROOM, dtype=np.uint8)
        self._done: Rows = np.zeros(3, dtype=np.int64)
        self._full: list[Body] = []

    def __len__(self) -> int:
        return int(self._done[COUNT]) + sum(body.records for body in self._full)

    def __iter__(self) -> Iterator[StateRecord]:
        for body in self.bodies():
            lines = np.zeros((body.records, RECORD), dtype=np.int64)
            compiled.take_records(_bytes([body.content]), 0, len(body.content), 0, 0, lines)
            for key_at, key, value_at, value in lines[:, [KEY_AT, KEY_LENGTH, VALUE_AT, VALUE_LENGTH]].tolist():
                read = None if value < 0 else body.content[value_at : value_at + value]
                yield body.content[key_at : key_at + key], read

    def put(self, records: Iterable[StateRecord]) -> None:
        """Add records.

        Raises
        ------
        ValueError
            If a record does not fit into a batch.
        """
        pairs = list(records)
        if not pairs:
            return
        lengths = np.array([(len(key), -1 if value is None else len(value)) for key, value in pairs], dtype=np.int64)
        source = _bytes(part for pair in pairs for part in pair if part is not None)
        begin, self._done[TAKEN] = 0, 0
        while begin < len(pairs):
            before, begin = begin, compiled.put_pairs(begin, lengths, source, self._room, self._done)
            if before == begin and not self._done[COUNT]:
                raise ValueError(f"state record {pairs[begin][0]!r} does not fit into a batch")
            if begin < len(pairs):
                self._begin_batch()

    def put_rows(
        self,
        rows: Rows,
        keys: list[bytes],
        arrays: Sequence[npt.NDArray[Any]],
        visits: tuple[Rows, Rows, Floats],
    ) -> None:
        """Add the changed parts of rows, and clear their marks.

        Parameters
        ----------
        rows, keys
            Rows to write; subscriber of every row of the population.
        arrays, visits
            The population's table, ring and dirty bits; slot of each row, count and visits of each slot.
        """
        if not len(rows):
            return
        names = [keys[row] for row in rows.tolist()]
        lengths = np.fromiter(map(len, names), np.int64, len(names))
        (table, ring, dirty), (slot, count, kept) = arrays, visits
        bits = table.view(np.uint64), ring, dirty, _FILL_BITS, slot, count, kept.view(np.uint64)
        begin, self._done[TAKEN] = 0, 0
        while begin < len(rows):
            begin = compiled.put_rows(begin, rows, bits, _PARTS, (_bytes(names), lengths), self._room, self._done)
            if begin < len(rows):
                self._begin_batch()

    def _begin_batch(self) -> None:
        self._full = self.bodies()
        self._done[[AT, COUNT]] = 0

    def bodies(self) -> list[Body]:
        """All records, batch by batch."""
        at, count = int(self._done[AT]), int(self._done[COUNT])
        return [*self._full, Body(self._room[:at].tobytes(), count)] if count else list(self._full)


def _bytes(parts: Iterable[bytes]) -> Bytes:
    return np.frombuffer(b"".join(parts) or b"\0", dtype=np.uint8)
