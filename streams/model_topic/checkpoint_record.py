"""The learner's checkpoint in ``churn.models.v1``: its state, and the offset of the next example.

Both are written in one transaction with the model published, if any. So after a kill only the examples since the last
checkpoint are learned again, in the same order. A large checkpoint continues in records ``key/1``, ``key/2``, all
written each time, so the latest of each belong together. It names the topic of its offset: learning must not silently
continue in a topic that was recreated or trimmed past the offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

FORMAT: Final = 1
PART_BYTES: Final = 700_000
"""Largest part in one record, with room below the usual limit of 1 MB."""


class CheckpointMismatchError(Exception):
    """Checkpoint and topics disagree; the message says where. Exit code 78."""


class CheckpointRecord(Struct, frozen=True, kw_only=True):
    """A checkpoint of the learner.

    Attributes
    ----------
    next_offset
        Offset of the next example to learn.
    topic_id
        Id of the examples topic.
    writer
        Name that each learner process gives itself: a foreign name means that another process has taken over.
    payload
        ``Learner.checkpoint()``.
    parts
        Number of records that hold the payload, this one included.
    """

    next_offset: int
    topic_id: str
    writer: str
    payload: bytes
    format: int = FORMAT
    parts: int = 1


class ExampleLog(Struct, frozen=True):
    """The examples topic on the cluster: its id, start and end."""

    topic_id: str
    start: int
    end: int


def encode(record: CheckpointRecord, key: str) -> dict[str, bytes]:
    """Records for the topic, by key; binary, like the payload.

    Examples
    --------
    >>> record = CheckpointRecord(next_offset=7, topic_id="a", writer="w", payload=b"weights" * 150_000)
    >>> records = encode(record, "checkpoint")
    >>> list(records), whole(records, "checkpoint").payload == record.payload
    (['checkpoint', 'checkpoint/1'], True)
    """
    pieces = [record.payload[at : at + PART_BYTES] for at in range(0, len(record.payload), PART_BYTES)] or [b""]
    head = msgspec.structs.replace(record, payload=pieces[0], parts=len(pieces))
    return {key: msgspec.msgpack.encode(head)} | {f"{key}/{n}": piece for n, piece in enumerate(pieces[1:], 1)}


def whole(records: Mapping[str, bytes], key: str) -> CheckpointRecord | None:
    """Join the latest records of a topic into a checkpoint; None if there is none.

    Raises
    ------
    CheckpointMismatchError
        If it is not a checkpoint, has another format, or a part is missing.
    """
    if (raw := records.get(key)) is None:
        return None
    head = decode(raw)
    rest = [records.get(f"{key}/{n}") for n in range(1, head.parts)]
    if None in rest:
        raise CheckpointMismatchError(f"the checkpoint is of {head.parts} parts, and not all are there")
    payload = b"".join([head.payload, *(piece for piece in rest if piece is not None)])
    return msgspec.structs.replace(head, payload=payload, parts=1)


def decode(raw: bytes) -> CheckpointRecord:
    """Read the first record of a checkpoint.

    Raises
    ------
    CheckpointMismatchError
        If it is not a checkpoint, or has another format.
    """
    try:
        record = msgspec.msgpack.decode(raw, type=CheckpointRecord)
    except msgspec.MsgspecError as error:
        raise CheckpointMismatchError(f"the checkpoint cannot be read: {error}") from error
    if record.format != FORMAT:
        raise CheckpointMismatchError(f"the checkpoint is of format {record.format}, this version reads {FORMAT}")
    return record


def mismatches(record: CheckpointRecord, log: ExampleLog) -> list[str]:
    """Messages on how checkpoint and examples disagree; empty when learning can go on.

    Examples
    --------
    >>> record = CheckpointRecord(next_offset=7, topic_id="a", writer="w", payload=b"")
    >>> mismatches(record, ExampleLog("a", 7, 7)), mismatches(record, ExampleLog("b", 0, 9))
    ([], ['the topic of examples was recreated since the checkpoint was written'])
    >>> mismatches(record, ExampleLog("a", 9, 12))
    ['the examples start at offset 9, the checkpoint needs 7: 2 were deleted unread']
    >>> mismatches(record, ExampleLog("a", 0, 5))
    ['the examples end at offset 5, the checkpoint has learned up to 6']
    """
    if record.topic_id != log.topic_id:
        return ["the topic of examples was recreated since the checkpoint was written"]
    wanted = record.next_offset
    if wanted < log.start:
        return [
            f"the examples start at offset {log.start}, the checkpoint needs {wanted}: "
            f"{log.start - wanted} were deleted unread"
        ]
    if wanted > log.end:
        return [f"the examples end at offset {log.end}, the checkpoint has learned up to {wanted - 1}"]
    return []


def accepted(record: CheckpointRecord, log: ExampleLog) -> int:
    """Offset at which learning continues after the operator's ``--accept-loss``.

    Examples
    --------
    >>> record = CheckpointRecord(next_offset=7, topic_id="a", writer="w", payload=b"")
    >>> [accepted(record, log) for log in (ExampleLog("b", 2, 9), ExampleLog("a", 9, 12), ExampleLog("a", 0, 5))]
    [2, 9, 5]
    """
    return log.start if record.topic_id != log.topic_id else min(max(record.next_offset, log.start), log.end)
