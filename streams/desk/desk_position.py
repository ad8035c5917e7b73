"""The desk's position in the breaches, written in the same transaction as its outputs and state."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from models.desk.lanes.lane_times import LaneTimes, Progress
from streams.lanes.ledger import LedgerMismatchError
from streams.records.topics import BREACHES

FORMAT: Final = 2
"""Format 1, which is read too, had applied everything before its offset and nothing else."""
POSITION_KEY: Final = b"~position"


class DeskPosition(msgspec.Struct, frozen=True):
    """How far the breaches have been applied, and the topic and group that it holds for."""

    group: str
    topic_id: str
    next_offset: int
    format: int = FORMAT
    read_to: int = 0
    ahead: dict[int, int] = {}
    times: LaneTimes = msgspec.field(default_factory=LaneTimes)

    @property
    def progress(self) -> Progress:
        """The same without topic and group."""
        return Progress(self.next_offset, max(self.next_offset, self.read_to), self.ahead, self.times)

    def at(self, progress: Progress) -> DeskPosition:
        """The position in the same topic with this progress."""
        return DeskPosition(self.group, self.topic_id, format=FORMAT, **msgspec.structs.asdict(progress))


class BreachLog(NamedTuple):
    """Id, first and end offset of the breaches topic on the cluster."""

    topic_id: str
    start: int
    end: int


def encode(position: DeskPosition) -> bytes:
    """Bytes for the state topic.

    Examples
    --------
    >>> position = DeskPosition("holdfast", "a", 41)
    >>> decode(encode(position)) == position
    True
    """
    return msgspec.json.encode(position)


def decode(value: bytes) -> DeskPosition:
    """Read a position; an unknown format is a mismatch, not a guess."""
    try:
        position = msgspec.json.decode(value, type=DeskPosition)
    except msgspec.MsgspecError as error:
        raise LedgerMismatchError(f"the desk's position cannot be read: {error}") from error
    if not 1 <= position.format <= FORMAT:
        raise LedgerMismatchError(
            f"the desk's state is of format {position.format}, this version reads up to {FORMAT}: "
            "run the version that wrote it"
        )
    return position


def checked(
    position: DeskPosition | None, group: str, log: BreachLog, *, take_over: bool, accept_loss: bool
) -> DeskPosition:
    """The position to continue from; `position` is None for a desk without state.

    Raises
    ------
    streams.lanes.ledger.LedgerMismatchError
        If state and topic disagree and the operator has not accepted it by an option.

    Examples
    --------
    >>> log = BreachLog("a", 0, 9)
    >>> checked(None, "holdfast", log, take_over=False, accept_loss=False).next_offset
    0
    >>> checked(DeskPosition("holdfast", "a", 7), "holdfast", log, take_over=False, accept_loss=False).next_offset
    7
    """
    if position is not None and position.group != group and not take_over:
        raise LedgerMismatchError(
            f"the desk's state belongs to group {position.group!r}, this worker is of group {group!r}: "
            "stop the other group, then --take-over"
        )
    known = position or DeskPosition(group, log.topic_id, 0)
    recreated = known.topic_id != log.topic_id
    if fault := _fault(known.progress, log, recreated=recreated, lost=position is None):
        if not accept_loss:
            raise LedgerMismatchError(
                f"the desk: {fault}. Restore the topics, or start once with --accept-loss to go on without what is "
                "missing."
            )
        known = DeskPosition(
            group, log.topic_id, log.start if recreated else min(max(known.next_offset, log.start), log.end)
        )
    return msgspec.structs.replace(known, group=group)


def _fault(progress: Progress, log: BreachLog, *, recreated: bool, lost: bool) -> str:
    wanted, read_to = progress.next_offset, progress.read_to
    if recreated:
        return f"{BREACHES} was recreated since the state was written"
    if lost and log.start:
        return f"{BREACHES} starts at offset {log.start}, and there is no state: it was lost"
    if wanted < log.start:
        return (
            f"{BREACHES} starts at offset {log.start}, the state needs {wanted}: "
            f"{log.start - wanted} records were deleted unread"
        )
    if read_to > log.end:
        return f"{BREACHES} ends at offset {log.end}, the state has heard {read_to - 1}"
    return ""
