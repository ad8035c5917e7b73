"""Ledger of a lane: the applied offset of each input, written in the same transaction as the outputs.

It also names its topics, partition count and group. State of other topics, another partition count or another group
must never be continued silently: the worker exits 78 and names the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from streams.records.topics import BOOTSTRAP, INPUT_TOPICS

FORMAT: Final = 1
LEDGER_KEY: Final = b"~ledger"


class LedgerMismatchError(Exception):
    """State and topics disagree; the message says where, and what to do. Exit code 78."""


class Ledger(msgspec.Struct):
    """The applied offset of each input of a lane, and the topics, partition count and group that it is valid for.

    ``offsets`` holds for each input the last offset that is settled, one before the log's start where nothing is yet;
    ``bootstrap`` the ends that subscribers and erasures must reach before any other input is applied; ``clock`` the
    fold's clock.
    """

    group: str
    partitions: int
    topic_ids: dict[str, str]
    offsets: dict[str, int]
    bootstrap: dict[str, int] = {}
    joined: bool = False
    """Whether this lane was announced to the desk."""
    clock: dict[str, Any] = {}
    model: str = ""
    policy: str = ""
    format: int = FORMAT

    def next_offset(self, topic: str, log_start: int) -> int:
        """Offset at which reading of `topic` continues."""
        applied = self.offsets.get(topic)
        return log_start if applied is None else applied + 1


class LaneLogs(NamedTuple):
    """The inputs of one lane on the cluster: topic ids, and first and end offset of the lane's partition."""

    topic_ids: Mapping[str, str]
    starts: Mapping[str, int]
    ends: Mapping[str, int]
    committed: Mapping[str, int]
    """The group's committed offsets, by topic; with them but without a ledger, the state may be lost."""


def encode(ledger: Ledger) -> bytes:
    """Bytes for the state topic.

    Examples
    --------
    >>> ledger = Ledger("holdfast", 8, {}, {"telecom.calls.v1": 41})
    >>> decode(encode(ledger)) == ledger
    True
    """
    return msgspec.json.encode(ledger)


def decode(value: bytes) -> Ledger:
    """Read a ledger; an unknown format is a mismatch, not a guess."""
    try:
        ledger = msgspec.json.decode(value, type=Ledger)
    except msgspec.MsgspecError as error:
        raise LedgerMismatchError(f"the ledger cannot be read: {error}") from error
    if ledger.format != FORMAT:
        raise LedgerMismatchError(
            f"the ledger is of format {ledger.format}, this version reads {FORMAT}: run the version that wrote it"
        )
    return ledger


def new(group: str, partitions: int, logs: LaneLogs) -> Ledger:
    """A ledger for a lane that has none yet: profiles come first, up to their present ends."""
    bootstrap = {topic: logs.ends[topic] for topic in BOOTSTRAP if logs.ends[topic] > logs.starts[topic]}
    # The starts too: otherwise records deleted before a topic's first read would go unnoticed.
    offsets = {topic: start - 1 for topic, start in logs.starts.items()}
    return Ledger(group, partitions, dict(logs.topic_ids), offsets, bootstrap)


def mismatches(ledger: Ledger, group: str, partitions: int, logs: LaneLogs, *, take_over: bool) -> list[str]:
    """Messages on how `ledger` and the cluster disagree; empty when reading can go on.

    Examples
    --------
    >>> logs = LaneLogs({"telecom.calls.v1": "b"}, {"telecom.calls.v1": 0}, {"telecom.calls.v1": 9}, {})
    >>> ledger = Ledger("other", 8, {"telecom.calls.v1": "a"}, {})
    >>> for line in mismatches(ledger, "holdfast", 8, logs, take_over=False):
    ...     print(line)
    the state belongs to group 'other', this worker is of group 'holdfast': stop the other group, then --take-over
    telecom.calls.v1 was recreated since the state was written
    """
    found = []
    if ledger.group != group and not take_over:
        found.append(
            f"the state belongs to group {ledger.group!r}, this worker is of group {group!r}: "
            "stop the other group, then --take-over"
        )
    if ledger.partitions != partitions:
        found.append(f"the state was written for {ledger.partitions} partitions, the topics have {partitions}")
    for topic in (t.name for t in INPUT_TOPICS if t.name in logs.topic_ids):
        if ledger.topic_ids.get(topic, logs.topic_ids[topic]) != logs.topic_ids[topic]:
            found.append(f"{topic} was recreated since the state was written")
            continue
        wanted = ledger.next_offset(topic, logs.starts[topic])
        if wanted < logs.starts[topic]:
            found.append(
                f"{topic} starts at offset {logs.starts[topic]}, the state needs {wanted}: "
                f"{logs.starts[topic] - wanted} records were deleted unread"
            )
        elif wanted > logs.ends[topic]:
            found.append(f"{topic} ends at offset {logs.ends[topic]}, the state has applied {wanted - 1}")
    return found


def lost_state(logs: LaneLogs) -> list[str]:
    """Messages if a missing ledger looks like lost state rather than a first start."""
    return [
        f"the state topic holds no ledger, but the group has read {topic} to offset {offset}: the state was lost"
        for topic, offset in logs.committed.items()
        if offset > logs.starts.get(topic, 0)
    ]


def accept_loss(ledger: Ledger, partitions: int, logs: LaneLogs) -> Ledger:
    """The ledger after the operator's ``--accept-loss``: reading continues where the logs allow."""
    offsets = {}
    for topic, applied in ledger.offsets.items():
        before, last = logs.starts[topic] - 1, logs.ends[topic] - 1
        recreated = ledger.topic_ids.get(topic) != logs.topic_ids[topic]
        # A log shorter than the ledger has lost records that were applied, so all that is left was applied too.
        offsets[topic] = before if recreated else min(max(applied, before), last)
    return msgspec.structs.replace(
        ledger, partitions=partitions, topic_ids=dict(logs.topic_ids), offsets=offsets, bootstrap={}
    )
