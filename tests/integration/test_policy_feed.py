"""Policies that are published while workers run: in force within seconds, exact over kill -9, refused by reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.black_box import ROOMY
from support.black_box_worker import Worker, clean_environment
from support.history_check import Log, check
from support.known_model import BASE_RATE, known_model, known_snapshot
from support.long_run import create_topics
from support.rig import Rig, until
from support.town import PEOPLE, Town
from support.trials import trials
from support.version_switch import version_switch
from support.warm_start import run_holdfast

from app.config.policy_file import read_policy
from models.contract.policy import Policy
from models.detection.detector import Detector
from models.scoring.scorer import Scorer
from streams.kafka.one_record import written
from streams.lanes.detection_fold import DetectionFold
from streams.policy_topic import SIGNATURE, encode, policy_record
from streams.records import lane_history
from streams.records.out_records import OutRecord
from streams.records.topics import ALERTS, HISTORY, POLICY, SCORES, SUPPRESSIONS

KEY = "a key of the operator"
SWITCH_S = 5.0


def rules(version: str, text: str = "") -> str:
    """A policy by which everybody at risk is raised; `text` are further tables."""
    return f'version = "{version}"\nbase_rate = {BASE_RATE}\n{ROOMY}{text}'


class Operator:
    """Publisher of policies, and the workers that follow them."""

    def __init__(self, rig: Rig, directory: Path) -> None:
        self.workers: list[Worker] = []
        self.rig = rig
        self._directory = directory
        model = directory / "model.json"
        model.write_bytes(known_model("m-known"))
        self._settings = {
            "HOLDFAST_BROKERS": rig.client["bootstrap_servers"][0],
            "HOLDFAST_TOPIC_PREFIX": rig.prefix,
            "HOLDFAST_GROUP": rig.group,
            "HOLDFAST_PARTITIONS": str(rig.partitions),
            "HOLDFAST_METRICS_PORT": "0",
            "HOLDFAST_MODEL": str(model),
        }

    def start(self, **settings: str) -> Worker:
        log = self._directory / f"holdfast-{len(self.workers)}.log"
        self.workers.append(Worker(self._settings | settings, log))
        return self.workers[-1]

    async def apply(self, text: str, *flags: str, **settings: str) -> tuple[int, str, str]:
        """``holdfast policy apply``: exit code, stdout, stderr."""
        file = self._directory / "policy.toml"
        file.write_text(text)
        return await self.holdfast("policy", "apply", str(file), *flags, **settings)

    async def holdfast(self, *words: str, **settings: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(run_holdfast, clean_environment(self._settings | settings), *words)
        return done.returncode, done.stdout, done.stderr

    async def governed(self, worker: Worker, version: str) -> None:
        async def told() -> bool:
            assert worker.code is None, worker.tail()
            metrics = await asyncio.to_thread(worker.metrics)
            return metrics.labels("holdfast_policy_info") == [{"version": version}]

        await until(told, f"{version} is in force")

    async def decided_by(self, version: str) -> None:
        """Wait until every lane has written a transaction by it."""

        async def seen() -> bool:
            log = await self.rig.log(HISTORY)
            return all(in_force(log, partition)[-1:] == [version] for partition in range(self.rig.partitions))

        await until(seen, f"every lane decides by {version}")

    async def published_under(self, version: str) -> None:
        """Wait until every lane has published a score under it."""

        async def seen() -> bool:
            log = await self.rig.log(SCORES)
            return all(carried(log, partition, SCORES)[-1:] == [version] for partition in range(self.rig.partitions))

        await until(seen, f"every lane's scores carry {version}")


@pytest.fixture
def operator(rig: Rig, tmp_path: Path) -> Iterator[Operator]:
    made = Operator(rig, tmp_path)
    yield made
    for each in made.workers:
        each.discard()


def in_force(log: Log, partition: int) -> list[str]:
    """The policies of a lane's transactions, in their order, each run of one of them once."""
    told = [lane_history.read(record.value) for record in log[HISTORY][partition]]
    return [policy for policy, _ in groupby(r.policy for r in told if r.opened is None)]


def fold_again(log: Log, rig: Rig, *, switching: bool = True) -> Any:
    first = Scorer(known_snapshot("m-known"), Policy().base_rate)
    switch = version_switch(log, first.snapshot, Policy(), None) if switching else None
    return check(log, rig.prefix, lambda p: DetectionFold(Detector(first, Policy(), p), rig.group), switch=switch)


