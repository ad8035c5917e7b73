"""The models of ``churn.models.v1``, by version: which can be served, which of them is, and what was refused and why.

Workers, the learner and ``holdfast model`` read the topic through this, so that they agree on what is served: the one
that was published last of those that are valid. The key of a snapshot is its version; a tombstone withdraws it. Other
keys are the learner's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
import numpy as np

from models.analysis.daily_segments import Night
from models.features.catalogue import NAMES, catalogue_hash
from models.scoring.scorer import check_examples
from models.scoring.snapshot import Snapshot, SnapshotRefusedError, check_features, decode

CHECKPOINT: Final = "checkpoint"
REPORT: Final = "report"
SEGMENTS: Final = "segments"
BACKFILL: Final = "backfill"
RETENTION: Final = "retention"
OWN: Final = (CHECKPOINT, REPORT, SEGMENTS, BACKFILL, RETENTION)
"""Keys that are no versions: the learner keeps its checkpoint, its report and the last night's segments beside the
models, in parts ``key/n``; :mod:`streams.model_topic.recorded_history` what it tells the lanes, and
:mod:`streams.cluster.retention` what is to be put back."""


def is_own(key: bytes | None) -> bool:
    """Whether a record is no model.

    Examples
    --------
    >>> is_own(b"checkpoint/1"), is_own(b"m-00001")
    (True, False)
    """
    return (key or b"").decode(errors="replace").partition("/")[0] in OWN


class Refusal(StrEnum):
    """Why a snapshot is not served."""

    UNREADABLE = "unreadable"
    """Torn, edited, of another format, or with curves that are none."""
    WRONG_KEY = "wrong_key"
    OTHER_FEATURES = "other_features"
    OTHER_RISKS = "other_risks"
    """What it computes here is not what it computed where it was trained."""


class RefusedModel(NamedTuple):
    """A record that is no model to serve; the last good one stays."""

    version: str
    offset: int
    reason: Refusal
    detail: str


class PublishedModel(NamedTuple):
    """A model that can be served, and where it stands in the topic; ``ts`` is the record's, ms."""

    snapshot: Snapshot
    offset: int
    ts: int


def servable(raw: bytes, key: str | None = None) -> Snapshot | tuple[Refusal, str]:
    """The snapshot, or why this program must not serve it.

    Parameters
    ----------
    key
        Of the record; None where there is none, as in a file.

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
        with np.errstate(all="ignore"):  # weights beyond all reason give a NaN, which is another risk
            check_examples(snapshot)
    except SnapshotRefusedError as error:
        return Refusal.OTHER_RISKS, str(error)
    return snapshot


class ModelVersions:
    """See the module.

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
        """Take up the topic's next record; what it publishes or why that is refused, None for any other."""
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
        self._valid.pop(version, None)  # published again, it is the newest again
        published = self._valid[version] = PublishedModel(found, offset, ts)
        return published

    @property
    def newest(self) -> PublishedModel | None:
        """The one to serve; None while there is none."""
        return next(reversed(self._valid.values()), None)

    @property
    def night(self) -> Night | None:
        """The last night that the learner has made; None if there is none, or it is of another release."""
        raw = self.own.get(SEGMENTS)
        if raw is None:
            return None
        try:
            return msgspec.json.decode(raw, type=Night)
        except msgspec.MsgspecError:
            return None

    def get(self, version: str) -> PublishedModel | None:
        """A version that can be served."""
        return self._valid.get(version)

    def __iter__(self) -> Iterator[PublishedModel]:
        """From the oldest to the newest."""
        return iter(self._valid.values())

    def __len__(self) -> int:
        return len(self._valid)
