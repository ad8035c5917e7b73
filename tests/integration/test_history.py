"""Months of an operator's own as the beginning of everything: once, however often interrupted; learned; nobody rung."""

from __future__ import annotations

import json
import signal
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import ConfigResource, ResourceType
from support.black_box import World
from support.black_box_worker import clean_environment, until
from support.history_files import NAMES, Row, write
from support.warm_start import start

from app.simulator.rates import Rates
from app.simulator.stream import simulate
from models.contract.events import CALLS, DATA_USAGE, OUTCOMES, SUBSCRIBERS
from models.contract.time_units import DAY_MS
from models.contract.training_example import numbers_of
from models.features.catalogue import INDEX
from streams.embedded_kafka.broker import EmbeddedBroker
from streams.records.topics import ALERTS, EXAMPLES, MODELS, SUPPRESSIONS

LANES = 2
WEEK = str(7 * DAY_MS)
BOUND_S = 90


@pytest.fixture
def world(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> Iterator[World]:
    with World(broker.bootstrap, prefix, tmp_path, LANES) as made:
        del made.settings["HOLDFAST_MODEL"]  # what is learned is to be served
        yield made


class Verb:
    """A verb that runs beside the test."""

    def __init__(self, world: World, log: Path, *arguments: str, **settings: str) -> None:
        self.log = log
        environment = clean_environment(world.settings | settings)
        self.process = start([sys.executable, "-m", "app.cli", *arguments], environment, log.with_suffix(".out"), log)

    def said(self, words: str) -> bool:
        text = self.log.read_text(encoding="utf-8")
        assert words in text or self.process.poll() is None, text
        return words in text

    def ended(self) -> int:
        return self.process.wait(BOUND_S)

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.log.with_suffix(".out").read_text())
        return found


def retention(world: World) -> set[str]:
    """What the topics of calls and outcomes say."""
    admin = world.admin()
    asked = [ConfigResource(ResourceType.TOPIC, world.prefix + topic) for topic in (CALLS, OUTCOMES)]
    return {found.result()["retention.ms"].value for found in admin.describe_configs(asked).values()}


def raw(world: World, topic: str, lanes: int = LANES) -> list[tuple[str, bytes]]:
    """All of a topic: keys and values."""
    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": "bystander", "enable.auto.commit": False})
    found: list[tuple[str, bytes]] = []
    try:
        for lane in range(lanes):
            place = TopicPartition(world.prefix + topic, lane, 0)
            _, end = consumer.get_watermark_offsets(place, timeout=10)
            consumer.assign([place])
            bound = time.monotonic() + BOUND_S
            while end and consumer.position([place])[0].offset < end:
                assert time.monotonic() < bound, f"{topic} [{lane}] was not read up to {end}"
                batch = consumer.consume(10_000, timeout=0.1)
                found += [((m.key() or b"").decode(), m.value() or b"{}") for m in batch]
    finally:
        consumer.close()
    return found


def records(world: World, topic: str, lanes: int = LANES) -> list[tuple[str, dict[str, Any]]]:
    """All of a topic: keys and bodies."""
    return [(key, json.loads(value)) for key, value in raw(world, topic, lanes)]


def ends(world: World) -> int:
    return sum(len(raw(world, topic)) for topic in (CALLS, DATA_USAGE))


@pytest.mark.timeout(300)
def test_a_history_is_learned_and_put_nobody_on_the_phone(world: World, tmp_path: Path) -> None:
    """With a profile of today for each, whose points give away who left: the leak canary."""
    start, days = int(time.time() * 1000) // DAY_MS * DAY_MS - 60 * DAY_MS, 50
    every = list(simulate(3, 120, start, days, rates=Rates(churn_per_month=0.3, silent_share=0.0)))
    end = every[-1].ts
    left = {r.subscriber_id for r in every if r.topic == OUTCOMES}

    def of_today(row: Row) -> Row | None:
        late = {"ts": end, "points": float(row["subscriber_id"] in left), "arpu": 7.0, "status": "active"}
        return row | late if row["ts"] == start else None

    rows = write(every, tmp_path / "history", of_today)
    numbers = tmp_path / "learner.toml"
    numbers.write_text("warm_rows = 50\nwindow = 1000\nrecent_rows = 100\n")
    assert retention(world) == {WEEK}
    replay = Verb(world, tmp_path / "replay.log", "replay", "--history", str(tmp_path / "history"), "--json")
    until(lambda: replay.said("rows are on the topics"), "all is written", BOUND_S)
    assert retention(world) == {"-1"}
    base = {"HOLDFAST_BASE_RATE": "0.3"}
    struck = world.new_worker(**base, HOLDFAST_FAIL_AT="after_commit:9")
    until(lambda: struck.code is not None, "a worker is killed amid the history", BOUND_S)
    worker = world.new_worker(**base)
    learner = Verb(world, tmp_path / "learner.log", "learner", **base, HOLDFAST_LEARNER=str(numbers))
    try:
        assert replay.ended() == 0, replay.log.read_text()
        facts = replay.facts()
        assert (facts["written"], facts["there"], facts["applied"]) == (sum(rows.values()), 0, True)
        assert facts["until"] == end
        assert retention(world) == {WEEK}
        assert worker.metrics().total("dead_letters_total") == 0

        told = [body for _, body in records(world, EXAMPLES, 1)]
        fates = [body for body in told if "fate_id" in body]
        assert {body["left"] for body in fates} == {True, False}
        places = INDEX["points"], INDEX["arpu"], INDEX["tenure_months"]
        seen = [
            [not isnan(numbers_of(b64decode(body["x"]))[place]) for place in places]
            for body in told
            if body["ts"] < end
        ]
        assert seen
        assert all(known == [False, False, True] for known in seen)
        until(lambda: len(_versions(world)) > 1, "a model is learned", BOUND_S)

        assert records(world, ALERTS) == []
        assert {body["reason"] for _, body in records(world, SUPPRESSIONS)} == {"expired"}

        stayed = next(r.subscriber_id for r in every if r.topic == CALLS and r.subscriber_id not in left)
        body = {"subscriber_id": stayed, "ts": end + DAY_MS, "reason": "leave_intent"}
        world.send("telecom.care-contacts.v1", stayed, json.dumps(body).encode(), timestamp=end + DAY_MS)
        raised = until(lambda: records(world, ALERTS), "an intent to leave raises its alert now")
        assert (stayed, "leave_intent") in {(body["subscriber_id"], body["kind"]) for _, body in raised}
        assert all(body["ts"] > end for _, body in raised)
    finally:
        learner.process.terminate()
        assert learner.ended() == 0


