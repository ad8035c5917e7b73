"""Models that are published while a worker runs: served between two transactions, refused by reason, found again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace
from support.black_box import ROOMY
from support.black_box_worker import Worker
from support.history_check import Log, check
from support.known_model import BASE_RATE, RISKS, known_model, known_snapshot
from support.long_run import create_topics
from support.rig import Rig, until
from support.town import PEOPLE, Town
from support.version_switch import version_switch

from app.config.operator_files import policy_of_file
from models.detection.detector import Detector
from models.scoring.prior import prior
from models.scoring.scorer import Scorer
from models.scoring.snapshot import ScoredVector, encode
from streams.lanes.detection_fold import DetectionFold
from streams.records import lane_history
from streams.records.topics import HISTORY, MODELS

HALVED = {answer: risk / 2 for answer, risk in RISKS.items()}
DOUBLED = {answer: min(2 * risk, 0.6) for answer, risk in RISKS.items()}


class Models:
    """Publisher of models."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def publish(self, key: str, value: bytes | None) -> None:
        """After this returns the record is in the topic."""
        producer = AIOKafkaProducer(**self._rig.client)
        await producer.start()
        try:
            await producer.send_and_wait(self._rig.prefix + MODELS, value, key.encode(), partition=0)
        finally:
            await producer.stop()


def policy_file(directory: Path) -> Path:
    """A policy by which everybody at risk is raised."""
    path = directory / "policy.toml"
    path.write_text(ROOMY)
    return path


@pytest.fixture
def worker(rig: Rig, tmp_path: Path) -> Iterator[Any]:
    """Starts a worker; each ends with the test."""
    started: list[Worker] = []

    def start(**settings: str) -> Worker:
        log = tmp_path / f"holdfast-{len(started)}.log"
        given = {
            "HOLDFAST_BROKERS": rig.client["bootstrap_servers"][0],
            "HOLDFAST_TOPIC_PREFIX": rig.prefix,
            "HOLDFAST_GROUP": rig.group,
            "HOLDFAST_PARTITIONS": str(rig.partitions),
            "HOLDFAST_METRICS_PORT": "0",
            "HOLDFAST_BASE_RATE": str(BASE_RATE),
            "HOLDFAST_POLICY": str(policy_file(tmp_path)),
        }
        started.append(Worker(given | settings, log))
        return started[-1]

    yield start
    for each in started:
        each.discard()


async def serving(worker: Worker, version: str) -> None:
    async def told() -> bool:
        assert worker.code is None, worker.tail()
        metrics = await asyncio.to_thread(worker.metrics)
        infos = metrics.labels("holdfast_model_info")
        return infos == [{"version": version}] and metrics.value("model_info", version=version) == 1

    await until(told, f"{version} is served")


async def scored_by(rig: Rig, version: str) -> None:
    """Wait until every lane has written a transaction by it."""

    async def seen() -> bool:
        log = await rig.log(HISTORY)
        return all(served(log, partition)[-1:] == [version] for partition in range(rig.partitions))

    await until(seen, f"every lane scores by {version}")


def versions_of(log: Log, topic: str) -> set[str]:
    return {json.loads(r.value or b"{}").get("model_version") for records in log[topic].values() for r in records}


def served(log: Log, partition: int) -> list[str]:
    """The models of a lane's transactions, in their order, each run of one of them once."""
    told = [lane_history.read(record.value) for record in log[HISTORY][partition]]
    return [model for model, _ in groupby(r.model for r in told if r.opened is None)]


def fold_again(log: Log, rig: Rig, file: Path, *, switching: bool = True) -> Any:
    policy = policy_of_file(file, BASE_RATE)
    first = Scorer(prior(), BASE_RATE)
    switch = version_switch(log, first.snapshot, policy, BASE_RATE) if switching else None
    return check(log, rig.prefix, lambda p: DetectionFold(Detector(first, policy, p), rig.group), switch=switch)


