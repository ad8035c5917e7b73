"""Routes in this process, where a minute may be short: digests to a chat, and an endpoint that breaks on one alert."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import pytest
import structlog
from aiohttp import web
from aiokafka import TopicPartition
from support.alerts_made import an_action
from support.relay_rig import KEY, TOKEN, Receiver, RelayRig, never
from support.rig import Rig, now_ms, until

from app.alerts.alert_filter import AlertFilter
from app.process import logs
from app.process.fault import fail_at
from app.relay import digest, webhook
from app.relay.digest import DigestRoute, DigestWriter, service
from app.relay.endpoints import Endpoint, chats, webhooks
from app.relay.metrics import RelayMetrics
from app.relay.route import Route, Wanted
from app.relay.webhook import WebhookRoute
from streams.kafka.parking import Parking
from streams.kafka.subscription import Subscription, group_position
from streams.records.topics import ALERTS


class Chat:
    """A chat service that apprise reaches by ``json://``."""

    def __init__(self) -> None:
        self.status = 200
        self.said: list[tuple[str, str]] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        told = await request.json()
        if self.status == 200:
            self.said.append((told["title"], told["message"]))
        return web.Response(status=self.status)

    def endpoint(self) -> Endpoint:
        return chats([f"desk=json://user:{TOKEN}@127.0.0.1:{self.port}/{TOKEN}"])[0]


