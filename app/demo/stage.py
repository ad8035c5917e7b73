"""The demonstration's own Kafka, its topics, and the processes on it.

:meth:`Stage.close` removes all of it, and so does a kill of this process: the broker and each child end when this
process's pipes close, and the broker's guard removes the directory of logs and data.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from app.demo.child import Child, python
from app.demo.feed import FeedOrder
from app.process.compilation import settle
from models.contract.events import SUBSCRIBERS
from streams.embedded_kafka.broker import EmbeddedBroker
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.jars import Talk
from streams.kafka.broker_view import BrokerView
from streams.kafka.topic_admin import Cluster
from streams.records.topics import ALL_TOPICS, INPUT_TOPICS, Topic

PREFIX: Final = "demo."
PARTITIONS: Final = 4
"""Number of lanes: each has its own transactions, and the broker shares the worker's cores."""
_KEPT: Final = {"retention.ms": "-1"}
"""Kafka ages records by their timestamps, and these are weeks old when they arrive."""
_UNCOMPACTED: Final = {"cleanup.policy": "compact", "min.compaction.lag.ms": str(1 << 52)}
"""A compacted log has gaps, and the tally counts every gap as a lost event."""
_OWN: Final = ("HOLDFAST_MODEL", "HOLDFAST_POLICY", "HOLDFAST_BASE_RATE", "HOLDFAST_LOG_LEVEL")
"""Settings that the demonstration takes from the environment; it sets all others itself."""
_WORKER: Final = "import sys; from app.cli import main; sys.exit(main(['worker']))"
_SETTLE_TRIES: Final = 50


class StageError(Exception):
    """The stage could not be set up, or broke down."""


def topics() -> tuple[Topic, ...]:
    """The table of topics, without retention or compaction that would remove records during a demonstration."""
    return tuple(
        topic._replace(config=_UNCOMPACTED if topic.name == SUBSCRIBERS else topic.config) for topic in ALL_TOPICS
    )


def worker_environment(brokers: str, environment: dict[str, str]) -> dict[str, str]:
    """Environment of the worker: the caller's, without settings that point to another Kafka.

    Examples
    --------
    >>> made = worker_environment("127.0.0.1:9", {"HOME": "/h", "HOLDFAST_BROKERS": "production:9092"})
    >>> made["HOME"], made["HOLDFAST_BROKERS"], made["HOLDFAST_METRICS_PORT"]
    ('/h', '127.0.0.1:9', '0')
    """
    kept = {name: value for name, value in environment.items() if not name.startswith("HOLDFAST_") or name in _OWN}
    return {
        **kept,
        "HOLDFAST_BROKERS": brokers,
        "HOLDFAST_TOPIC_PREFIX": PREFIX,
        "HOLDFAST_PARTITIONS": str(PARTITIONS),
        "HOLDFAST_METRICS_PORT": "0",
        "PYTHONUNBUFFERED": "1",
    }


@dataclass(slots=True)
class Stage:
    """Kafka, topics and processes of one demonstration; made by :func:`raise_stage`."""

    broker: EmbeddedBroker
    worker: Child | None = None
    feed: Child | None = None

    @property
    def brokers(self) -> str:
        """Bootstrap address for clients."""
        return self.broker.bootstrap

    @property
    def client(self) -> dict[str, Any]:
        """Keyword arguments of an aiokafka client."""
        return {"bootstrap_servers": [self.brokers]}

    @property
    def directory(self) -> Path:
        """Logs of all processes; removed with the broker."""
        return self.broker.home.directory

    async def set_topics(self) -> None:
        """Create the topics; after this returns all exist, and every input partition answers."""
        view = BrokerView(self.client, PREFIX)
        try:
            async with Cluster(self.client) as cluster:
                await cluster.create(PREFIX, PARTITIONS, overrides=_KEPT, topics=topics())
                for _ in range(_SETTLE_TRIES):
                    if not await cluster.faults(PREFIX, PARTITIONS) and await view.bounds(INPUTS) is not None:
                        return
                    await asyncio.sleep(0.2)
        finally:
            await view.close()
        raise StageError("the topics were created but do not answer")

    def start_worker(self) -> Child:
        """Start a worker; no earlier one may still run."""
        command = python("-c", _WORKER)
        environment = worker_environment(self.brokers, dict(os.environ))
        self.worker = Child.start("worker", command, self.directory / "worker.log", environment)
        return self.worker

    def start_feed(self, order: FeedOrder) -> Child:
        """Start the simulated population."""
        command = python("-m", "app.demo.feed", msgspec.json.encode(order).decode())
        self.feed = Child.start("simulator", command, self.directory / "simulator.log", dict(os.environ))
        return self.feed

    def obituary(self) -> StageError:
        """Error that reports the end of the broker with the end of its log."""
        return StageError(f"Kafka ended by itself. The end of its log:\n{self.broker.home.log_tail()}")

    def close(self) -> None:
        """End everything, the clients before Kafka. Nothing here needs an orderly shutdown."""
        for child in (self.feed, self.worker):
            if child is not None:
                child.kill()
        self.broker.stop()


INPUTS: Final = tuple((topic.name, partition) for topic in INPUT_TOPICS for partition in range(PARTITIONS))


def start_compiling(talk: Talk) -> Child | None:
    """Compile the hot path while Kafka starts, so that the worker only loads it; None if it cannot be cached."""
    keeping = settle()
    if keeping.warning is not None:
        talk.say(keeping.warning)
        return None
    return Child.start("compiler", python("-m", "app.process.compilation"), Path(os.devnull), dict(os.environ))


def raise_stage(settings: BrokerSettings, talk: Talk) -> Stage:
    """Start the broker on any free port; the jars must be present.

    Raises
    ------
    streams.embedded_kafka.broker_error.BrokerError
        If there is no Java or no answer in time; with the end of the broker's log.
    """
    return Stage(EmbeddedBroker.start(settings=settings, talk=talk))
