"""The models of ``churn.models.v1`` by version: which are valid, which is served, and which were refused and why.

Workers, the learner and ``holdfast model`` all read the topic through this, so that they agree on the served model:
the valid one that was published last. The key of a snapshot is its version; a tombstone withdraws it. Other keys are
the learner's own.

A command writes without the learner's transactional id, which would end the learner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from models.analysis.daily_segments import Night
from models.features.catalogue import NAMES, catalogue_hash
from models.scoring.scorer import check_examples
from models.scoring.snapshot import Snapshot, SnapshotRefusedError, check_features, decode, encode
from streams.kafka.one_record import written
from streams.kafka.topic_tail import tail
from streams.records.out_records import OutRecord
from streams.records.topics import MODELS

CHECKPOINT: Final = "checkpoint"
REPORT: Final = "report"
SEGMENTS: Final = "segments"
BACKFILL: Final = "backfill"
RETENTION: Final = "retention"
OWN: Final = (CHECKPOINT, REPORT, SEGMENTS, BACKFILL, RETENTION)
"""Keys that are no versions: the learner's checkpoint, report and last night's segments, in parts ``key/n``; the note
of :mod:`streams.model_topic.recorded_history` for the lanes; and the saved settings of
:mod:`streams.model_topic.retention`."""


def is_own(key: bytes | None) -> bool:
    """Whether a record has one of these keys and so is no model.

    Examples
    --------
    >>> is_own(b"checkpoint/1"), is_own(b"m-00001")
    (True, False)
    """
    return (key or b"").decode(errors="replace").partition("/")[0] in OWN


class Refusal(StrEnum):
    """Why a snapshot is not served."""

    UNREADABLE = "unreadable"
    """Damaged, edited, of another format, or with invalid curves."""
    WRONG_KEY = "wrong_key"
    OTHER_FEATURES = "other_features"
    OTHER_RISKS = "other_risks"
    """It computes other values here than where it was trained."""


class RefusedModel(NamedTuple):
    """A record whose model cannot be served; the last good one stays in force."""

    version: str
    offset: int
    reason: Refusal
    detail: str


class PublishedModel(NamedTuple):
    """A valid model with its offset in the topic; ``ts`` is the record's timestamp, ms."""

    snapshot: Snapshot
    offset: int
    ts: int


def servable(raw: bytes, key: str | None = None) -> Snapshot | tuple[Refusal, str]:
    """The snapshot, or why this program must not serve it.

    Parameters
    ----------
    key
        Key of the record; None if there is none, as for a file.

    Examples
    --------
    >>> servable(b'{"version": "m-0')
    (<Refusal.UNREADABLE: 'unreadable'>, 'not a snapshot: Input data was truncated')
    """
    try:
        snapshot = decode(raw)
    except SnapshotRefusedError as error:
        return Refusal.UNREADABLE, str(error)
    if key is not None and key != snapshot.version:
        return Refusal.WRONG_KEY, f"version {snapshot.version!r} under another key"
    try:
        check_features(snapshot, NAMES, catalogue_hash())
    except SnapshotRefusedError as error:
        return Refusal.OTHER_FEATURES, str(error)
    try:
        with np.errstate(all="ignore"):  # extreme weights give NaN, which then differs from the expected risk
            check_examples(snapshot)
    except SnapshotRefusedError as error:
        return Refusal.OTHER_RISKS, str(error)
    return snapshot


class ModelVersions:
    """The models of the topic, built up record by record.

    Attributes
    ----------
    refused
        The newest refused record of each key.
    own
        The newest record of each key that is no version, without tombstones.

    Examples
    --------
    >>> versions = ModelVersions()
    >>> versions.take(b"m-00001", b"{}", 0, 0).reason
    <Refusal.UNREADABLE: 'unreadable'>
    >>> versions.newest is None
    True
    """

    def __init__(self) -> None:
        self.refused: dict[str, RefusedModel] = {}
        self.own: dict[str, bytes] = {}
        self._valid: dict[str, PublishedModel] = {}

    def take(
        self, key: bytes | None, value: bytes | None, offset: int, ts: int
    ) -> PublishedModel | RefusedModel | None:
        """Add the topic's next record; returns the model published or refused, None for any other record."""
        version = (key or b"").decode(errors="replace")
        if is_own(key):
            self.own.pop(version, None)
            if value is not None:
                self.own[version] = value
            return None
        if value is None:
            self.refused.pop(version, None)
            self._valid.pop(version, None)
            return None
        found = servable(value, version)
        if isinstance(found, tuple):
            refused = self.refused[version] = RefusedModel(version, offset, *found)
            return refused
        self.refused.pop(version, None)
        self._valid.pop(version, None)  # a model published again becomes the newest
        published = self._valid[version] = PublishedModel(found, offset, ts)
        return published

    @property
    def newest(self) -> PublishedModel | None:
        """The model to serve; None while there is none."""
        return next(reversed(self._valid.values()), None)

    @property
    def night(self) -> Night | None:
        """The last night's segments; None if there are none, or they are of another release."""
        raw = self.own.get(SEGMENTS)
        if raw is None:
            return None
        try:
            return msgspec.json.decode(raw, type=Night)
        except msgspec.MsgspecError:
            return None

    def get(self, version: str) -> PublishedModel | None:
        """The valid model of a version, if there is one."""
        return self._valid.get(version)

    def __iter__(self) -> Iterator[PublishedModel]:
        """Valid models, from the oldest to the newest."""
        return iter(self._valid.values())

    def __len__(self) -> int:
        return len(self._valid)


async def read_versions(client: Mapping[str, Any], prefix: str) -> ModelVersions:
    """Everything in the topic now.

    Raises
    ------
    streams.kafka.topic_tail.TopicMissingError
        If there is no such topic.
    """
    versions = ModelVersions()
    async with aclosing(tail(client, prefix + MODELS, from_beginning=True, follow=False)) as records:
        async for record in records:
            versions.take(record.key, record.value, record.offset, record.timestamp)
    return versions


async def publish_model(client: Mapping[str, Any], prefix: str, snapshot: Snapshot) -> None:
    """Write a model under its version; after this returns every process that follows the topic will serve it."""
    await keep(client, prefix, snapshot.version, encode(snapshot))


async def keep(client: Mapping[str, Any], prefix: str, key: str, value: bytes) -> None:
    """Write one record; after this returns it is on the broker."""
    await written(client, prefix, OutRecord(MODELS, key.encode(), value))


async def kept(client: Mapping[str, Any], prefix: str, key: str) -> bytes | None:
    """The newest record of a key; None if there is none.

    Raises
    ------
    streams.kafka.topic_tail.TopicMissingError
        If there is no such topic.
    """
    found: bytes | None = None
    async with aclosing(tail(client, prefix + MODELS, from_beginning=True, follow=False)) as records:
        async for record in records:
            if record.key == key.encode():
                found = record.value
    return found
