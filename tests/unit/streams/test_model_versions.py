"""Which model of the topic is served: the newest valid one, whatever else stands between."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from support.known_model import known_model, known_snapshot

from models.scoring.snapshot import ScoredVector, encode
from streams.model_topic.versions import OWN, ModelVersions, PublishedModel, Refusal, RefusedModel


class Topic:
    """The records of a topic, taken up as they are written."""

    def __init__(self) -> None:
        self.versions = ModelVersions()
        self._offset = -1

    def write(self, key: str, value: bytes | None) -> PublishedModel | RefusedModel | None:
        self._offset += 1
        return self.versions.take(key.encode(), value, self._offset, 1_780_000_000_000 + self._offset)

    @property
    def newest(self) -> str | None:
        found = self.versions.newest
        return None if found is None else found.snapshot.version


def test_the_newest_valid_one_is_served() -> None:
    topic = Topic()
    assert topic.newest is None
    for version in ("m-00002", "m-00001"):
        topic.write(version, known_model(version))
    assert topic.newest == "m-00001", "by when it was published, not by its name"
    topic.write("m-00003", known_model("m-00003")[:-9])
    assert topic.newest == "m-00001"
    assert len(topic.versions) == 2


def test_each_refusal_has_its_reason() -> None:
    topic, good = Topic(), known_snapshot("m-1")
    x: list[float | None] = [None] * len(good.curves)
    for raw, reason in {
        b"{}": Refusal.UNREADABLE,
        encode(good).replace(b"m-1", b"m-2"): Refusal.UNREADABLE,
        encode(replace(good, version="m-2")): Refusal.WRONG_KEY,
        encode(replace(good, curves=good.curves[::-1])): Refusal.OTHER_FEATURES,
        encode(replace(good, catalogue_hash="0")): Refusal.OTHER_FEATURES,
        encode(replace(good, examples=[ScoredVector(x=x[1:], risk=0.005)])): Refusal.OTHER_RISKS,
        encode(replace(good, examples=[ScoredVector(x=x, risk=0.1)])): Refusal.OTHER_RISKS,
    }.items():
        found = topic.write("m-1", raw)
        assert isinstance(found, RefusedModel)
        assert found.reason is reason
        assert topic.versions.refused["m-1"] == found
    assert topic.newest is None


def test_a_model_of_the_release_before_the_small_learner_is_read_on() -> None:
    """What that release shipped, byte by byte: it computes here what it computed there."""
    raw = (Path(__file__).parents[2] / "golden" / "model.json").read_bytes()
    topic = Topic()
    assert isinstance(topic.write("m-00000", raw), PublishedModel)
    assert topic.newest == "m-00000"
    assert topic.versions.newest is not None
    assert "app.starting_snapshot" in topic.versions.newest.snapshot.provenance.command
    topic.write("m-00001", raw.replace(b"holdfast.snapshot/1", b"holdfast.snapshot/0"))
    assert "format 'holdfast.snapshot/0', this program reads" in topic.versions.refused["m-00001"].detail
    assert topic.newest == "m-00000"


def test_a_model_that_computes_its_own_examples_is_served() -> None:
    """The risk of the known model where nobody has answered: that of its intercept."""
    topic, good = Topic(), known_snapshot("m-1")
    example = ScoredVector(x=[None] * len(good.curves), risk=0.005)
    assert isinstance(topic.write("m-1", encode(replace(good, examples=[example]))), PublishedModel)


def test_weights_beyond_all_reason_are_other_risks_and_no_crash() -> None:
    good = known_snapshot("m-1")
    wild = replace(good.curves[0], knots=[0.0, 1.0], values=[-1e308, 1e308])
    example = ScoredVector(x=[0.5] * len(good.curves), risk=0.005)
    found = Topic().write("m-1", encode(replace(good, curves=[wild, *good.curves[1:]], examples=[example])))
    assert isinstance(found, RefusedModel)
    assert found.reason is Refusal.OTHER_RISKS


def test_a_withdrawn_model_gives_way_to_the_one_before_it() -> None:
    topic = Topic()
    for version in ("m-1", "m-2"):
        topic.write(version, known_model(version))
    topic.write("m-2", None)
    assert topic.newest == "m-1"
    topic.write("m-2", known_model("m-2"))
    assert topic.newest == "m-2"


def test_a_torn_record_leaves_the_good_one_of_the_same_key() -> None:
    topic = Topic()
    topic.write("m-1", known_model("m-1"))
    topic.write("m-1", b"torn")
    assert topic.newest == "m-1"


def test_what_is_the_learners_own_is_no_model_and_no_refusal() -> None:
    topic = Topic()
    assert topic.write("checkpoint", b"c") is None
    assert topic.write("checkpoint/1", b"d") is None
    assert topic.write("report", b"r") is None
    assert topic.versions.own == {"checkpoint": b"c", "checkpoint/1": b"d", "report": b"r"}
    topic.write("checkpoint/1", None)
    assert topic.versions.own == {"checkpoint": b"c", "report": b"r"}
    assert topic.newest is None
    assert not topic.versions.refused


def test_a_record_without_a_key_is_refused() -> None:
    found = ModelVersions().take(None, known_model("m-1"), 0, 0)
    assert isinstance(found, RefusedModel)
    assert found.reason is Refusal.WRONG_KEY


def test_what_the_learner_keeps_beside_the_models_is_no_model() -> None:
    topic = Topic()
    topic.write("m-00001", known_model("m-00001"))
    for key in OWN:
        assert topic.write(key, b"?") is None
    assert topic.newest == "m-00001"
    assert not topic.versions.refused
    assert topic.versions.night is None, "of another release"
    topic.write("segments", None)
    assert "segments" not in topic.versions.own
