"""``holdfast model`` beside a learner that runs: what it tells is what was written, and what it puts back is served."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.alerts_made import an_alert
from support.black_box_worker import clean_environment
from support.known_model import known_model
from support.learner_rig import LearnerRig
from support.rig import Rig
from support.ruled_examples import examples
from support.warm_start import run_holdfast

import planted
from app.config.operator_files import frozen_model
from app.errors import ExitCode
from models.contract.time_units import DAY_MS
from models.scoring.prior import prior
from streams.records.topics import ALERTS, SCORES


@pytest.fixture
async def learner(rig: Rig, tmp_path: Path) -> LearnerRig:
    made = LearnerRig(rig, tmp_path)
    await made.create()
    return made


async def model(learner: LearnerRig, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``holdfast model`` with nobody at the keyboard."""
    place = {
        "HOLDFAST_BROKERS": learner.rig.client["bootstrap_servers"][0],
        "HOLDFAST_TOPIC_PREFIX": learner.rig.prefix,
    }
    return await asyncio.to_thread(run_holdfast, clean_environment(place), "model", *arguments)


async def shown(learner: LearnerRig) -> dict[str, Any]:
    done = await model(learner, "show", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_show_export_and_rollback_beside_a_learner(learner: LearnerRig, tmp_path: Path) -> None:
    before = await shown(learner)
    assert (before["served"]["version"], before["served"]["origin"]) == (prior().version, "shipped")
    assert before["report"] is None
    await learner.send(planted.told(examples(4, 200)))
    worker = learner.start()
    await learner.learned()
    found = await shown(learner)
    versions = [each["version"] for each in found["versions"]]
    assert versions[:2] == ["m-00001", "m-00002"]
    assert found["served"]["version"] == versions[-1] == found["report"]["served_version"]
    assert found["report"] == await learner.report()
    page = (await model(learner, "show")).stdout
    assert f"model {versions[-1]} from the topic, since" in page

    file = tmp_path / "kept.json"
    assert (await model(learner, "export", "m-00001", str(file))).returncode == 0
    kept = frozen_model(file)
    assert kept.version == "m-00001"
    served = await model(learner, "export", "served")
    assert json.loads(served.stdout)["version"] == versions[-1]
    missing = await model(learner, "export", "m-09999")
    assert missing.returncode == ExitCode.NOT_FOUND
    assert "there are: " in missing.stderr

    asked = await model(learner, "rollback", "m-00001")
    assert asked.returncode == ExitCode.USAGE
    assert "--yes" in asked.stderr
    assert (await shown(learner))["served"]["version"] == versions[-1], "nothing was done without a yes"
    done = await model(learner, "rollback", "m-00001", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"version": "m-00001-r1", "of": "m-00001", "instead_of": versions[-1]}
    await worker.said("model_rolled_back", version="m-00001-r1")
    after = (await learner.versions()).newest
    assert after is not None
    assert after.snapshot.curves == kept.curves
    assert after.snapshot.provenance.source.startswith("rollback to m-00001: ")
    assert (await model(learner, "rollback", "m-00001-r1", "--yes")).returncode == ExitCode.USAGE, "it is served"
    assert await worker.stop() == 0


async def test_a_model_that_cannot_be_served_is_not_put_into_force(learner: LearnerRig) -> None:
    await learner.publish("m-00001", known_model("m-00001"))
    await learner.publish("m-00002", known_model("m-00002")[:-20])
    done = await model(learner, "rollback", "m-00002", "--yes")
    assert done.returncode == ExitCode.FAILED
    assert "unreadable" in done.stderr
    assert (await shown(learner))["served"]["version"] == "m-00001"
    assert [each["version"] for each in (await shown(learner))["refused"]] == ["m-00002"]


async def test_without_topics_it_says_what_to_do(rig: Rig, tmp_path: Path) -> None:
    done = await model(LearnerRig(rig, tmp_path), "show")
    assert done.returncode == ExitCode.NOT_FOUND
    assert "holdfast topics create" in done.stderr


async def test_show_tells_how_many_tier_alerts_the_topics_hold(learner: LearnerRig) -> None:
    """Of a worker that is gone: nothing but the topics knows of its alerts."""
    rig, alert = learner.rig, an_alert(kind="risk_tier")
    for lane, who in enumerate(("s-1", "s-2")):
        for n, score in enumerate((b'{"ts": %d}' % (alert.ts + 10 * DAY_MS), None)[: lane + 1]):
            await rig.send(SCORES, lane, score, who.encode(), alert.ts + n)
    closed = replace(alert, event="closed", close_reason="recovered", ts=alert.ts + DAY_MS, seq=2)
    for body in (alert, closed):
        await rig.send(ALERTS, 1, msgspec.json.encode(body), b"s-1", alert.ts)
    await rig.send(ALERTS, 0, b"of another release", b"s-1", alert.ts)
    told = (await shown(learner))["tier_alerts"]
    assert told == {
        "raised": 1, "days": 10.0, "subscribers": 1, "a_day_per_1000": 100.0, "recovered": 1, "short": 1
    }  # fmt: skip
    assert "1 raised in 10 days, 100.00 a day per 1,000 of 1 subscribers" in (await model(learner, "show")).stdout
