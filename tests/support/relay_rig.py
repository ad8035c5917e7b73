"""The relay from outside: alerts in, a process with settings, and a real endpoint that does what a test tells it to."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import msgspec
from aiohttp import web
from aiokafka import AIOKafkaProducer
from support.alerts_made import an_action, an_alert
from support.black_box_worker import Metrics, clean_environment
from support.rig import CountWorker, Rig, now_ms, until
from support.warm_start import run_holdfast

from models.contract.alerts import Alert
from streams.kafka.topic_tail import TailRecord, tail
from streams.records.out_records import ce_time
from streams.records.topics import ALERTS, PARKED

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN: Final = "tOkEn-That-Nobody-May-See"
KEY: Final = base64.b64decode(SECRET.removeprefix("whsec_"))


class Received(NamedTuple):
    """One request."""

    message_id: str
    headers: dict[str, str]
    event: dict[str, Any]

    @property
    def subscriber(self) -> str:
        return str(self.event["subject"])


Reply = int | web.Response | Callable[[], Awaitable[web.StreamResponse]]


class Receiver:
    """An endpoint on loopback that checks signatures and answers as it is told, at first 204."""

    def __init__(self) -> None:
        self.seen: list[Received] = []
        self.accepted: list[Received] = []
        self.reply: Callable[[Received], Reply] = lambda _: 204
        self.forged = 0
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://user:{TOKEN}@127.0.0.1:{self.port}/hook?key={TOKEN}"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def listen(self) -> None:
        """Come up, or come back at the same port."""
        application = web.Application()
        application.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Refuse connections."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        content = b"%s.%s.%s" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
        expected = "v1," + base64.b64encode(hmac.digest(KEY, content, "sha256")).decode()
        fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 60
        if expected not in headers["webhook-signature"].split() or not fresh:
            self.forged += 1
            return web.Response(status=401)
        received = Received(headers["webhook-id"], headers, json.loads(body))
        self.seen.append(received)
        reply = self.reply(received)
        if callable(reply):
            return await reply()
        answer = web.Response(status=reply) if isinstance(reply, int) else reply
        if answer.status < 300:
            self.accepted.append(received)
        return answer

    def ids(self) -> list[str]:
        """Ids that were accepted, in their order."""
        return [each.message_id for each in self.accepted]


async def never() -> web.StreamResponse:
    """Hang."""
    await asyncio.sleep(3600)
    raise AssertionError


def an_order_kept(ids: Iterable[str]) -> bool:
    """Whether each alert's steps first came in their order, however often each came."""
    newest: dict[str, int] = {}
    firsts = dict.fromkeys(ids)
    for each in firsts:
        alert, _, seq = each.rpartition(":")
        if int(seq) != newest.get(alert, 0) + 1:
            return False
        newest[alert] = int(seq)
    return True


class RelayRig:
    """Topics, alerts and relays of one test."""

    def __init__(self, rig: Rig, directory: Path) -> None:
        self.rig = rig
        self._directory = directory
        self._count = 0
        self._settings = {
            "HOLDFAST_BROKERS": rig.client["bootstrap_servers"][0],
            "HOLDFAST_TOPIC_PREFIX": rig.prefix,
            "HOLDFAST_GROUP": rig.group,
            "HOLDFAST_METRICS_PORT": "0",
            "HOLDFAST_RELAY_SECRET": SECRET,
        }

    async def send(self, alerts: Iterable[Alert | bytes], *, stamp: int | None = None, lane: bool = False) -> list[str]:
        """Write alerts, partition by subscriber; of a lane in a transaction, whose end takes offsets; returns ids."""
        producer = AIOKafkaProducer(
            **self.rig.client, linger_ms=2, transactional_id=f"{self.rig.prefix}lane" if lane else None
        )
        await producer.start()
        if lane:
            await producer.begin_transaction()
        ids, futures = [], []
        try:
            for alert in alerts:
                raw, who, headers = alert, "s-0", list[tuple[str, bytes]]()
                if isinstance(alert, Alert):
                    raw, who = msgspec.json.encode(alert), alert.subscriber_id or ""
                    ids.append(f"{alert.alert_id}:{alert.seq}")
                    headers = [
                        ("ce_specversion", b"1.0"),
                        ("ce_id", ids[-1].encode()),
                        ("ce_source", b"/holdfast/test"),
                        ("ce_type", b"holdfast.alert.v1"),
                        ("ce_subject", who.encode()),
                        ce_time(alert.ts),
                        ("content-type", b"application/json"),
                    ]
                futures.append(
                    await producer.send(
                        self.rig.prefix + ALERTS,
                        raw,
                        who.encode(),
                        partition=int(who.rpartition("-")[2]) % self.rig.partitions,
                        timestamp_ms=stamp or now_ms(),
                        headers=headers,
                    )
                )
            await asyncio.gather(*futures)
            if lane:
                await producer.commit_transaction()
        finally:
            await producer.stop()
        return ids

    def lives(self, subscribers: int, steps: int = 2, **changed: Any) -> list[Alert]:
        """Alerts of so many subscribers, each with its steps, the steps of all interleaved."""
        self._count += 1
        due = an_action(contact_by=now_ms() + 3_600_000, unit=changed.pop("unit", "tianhe-03"))
        return [
            an_alert(
                alert_id=f"{self._count:04x}{who:028x}",
                seq=step + 1,
                subscriber_id=f"s-{who}",
                ts=now_ms(),
                **{"event": "raised" if step == 0 else "escalated", "action": due, **changed},
            )
            for step in range(steps)
            for who in range(subscribers)
        ]

    def start(self, *flags: str, **settings: str) -> CountWorker:
        """Start a relay."""
        workers = self.rig.workers
        command = [sys.executable, "-m", "app.cli", "relay", *flags]
        log = self._directory / f"relay-{len(workers)}.log"
        workers.append(CountWorker(command, clean_environment(self._settings | settings), log))
        return workers[-1]

    def holdfast(self, *arguments: str) -> str:
        """What a verb prints, run to its end."""
        environment = clean_environment(self._settings | {"COLUMNS": "160"})
        done = run_holdfast(environment, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def parked(self) -> list[TailRecord]:
        """The records of the parked topic."""
        topic = self.rig.prefix + PARKED
        async with aclosing(tail(self.rig.client, topic, from_beginning=True, follow=False)) as records:
            return [record async for record in records]

    async def accepted(self, receiver: Receiver, ids: Iterable[str], bound_s: float = 30.0) -> None:
        """Wait until an endpoint has accepted all of these."""
        wanted = set(ids)

        async def all_there() -> bool:
            for worker in self.rig.workers[-1:]:
                assert worker.code in (None, 0), worker.tail()
            return wanted <= set(receiver.ids())

        try:
            await until(all_there, f"{len(wanted)} accepted", bound_s)
        except AssertionError as error:
            missing = len(wanted - set(receiver.ids()))
            raise AssertionError(f"{error}: {missing} missing\n{self.rig.tails()}") from None

    def logs(self) -> str:
        """All that relays wrote to stdout and stderr."""
        return "".join(worker.log.read_text(errors="replace") for worker in self.rig.workers)


async def page(worker: CountWorker, path: str) -> tuple[int, str]:
    """One of a process's pages."""
    (listening, *_) = await worker.said("metrics_listening")
    address = str(listening["url"]).removesuffix("/metrics") + path

    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - http on loopback
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    return await asyncio.to_thread(get)


async def metrics_of(worker: CountWorker) -> Metrics:
    """Its series."""
    return Metrics.parse((await page(worker, "/metrics"))[1])
