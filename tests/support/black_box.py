"""Holdfast from outside: a worker process with its topics and its probes, and nothing of its modules.

Time here is the events' own. Each lane has a clock that only moves on; it starts years ago, so that a test can let
weeks go by, and a bystander's event tells the lane that they did. Waiting is always for a condition: what was sent is
applied when ``churn.history.v1`` says so, and what came of it is read to the ends of the output topics, so that a test
can also say what did *not* come.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from prometheus_client.parser import text_string_to_metric_families

ROOT: Final = Path(__file__).resolve().parents[2]
BOUND_S: Final = 30.0
SHANGHAI: Final = timezone(timedelta(hours=8))
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

CALLS: Final = "telecom.calls.v1"
DATA: Final = "telecom.data-usage.v1"
VISITS: Final = "telecom.site-visits.v1"
CARE: Final = "telecom.care-contacts.v1"
BILLING: Final = "telecom.billing.v1"
CONTACTS: Final = "telecom.contacts.v1"
SUBSCRIBERS: Final = "telecom.subscribers.v1"
OUTCOMES: Final = "telecom.outcomes.v1"
ERASURES: Final = "telecom.erasures.v1"
FEEDBACK: Final = "churn.alert-feedback.v1"
INPUTS: Final = (CALLS, DATA, VISITS, CARE, BILLING, CONTACTS, SUBSCRIBERS, OUTCOMES, ERASURES, FEEDBACK)
ALERTS: Final = "churn.retention-alerts.v1"
SCORES: Final = "churn.risk-scores.v1"
SUPPRESSIONS: Final = "churn.suppressions.v1"
DEAD_LETTERS: Final = "churn.dead-letters.v1"
RECEIPTS: Final = "churn.receipts.v1"
STATE: Final = "churn.state.v1"
HISTORY: Final = "churn.history.v1"
OUTPUTS: Final = (ALERTS, SCORES, SUPPRESSIONS, DEAD_LETTERS, RECEIPTS, STATE, HISTORY)

FIELDS: Final[dict[str, dict[str, Any]]] = {
    CALLS: {"direction": "outgoing", "duration_s": 60, "peer_network": "on_net"},
    DATA: {"bytes": 1_000_000},
    VISITS: {"operator": "rival", "dwell_s": 5, "page": "home"},
    CARE: {"reason": "inquiry"},
    BILLING: {"kind": "accrual", "amount": 1.0},
    CONTACTS: {"channel": "sms"},
    SUBSCRIBERS: {"arpu": 138.0, "unit": "tianhe-03", "manager": "manager-7", "customer_id": "c-77", "plan": "5G-129"},
    OUTCOMES: {"outcome": "ported_out"},
    ERASURES: {"request_id": "r-1"},
    FEEDBACK: {"status": "accepted"},
}
"""A valid event of each input, beside ``subscriber_id`` and ``ts``."""

HEALTHY, WARNED, AT_RISK = 10, 5, 1
"""Answers to "how satisfied are you?" that put a subscriber into each tier, under :func:`known_model`."""
RISKS: Final = {HEALTHY: 0.005, WARNED: 0.05, AT_RISK: 0.30}
BASE_RATE: Final = 0.015


def known_model() -> bytes:
    """A snapshot in which the last satisfaction alone makes the risk: the tests decide the tier.

    Of the product it takes only the names of the features and the form of the file.
    """
    from models.features import NAMES, catalogue_hash
    from models.snapshot import Curve, Cutoff, Snapshot, encode

    def logit(risk: float) -> float:
        return math.log(risk / (1 - risk))

    knots = sorted(RISKS)
    values = [logit(RISKS[knot]) - logit(RISKS[HEALTHY]) for knot in knots]
    curves = [
        Curve(feature=name, knots=[float(k) for k in knots], values=values, usual=9.0)
        if name == "last_satisfaction"
        else Curve(feature=name, knots=[0.0, 1.0], values=[0.0, 0.0])
        for name in NAMES
    ]
    return encode(
        Snapshot(
            version="m-00007",
            curves=curves,
            intercept=logit(RISKS[HEALTHY]),
            base_rate=BASE_RATE,
            catalogue_hash=catalogue_hash(),
            cutoffs=[Cutoff(0.02, 0.075), Cutoff(0.10, 0.03)],
        )
    )


def lane_of(key: str, lanes: int) -> int:
    """Partition that Kafka's Java client would choose."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % lanes


