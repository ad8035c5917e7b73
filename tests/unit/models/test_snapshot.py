"""A snapshot that is torn, foreign or not made for these features is refused, with the reason."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from models.scoring.snapshot import (
    Curve,
    Cutoff,
    Snapshot,
    SnapshotRefusedError,
    check_features,
    checksum,
    decode,
    encode,
)

GOOD = Snapshot(
    version="m-1",
    curves=[Curve(feature="calls_1d", knots=[0.0, 1.0], values=[0.0, 0.5])],
    intercept=-3.0,
    base_rate=0.05,
    cutoffs=[Cutoff(0.02, 0.2)],
)


def test_decode_gives_back_what_was_encoded() -> None:
    assert replace(decode(encode(GOOD)), checksum="") == GOOD


def test_decode_takes_the_same_snapshot_indented() -> None:
    assert decode(msgspec.json.format(encode(GOOD), indent=2)) == decode(encode(GOOD))


def test_decode_refuses_an_edited_weight() -> None:
    with pytest.raises(SnapshotRefusedError, match="checksum"):
        decode(encode(GOOD).replace(b"-3.0", b"-2.0"))


def test_decode_refuses_half_a_file() -> None:
    with pytest.raises(SnapshotRefusedError, match="not a snapshot"):
        decode(encode(GOOD)[:-20])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "holdfast.snapshot/9"}, "format"),
        ({"base_rate": 0.0}, "base rate"),
        ({"cutoffs": [Cutoff(0.02, 1.0)]}, "cut-off"),
        ({"curves": [Curve(feature="f", knots=[1.0, 1.0], values=[0.0, 0.0])]}, "increasing"),
        ({"curves": [Curve(feature="f", knots=[1.0, 2.0], values=[0.0])]}, "2 knots, 1 values"),
    ],
)
def test_decode_refuses_nonsense(change: dict[str, object], reason: str) -> None:
    with pytest.raises(SnapshotRefusedError, match=reason):
        decode(encode(replace(GOOD, **change)))


def test_check_features_names_the_first_that_differs() -> None:
    with pytest.raises(SnapshotRefusedError, match="calls_1d"):
        check_features(GOOD, ("calls_7d",), "")
    with pytest.raises(SnapshotRefusedError, match="catalogue"):
        check_features(GOOD, ("calls_1d",), "other")
    check_features(GOOD, ("calls_1d",), "")


def test_a_field_that_this_program_does_not_know_is_no_damage() -> None:
    content = msgspec.json.decode(encode(GOOD)) | {"surfaces_of_tomorrow": [1.5]}
    raw = msgspec.json.encode(content | {"checksum": checksum(content)})
    assert decode(raw).curves == GOOD.curves
    with pytest.raises(SnapshotRefusedError, match="torn or edited"):
        decode(raw.replace(b"1.5", b"1.6"))
