"""Holdfast from outside: a worker process with its topics and its probes, and nothing of its modules.

Time here is the events' own. Each lane has a clock that only moves on; it starts years ago, so that a test can let
weeks go by, and a bystander's event tells the lane that they did. Waiting is always for a condition: what was sent is
applied when ``churn.history.v1`` says so, and what came of it is read to the ends of the output topics, so that a test
can also say what did *not* come.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final, Self

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from support.black_box_events import CALLS, CARE, DATA, DAY, lane_of
from support.black_box_outputs import Outputs, Place, Record
from support.black_box_subscriber import Subscriber
from support.black_box_worker import Metrics, Worker, clean_environment, until
from support.known_model import known_model
from support.warm_start import run_holdfast

SHANGHAI: Final = timezone(timedelta(hours=8))
ROOMY: Final = "[tiers]\nbudget = 1000.0\nsmoothing = 1.0\n"
"""A policy by which a tier is what two daily looks see, and there is an alert a day for everybody."""


class World:
    """Topics of one prefix, who writes into them and who reads, and the workers between.

    Parameters
    ----------
    directory
        For logs, the model and the policy.
    """

    def __init__(self, bootstrap: str, prefix: str, directory: Path, lanes: int, policy: str = ROOMY) -> None:
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
        model, rules = directory / "model.json", directory / "policy.toml"
        model.write_bytes(known_model())
        rules.write_text(policy)
        self.settings = {
            "HOLDFAST_BROKERS": bootstrap,
            "HOLDFAST_TOPIC_PREFIX": prefix,
            "HOLDFAST_GROUP": self.group,
            "HOLDFAST_PARTITIONS": str(lanes),
            "HOLDFAST_METRICS_PORT": "0",
            "HOLDFAST_MODEL": str(model),
            "HOLDFAST_POLICY": str(rules),
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
        return run_holdfast(clean_environment(self.settings | settings), *arguments)

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

    def send_all(self, records: Iterable[tuple[str, bytes, bytes, int]]) -> None:
        """Write records ``(topic, key, value, timestamp)``, all of them at once; returns when all are acknowledged."""
        refused: list[KafkaError] = []

        def told(error: KafkaError | None, message: Message) -> None:
            lane, offset = message.partition(), message.offset()
            if error is not None or lane is None or offset is None:
                refused.extend([] if error is None else [error])
                return
            topic = str(message.topic())[len(self.prefix) :]
            self.sent[lane][topic] = max(offset, self.sent[lane].get(topic, -1))
            self._unread.add(lane)

        for topic, key, value, ts in records:
            self._producer.produce(self.prefix + topic, value, key, on_delivery=told, timestamp=ts)
            self._producer.poll(0)
        assert not self._producer.flush(60)
        assert not refused

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
        """Wait until all that was sent to the lane is applied, the desk has heard it, and what came of it is read."""
        if lane not in self._unread:
            return
        self.wait_applied(lane)
        until(lambda: self.outputs.desk_is_done_with(lane), f"the desk is done with lane {lane}", pause_s=0)
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