def _versions(world: World) -> set[str]:
    return {key for key, _ in raw(world, MODELS, 1) if key.startswith("m-")}


@pytest.mark.timeout(300)
def test_an_interrupted_history_goes_on_and_puts_retention_back(world: World, tmp_path: Path) -> None:
    start, folder = int(time.time() * 1000) // DAY_MS * DAY_MS - 40 * DAY_MS, tmp_path / "history"
    every = list(simulate(5, 40, start, 30, rates=Rates(erasures_per_month=0.0)))
    rows = write(every, folder)
    verb = ["replay", "--history", str(folder), "--json"]

    asked = Verb(world, tmp_path / "asked.log", *verb, "--speed", str(43_200))
    until(lambda: ends(world) > 1_000, "some of it is written")
    assert retention(world) == {"-1"}
    asked.process.send_signal(signal.SIGINT)
    assert asked.ended() == 130
    assert retention(world) == {WEEK}

    killed = Verb(world, tmp_path / "killed.log", *verb, "--speed", str(43_200))
    before = ends(world)
    until(lambda: ends(world) > before + 1_000, "more of it is written")
    killed.process.kill()
    assert killed.ended() == -signal.SIGKILL
    assert 0 < ends(world) < rows[CALLS] + rows[DATA_USAGE]
    assert retention(world) == {"-1"}

    (folder / "outcomes.jsonl").rename(tmp_path / "outcomes.jsonl")
    other = world.holdfast(*verb)
    assert (other.returncode, "another history was begun here" in other.stderr) == (1, True), other.stderr
    (tmp_path / "outcomes.jsonl").rename(folder / "outcomes.jsonl")

    last = Verb(world, tmp_path / "last.log", *verb)
    until(lambda: last.said("rows are on the topics"), "all is written", BOUND_S)
    world.new_worker()
    assert last.ended() == 0, last.log.read_text()
    facts = last.facts()
    assert facts["written"] + facts["there"] == sum(rows.values())
    assert facts["there"] > 2_000
    assert retention(world) == {WEEK}
    for topic in NAMES:
        given = Counter(json.loads(r.value)["event_id"] for r in every if r.topic == topic)
        found = Counter(body["event_id"] for _, body in records(world, topic))
        # Kafka may have compacted the profiles by now.
        assert found <= given if topic == SUBSCRIBERS else found == given, topic

    again = Verb(world, tmp_path / "again.log", *verb)
    assert again.ended() == 0
    assert again.facts()["written"] == 0
    assert retention(world) == {WEEK}


def test_a_history_is_the_beginning_or_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "history").mkdir()
    row = {"subscriber_id": "s-1", "ts": int(time.time() * 1000) - DAY_MS, "kind": "accrual", "amount": 1.0}
    (tmp_path / "history" / "billing.jsonl").write_text(json.dumps(row) + "\n")
    world.send(SUBSCRIBERS, "s-1", json.dumps({"subscriber_id": "s-1", "ts": 1_700_000_000_000}).encode())
    done = world.holdfast("replay", "--history", str(tmp_path / "history"))
    assert done.returncode == 1
    assert f"{world.prefix}{SUBSCRIBERS} has 1 records" in done.stderr
    assert "--topic-prefix" in done.stderr
    assert retention(world) == {WEEK}
    assert records(world, "telecom.billing.v1") == []
