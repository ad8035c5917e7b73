"""A learner's checkpoint as bytes for a topic, and the checks when it is read back.

It is compressed msgpack of plain structs, in an envelope that names format, versions and settings. It is never a
pickle, which would run code from the topic.
"""

from __future__ import annotations

import zlib
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec
import river
from msgspec import Struct

from models.analysis.labelled_window import WindowState
from models.learning.admission import LeavingsState, Lesson
from models.learning.ensemble import EnsembleState, TaughtState
from models.learning.guards import LabelGuardState, PersonWeekWindowState
from models.learning.recent_vectors import RecentState
from models.scoring.snapshot import Snapshot

FORMAT: Final = "holdfast.learner/2"
MOST_BYTES: Final = 8_000_000
"""Size limit: it is written whole, in a few records of one transaction, every few hundred examples."""
_LEVEL: Final = 6


class CheckpointRefusedError(Exception):
    """A checkpoint is damaged, or from another release or settings: the learner must start again from examples."""


class Step(StrEnum):
    """Why a snapshot was published."""

    WEEKLY = "weekly"
    WITHDRAWN = "withdrawn"
    """The learned model proved worse than the prior."""
    RESTORED = "restored"
    """The labels broke: last week's copy, or the one before, is served again."""


class Publication(Struct, frozen=True, kw_only=True):
    """The snapshot that is served, as far as the learner knows, and why it was published.

    Attributes
    ----------
    number
        The largest version number so far.
    quiet_until
        When an operator's rollback ends, ms.
    step, labels, at
        Why it was published, after how many labels and at which label time; `step` and `at` are None if the learner
        did not publish it.
    """

    served: Snapshot
    number: int
    quiet_until: int = 0
    step: Step | None = None
    labels: int = 0
    at: int | None = None


class LearnerState(Struct, frozen=True, kw_only=True):
    """The full state of a learner."""

    labels: int
    base_rate: float | None
    watermark: int | None
    day: int
    week: int
    lessons: dict[Lesson, int]
    outcomes: dict[str, int]
    known: bytes
    leavings: LeavingsState
    prior: Snapshot
    waiting: TaughtState
    recent: RecentState
    fates: PersonWeekWindowState
    window: WindowState
    alerts: WindowState
    origins: list[str]
    guard: LabelGuardState
    stakes: list[float]
    voices: EnsembleState | None
    copies: list[EnsembleState]
    publication: Publication
    pending: Snapshot | None


class _Envelope(Struct, frozen=True, kw_only=True):
    format: str
    river_version: str
    catalogue: str
    settings: str
    checksum: str
    body: bytes


def encode(state: LearnerState, settings: bytes) -> bytes:
    """The record to write; `settings` are the encoded settings that shaped the state.

    Raises
    ------
    CheckpointRefusedError
        If it is larger than :data:`MOST_BYTES`.
    """
    body = zlib.compress(msgspec.msgpack.encode(state), _LEVEL)
    raw = msgspec.msgpack.encode(
        _Envelope(
            format=FORMAT,
            river_version=_river_version(),
            catalogue=state.prior.catalogue_hash,
            settings=_hash(settings),
            checksum=_hash(body),
            body=body,
        )
    )
    if len(raw) > MOST_BYTES:
        raise CheckpointRefusedError(f"a checkpoint of {len(raw)} bytes, more than {MOST_BYTES}")
    return raw


def decode(raw: bytes, settings: bytes) -> LearnerState:
    """Read a checkpoint.

    Raises
    ------
    CheckpointRefusedError
        If anything does not match; the message says what.
    """
    try:
        envelope = msgspec.msgpack.decode(raw, type=_Envelope)
    except msgspec.MsgspecError as error:
        raise CheckpointRefusedError(f"not a checkpoint: {error}") from error
    if envelope.format != FORMAT:
        raise CheckpointRefusedError(f"from another release: format {envelope.format!r}, this one reads {FORMAT!r}")
    if envelope.checksum != _hash(envelope.body):
        raise CheckpointRefusedError("the checksum does not match: the checkpoint was torn or edited")
    if envelope.river_version != _river_version():
        raise CheckpointRefusedError(f"written with River {envelope.river_version}, this is River {_river_version()}")
    if envelope.settings != _hash(settings):
        raise CheckpointRefusedError("laid out under other settings: windows or memories have other sizes")
    try:
        state = msgspec.msgpack.decode(zlib.decompress(envelope.body), type=LearnerState)
    except (msgspec.MsgspecError, zlib.error) as error:
        raise CheckpointRefusedError(f"not a learner's state: {error}") from error
    if state.prior.catalogue_hash != envelope.catalogue:
        raise CheckpointRefusedError(f"its envelope has catalogue {envelope.catalogue}, its snapshot another")
    return state


def _hash(raw: bytes) -> str:
    return blake2b(raw, digest_size=16).hexdigest()


def _river_version() -> str:
    return str(river.__version__)  # type: ignore[attr-defined]  # river does not list it in __all__
