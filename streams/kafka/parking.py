"""The topic of parked alerts: those that an endpoint refused for good, with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import aiokafka

from streams.kafka.retries import patient
from streams.kafka.topic_tail import TailRecord
from streams.records.topics import PARKED

ParkedFor = Literal["refused", "keeps_failing", "unreadable"]
"""Why: a 4xx answer; refused repeatedly while other alerts were accepted; no CloudEvent that this version can read."""
ENDPOINT: Final = "holdfast.endpoint"
REASON: Final = "holdfast.reason"
STATUS: Final = "holdfast.status"
ANSWER: Final = "holdfast.answer"
ATTEMPTS: Final = "holdfast.attempts"


class Parking:
    """Writer of parked alerts."""

    def __init__(self, client: Mapping[str, Any], prefix: str) -> None:
        self._topic = prefix + PARKED
        # aiokafka gives up a record after its request timeout; a restart of the broker takes longer.
        self._producer = aiokafka.AIOKafkaProducer(
            **client, enable_idempotence=True, request_timeout_ms=60_000, max_request_size=8 << 20
        )

    async def open(self) -> None:
        """Connect."""
        await patient(self._producer.start, "the parked topic")

    async def park(self, record: TailRecord, facts: Mapping[str, str]) -> None:
        """Write an alert as it was, with `facts` as headers; after this returns it is on the broker.

        It keeps its partition, so that a subscriber's alerts stay in order, and its timestamp, so that it expires when
        the original does.
        """
        headers = [*record.headers, *((name, value.encode()) for name, value in facts.items())]
        await self._producer.send_and_wait(
            self._topic,
            record.value,
            record.key,
            partition=record.partition,
            timestamp_ms=record.timestamp,
            headers=headers,
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._producer.stop()
