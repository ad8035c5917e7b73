"""The relay process: routes, metrics and signals are put together here.

Exit codes: 0 when asked to stop, 1 when the broker refused, 2 when the settings cannot be used, 3 without topics, 75
when the broker did not answer for a minute. ``app.process.ending`` does the exit. Killed or stopped, it goes on at the
committed offsets: what was accepted within the last second or so is sent once more, with the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, NoReturn

import structlog

from app.config.settings import Settings
from app.errors import no_topic
from app.process.ending import Ends, Life, live_and_leave
from app.process.health import Condition, Health
from app.relay.digest import DigestRoute, DigestWriter
from app.relay.endpoints import Endpoint
from app.relay.metrics import RelayMetrics
from app.relay.route import Route, Wanted
from app.relay.webhook import WebhookRoute
from streams.kafka.broker_view import BrokerView
from streams.kafka.parking import Parking
from streams.kafka.retries import patient
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TopicMissingError
from streams.records.topics import ALERTS, PARKED

log = structlog.get_logger(__name__)

MEASURE_S: Final = 2.0
_THREADS: Final = 8


class RelayPlan(NamedTuple):
    """The endpoints of a run, and the keys.

    Attributes
    ----------
    webhooks
        HTTP endpoints.
    keys
        Keys that sign the requests to them.
    chats
        Chat and mail services, each with what apprise made of its address.
    """

    wanted: Wanted
    webhooks: Sequence[Endpoint]
    keys: Sequence[bytes]
    chats: Sequence[tuple[Endpoint, Any]]
    writer: DigestWriter


class _Relay:
    """The routes, with their health and metrics."""

    def __init__(self, plan: RelayPlan) -> None:
        self._plan, self._wanted = plan, plan.wanted
        self.metrics = RelayMetrics(
            (each.name for each in plan.webhooks), (endpoint.name for endpoint, _ in plan.chats)
        )
        self._parking = Parking(self._wanted.client, self._wanted.prefix)
        self._view = BrokerView(self._wanted.client, self._wanted.prefix)
        self._routes: list[Route] = []
        self._answered = False

    def condition(self, code: int | None) -> Condition:
        """Whether every route has its partitions and the broker answers; an endpoint that is down is no blocker."""
        begun = bool(self._routes) and all(route.subscription.assigned for route in self._routes)
        blockers = {"starting": not begun, "broker_unavailable": not self._answered, "ending": code is not None}
        return Condition(tuple(word for word, blocks in blockers.items() if blocks))

    async def begin(self) -> None:
        """Check the topics, and build the routes."""
        lanes = await patient(self._partitions, "the topics")
        await self._parking.open()
        plan, metrics = self._plan, self.metrics
        # A thread for each endpoint, whose name may take long to resolve, and some for everything else.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS + len(plan.webhooks)))
        self._places = [(ALERTS, number) for number in range(lanes)]
        self._routes += [WebhookRoute(each, self._wanted, metrics, plan.keys, self._parking) for each in plan.webhooks]
        self._routes += [
            DigestRoute(endpoint, self._wanted, metrics, told_by, plan.writer) for endpoint, told_by in plan.chats
        ]
        for route in self._routes:
            log.info("relay_route", endpoint=route.endpoint.name, group=route.subscription.group)
            if route.endpoint.plain:
                log.warning("plain_http", endpoint=route.endpoint.name, advice="customers' data unencrypted: use https")

    async def run(self, asked: asyncio.Event) -> None:
        """Deliver until asked to stop, or until a route fails."""
        running = {asyncio.create_task(route.run(asked)) for route in self._routes}
        measuring = asyncio.create_task(self._measure(), name="lag")
        await asyncio.wait(running | {measuring}, return_when=asyncio.FIRST_COMPLETED)
        # When asked to stop, each route ends by itself; if one has failed, the others are ended too.
        for task in {measuring} if asked.is_set() else running | {measuring}:
            task.cancel()
        await asyncio.gather(*running, measuring, return_exceptions=True)
        for task in (*running, measuring):
            if not task.cancelled():
                task.result()
        if not asked.is_set():
            raise RuntimeError("a route has ended by itself")

    async def close(self) -> None:
        """Close the connections."""
        await self._view.close()
        await self._parking.close()

    async def _partitions(self) -> int:
        prefix = self._wanted.prefix
        needed = [prefix + ALERTS, *([prefix + PARKED] if self._plan.webhooks else [])]
        async with Cluster(self._wanted.client) as cluster:
            found = await cluster.topics(needed)
        if missing := next((name for name in needed if name not in found), None):
            raise no_topic(TopicMissingError(missing))
        return found[prefix + ALERTS].partitions

    async def _measure(self) -> None:
        while True:
            bounds = await self._view.bounds(self._places)
            self._answered = bounds is not None
            if bounds is not None:
                for route in self._routes:
                    await route.measure(bounds[1])
            await asyncio.sleep(MEASURE_S)


async def _live(life: Life, settings: Settings, plan: RelayPlan) -> int:
    relay = _Relay(plan)
    health = Health(relay.metrics, Condition, lambda: relay.condition(life.ending.code))
    await health.start(settings.metrics_host, settings.metrics_port)
    life.closing.push_async_callback(relay.close)
    if await life.unless_asked(relay.begin()):
        await relay.run(life.ending.asked)
    return 0


def deliver(settings: Settings, plan: RelayPlan) -> NoReturn:
    """Run the relay until SIGTERM, SIGINT or a failure, and end the process with its code."""

    async def live(life: Life) -> int:
        return await _live(life, settings, plan)

    live_and_leave(live, Ends("relay_ends", {}, settings.bootstrap))