def carried(log: Log, partition: int, topic: str) -> list[str]:
    """The policies that a lane's records carry, in their order, each run of one of them once."""
    bodies = [json.loads(record.value) for record in log[topic][partition] if record.value]
    return [version for version, _ in groupby(body["policy_version"] for body in bodies)]


def switched_within_seconds(log: Log, version: str) -> None:
    published = log[POLICY][0][-1].timestamp
    for partition, records in log[HISTORY].items():
        told = [(r.timestamp, lane_history.read(r.value).policy) for r in records]
        assert min(ts for ts, policy in told if policy == version) - published < SWITCH_S * 1000
        assert in_force(log, partition)[-2:] == ["p-2", version], "one switch, and none back"


async def killed_at_the_switch(operator: Operator, number: int, wait_s: float) -> None:
    """Publish a policy, and kill both workers so long after it began, or before it; two new ones go on by it."""
    version = f"p-{number}"
    days = f"[contact]\ncooldown_days = {number if number % 2 else 40}.0\n"
    applying = asyncio.create_task(operator.apply(rules(version, days))) if wait_s >= 0 else None
    await asyncio.sleep(max(wait_s, 0.0))
    for each in operator.workers[-2:]:
        await asyncio.to_thread(each.discard)  # kill -9, under load
    assert (await (applying or operator.apply(rules(version, days))))[0] == 0
    for each in (operator.start(), operator.start()):
        await operator.governed(each, version)
        await asyncio.to_thread(each.wait_open, 1)
    await operator.decided_by(version)


async def explained_as_decided(log: Log, operator: Operator) -> None:
    """The first and the last alert, each by the settings of its own policy."""
    cooldown_of = {"p-2": 30.0, "p-3": 1.5, "p-4": 40.0, "p-5": 5.0, "p-6": 40.0}
    bodies = [json.loads(record.value or b"") for records in log[ALERTS].values() for record in records]
    raised = sorted((body for body in bodies if body["event"] == "raised"), key=lambda body: body["ts"])
    for alert in (raised[0], raised[-1]):
        code, out, err = await operator.holdfast("alerts", "explain", alert["alert_id"], "--json")
        assert code == 0, err
        told = json.loads(out)
        settings = {field: value for step in told["policy"] for field, value in step["settings"].items()}
        assert settings["consent_default.marketing"] is True
        if told["event"] == "raised":  # an escalation is asked about by law only
            assert settings["contact.cooldown_days"] == cooldown_of[told["policy_version"]]


@pytest.mark.timeout(300)
async def test_lanes_switch_within_seconds_and_a_kill_at_the_switch_changes_no_byte(
    rig: Rig, operator: Operator
) -> None:
    await create_topics(rig)
    town = Town(rig)
    code, _, err = await operator.apply(rules("p-2"))
    assert code == 0, err
    await town.live(PEOPLE * 24 * 3 * 9)  # nine days: tiers move, and alerts are raised
    first, second = operator.start(), operator.start()
    for each in (first, second):
        await operator.governed(each, "p-2")
        await asyncio.to_thread(each.wait_open, 1)
    enough = asyncio.Event()
    load = asyncio.create_task(town.live_on(enough))
    await operator.decided_by("p-2")
    cooled = "[contact]\ncooldown_days = 1.5\n[kinds.risk_tier]\npropensity = 0.4\n"
    code, out, err = await operator.apply(rules("p-3", cooled))
    assert code == 0, err
    assert "contact.cooldown_days" in out
    await operator.decided_by("p-3")
    switched_within_seconds(await rig.log(), "p-3")
    await operator.published_under("p-3")
    kills = ((4, -1.0), (5, 1.0), (6, 1.5))[: trials(1)]
    for number, wait_s in kills:
        await killed_at_the_switch(operator, number, wait_s)
    assert (await operator.apply(rules("p-3", cooled)))[0] == 0, "back to what was in force before"
    await operator.decided_by("p-3")
    enough.set()
    await load
    await town.live(200)
    await rig.applied()
    for each in operator.workers[-2:]:
        assert await asyncio.to_thread(each.stop) == 0
    log = await rig.log()
    for partition in range(rig.partitions):
        assert in_force(log, partition) == ["p-2", "p-3", *(f"p-{number}" for number, _ in kills), "p-3"]
    verdict = fold_again(log, rig)
    assert not verdict.findings, f"{verdict}\n{operator.workers[-1].tail()}"
    assert verdict.applied == town.sent
    assert verdict.outputs["alert"] > PEOPLE / 3
    for partition in range(rig.partitions):
        assert carried(log, partition, SCORES)[:2] == ["p-2", "p-3"]
        for topic in (ALERTS, SCORES, SUPPRESSIONS):
            order = iter(in_force(log, partition))
            assert all(version in order for version in carried(log, partition, topic)), "in another order than decided"
    assert "score_lost" in fold_again(log, rig, switching=False).names, "the policies made no difference"
    await explained_as_decided(log, operator)


