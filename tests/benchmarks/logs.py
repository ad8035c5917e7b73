"""The three logs that every contender reads: made anew from a seed, the same bytes on every machine.

``day-thirds``  one day: a third calls, a third data usage, a third site visits.
``day-usage``   one day: 43 % calls, 56.5 % data usage, the rest site visits, as an operator sees it.
``month``       30 days of 10,000 subscribers, thin: 17 events between two ticks of a lane, so that what a worker does
                at each tick of event time weighs as much as the events.

A log of fewer events is a beginning of the whole one, equally dense in time. Records stand in the partition that
Kafka's murmur2 gives their subscriber, and their timestamps are the events' own ``ts``, half a year ago: Holdfast
reads time from there. One event in twenty is up to an hour late. Everybody has a profile that consents to everything,
so that breaches become alerts, and one subscriber in fifty of the month falls silent. Events carry every field of the
contract, about 200 bytes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, NamedTuple

import orjson
from aiokafka.partitioner import murmur2
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from support.black_box_worker import clean_environment
from support.warm_start import ROOT

from models.contract.time_units import DAY_MS

PARTITIONS: Final = 8
SUBSCRIBERS: Final = 10_000
TOPICS: Final = ("telecom.calls.v1", "telecom.data-usage.v1", "telecom.site-visits.v1")
PROFILES: Final = "telecom.subscribers.v1"
QUIET: Final = 3
"""librdkafka talks of its errors only: a client that is closed early would warn of what it left."""
START_MS: Final = 1_780_272_000_000
"""1 June 2026, 00:00 UTC."""
LATE_SHARE: Final = 0.05
LATE_MS: Final = 3_600_000


class Log(NamedTuple):
    """One of the logs: how many events in how many days, and the shares of calls and of data usage among them."""

    name: str
    title: str
    events: int
    days: int
    calls: float
    data: float


LOGS: Final = {
    log.name: log
    for log in (
        Log("day-thirds", "one day, a third calls, data, visits each", 600_000, 1, 1 / 3, 1 / 3),
        Log("day-usage", "one day, 43 % calls, 56.5 % data", 600_000, 1, 0.43, 0.565),
        Log("month", "30 days of 10,000 subscribers", 17 * 96 * PARTITIONS * 30, 30, 0.43, 0.56),
    )
}


class Event(NamedTuple):
    """A record of a log: topic by its place in ``TOPICS``, and the subscriber's number."""

    topic: int
    subscriber: int
    ts: int
    value: bytes


def events(log: Log, count: int) -> Iterator[Event]:
    """The first `count` events of a log, in the order in which they are appended."""
    draw = Random(log.name)
    random = draw.random
    step = log.days * DAY_MS / log.events
    until_data = log.calls + log.data
    for number in range(count):
        at = START_MS + int(step * number)
        subscriber = active(random, at)
        ts = at - int(random() * LATE_MS) if random() < LATE_SHARE else at
        kind = random()
        topic = 0 if kind < log.calls else 1 if kind < until_data else 2
        yield Event(topic, subscriber, ts, MAKERS[topic](draw, subscriber, ts, f"e-{number}"))


