"""A record batch whose records are bytes already, for aiokafka's producer to send.

References
----------
.. [1] Apache Kafka, "Message Format", https://kafka.apache.org/documentation/#messageformat: the record batch.
"""

from __future__ import annotations

import struct
from typing import Final

from aiokafka.record.util import calc_crc32c

from models.state.state_records import Body, StateRecords

_BEFORE_CRC: Final = struct.Struct(">qiibI")
_BEHIND_CRC: Final = struct.Struct(">hiqqqhii")
_UNCOUNTED: Final = 12
"""Bytes of the head that its length does not count: the offset and the length itself."""
_NO_EPOCH: Final = -1
"""Of the leader: the broker knows its own."""
_MAGIC: Final = 2
_TRANSACTIONAL: Final = 0x10


def batches(records: StateRecords, now_ms: int) -> list[StateBatch]:
    """State records as batches to be sent."""
    return [StateBatch(body, now_ms) for body in records.bodies()]


class StateBatch:
    """What aiokafka's ``send_batch`` asks of a batch builder.

    Examples
    --------
    >>> batch = StateBatch(Body(b"...", 2), 1_780_000_000_000)
    >>> batch._set_producer_state(7, 0, 40)
    >>> batch.record_count(), batch.closed(), len(batch._build())
    (2, True, 64)
    """

    def __init__(self, body: Body, timestamp_ms: int) -> None:
        self._body = body
        self._timestamp_ms = timestamp_ms
        self._built = b""

    def record_count(self) -> int:
        """Records in it."""
        return self._body.records

    def closed(self) -> bool:
        """Nothing can be added."""
        return True

    def close(self) -> None:
        """Asked of every builder before a commit."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """Asked once, before the first time that it is sent: a batch that is sent again must be the same."""
        content, count = self._body
        ts, writer = self._timestamp_ms, (producer_id, producer_epoch, base_sequence)
        behind = _BEHIND_CRC.pack(_TRANSACTIONAL, count - 1, ts, ts, *writer, count) + content
        length = _BEFORE_CRC.size + len(behind) - _UNCOUNTED
        self._built = _BEFORE_CRC.pack(0, length, _NO_EPOCH, _MAGIC, calc_crc32c(behind)) + behind

    def _build(self) -> bytes:
        return self._built
