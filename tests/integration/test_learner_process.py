"""The learner process: the same weights whatever is killed, one at a time, and no step past what it does not know."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from support.black_box_worker import Metrics
from support.known_model import known_model
from support.learner_rig import LearnerRig
from support.rig import CountWorker, Rig, until
from support.ruled_examples import example, examples

import planted
from app.errors import ExitCode
from app.learner.metrics import GUARDS
from models.analysis.daily_segments import NightReason, falls, night
from models.contract.training_example import Example
from models.learning.admission import Lesson
from models.scoring.scorer import Scorer
from streams.kafka.topic_tail import TailRecord
from streams.model_topic.versions import CHECKPOINT, SEGMENTS, is_own
from streams.records.topics import EXAMPLES

SEED = 4


@pytest.fixture
async def learner(rig: Rig, tmp_path: Path) -> LearnerRig:
    made = LearnerRig(rig, tmp_path)
    await made.create()
    return made


async def metrics_of(worker: CountWorker) -> Metrics:
    (listening,) = await worker.said("metrics_listening")

    def get() -> str:
        with urllib.request.urlopen(listening["url"], timeout=10) as answer:  # noqa: S310 - http on loopback
            text: str = answer.read().decode()
            return text

    return Metrics.parse(await asyncio.to_thread(get))


def published(records: list[TailRecord]) -> list[tuple[bytes, bytes | None]]:
    """The models of the topic, in their order."""
    return [(record.key or b"", record.value) for record in records if not is_own(record.key)]


def tiered(count: int) -> list[Example]:
    """Examples of which those with the first feature were at high risk."""
    return [replace(each, tier="high_risk" if each.x[0] else "healthy") for each in examples(SEED, count)]


async def test_it_learns_publishes_and_stops(learner: LearnerRig) -> None:
    given = planted.told(tiered(400))
    await learner.send(given)
    worker = learner.start()
    await learner.learned()
    versions = await learner.versions()
    told, zone = versions.night, ZoneInfo("Asia/Shanghai")
    assert told is not None
    times = [planted.known_ts(each) for each in given]
    offset = max(n for n in range(1, len(given)) if falls(max(times[:n]), max(times[: n + 1]), zone))
    before = [each for each in given[:offset] if isinstance(each, Example)]
    served = versions.get(told.model_version)
    assert served is not None
    by = Scorer(served.snapshot, served.snapshot.base_rate)
    assert told == night(before, by, max(times[:offset]), zone)
    assert told.groups.customers > 10  # of the 60 whose labels came in the last 30 days
    assert [p.snapshot.version for p in versions][:2] == ["m-00001", "m-00002"]
    assert not versions.refused
    metrics = await metrics_of(worker)
    report = await learner.report()
    assert metrics.value("model_roc_auc") == report["quality"]["served"]["roc_auc"]["value"]
    assert metrics.value("model_lift_top_decile") == report["quality"]["served"]["lift_top_decile"]
    assert metrics.value("model_calibration_error") == report["quality"]["served"]["ece"]
    assert metrics.value("model_share_learned") == report["share"] > 0.1
    assert metrics.total("learner_examples_total") == len(given)
    assert metrics.value("learner_examples_total", lesson="measured") == 400
    assert metrics.total("models_published_total") == len(versions)
    assert metrics.value("learner_lag_records") == 0
    assert metrics.total("segments_nights_total") == metrics.value("segments_seconds_count") > 0
    assert metrics.value("segments") == len(told.groups.segments) > 0
    assert metrics.value("segments_customers") == told.groups.customers
    assert metrics.value("segments_watermark_timestamp_seconds") == told.until / 1000
    assert await worker.stop() == 0
    assert (await learner.report())["served_version"] == versions.newest.snapshot.version


async def test_every_series_is_there_before_anything_has_happened(learner: LearnerRig) -> None:
    worker = learner.start()
    await worker.said("learner_begins")
    metrics = await metrics_of(worker)
    assert all(metrics.value("learner_examples_total", lesson=lesson) == 0 for lesson in Lesson)
    assert all(metrics.value("model_guard", guard=guard) == 0 for guard in GUARDS)
    assert all(metrics.value("segments_nights_total", reason=reason) == 0 for reason in NightReason)
    for name in ("model_roc_auc", "model_lift_top_decile", "model_calibration_error", "model_lead_days_median"):
        value = metrics.value(name)
        assert value is not None
        assert value != value, name  # noqa: PLR0124 - NaN
    assert await worker.stop() == 0


async def _killed(learner: LearnerRig, fail_at: list[str]) -> None:
    """Die at each of these steps, each life going on where the one before was cut off."""
    for step in fail_at:
        worker = learner.start(HOLDFAST_FAIL_AT=step)
        assert await worker.ended(60) == 9, worker.tail()


@pytest.mark.faults
@pytest.mark.timeout(180)
async def test_a_kill_anywhere_gives_the_same_weights_bit_for_bit(
    rigs: Callable[[str], Awaitable[Rig]], tmp_path: Path
) -> None:
    """The last checkpoint, the last night and every published model are those of a life without a kill."""
    calm, struck = (
        LearnerRig(await rigs("calm"), tmp_path / "calm"),
        LearnerRig(await rigs("struck"), tmp_path / "struck"),
    )
    for each in (calm, struck):
        await each.create()
        await each.send(planted.told(tiered(300)))
    undisturbed = calm.start()
    expected = await calm.learned()
    assert await undisturbed.stop() == 0
    # Between learning and commit; amid a commit; right behind one that published; and again; with a night made.
    await _killed(struck, ["learned:173", "before_commit:3", "after_commit:2", "learned:1", "night"])
    worker = struck.start()  # and from outside, wherever that falls
    await worker.said("learner_begins")
    await asyncio.sleep(1.4 * random.Random(SEED).random())
    worker.signal(signal.SIGKILL)
    await worker.ended(5)
    heir = struck.start()
    found = await struck.learned()
    assert await heir.stop() == 0
    assert found.payload == expected.payload
    assert published(await struck.models()) == published(await calm.models())
    assert len(published(await calm.models())) >= 2
    assert (await struck.versions()).own[SEGMENTS] == (await calm.versions()).own[SEGMENTS]
    lives = [json.loads(line)["count"] for w in struck.rig.workers for line in _begun(w)]
    assert lives == sorted(lives)
    assert len(set(lives)) > 2, f"every life began anew: {lives}"


def _begun(worker: CountWorker) -> list[str]:
    return [line for line in worker.log.read_text().splitlines() if '"learner_begins"' in line]


async def test_a_second_learner_takes_over_and_the_first_says_so(learner: LearnerRig) -> None:
    await learner.send(planted.told(examples(SEED, 150)))
    first = learner.start()
    await learner.learned()
    second = learner.start()
    assert await first.ended() == ExitCode.FAILED
    (ends,) = first.events("learner_ends")
    assert ends["error"] == "another learner has taken over"
    await learner.send(planted.told(examples(SEED, 150, start=150)))
    await learner.learned()
    assert await second.stop() == 0
    report = await learner.report()
    assert report["examples_total"]["measured"] == 300


async def test_a_record_that_is_no_example_is_counted_and_passed_over(learner: LearnerRig) -> None:
    good = list(examples(SEED, 3))
    bad = [b"{", b'{"example_id": 7}', b""]
    await learner.send([good[0], *bad, good[1], example(x=[0.0]), good[2]])
    worker = learner.start()
    await learner.learned()

    async def counted() -> bool:
        return (await metrics_of(worker)).value("learner_unreadable_examples_total") == len(bad)

    await until(counted, "the bad ones are counted")
    assert [said["offset"] for said in worker.events("example_unreadable")] == [1, 2, 3]
    counts = (await learner.report())["examples_total"]
    assert counts | {"measured": 3, "foreign": 1} == counts
    assert await worker.stop() == 0


async def test_examples_that_were_deleted_unread_are_refused_until_the_loss_is_accepted(learner: LearnerRig) -> None:
    await learner.send(examples(SEED, 120))
    worker = learner.start()
    await learner.learned()
    assert await worker.stop() == 0
    await learner.send(examples(SEED, 30, start=120))
    await learner.rig.trim(EXAMPLES, 0, 140)
    refused = learner.start()
    assert await refused.ended() == ExitCode.MISMATCH
    (ends,) = refused.events("learner_ends")
    assert "the examples start at offset 140, the checkpoint needs 120: 20 were deleted unread" in ends["error"]
    assert "--accept-loss" in ends["error"]
    assert (await learner.checkpoint()).next_offset == 120, "it has written nothing"
    accepting = learner.start("--accept-loss")
    assert (await learner.learned()).next_offset == 150
    assert accepting.events("loss_accepted")
    assert await accepting.stop() == 0
    assert (await learner.report())["examples_total"]["measured"] == 130


async def test_retention_that_overtakes_a_running_learner_ends_it(learner: LearnerRig) -> None:
    """It was stopped for longer than examples are kept; what it had asked for before that still comes."""
    await learner.send(examples(SEED, 20))
    worker = learner.start()
    await learner.learned()
    worker.signal(signal.SIGSTOP)
    await learner.send(examples(SEED, 5, start=20))
    await learner.send(examples(SEED, 60, start=25))
    await learner.rig.trim(EXAMPLES, 0, 80)
    worker.signal(signal.SIGCONT)
    assert await worker.ended() == ExitCode.MISMATCH
    assert "were deleted" in worker.events("learner_ends")[0]["error"]


async def test_without_topics_it_ends_with_what_is_missing(rig: Rig, tmp_path: Path) -> None:
    worker = LearnerRig(rig, tmp_path).start()
    assert await worker.ended() == ExitCode.MISMATCH
    assert "holdfast topics create" in worker.events("learner_ends")[0]["error"]


async def test_a_topic_made_anew_is_refused(learner: LearnerRig) -> None:
    await learner.send(planted.told(examples(SEED, 10)))
    worker = learner.start()
    await learner.learned()
    assert await worker.stop() == 0
    await learner.rig.delete(EXAMPLES)
    await learner.create()
    await learner.send(planted.told(examples(SEED, 40)))
    refused = learner.start()
    assert await refused.ended() == ExitCode.MISMATCH
    assert "recreated" in refused.events("learner_ends")[0]["error"]


async def test_a_checkpoint_under_other_settings_is_refused_and_accepting_begins_from_what_is_served(
    learner: LearnerRig, tmp_path: Path
) -> None:
    await learner.send(examples(SEED, 150))
    worker = learner.start()
    await learner.learned()
    assert await worker.stop() == 0
    other = tmp_path / "other.toml"
    other.write_text("warm_rows = 60\n")
    refused = learner.start(HOLDFAST_LEARNER=str(other))
    assert await refused.ended() == ExitCode.MISMATCH
    assert "the checkpoint is refused: laid out under other settings" in refused.events("learner_ends")[0]["error"]
    accepting = learner.start("--accept-loss", HOLDFAST_LEARNER=str(other))
    await learner.send(examples(SEED, 20, start=150))
    assert (await learner.learned()).next_offset == 170
    assert await accepting.stop() == 0
    assert (await learner.report())["examples_total"]["measured"] == 20, "nothing is learned a second time"


async def test_a_model_put_into_force_by_somebody_else_is_heeded_running_or_not(learner: LearnerRig) -> None:
    await learner.send(planted.told(examples(SEED, 500)))
    worker = learner.start()
    await learner.learned()
    (first, *_) = published(await learner.models())
    assert first[0] == b"m-00001"
    await learner.publish("m-00001-r1", known_model("m-00001-r1"))
    await worker.said("model_rolled_back", version="m-00001-r1")

    async def told() -> bool:
        return bool((await learner.report())["served_version"] == "m-00001-r1")

    await until(told, "the report names it")
    assert await worker.stop() == 0
    await learner.publish("m-00001-r2", known_model("m-00001-r2"))
    heir = learner.start()
    await heir.said("model_rolled_back", version="m-00001-r2")
    before = len(published(await learner.models()))
    await learner.send(planted.told(examples(SEED, 20, start=500)))  # ten days, and nothing is published for four weeks
    await learner.learned()
    assert len(published(await learner.models())) == before
    assert await heir.stop() == 0
    again = learner.start()
    await again.said("learner_begins", version="m-00001-r2")
    assert await again.stop() == 0
    assert not again.events("model_rolled_back")


async def test_an_unreadable_checkpoint_is_no_reason_to_begin_anew(learner: LearnerRig) -> None:
    await learner.publish(CHECKPOINT, b"\x00")
    worker = learner.start()
    assert await worker.ended() == ExitCode.MISMATCH
    assert "the checkpoint cannot be read" in worker.events("learner_ends")[0]["error"]