@pytest.mark.timeout(180)
async def test_lanes_switch_between_transactions_and_a_restart_finds_the_newest(
    rig: Rig, worker: Any, tmp_path: Path
) -> None:
    await create_topics(rig)
    town, models = Town(rig), Models(rig)
    await models.publish("m-00001", known_model("m-00001"))
    await town.live(PEOPLE * 24 * 3 * 8)  # eight days: from then on a tier can move
    first = worker()
    await serving(first, "m-00001")
    enough = asyncio.Event()
    load = asyncio.create_task(town.live_on(enough))
    await scored_by(rig, "m-00001")
    await models.publish("m-00002", known_model("m-00002", HALVED))
    await serving(first, "m-00002")
    await scored_by(rig, "m-00002")
    joined = worker()  # one lane moves, the other is kept over the rebalance
    await serving(joined, "m-00002")
    await asyncio.to_thread(joined.wait_open, 1)
    await models.publish("m-00003", known_model("m-00003", DOUBLED))
    for each in (first, joined):
        await serving(each, "m-00003")
    await scored_by(rig, "m-00003")
    await refused(joined, models)
    await serving(joined, "m-00003")
    for each in (first, joined):
        await asyncio.to_thread(each.discard)  # kill -9, under load
    await models.publish("m-00004", known_model("m-00004", HALVED))
    second = worker()
    await serving(second, "m-00004")
    await scored_by(rig, "m-00004")
    await models.publish("m-00004", None)  # withdrawn: the one before it is the newest again
    await serving(second, "m-00003")
    await town.live(200)
    enough.set()
    await load
    await town.live(200)
    await rig.applied()
    assert await asyncio.to_thread(second.stop) == 0
    log = await rig.log()
    for partition in range(rig.partitions):
        assert served(log, partition) == ["m-00001", "m-00002", "m-00003", "m-00004", "m-00003"]
    file = policy_file(tmp_path)
    verdict = fold_again(log, rig, file)
    assert not verdict.findings, f"{verdict}\n{second.tail()}"
    assert verdict.applied == town.sent
    assert verdict.outputs["alert"] > PEOPLE / 3
    assert "score_lost" in fold_again(log, rig, file, switching=False).names, "the models made no difference"


async def refused(worker: Worker, models: Models) -> None:
    """Records that are no model to serve, and what the worker counts."""
    good = known_snapshot("m-00009")
    x: list[float | None] = [None] * len(good.curves)
    damaged = {
        "unreadable": encode(good)[:-30],
        "wrong_key": encode(replace(good, version="m-00010")),
        "other_features": encode(replace(good, curves=good.curves[1:])),
        "other_risks": encode(replace(good, examples=[ScoredVector(x=x, risk=0.9)])),
    }
    before = await asyncio.to_thread(worker.metrics)
    assert {labels["reason"] for labels in before.labels("holdfast_models_refused_total")} == set(damaged)
    assert before.total("models_refused_total") == 0
    for value in damaged.values():
        await models.publish("m-00009", value)
    await models.publish("checkpoint", b"the learner's own")
    figures = {"roc_auc": {"value": 0.7, "low": 0.6, "high": 0.8}, "lift_top_decile": 2.5, "ece": None}
    await models.publish("report", json.dumps({"quality": {"served": figures}, "more": 1}).encode())

    async def counted() -> bool:
        found = await asyncio.to_thread(worker.metrics)
        return all(found.value("models_refused_total", reason=reason) == 1 for reason in damaged)

    await until(counted, f"each of {set(damaged)} is counted once")

    async def told() -> bool:
        found = await asyncio.to_thread(worker.metrics)
        calibration = found.value("model_calibration_error")
        known = (found.value("model_roc_auc"), found.value("model_lift_top_decile")) == (0.7, 2.5)
        return known and calibration != calibration  # noqa: PLR0124 - NaN

    await until(told, "what the learner said of the quality is told")


async def test_a_file_is_served_frozen(rig: Rig, worker: Any, tmp_path: Path) -> None:
    await create_topics(rig)
    town, models = Town(rig), Models(rig)
    await models.publish("m-00001", known_model("m-00001"))
    await town.live(PEOPLE * 24)
    file = tmp_path / "frozen.json"
    file.write_bytes(known_model("m-frozen", HALVED))
    frozen = worker(HOLDFAST_MODEL=str(file))
    await serving(frozen, "m-frozen")
    await models.publish("m-00002", known_model("m-00002"))
    await town.live(200)
    await rig.applied()
    assert await asyncio.to_thread(frozen.stop) == 0
    assert served(await rig.log(), 0) == ["m-frozen"]


async def test_without_a_model_in_the_topic_the_shipped_one_is_served(rig: Rig, worker: Any) -> None:
    await rig.create()
    shipped_one = worker()
    await serving(shipped_one, prior().version)
    assert await asyncio.to_thread(shipped_one.stop) == 0
