"""The learner from outside: examples in, a process with settings, and what stands in the topic of the models."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from support.black_box_worker import clean_environment
from support.rig import CountWorker, Rig, until

from models.contract.training_example import Example, WeeklyLabel
from streams.kafka.topic_tail import TailRecord, tail
from streams.model_topic import checkpoint_record
from streams.model_topic.checkpoint_record import CheckpointRecord
from streams.model_topic.versions import CHECKPOINT, REPORT, ModelVersions
from streams.records.topics import EXAMPLES, MODELS

SMALL = """\
warm_rows = 50
window = 1000
recent_rows = 100
"""
"""Numbers with which some hundred examples are enough to publish."""


class LearnerRig:
    """A learner, its topics, and who writes examples."""

    def __init__(self, rig: Rig, directory: Path) -> None:
        self.rig = rig
        self.sent = 0
        self._directory = directory
        self._numbers = directory / "learner.toml"
        self._numbers.write_text(SMALL)

    async def create(self) -> None:
        """Create the topics."""
        await self.rig.create()

    async def send(self, examples: Iterable[Example | WeeklyLabel | bytes]) -> None:
        """Write examples; after this returns they are in the topic."""
        producer = AIOKafkaProducer(**self.rig.client, linger_ms=5)
        await producer.start()
        try:
            futures = []
            for one in examples:
                raw = one if isinstance(one, bytes) else msgspec.json.encode(one)
                futures.append(await producer.send(self.rig.prefix + EXAMPLES, raw, b"s", partition=0))
            self.sent = (await asyncio.gather(*futures))[-1].offset + 1
        finally:
            await producer.stop()

    async def publish(self, key: str, value: bytes | None) -> None:
        """Write a record to the topic of the models."""
        producer = AIOKafkaProducer(**self.rig.client)
        await producer.start()
        try:
            await producer.send_and_wait(self.rig.prefix + MODELS, value, key.encode(), partition=0)
        finally:
            await producer.stop()

    def start(self, *flags: str, **settings: str) -> CountWorker:
        """Start a learner."""
        workers = self.rig.workers
        given = {
            "HOLDFAST_BROKERS": self.rig.client["bootstrap_servers"][0],
            "HOLDFAST_TOPIC_PREFIX": self.rig.prefix,
            "HOLDFAST_METRICS_PORT": "0",
            "HOLDFAST_LEARNER": str(self._numbers),
            "HOLDFAST_CHECKPOINT_S": "0.5",
        }
        command = [sys.executable, "-m", "app.cli", "learner", *flags]
        log = self._directory / f"learner-{len(workers)}.log"
        workers.append(CountWorker(command, clean_environment(given | settings), log))
        return workers[-1]

    async def models(self) -> list[TailRecord]:
        """The committed records of the topic of the models."""
        topic = self.rig.prefix + MODELS
        async with aclosing(tail(self.rig.client, topic, from_beginning=True, follow=False)) as records:
            return [record async for record in records]

    async def versions(self) -> ModelVersions:
        """The topic as all who serve read it."""
        versions = ModelVersions()
        for record in await self.models():
            versions.take(record.key, record.value, record.offset, record.timestamp)
        return versions

    async def checkpoint(self) -> CheckpointRecord | None:
        """The newest checkpoint."""
        return checkpoint_record.whole((await self.versions()).own, CHECKPOINT)

    async def report(self) -> dict[str, Any]:
        """The newest report."""
        found: dict[str, Any] = msgspec.json.decode((await self.versions()).own[REPORT])
        return found

    async def learned(self, bound_s: float = 60.0) -> CheckpointRecord:
        """Wait until a checkpoint says that all that was sent is learned."""

        async def settled() -> CheckpointRecord | None:
            for worker in self.rig.workers[-1:]:
                assert worker.code in (None, 0), worker.tail()
            found = await self.checkpoint()
            return found if found is not None and found.next_offset >= self.sent else None

        checkpoint: CheckpointRecord = await until(settled, f"{self.sent} examples are learned", bound_s)
        return checkpoint
