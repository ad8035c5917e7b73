"""Models and policies by version: also the withdrawn ones; what is gone is named, and the newest stands for it."""

from __future__ import annotations

from support.known_model import known_model, known_snapshot

from models.contract.policy import Policy
from streams.history.recorded_versions import RecordedVersions
from streams.policy_topic import policy_record
from streams.records.topics import MODELS, POLICY

BESIDE = Policy(version="p-file", base_rate=0.05)


def versions(base_rate: float | None = None) -> RecordedVersions:
    made = RecordedVersions(known_snapshot("m-beside"), BESIDE, base_rate=base_rate)
    for offset, version in enumerate(("m-00001", "m-00002", "m-00003")):
        made.take(MODELS, version.encode(), known_model(version), (), offset, 0)
    made.take(MODELS, b"m-00003", None, (), 3, 0)
    record = policy_record(Policy(version="p-7", base_rate=0.02), None)
    made.take(POLICY, record.key, record.value, record.headers, 0, 0)
    return made


def test_what_was_superseded_or_withdrawn_is_known_and_is_the_same_object_each_time() -> None:
    made = versions()
    for model in ("m-00001", "m-00003", "m-beside"):
        scorer, policy = made.serving(model, "p-7")
        assert (scorer.version, scorer.base_rate, policy.version) == (model, 0.02, "p-7")
        assert made.serving(model, "p-7") is made.serving(model, "p-7")
    assert made.serving("m-00001", "p-file")[1] == BESIDE
    assert not made.gone


def test_for_what_is_gone_stand_the_newest_model_and_the_policy_in_force() -> None:
    made = versions()
    scorer, policy = made.serving("m-00000", "p-0")
    assert (scorer.version, policy) == ("m-00002", BESIDE)
    assert made.gone == {"m-00000", "p-0"}


def test_the_shipped_policy_is_known_after_another_was_published_also_that_of_an_earlier_release() -> None:
    made = versions()
    assert made.serving("m-00001", Policy().version)[1] == Policy()
    earlier = Policy(version="p-0", base_rate=0.03)
    made.decided_by([earlier])
    assert made.serving("m-00001", "p-0")[1] == earlier
    assert not made.gone


def test_another_policy_decides_by_the_models_of_the_time() -> None:
    made, other = versions(), Policy(version="p-7", base_rate=0.1)
    serving = made.under(other)
    assert [serving(model, "p-7")[0].version for model in ("m-00001", "m-00003")] == ["m-00001", "m-00003"]
    assert serving("m-00001", "p-7") is serving("m-00001", "p-file")
    assert serving("m-00001", "p-7")[1] is other
    assert made.serving("m-00001", "p-7")[1].base_rate == 0.02, "of one version, but not the same"


def test_base_rate_that_is_set_goes_before_that_of_each_policy() -> None:
    made = versions(base_rate=0.3)
    assert {both[0].base_rate for both in (made.serving("m-00001", "p-7"), made.under(BESIDE)("m-00001", ""))} == {0.3}
