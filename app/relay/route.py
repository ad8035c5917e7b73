"""Delivery to one endpoint: its consumer group, its filter, and its lag.

Each route has a consumer group of its own and shares nothing with the others but the process, so an endpoint that is
away, or slow, holds up itself alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import click
import structlog

from app.alerts.alert_filter import AlertFilter
from app.errors import ExitCode, Refused
from app.relay.endpoints import Endpoint
from app.relay.metrics import Failure, RelayMetrics
from models.contract.alerts import Alert
from streams.kafka.broker_view import Input
from streams.kafka.retries import PATIENCE_S, NoAnswerError
from streams.kafka.subscription import Start, Subscription, earlier
from streams.kafka.topic_tail import TailRecord, as_alert
from streams.records.topics import ALERTS

log = structlog.get_logger(__name__)

GRACE_S: Final = 3.0
"""Time for deliveries under way at a stop; what is not accepted by then is sent again at the next start."""
_SAID_S: Final = 60.0


@dataclass(frozen=True)
class Wanted:
    """Settings that all routes share.

    Attributes
    ----------
    new_filter
        Makes a filter: each partition of each route remembers by itself to which subscriber an alert belongs.
    fail_at
        Fault tests: called at each step.
    now_ms
        The wall clock.
    """

    client: Mapping[str, Any]
    prefix: str
    group: str
    start: Start
    new_filter: Callable[[], AlertFilter]
    fail_at: Callable[[str], None]
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)

    @property
    def topic(self) -> str:
        """The topic of the alerts, by its full name."""
        return self.prefix + ALERTS

    async def filter_at(self, partition: int, offset: int) -> AlertFilter:
        """A filter that knows what came before an offset, if it needs to."""
        made = self.new_filter()
        if made.remembers:
            async with aclosing(earlier(self.client, self.topic, partition, offset)) as records:
                async for record in records:
                    if (alert := as_alert(record.value)) is not None:
                        made.unit(alert)
        return made


def keeps(wanted: AlertFilter, alert: Alert) -> bool:
    """Whether an alert is wanted.

    Raises
    ------
    app.errors.Refused
        If the expression of ``--where`` cannot be evaluated on it.
    """
    try:
        return wanted.keeps(alert)
    except click.UsageError as error:
        raise Refused(error.message, "correct --where, and start again", code=ExitCode.USAGE) from error


class StoppingError(Exception):
    """The relay was asked to stop while a delivery waited for its next attempt."""


class Route(ABC):
    """Delivery to one endpoint; :meth:`run` is its whole life."""

    def __init__(self, endpoint: Endpoint, wanted: Wanted, metrics: RelayMetrics) -> None:
        self.endpoint, self.wanted, self.metrics = endpoint, wanted, metrics
        self._stop = asyncio.Event()
        self.subscription = Subscription(
            wanted.client, wanted.topic, endpoint.group(wanted.group), wanted.start, self.drop_work
        )
        self._idle_since: dict[int, float] = {}
        self._failing_since: float | None = None
        self._said = -_SAID_S

    async def run(self, asked: asyncio.Event) -> None:
        """Deliver until asked to stop.

        Raises
        ------
        streams.kafka.retries.NoAnswerError
            If Kafka did not answer for a minute.
        """
        working = asyncio.create_task(self._work(), name=self.endpoint.name)
        stopping = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
            self._stop.set()
            await _ended(working)
            await self.finish()
        finally:
            stopping.cancel()
            await _ended(working)
            await self.drop_work()
            await self.subscription.close()

    async def _work(self) -> None:
        await self.subscription.open()
        self.metrics.missed.labels(self.endpoint.name).inc(self.subscription.missed)
        if self.subscription.missed:
            log.warning("alerts_missed", endpoint=self.endpoint.name, count=self.subscription.missed)
        while True:
            await self.step()
            if await self.subscription.commit_if_due():
                self.metrics.last_progress.set(time.time())

    @abstractmethod
    async def step(self) -> None:
        """Do one round of work; returns within moments."""

    @abstractmethod
    async def finish(self) -> None:
        """Wait for deliveries under way, at most :data:`GRACE_S`."""

    @abstractmethod
    async def drop_work(self) -> None:
        """End all work at once; after this nothing more is delivered or reported as done."""

    @abstractmethod
    def oldest(self) -> Mapping[int, TailRecord]:
        """The oldest record in hand of each partition that has some."""

    async def measure(self, ends: Mapping[Input, int]) -> None:
        """Record the lag, from the ends of the topic as read without a group.

        Raises
        ------
        streams.kafka.retries.NoAnswerError
            If there has been something to read for a minute and the client does not give it: it can stay stuck after a
            broker's restart (aiokafka#1154), and another process does not.
        """
        held, lag, now, dealt = self.oldest(), 0, time.monotonic(), self.subscription.partitions
        self._idle_since = {at: since for at, since in self._idle_since.items() if at in dealt}
        for partition in dealt:
            end = ends.get((ALERTS, partition))
            at = held[partition].offset if partition in held else await self.subscription.reached(partition)
            if end is None or at is None:
                continue
            lag += max(0, end - at)
            if partition in held or at >= end:
                self._idle_since.pop(partition, None)
            elif now - self._idle_since.setdefault(partition, now) > PATIENCE_S:
                raise NoAnswerError(f"partition {partition} of the alerts: nothing to read for {PATIENCE_S:.0f} s")
        self.metrics.lag_records.labels(self.endpoint.name).set(lag)
        first = min((record.timestamp for record in held.values()), default=None)
        seconds = 0.0 if first is None else max(0.0, (self.wanted.now_ms() - first) / 1000)
        self.metrics.lag_seconds.labels(self.endpoint.name).set(seconds)

    @property
    def stopping(self) -> bool:
        """Whether no further delivery may begin."""
        return self._stop.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait until the next attempt.

        Raises
        ------
        StoppingError
            If there is to be none.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        if self.stopping:
            raise StoppingError

    def failed(self, reason: Failure, pause_s: float, status: int | None = None) -> None:
        """Count an attempt that will be repeated, and log it once a minute."""
        self.metrics.failed.labels(self.endpoint.name, reason).inc()
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        if now - self._said >= _SAID_S:
            self._said = now
            log.warning(
                "endpoint_fails",
                endpoint=self.endpoint.name,
                reason=reason,
                status=status,
                seconds=round(pause_s, 1),
                advice="it is tried again until it answers",
            )

    def accepted(self) -> None:
        """Log that an endpoint that failed accepts again."""
        if self._failing_since is not None:
            away = time.monotonic() - self._failing_since
            self._failing_since, self._said = None, -_SAID_S
            log.info("endpoint_accepts", endpoint=self.endpoint.name, seconds=round(away, 1))


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task; after this it does nothing."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