@pytest.mark.timeout(180)
async def test_what_is_no_policy_of_the_operator_is_refused_and_counted(rig: Rig, operator: Operator) -> None:
    await create_topics(rig)
    assert (await operator.apply(rules("p-2"), HOLDFAST_POLICY_KEY=KEY))[0] == 0
    worker = operator.start(HOLDFAST_POLICY_KEY=KEY)
    await operator.governed(worker, "p-2")
    good = read_policy(rules("p-3"))
    assert isinstance(good, Policy)
    signed = policy_record(good, KEY)
    bad = {
        "unsigned": policy_record(good, None),
        "wrongly_signed": policy_record(good, KEY + "?"),
        "unreadable": _signed(b"p-3/0", encode(good).replace(b'"raises":"', b'"raises":"no_')),
        "wrong_key": _signed(b"p-3/0", encode(good)),
        "version_taken": policy_record(replace(good, version="p-2", score_step=0.5), KEY),
        "other_horizon": policy_record(replace(good, labels=replace(good.labels, horizon_days=60.0)), KEY),
    }
    before = await asyncio.to_thread(worker.metrics)
    assert {labels["reason"] for labels in before.labels("holdfast_policies_refused_total")} == set(bad)
    for record in bad.values():
        await written(rig.client, rig.prefix, record)

    async def counted() -> bool:
        found = await asyncio.to_thread(worker.metrics)
        return all(found.value("policies_refused_total", reason=reason) == 1 for reason in bad)

    await until(counted, f"each of {set(bad)} is counted once")
    await operator.governed(worker, "p-2")
    for text, said in (
        (rules("p-2", "[silence]\nfloor_days = 4.0\n"), "is the version of other settings"),
        (rules("p-9", "[labels]\nhorizon_days = 60.0\n"), "labels.horizon_days is 60"),
    ):
        code, _, err = await operator.apply(text, HOLDFAST_POLICY_KEY=KEY)
        assert (code, said in err) == (1, True), err
    await written(rig.client, rig.prefix, signed)
    await operator.governed(worker, "p-3")
    assert await asyncio.to_thread(worker.stop) == 0
    again = operator.start(HOLDFAST_POLICY_KEY=KEY)
    await operator.governed(again, "p-3")
    keyless = operator.start()
    await operator.governed(keyless, "p-3")


def _signed(key: bytes, value: bytes) -> OutRecord:
    from streams.policy_topic import signature

    return OutRecord(POLICY, key, value, [(SIGNATURE, signature(key, value, KEY))])


async def test_a_file_governs_frozen_and_a_dry_run_publishes_nothing(
    rig: Rig, operator: Operator, tmp_path: Path
) -> None:
    await create_topics(rig)
    file = tmp_path / "frozen.toml"
    file.write_text(rules("p-frozen"))
    worker = operator.start(HOLDFAST_POLICY=str(file))
    await operator.governed(worker, "p-frozen")
    code, out, err = await operator.apply(rules("p-2"), "--dry-run", "--json", HOLDFAST_POLICY=str(file))
    assert code == 0, err
    assert {"field": "version", "before": "p-1", "after": "p-2"} in map(json.loads, out.splitlines())
    assert "keep" in err
    assert not (await rig.log())[POLICY][0]
    assert (await operator.apply(rules("p-2")))[0] == 0
    await Town(rig).live(PEOPLE * 24)
    await rig.applied()
    assert await asyncio.to_thread(worker.stop) == 0
    assert in_force(await rig.log(), 0) == ["p-frozen"]