@pytest.fixture
async def relays(rig: Rig, tmp_path: Path) -> RelayRig:
    await rig.create()
    return RelayRig(rig, tmp_path)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, as a process would."""
    out, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.set_up("debug", stream=out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def wanted(relays: RelayRig) -> Wanted:
    return Wanted(relays.rig.client, relays.rig.prefix, relays.rig.group, "now", AlertFilter, fail_at(None))


@asynccontextmanager
async def running(route: Route) -> AsyncIterator[asyncio.Task[None]]:
    """Run a route, and stop it as a signal does; one that was cancelled dies as by a kill."""
    asked = asyncio.Event()
    task = asyncio.create_task(route.run(asked))

    async def assigned() -> bool:
        if task.done():
            task.result()
        return route.subscription.assigned

    try:
        await until(assigned, "it has its partitions")
        yield task
    finally:
        asked.set()
        dies = task.cancelling() > 0
        await asyncio.gather(task, return_exceptions=dies)


def a_digest_route(relays: RelayRig, chat: Chat) -> DigestRoute:
    endpoint = chat.endpoint()
    writer = DigestWriter("en", ZoneInfo("Asia/Shanghai"))
    return DigestRoute(endpoint, wanted(relays), RelayMetrics([], ["desk"]), service(endpoint), writer)


async def test_one_digest_a_unit_and_minute_and_none_is_lost(
    relays: RelayRig, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    monkeypatch.setattr(digest, "MINUTE_S", 1.0)
    monkeypatch.setattr(digest, "pause_s", lambda _: 0.1)
    async with Chat() as chat:

        async def heard(count: int) -> None:
            async def so_many() -> bool:
                return len(chat.said) >= count

            await until(so_many, f"{count} digests")

        route = a_digest_route(relays, chat)
        async with running(route):
            late = relays.lives(1, 1, action=an_action(contact_by=now_ms() - 1))
            ends = relays.lives(2, 1, event="eased", action=None, reasons=None)
            await relays.send([*relays.lives(3, 1), *relays.lives(1, 1, unit="yuexiu-01"), *late, *ends])
            await heard(2)
            titles = [title for title, _ in chat.said]
            assert titles == ["tianhe-03: 3 alerts", "yuexiu-01: 1 alert"]
            assert len(chat.said[0][1].splitlines()) == 3
            assert "24 minutes on competitor sites" in chat.said[0][1]
            assert route.metrics.past.labels("desk")._value.get() == 1
            chat.status = 503
            await relays.send(relays.lives(2, 1))

            async def refused() -> bool:
                return route.metrics.failed.labels("desk", "service")._value.get() > 2

            await until(refused, "the service says no")
            chat.status = 200
            await heard(3)
            assert chat.said[2][0] == "tianhe-03: 2 alerts"
        found = await group_position(relays.rig.client, relays.rig.prefix + ALERTS, route.subscription.group, "now")
        assert (found.begin, found.fresh) == (found.end, frozenset()), "what was told is committed"
        chat.said.clear()
        async with running(a_digest_route(relays, chat)) as task:
            await relays.send(relays.lives(5, 1))
            await asyncio.sleep(0.3)  # within its minute
            task.cancel()
        assert chat.said == []
        async with running(a_digest_route(relays, chat)):
            await heard(1)
        assert [title for title, _ in chat.said] == ["tianhe-03: 5 alerts"], "gathered anew, and told once"
    assert "endpoint_fails" in log.getvalue()
    assert TOKEN not in log.getvalue()


async def test_one_alert_on_which_an_endpoint_always_breaks_is_parked_once_others_are_taken(
    relays: RelayRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "pause_s", lambda *_: 0.05)
    async with Receiver() as receiver:
        receiver.reply = lambda received: 500 if received.subscriber == "s-2" else 204
        (endpoint,) = webhooks([f"crm={receiver.url}"])
        parking = Parking(relays.rig.client, relays.rig.prefix)
        await parking.open()
        metrics = RelayMetrics(["crm"], [])
        route = WebhookRoute(endpoint, wanted(relays), metrics, [KEY], parking)
        async with running(route):
            broken = relays.lives(3, 1)[2:]
            await relays.send(broken)

            async def often() -> bool:
                return len(receiver.seen) > 25

            await until(often, "an endpoint that takes nothing is tried for ever")
            assert metrics.parked.labels("crm", "keeps_failing")._value.get() == 0
            behind = await relays.send(relays.lives(5, 1)[1:2] + relays.lives(5, 1)[4:])
            await relays.accepted(receiver, behind)
            assert metrics.parked.labels("crm", "keeps_failing")._value.get() == 1
        await parking.close()
        (parked,) = await relays.parked()
        facts = dict(parked.headers)
        assert (facts["holdfast.reason"], facts["holdfast.status"]) == (b"keeps_failing", b"500")
        assert int(facts["holdfast.attempts"]) >= 20


async def test_where_an_endpoint_begins_and_what_age_has_deleted_before_it_came(relays: RelayRig) -> None:
    client, topic, group = relays.rig.client, relays.rig.prefix + ALERTS, "g.relay.x"
    old, new = now_ms() - 7_200_000, now_ms() - 1_000
    await relays.send(relays.lives(4, 1), stamp=old)
    await relays.send(relays.lives(2, 1), stamp=new)
    assert (await group_position(client, topic, group, "beginning")).begin == {0: 0, 1: 0}
    assert (await group_position(client, topic, group, "now")).begin == {0: 3, 1: 3}
    assert (await group_position(client, topic, group, old)).begin == {0: 0, 1: 0}
    assert (await group_position(client, topic, group, old + 1)).begin == {0: 2, 1: 2}
    assert (await group_position(client, topic, group, now_ms() + 60_000)).begin == {0: 3, 1: 3}
    subscription = Subscription(client, topic, group, "beginning", _nothing)
    await subscription.open()
    await subscription.close()
    await relays.rig.trim(ALERTS, 0, 2)
    found = await group_position(client, topic, group, "now")
    assert (found.begin, found.fresh, found.missed) == ({0: 2, 1: 0}, frozenset(), 2)


async def _nothing() -> None:
    """No work is to be ended."""


async def test_what_was_given_and_not_accepted_is_never_committed(relays: RelayRig) -> None:
    """Whatever measures the lag, or deals the partitions anew, while deliveries are cut off."""
    async with Receiver() as receiver:
        (endpoint,) = webhooks([f"crm={receiver.url}"])
        parking = Parking(relays.rig.client, relays.rig.prefix)

        def a_route() -> WebhookRoute:
            return WebhookRoute(endpoint, wanted(relays), RelayMetrics(["crm"], []), [KEY], parking)

        async def places() -> dict[int, int]:
            found = await group_position(relays.rig.client, relays.rig.prefix + ALERTS, route.subscription.group, "now")
            return dict(found.begin)

        route = a_route()
        async with running(route):
            await relays.accepted(receiver, await relays.send(relays.lives(2, 1)))
            receiver.reply = lambda _: never
            sent = await relays.send(relays.lives(6, 1))

            async def asked() -> bool:
                return len(receiver.seen) == 4

            await until(asked, "both partitions are at their next")
            ends = {(ALERTS, 0): 4, (ALERTS, 1): 4}
            await route.drop_work()
            await route.measure(ends)
            await route.subscription.commit()
            assert await places() == {0: 1, 1: 1}
            await route.subscription.on_partitions_revoked([TopicPartition(relays.rig.prefix + ALERTS, 0)])
            await route.measure(ends)
        assert await places() == {0: 1, 1: 1}
        receiver.reply = lambda _: 204
        async with running(a_route()):
            await relays.accepted(receiver, sent)
        assert await places() == {0: 4, 1: 4}
        await parking.close()
