"""The learner's checkpoint in ``churn.models.v1``: what it knows, and which example comes next.

Both are written in one transaction with whatever was published, so a kill anywhere costs the examples since the last
one, which are then learned again in the same order. What does not fit one record goes on in others under ``key/1``,
``key/2``, written each time, so the latest of each belong together. It names the topic that its offset counts in: an
offset into a log that was made anew, or was trimmed past it, must not be gone on from silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

FORMAT: Final = 1
PART_BYTES: Final = 700_000
"""Of a record, with room below the usual limit of 1 MB."""


class CheckpointMismatchError(Exception):
    """The checkpoint and what is there disagree; the message says where. Exit code 78."""


class CheckpointRecord(Struct, frozen=True, kw_only=True):
    """See the module.

    Attributes
    ----------
    next_offset
        Of the example to be learned next.
    topic_id
        Of the topic of examples.
    writer
        A name that each learner process gives itself: another one's, and somebody has taken over.
    payload
        ``Learner.checkpoint()``.
    parts
        Records in which the payload stands, this one included.
    """

    next_offset: int
    topic_id: str
    writer: str
    payload: bytes
    format: int = FORMAT
    parts: int = 1


class ExampleLog(Struct, frozen=True):
    """The topic of examples as the cluster has it: its id, its start and its end."""

    topic_id: str
    start: int
    end: int


def encode(record: CheckpointRecord, key: str) -> dict[str, bytes]:
    """Records for the topic, by key: binary, since the payload is.

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
    """Put the latest records of a topic together; None where there is no checkpoint.

    Raises
    ------
    CheckpointMismatchError
        If it is none, of another format, or a part is missing.
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
        If it is none, or of another format.
    """
    try:
        record = msgspec.msgpack.decode(raw, type=CheckpointRecord)
    except msgspec.MsgspecError as error:
        raise CheckpointMismatchError(f"the checkpoint cannot be read: {error}") from error
    if record.format != FORMAT:
        raise CheckpointMismatchError(f"the checkpoint is of format {record.format}, this version reads {FORMAT}")
    return record


def mismatches(record: CheckpointRecord, log: ExampleLog) -> list[str]:
    """How checkpoint and examples disagree, in words; empty when learning can go on.

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
    """Where learning goes on after the operator said ``--accept-loss``.

    Examples
    --------
    >>> record = CheckpointRecord(next_offset=7, topic_id="a", writer="w", payload=b"")
    >>> [accepted(record, log) for log in (ExampleLog("b", 2, 9), ExampleLog("a", 9, 12), ExampleLog("a", 0, 5))]
    [2, 9, 5]
    """
    return log.start if record.topic_id != log.topic_id else min(max(record.next_offset, log.start), log.end)
