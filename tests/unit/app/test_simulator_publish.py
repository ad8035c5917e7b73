"""Writing to Kafka: partitions, order, the wall clock. The producer here keeps what it is given; the clock is ours."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from click.testing import CliRunner

from app.publishing import publisher as publishing
from app.publishing.publisher import PublishPace, publish
from app.publishing.record import TimedRecord
from app.simulator import simulate
from app.simulator.command import simulate as command
from models.contract.events import CALLS, OUTCOMES, SUBSCRIBERS
from models.contract.time_units import DAY_MS

START = 1_780_000_000_000
PARTITIONS = 8


class Batch:
    def __init__(self) -> None:
        self.rows: list[tuple[int, bytes, bytes]] = []

    def append(self, *, timestamp: int, key: bytes, value: bytes) -> object | None:
        if len(self.rows) == 50:
            return None
        self.rows.append((timestamp, key, value))
        return self

    def close(self) -> None: ...


class Producer:
    """Keeps the batches by topic and partition, in the order in which they were sent."""

    def __init__(self) -> None:
        self.log: dict[tuple[str, int], list[tuple[int, bytes, bytes]]] = defaultdict(list)
        self.sent: list[str] = []
        self.running = False
        self.failure: Exception | None = None

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(PARTITIONS))

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[None]:
        assert self.running
        self.log[topic, partition] += batch.rows
        self.sent.append(topic)
        future = asyncio.get_running_loop().create_future()
        if self.failure:
            future.set_exception(self.failure)
        else:
            future.set_result(None)
        return future


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    fake = Producer()

    def make(**options: Any) -> Producer:
        assert options["enable_idempotence"]
        assert options["compression_type"] == "lz4"
        return fake

    monkeypatch.setattr(publishing, "AIOKafkaProducer", make)
    return fake


def clock_at(now: int) -> Callable[[], int]:
    return lambda: now


async def test_every_record_arrives_in_its_partition_in_order_with_its_timestamp(producer: Producer) -> None:
    records = list(simulate(1, 40, START, 2))
    done = await publish(records, {}, "trial.", pace=PublishPace(clock=clock_at(START + 9 * DAY_MS)))
    assert done.records == len(records) == sum(len(rows) for rows in producer.log.values())
    assert done.stopped == "end"
    assert (done.first_ts, done.last_ts) == (records[0].ts, records[-1].ts)
    assert sum(done.by_topic.values()) == len(records)
    choose = DefaultPartitioner()
    for (topic, partition), rows in producer.log.items():
        assert topic.startswith("trial.telecom.")
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
        assert all(choose(key, list(range(PARTITIONS)), []) == partition for _, key, _ in rows)
    written = sorted((topic, *row) for (topic, _), rows in producer.log.items() for row in rows)
    assert written == sorted(("trial." + record.topic, record.ts, record.key, record.value) for record in records)


async def test_profiles_are_on_the_broker_before_the_first_event(producer: Producer) -> None:
    await publish(simulate(1, 40, START, 1), {}, pace=PublishPace(clock=clock_at(START + 9 * DAY_MS)))
    others = [at for at, topic in enumerate(producer.sent) if topic != SUBSCRIBERS]
    opening = producer.sent[: others[0]]
    assert len(opening) == len({partition for topic, partition in producer.log if topic == SUBSCRIBERS})


async def test_no_topic_runs_weeks_ahead_of_a_rare_one(producer: Producer) -> None:
    hour = DAY_MS // 24
    calls = [TimedRecord(CALLS, b"s-1", b"{}", START + n * hour) for n in range(24 * 30)]
    rare = [TimedRecord(OUTCOMES, b"s-1", b"{}", START + n * 10 * DAY_MS + 1) for n in range(3)]
    await publish(sorted(calls + rare, key=lambda r: r.ts), {}, pace=PublishPace(clock=clock_at(START * 2)))
    at = [place for place, topic in enumerate(producer.sent) if topic == OUTCOMES]
    assert len(at) == 3
    assert all(following - place >= 10 for place, following in pairwise(at))  # ten days of calls lie between


async def test_event_time_never_overtakes_the_wall_clock(producer: Producer) -> None:
    now = START + DAY_MS // 2
    done = await publish(simulate(1, 40, START, 2), {}, pace=PublishPace(clock=clock_at(now)))
    assert done.stopped == "now"
    assert max(row[0] for rows in producer.log.values() for row in rows) <= now


async def test_following_waits_at_the_wall_clock(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [START]
    ahead = []

    async def sleep(seconds: float) -> None:
        now[0] += int(seconds * 1000)

    monkeypatch.setattr(publishing.asyncio, "sleep", sleep)
    records = [TimedRecord(CALLS, b"s-1", b"{}", START + 700 * number) for number in range(10)]

    def clock() -> int:
        ahead.extend(row[0] - now[0] for rows in producer.log.values() for row in rows)
        return now[0]

    done = await publish(records, {}, pace=PublishPace(follow=True, clock=clock))
    assert (done.records, done.stopped) == (10, "end")
    assert max(ahead) <= 0
    assert now[0] >= records[-1].ts


async def test_speed_is_simulated_seconds_a_wall_second(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [START + 100 * DAY_MS]
    begun = now[0]

    async def sleep(seconds: float) -> None:
        now[0] += int(seconds * 1000)

    monkeypatch.setattr(publishing.asyncio, "sleep", sleep)
    records = [TimedRecord(CALLS, b"s-1", b"{}", START + 60_000 * number) for number in range(11)]
    await publish(records, {}, pace=PublishPace(speed=60, clock=lambda: now[0]))
    assert 9_900 <= now[0] - begun <= 11_000


async def test_it_stops_after_so_many_events(producer: Producer) -> None:
    done = await publish(simulate(1, 40, START, 2), {}, pace=PublishPace(clock=clock_at(START * 2)), max_events=123)
    assert (done.records, done.stopped) == (123, "events")
    assert sum(len(rows) for rows in producer.log.values()) == 123


@pytest.mark.parametrize("cut", [0, 1, 700])
async def test_what_is_there_is_not_written_again(producer: Producer, cut: int) -> None:
    """Each partition goes on behind its own end, whatever of the others is there."""
    records = list(simulate(1, 40, START, 2))
    await publish(records, {}, pace=PublishPace(clock=clock_at(START * 2)))
    whole, there = dict(producer.log), {}
    for n, (place, rows) in enumerate(whole.items()):
        there[place] = min(len(rows), cut * (n % 3))
    producer.log.clear()
    done = await publish(records, {}, pace=PublishPace(clock=clock_at(START * 2)), there=there)
    assert {place: whole[place][: there[place]] + producer.log[place] for place in whole} == whole
    assert (done.there, done.records) == (sum(there.values()), len(records) - sum(there.values()))


async def test_a_refused_batch_is_an_error_and_the_producer_is_stopped(producer: Producer) -> None:
    producer.failure = OSError("refused")
    with pytest.raises(OSError, match="refused"):
        await publish(simulate(1, 40, START, 1), {}, pace=PublishPace(clock=clock_at(START * 2)))
    assert not producer.running


def test_without_brokers_the_command_ends_with_usage_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDFAST_BROKERS", raising=False)
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    assert "HOLDFAST_BROKERS" in result.output


def test_an_unreachable_broker_is_not_ready() -> None:
    result = CliRunner().invoke(command, ["--brokers", "127.0.0.1:1", "--subscribers", "5", "--days", "1"])
    assert result.exit_code == 3


@pytest.mark.parametrize("flags", [["--subscribers", "0"], ["--days", "0"], ["--speed", "-1"], ["--events", "0"]])
def test_a_nonsensical_flag_is_usage(flags: list[str]) -> None:
    assert CliRunner().invoke(command, ["--brokers", "127.0.0.1:1", *flags]).exit_code == 2