def until(condition: Callable[[], Any], what: str, bound_s: float = BOUND_S, pause_s: float = 0.05) -> Any:
    """Wait until `condition` gives something true, and return that."""
    deadline = time.monotonic() + bound_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {bound_s:.0f} s: {what}")
        time.sleep(pause_s)
    return found


class Place(NamedTuple):
    """Where a record stands; the topic is without prefix."""

    topic: str
    partition: int
    offset: int


class Record(NamedTuple):
    """A record of an output topic, as a reader of committed records sees it."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]

    @property
    def body(self) -> dict[str, Any]:
        """The value as JSON."""
        found: dict[str, Any] = json.loads(self.value or b"null")
        return found


class Outputs:
    """Everything that was committed to the output topics, in the order of each partition."""

    def __init__(self, bootstrap: str, prefix: str, lanes: int) -> None:
        self.records: dict[str, list[Record]] = {topic: [] for topic in OUTPUTS}
        self.applied: dict[tuple[str, int], int] = {}
        self._prefix = prefix
        self._reached: dict[tuple[str, int], int] = {}
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{prefix}black-box",  # never joined, nothing is committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
            }
        )
        self._consumer.assign([TopicPartition(prefix + t, p, 0) for t in OUTPUTS for p in range(lanes)])

    def pump(self, wait_s: float = 0.05) -> None:
        """Take in what has come."""
        message = self._consumer.poll(wait_s)
        while message is not None:
            self._take(message)
            message = self._consumer.poll(0)

    def _take(self, message: Message) -> None:
        topic, partition, offset = str(message.topic())[len(self._prefix) :], message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            self._reached[topic, partition] = offset
            return
        self._reached[topic, partition] = offset + 1
        headers = {str(name): value for name, value in message.headers() or []}
        record = Record(Place(topic, partition, offset), message.key(), message.value(), headers)
        self.records[topic].append(record)
        if topic == HISTORY:
            body = record.body
            for of, _, last in body["segments"]:
                name = body["topics"][of]
                self.applied[name, partition] = max(last, self.applied.get((name, partition), -1))

    def ends(self, lane: int) -> dict[tuple[str, int], int]:
        """Ends of the lane's outputs, uncommitted records included."""
        asked = {TopicPartition(self._prefix + t, lane): OffsetSpec.latest() for t in OUTPUTS}
        found = self._admin.list_offsets(asked)
        return {(tp.topic[len(self._prefix) :], tp.partition): f.result().offset for tp, f in found.items()}

    def read_to(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Whether everything before these ends was taken in."""
        return all(self._reached.get(each, 0) >= end for each, end in ends.items())

    def close(self) -> None:
        """Let the clients go; after this nothing can be read."""
        self._consumer.close()
        del self._admin


class Worker:
    """A process of ``holdfast worker``."""

    def __init__(self, environment: Mapping[str, str], log: Path, *flags: str) -> None:
        self.log = log
        self._out = log.with_suffix(".out")
        with log.open("wb") as err, self._out.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "worker", *flags],
                cwd=ROOT,
                env=clean_environment(environment),
                stdout=out,
                stderr=err,
            )
        self._url = ""

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    @property
    def stdout(self) -> list[str]:
        """Lines on stdout so far."""
        return self._out.read_text().splitlines()

    def url(self) -> str:
        """Where it said on stdout that its metrics are."""

        def said() -> str:
            assert self.code is None, f"ended with {self.code}:\n{self.tail()}"
            lines = self.stdout
            return str(json.loads(lines[0])["metrics"]) if lines else ""

        self._url = self._url or until(said, "the worker says where its metrics are")
        return self._url

    def get(self, path: str = "/metrics") -> tuple[int, str]:
        """Status and text of one of its pages."""
        address = self.url().removesuffix("/metrics") + path
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - http on loopback
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def metrics(self) -> Metrics:
        """All series now."""
        return Metrics.parse(self.get()[1])

    def wait_open(self, lanes: int) -> Self:
        """Wait until it is ready and has all the lanes: each lane's lag is a series from its opening on."""

        def opened() -> bool:
            assert self.code is None, f"ended with {self.code}:\n{self.tail()}"
            status, _ = self.get("/readyz")
            seen = {labels.get("partition") for labels in self.metrics().labels("holdfast_lag_records")}
            return status == 200 and len(seen) == lanes

        until(opened, f"{lanes} lanes open")
        return self

    def ended(self, bound_s: float = BOUND_S) -> int:
        """Wait for its end; returns the exit code."""
        try:
            return self._process.wait(bound_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {bound_s:.0f} s:\n{self.tail()}") from None

    def stop(self) -> int:
        """Ask it to stop, and wait."""
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def discard(self) -> None:
        """Make sure that it runs no longer."""
        if self.code is None:
            self._process.kill()
            self._process.wait()

    def tail(self) -> str:
        """End of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-60:])


class Metrics(dict[tuple[str, frozenset[tuple[str, str]]], float]):
    """The series of ``/metrics``: name and labels to value."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read Prometheus' text format; a malformed line is an error."""
        return cls(
            ((sample.name, frozenset(sample.labels.items())), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )

    def value(self, name: str, **labels: str) -> float | None:
        """One series, None if it does not exist."""
        return self.get((f"holdfast_{name}", frozenset(labels.items())))

    def labels(self, name: str) -> list[dict[str, str]]:
        """Labels of the series of this full name."""
        return [dict(labels) for found, labels in self if found == name]

    def total(self, name: str, **labels: str) -> float:
        """Sum over the series that have these labels."""
        wanted = set(labels.items())
        return sum(v for (found, has), v in self.items() if found == f"holdfast_{name}" and wanted <= has)


def clean_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with `given`, and with no other HOLDFAST_* setting than those."""
    kept = {k: v for k, v in os.environ.items() if not re.match(r"HOLDFAST_(?!KAFKA|MAVEN|JAVA|CACHE)", k)}
    return {**kept, **given}


class World:
    """Topics of one prefix, who writes into them and who reads, and the workers between.

    Parameters
    ----------
    directory
        For logs and the model.
    """

    def __init__(self, bootstrap: str, prefix: str, directory: Path, lanes: int) -> None:
        self.prefix = prefix
        self.group = f"{prefix}detection"
        self.lanes = lanes
        self.bootstrap = bootstrap
        self.workers: list[Worker] = []
        self.metrics_at_start = Metrics()
        self.sent: dict[int, dict[str, int]] = {lane: {} for lane in range(lanes)}
        begin = int(time.time() * 1000) // DAY * DAY - 2_000 * DAY
        self.clock = dict.fromkeys(range(lanes), begin)
        self._directory = directory
        self._names = itertools.count(10_000)
        self._unsettled: dict[int, str] = {}
        self._unread: set[int] = set()
        model = directory / "model.json"
        model.write_bytes(known_model())
        self.settings = {
            "HOLDFAST_BROKERS": bootstrap,
            "HOLDFAST_TOPIC_PREFIX": prefix,
            "HOLDFAST_GROUP": self.group,
            "HOLDFAST_PARTITIONS": str(lanes),
            "HOLDFAST_METRICS_PORT": "0",
            "HOLDFAST_MODEL": str(model),
        }
        created = self.holdfast("topics", "create", "--json")
        assert created.returncode == 0, created.stderr
        self.created = [json.loads(line) for line in created.stdout.splitlines()]
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "compression.type": "gzip",  # so that a value beyond 1 MiB passes the broker's own bound
                "message.max.bytes": 4 << 20,
            }
        )
        self.outputs = Outputs(bootstrap, prefix, lanes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.discard()
        self.outputs.close()
        del self._producer  # or it would look for a broker that ends with the session

    # Processes

    def holdfast(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run another verb to its end."""
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=ROOT,
            env=clean_environment(self.settings | settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def new_worker(self, *flags: str, **settings: str) -> Worker:
        """Start a worker."""
        log = self._directory / f"worker-{len(self.workers)}.log"
        self.workers.append(Worker(self.settings | settings, log, *flags))
        return self.workers[-1]

    @property
    def worker(self) -> Worker:
        """The newest worker."""
        return self.workers[-1]

    @property
    def running(self) -> bool:
        """Whether the newest worker lives."""
        return bool(self.workers) and self.worker.code is None

    def admin(self) -> AdminClient:
        """A client for questions about the cluster; keep it until its futures are done."""
        return AdminClient({"bootstrap.servers": self.bootstrap})

    def committed(self) -> dict[tuple[str, int], int]:
        """The group's committed offsets."""
        from confluent_kafka import ConsumerGroupTopicPartitions

        admin = self.admin()
        (future,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group)]).values()
        return {(tp.topic[len(self.prefix) :], tp.partition): tp.offset for tp in future.result().topic_partitions}

    # Writing

    def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        timestamp: int | None = None,
    ) -> Place:
        """Write a record; what was sent to another topic of the lane before is applied before."""
        expected = lane_of(key, self.lanes) if isinstance(key, str) else partition
        if self.running and expected is not None and self._unsettled.get(expected, topic) != topic:
            self.wait_applied(expected)
        written: list[Message] = []

        def told(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                raise KafkaException(error)
            written.append(message)

        self._producer.produce(
            self.prefix + topic,
            value,
            key,
            -1 if partition is None else partition,
            on_delivery=told,
            timestamp=int(time.time() * 1000) if timestamp is None else timestamp,
        )
        while not written:
            self._producer.poll(0.05)
        lane, offset = written[0].partition(), written[0].offset()
        assert lane is not None
        assert offset is not None
        self.sent[lane][topic] = offset
        self._unsettled[lane] = topic
        self._unread.add(lane)
        return Place(topic, lane, offset)

    def drive(self, lane: int, *, usage: bool = False, ts: int | None = None) -> None:
        """A bystander does something at the lane's time: a question to care, or a call and a data session."""
        bystander = self.subscriber(lane, "bystander")
        for topic in (CALLS, DATA) if usage else (CARE,):
            bystander.event(topic, ts=ts)

    def pass_time(self, lane: int, *, usage: bool = False, **span: float) -> int:
        """Let so much time pass in a lane, and let it know; returns the time now."""
        self.clock[lane] += round(timedelta(**span) / timedelta(milliseconds=1))
        self.drive(lane, usage=usage)
        return self.clock[lane]

    def pass_to(self, lane: int, local: str) -> int:
        """Move on to this time of the next day in Shanghai, without a word to the lane."""
        hour, minute = (int(part) for part in local.split(":"))
        now = datetime.fromtimestamp(self.clock[lane] / 1000, SHANGHAI)
        then = (now + timedelta(days=1)).replace(hour=hour, minute=minute, second=0, microsecond=0)
        self.clock[lane] = int(then.timestamp() * 1000)
        return self.clock[lane]

    # Reading

    def wait_applied(self, lane: int) -> None:
        """Wait until all that was sent to the lane is in a committed transaction."""

        def applied() -> bool:
            self.outputs.pump()
            for worker in self.workers[-1:]:
                assert worker.code is None, f"the worker ended with {worker.code}:\n{worker.tail()}"
            have = self.outputs.applied
            return all(have.get((topic, lane), -1) >= offset for topic, offset in self.sent[lane].items())

        until(applied, f"lane {lane} applied {self.sent[lane]}", pause_s=0)
        self._unsettled.pop(lane, None)

    def settle(self, lane: int) -> None:
        """Wait until all that was sent to the lane is applied, and what came of it is read."""
        if lane not in self._unread:
            return
        self.wait_applied(lane)
        ends = self.outputs.ends(lane)

        def read() -> bool:
            self.outputs.pump()
            return self.outputs.read_to(ends)

        until(read, f"outputs of lane {lane} read to {ends}", pause_s=0)
        self._unread.discard(lane)

    def records(self, topic: str, key: str) -> list[Record]:
        """Committed records of an output with this key, once everything sent to its lane was applied."""
        self.settle(lane_of(key, self.lanes))
        return [record for record in self.outputs.records[topic] if record.key == key.encode()]

    def metrics(self) -> Metrics:
        """All series once everything that was sent is applied and counted, by the one worker there ever was."""
        for lane in range(self.lanes):
            self.settle(lane)
        sent = sum(offset + 1 for lane in self.sent.values() for offset in lane.values())
        names = ("events_total", "duplicates_total", "dead_letters_total", "ignored_events_total")

        def counted() -> Metrics | None:
            found = self.worker.metrics()
            return found if sum(found.total(name) for name in names) == sent else None

        metrics: Metrics = until(counted, f"{sent} records are counted as one of {names}")
        return metrics

    def subscriber(self, lane: int | None = None, stem: str = "s") -> Subscriber:
        """Somebody new; on the given lane if it matters, or else on each in turn."""
        wanted = next(self._names) % self.lanes if lane is None else lane
        return next(
            Subscriber(self, name, wanted)
            for number in self._names
            if lane_of(name := f"{stem}-{number}", self.lanes) == wanted
        )


class Subscriber:
    """Somebody to whom things happen. Events are dated by the lane's clock, a second apart, unless told otherwise."""

    def __init__(self, world: World, name: str, lane: int) -> None:
        self.world = world
        self.name = name
        self.lane = lane

    @property
    def now(self) -> int:
        """The lane's time."""
        return self.world.clock[self.lane]

    def event(self, topic: str, *, ts: int | None = None, **fields: Any) -> Place:
        """An event of any input."""
        if ts is None:
            self.world.clock[self.lane] += SECOND
            ts = self.now
        body = {"subscriber_id": self.name, "ts": ts, **FIELDS[topic], **fields}
        return self.world.send(topic, self.name, json.dumps(body).encode())

    def profile(self, **fields: Any) -> Place:
        return self.event(SUBSCRIBERS, **fields)

    def visit(self, **fields: Any) -> Place:
        return self.event(VISITS, **fields)

    def care(self, reason: str, **fields: Any) -> Place:
        return self.event(CARE, reason=reason, **fields)

    def outcome(self, outcome: str, **fields: Any) -> Place:
        return self.event(OUTCOMES, outcome=outcome, **fields)

    def feedback(self, status: str, alert_id: str | None = None, **fields: Any) -> Place:
        return self.event(FEEDBACK, status=status, **({} if alert_id is None else {"alert_id": alert_id}), **fields)

    def erase(self, request_id: str, **fields: Any) -> Place:
        return self.event(ERASURES, request_id=request_id, **fields)

    def browses(self) -> Place:
        """Reads a competitor's portability page for half a minute: enough for an alert at once."""
        return self.visit(page="number_portability", dwell_s=30)

    def seasoned(self) -> None:
        """Is known for eight days, and content: old enough to have a tier."""
        self.profile()
        self.care("satisfaction", score=HEALTHY)
        self.world.clock[self.lane] += 8 * DAY

    def rates(self, score: int) -> Place:
        """Says how satisfied he is; see :data:`RISKS`."""
        return self.care("satisfaction", score=score)

    # What was committed of him

    def alert_records(self, kind: str | None = None) -> list[Record]:
        records = self.world.records(ALERTS, self.name)
        return [record for record in records if kind in (None, record.body["kind"])]

    def alerts(self, kind: str | None = None) -> list[dict[str, Any]]:
        return [record.body for record in self.alert_records(kind)]

    def steps(self, kind: str | None = None) -> list[tuple[str, str | None]]:
        """Each alert record as its event and why it was closed."""
        return [(alert["event"], alert["close_reason"]) for alert in self.alerts(kind)]

    def suppressions(self, kind: str | None = None) -> list[dict[str, Any]]:
        records = self.world.records(SUPPRESSIONS, self.name)
        return [record.body for record in records if kind in (None, record.body["kind"])]

    def withheld(self, kind: str | None = None) -> list[str]:
        """Why, for each decision not to contact him."""
        return [suppression["reason"] for suppression in self.suppressions(kind)]

    def state(self) -> dict[bytes, bytes | None]:
        """What the state topic has under keys that name him, as compaction will leave it."""
        self.world.settle(self.lane)
        found = self.world.outputs.records[STATE]
        return {r.key: r.value for r in found if r.key is not None and self.name.encode() in r.key}
