"""A checkpoint is whole, small, and refused in clear words when anything does not fit."""

from __future__ import annotations

import zlib

import msgspec
import numpy as np
import pytest

import planted
from models.fitting.river_logistic import begin, put, take
from models.learning import checkpoint
from models.learning.checkpoint import CheckpointRefusedError
from models.learning.learner import Learner, LearnerSettings
from streams.model_topic.checkpoint_record import PART_BYTES

SETTINGS = LearnerSettings(warm_rows=60, window=1_000, recent_rows=80)


@pytest.fixture(scope="module")
def raw() -> bytes:
    learner = Learner(SETTINGS, planted.starting())
    for told in planted.told(planted.examples(150, seed=1)):
        learner.learn(told)
    return learner.checkpoint()


def unpacked(raw: bytes) -> dict[str, object]:
    found: dict[str, object] = msgspec.msgpack.decode(raw)
    return found


def test_a_checkpoint_goes_there_and_back(raw: bytes) -> None:
    assert Learner.resume(raw, SETTINGS).checkpoint() == raw


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("format", "holdfast.learner/0", "format"),
        ("river_version", "0.21.0", "River 0.21.0"),
        ("catalogue", "0000", "catalogue 0000"),
        ("checksum", "0000", "torn or edited"),
        ("body", b"nothing", "torn or edited"),
    ],
)
def test_what_does_not_fit_is_refused(raw: bytes, field: str, value: object, word: str) -> None:
    bent = msgspec.msgpack.encode(unpacked(raw) | {field: value})
    with pytest.raises(CheckpointRefusedError, match=word):
        Learner.resume(bent, SETTINGS)


def test_other_sizes_are_refused_and_other_numbers_are_not(raw: bytes) -> None:
    with pytest.raises(CheckpointRefusedError, match="laid out under other settings"):
        Learner.resume(raw, msgspec.structs.replace(SETTINGS, warm_rows=70))
    assert Learner.resume(raw, msgspec.structs.replace(SETTINGS, quiet_days=7.0)).labels > 300


@pytest.mark.parametrize("piece", [b"", b"\x80", b"{}", b"cos\nsystem\n(S'true'\ntR."])
def test_what_is_no_checkpoint_is_refused(piece: bytes) -> None:
    with pytest.raises(CheckpointRefusedError, match="not a checkpoint"):
        Learner.resume(piece, SETTINGS)


def test_every_torn_length_is_refused(raw: bytes) -> None:
    for length in range(0, len(raw), len(raw) // 40):
        with pytest.raises(CheckpointRefusedError):
            Learner.resume(raw[:length], SETTINGS)


def resealed(raw: bytes, **changed: object) -> bytes:
    """As somebody would forge it: other content, right checksum."""
    envelope = unpacked(raw)
    body = msgspec.msgpack.decode(zlib.decompress(envelope["body"]))  # type: ignore[arg-type]
    packed = zlib.compress(msgspec.msgpack.encode(body | changed))
    return msgspec.msgpack.encode(envelope | {"body": packed, "checksum": checkpoint._hash(packed)})


def test_parts_that_do_not_fit_each_other_are_refused(raw: bytes) -> None:
    state = msgspec.msgpack.decode(zlib.decompress(unpacked(raw)["body"]))  # type: ignore[arg-type]
    for changed in (
        {"labels": "many"},
        {"recent": {"x": b"123", "segment": b"\x01"}},
        {"fates": {"added": 3, "rows": b""}},
        {"voices": state["voices"] | {"posterior": state["voices"]["posterior"] | {"weights": b"12345678"}}},
        {"window": state["window"] | {"filled": 3}},
        {"window": state["window"] | {"facts": b"1"}},
        {"window": state["window"] | {"told": {"nobody": b""}}},
        {"known": b"123"},
    ):
        with pytest.raises(CheckpointRefusedError):
            Learner.resume(resealed(raw, **changed), SETTINGS)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_largest_checkpoint_fits_ten_records() -> None:
    """Everything full, and nothing that compresses: noise in every feature, all memories at their bounds."""
    settings, rows = LearnerSettings(), 1_300
    dice = np.random.default_rng(1)
    learner = Learner(settings, planted.starting())
    x = dice.normal(size=(rows, len(planted.starting().curves)))
    for told in planted.told(planted.examples(rows, x=x, level=1.0)):
        learner.learn(msgspec.structs.replace(told, risk=float(dice.random())))
    rest = planted.examples(settings.window + rows, seed=2, first=rows)
    for number, verdict in enumerate(rest):
        changed = {"risk": float(dice.random()), "origin": "risk_tier" if number % 4 == 0 else "weekly"}
        learner.learn(msgspec.structs.replace(verdict, **changed))
    raw = learner.checkpoint()
    assert learner.report().quality.served.rows == settings.window
    assert len(raw) < 10 * PART_BYTES, len(raw)


def test_a_checkpoint_too_large_is_refused(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "MOST_BYTES", len(raw) - 1)
    with pytest.raises(CheckpointRefusedError, match="bytes, more than"):
        Learner.resume(raw, SETTINGS).checkpoint()


def test_river_goes_there_and_back_to_the_last_bit() -> None:
    dice = np.random.default_rng(4)
    one = put(begin(0.03, 0.01))
    rows = [
        ({f"k{k}": float(v) for k, v in enumerate(dice.normal(size=30))}, bool(dice.random() < 0.3)) for _ in range(200)
    ]
    for x, y in rows[:100]:
        one.learn_one(x, y)
    two = put(msgspec.msgpack.decode(msgspec.msgpack.encode(take(one)), type=type(take(one))))
    for x, y in rows[100:]:
        one.learn_one(x, y)
        two.learn_one(x, y)
        assert one.predict_proba_one(x) == two.predict_proba_one(x)
    assert msgspec.msgpack.encode(take(one)) == msgspec.msgpack.encode(take(two))