def active(random: Callable[[], float], at: int) -> int:
    """Somebody who is still there: low numbers do more, and one in fifty falls silent in the second or third week."""
    while True:
        number = int(SUBSCRIBERS * random() ** 1.5)
        if number % 50 or at < START_MS + (8 + number // 50 % 14) * DAY_MS:
            return number


def name_of(subscriber: int) -> str:
    """A subscriber's id, the key of their records."""
    return f"s-{subscriber:06d}"


def partition_of(key: str) -> int:
    """Where Kafka's own clients put a key."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS


def call(draw: Random, subscriber: int, ts: int, event_id: str) -> bytes:
    """A call, of a minute and a half in the mean."""
    random = draw.random
    return orjson.dumps(
        {
            "subscriber_id": name_of(subscriber),
            "ts": ts,
            "event_id": event_id,
            "direction": "outgoing" if random() < 0.5 else "incoming",
            "duration_s": int(draw.expovariate(1 / 90)),
            "peer_network": NETWORKS[int(random() * len(NETWORKS))],
            "peer_operator": OPERATORS[int(random() * len(OPERATORS))],
            "kind": "voice" if random() < 0.7 else "sms",
            "forwarded": False,
            "dropped": random() < 0.03,
            "roaming": False,
        }
    )


def data(draw: Random, subscriber: int, ts: int, event_id: str) -> bytes:
    """A data session, of nine megabytes in the median."""
    random = draw.random
    return orjson.dumps(
        {
            "subscriber_id": name_of(subscriber),
            "ts": ts,
            "event_id": event_id,
            "bytes": int(draw.lognormvariate(16, 1.5)),
            "duration_s": int(draw.expovariate(1 / 300)),
            "rat": "5g" if random() < 0.6 else "4g",
            "app_category": APPS[int(random() * len(APPS))],
            "failed": random() < 0.02,
            "throttled": False,
            "roaming": False,
        }
    )


def visit(draw: Random, subscriber: int, ts: int, event_id: str) -> bytes:
    """A visit to a competitor's site, of a minute in the mean."""
    random = draw.random
    return orjson.dumps(
        {
            "subscriber_id": name_of(subscriber),
            "ts": ts,
            "event_id": event_id,
            "operator": (operator := OPERATORS[int(random() * len(OPERATORS))]),
            "dwell_s": int(draw.expovariate(1 / 60)),
            "pages": 1 + int(random() * 7),
            "page": PAGES[int(random() * len(PAGES))],
            "site": f"www.{operator}.example",
        }
    )


MAKERS: Final = (call, data, visit)
NETWORKS: Final = ("on_net", "on_net", "off_net", "off_net", "fixed", "international")
APPS: Final = ("video", "social", "games", "music", "news", "shopping")
OPERATORS: Final = ("china-unicom", "china-mobile", "china-broadnet")
PAGES: Final = ("home", "home", "plans", "support", "store_locator", "number_portability")


def profile(subscriber: int) -> bytes:
    """Who they are: nothing that stands in the way of an alert."""
    return orjson.dumps(
        {
            "subscriber_id": name_of(subscriber),
            "ts": START_MS - 30 * DAY_MS,
            "activated_ts": START_MS - (200 + subscriber % 1_000) * DAY_MS,
            "arpu": 40.0 + subscriber % 120,
            "plan": "5G-129",
            "customer_id": f"c-{subscriber:06d}",
            "unit": f"unit-{subscriber % 20:02d}",
            "manager": f"manager-{subscriber % 100:02d}",
            "language": "en",
            "status": "active",
            "consent": {"marketing": {"sms": True, "outbound_call": True}, "behaviour": True, "profiling": True},
        }
    )


def settings(bootstrap: str, prefix: str, group: str = "bench") -> dict[str, str]:
    """What Holdfast is told of the cluster."""
    return {
        "HOLDFAST_BROKERS": bootstrap,
        "HOLDFAST_TOPIC_PREFIX": prefix,
        "HOLDFAST_GROUP": group,
        "HOLDFAST_PARTITIONS": str(PARTITIONS),
        "HOLDFAST_METRICS_PORT": "0",
    }


def create_topics(bootstrap: str, prefix: str) -> None:
    """All topics of the contract by ``holdfast topics create``; before that the log's own, which keep records for ever.

    Holdfast's are kept for a week by default, and what is older than that by its timestamp is deleted at the broker's
    next look. Altered afterwards they are not safe either: one look came between two steps on a busy machine.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": QUIET})
    own = [NewTopic(prefix + topic, PARTITIONS, 1, config={"retention.ms": "-1"}) for topic in TOPICS]
    for created in admin.create_topics(own).values():
        created.result()
    command = [sys.executable, "-m", "app.cli", "topics", "create"]
    environment = clean_environment(settings(bootstrap, prefix))
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)


def delete_topics(bootstrap: str, prefix: str) -> None:
    """Delete every topic that has a prefix of a benchmark in its name, changelogs of contenders included.

    A broker with thousands of partitions is another one than it was in the first round.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": QUIET})
    found = [topic for topic in admin.list_topics(timeout=30).topics if prefix in topic]
    for deleted in (admin.delete_topics(found) if found else {}).values():
        deleted.result()


class Loader:
    """A producer that puts each record where murmur2 would, and knows in the end that all are there."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._failed: list[Any] = []
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._places = Places()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 50,
                "batch.size": 16_384,  # what Java's producer fills by default: every consumer pays for each batch
                "queue.buffering.max.messages": 500_000,
                "error_cb": self._failed.append,
                "log_level": QUIET,
            }
        )

    def send(self, topic: str, subscriber: int, ts: int, value: bytes) -> None:
        """Append a record, waiting while a half million of them are on their way."""
        key, partition = self._places[subscriber]
        while True:
            try:
                self._producer.produce(self._prefix + topic, value, key, partition=partition, timestamp=ts)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def finish(self, expected: dict[str, int]) -> None:
        """Wait until all is written; raise unless each topic holds what it should."""
        self._producer.flush(120)
        admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": QUIET})
        for topic, count in expected.items():
            asked = {TopicPartition(self._prefix + topic, p): OffsetSpec.latest() for p in range(PARTITIONS)}
            there = sum(end.result().offset for end in admin.list_offsets(asked).values())
            if there != count:
                raise KafkaException(f"{topic} holds {there} records instead of {count}: {self._failed}")


class Places(dict[int, tuple[bytes, int]]):
    """Key and partition of each subscriber, worked out once."""

    def __missing__(self, subscriber: int) -> tuple[bytes, int]:
        name = name_of(subscriber)
        self[subscriber] = found = name.encode(), partition_of(name)
        return found


def preload(bootstrap: str, prefix: str, log: Log, count: int) -> None:
    """Create the topics of a prefix and write everybody's profile and the first `count` events of a log into them."""
    create_topics(bootstrap, prefix)
    loader = Loader(bootstrap, prefix)
    load_profiles(loader, SUBSCRIBERS)
    counts = [0] * len(TOPICS)
    for topic, subscriber, ts, value in events(log, count):
        counts[topic] += 1
        loader.send(TOPICS[topic], subscriber, ts, value)
    loader.finish({PROFILES: SUBSCRIBERS, **dict(zip(TOPICS, counts, strict=True))})


def load_profiles(loader: Loader, subscribers: int) -> None:
    """Everybody's profile, dated before the first event."""
    for subscriber in range(subscribers):
        loader.send(PROFILES, subscriber, START_MS - 30 * DAY_MS, profile(subscriber))
