"""The model as plain JSON: one curve a feature, and the data to serve, check and trace it.

A snapshot travels through a topic, so it is data and never a pickle. It carries its own checksum and the hash of the
feature catalogue it was trained on.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec import Struct

from models.contract.vocabulary import Segment

FORMAT: Final = "holdfast.snapshot/1"


class SnapshotRefusedError(Exception):
    """A snapshot is damaged, inconsistent, or made for other features; the last good one stays in force."""


class Curve(Struct, frozen=True, kw_only=True):
    """Log-odds that one feature adds: linear between knots, constant outside, ``missing`` without a value."""

    feature: str
    knots: list[float]
    values: list[float]
    missing: float = 0.0
    usual: float | None = None
    """Median in training, with which reasons compare. ``None``: usually missing."""
    usual_of: dict[Segment, float | None] = {}
    """Median by value segment, where enough were seen: heavy users are compared with heavy users."""


class Cutoff(Struct, frozen=True, array_like=True):
    """A share of the subscribers, and the risk that this share reached."""

    share: float
    risk: float


class ScoredVector(Struct, frozen=True, kw_only=True):
    """One vector with the trained model's risk, to check that serving computes the same."""

    x: list[float | None]
    risk: float


class Provenance(Struct, frozen=True, kw_only=True):
    """Where the weights come from and which data they were fitted on."""

    source: str = ""
    licence: str = ""
    command: str = ""
    rows: int = 0
    positives: int = 0
    measures: dict[str, float] = {}


class Snapshot(Struct, frozen=True, kw_only=True):
    """A model as data. ``base_rate`` is that of the training data."""

    version: str
    curves: list[Curve]
    intercept: float
    base_rate: float
    format: str = FORMAT
    river_version: str = ""
    catalogue_hash: str = ""
    cutoffs: list[Cutoff] = []
    examples: list[ScoredVector] = []
    watermark: int | None = None
    provenance: Provenance = Provenance()
    checksum: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, in the order of the rows of ``x``."""
        return tuple(curve.feature for curve in self.curves)

    def cutoff(self, share: float) -> float:
        """The risk that this share of the training population exceeded; interpolated between known shares.

        Examples
        --------
        >>> cutoffs = [Cutoff(0.02, 0.30), Cutoff(0.10, 0.10)]
        >>> snapshot = Snapshot(version="m-1", curves=[], intercept=0.0, base_rate=0.03, cutoffs=cutoffs)
        >>> snapshot.cutoff(0.02), round(snapshot.cutoff(0.06), 3), snapshot.cutoff(0.5)
        (0.3, 0.2, 0.1)
        """
        known = sorted((c.share, c.risk) for c in self.cutoffs) or [(share, self.base_rate)]
        if share <= known[0][0]:
            return known[0][1]
        for (low, at_low), (high, at_high) in pairwise(known):
            if share <= high:
                return at_low + (at_high - at_low) * (share - low) / (high - low)
        return known[-1][1]


def checksum(content: dict[str, Any]) -> str:
    """Hash of the JSON content without the checksum itself.

    It covers the raw content, not the decoded fields: a field that only one release knows must not make a snapshot look
    damaged to another.
    """
    return blake2b(msgspec.json.encode({**content, "checksum": ""}), digest_size=16).hexdigest()


def encode(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON with its checksum."""
    content = msgspec.to_builtins(snapshot)
    return msgspec.json.encode({**content, "checksum": checksum(content)})


def decode(raw: bytes) -> Snapshot:
    """Read a snapshot; refuse one that is damaged, of another format, or with invalid numbers.

    Raises
    ------
    SnapshotRefusedError
        With the reason.
    """
    try:
        snapshot = msgspec.json.decode(raw, type=Snapshot)
        content = msgspec.json.decode(raw)
    except msgspec.MsgspecError as error:
        raise SnapshotRefusedError(f"not a snapshot: {error}") from error
    if snapshot.format != FORMAT:
        raise SnapshotRefusedError(f"format {snapshot.format!r}, this program reads {FORMAT!r}")
    if snapshot.checksum != checksum(content):
        raise SnapshotRefusedError("the checksum does not match: the snapshot was torn or edited")
    for curve in snapshot.curves:
        _check_curve(curve)
    if not 0.0 < snapshot.base_rate < 1.0:
        raise SnapshotRefusedError(f"the base rate {snapshot.base_rate} is not between 0 and 1")
    if any(not 0.0 < c.risk < 1.0 for c in snapshot.cutoffs):
        raise SnapshotRefusedError("the risk of a cut-off is not between 0 and 1")
    return snapshot


def _check_curve(curve: Curve) -> None:
    knots = curve.knots
    if not knots or len(knots) != len(curve.values):
        raise SnapshotRefusedError(f"{curve.feature}: {len(knots)} knots, {len(curve.values)} values")
    if any(right <= left for left, right in pairwise(knots)):
        raise SnapshotRefusedError(f"{curve.feature}: the knots are not increasing")


def check_features(snapshot: Snapshot, names: tuple[str, ...], catalogue_hash: str) -> None:
    """Refuse a snapshot trained on other features than these.

    Raises
    ------
    SnapshotRefusedError
        With the first feature that differs.
    """
    if snapshot.features != names:
        pairs = zip(snapshot.features, names, strict=False)
        first = next((pair for pair in pairs if pair[0] != pair[1]), (len(snapshot.features), len(names)))
        raise SnapshotRefusedError(f"trained on other features: {first[0]!r} where {first[1]!r} is computed")
    if snapshot.catalogue_hash != catalogue_hash:
        raise SnapshotRefusedError(f"catalogue {snapshot.catalogue_hash}, this program computes {catalogue_hash}")
