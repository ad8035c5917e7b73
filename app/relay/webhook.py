"""Delivery to an HTTP endpoint: one alert at a time in each partition, so each subscriber's steps come in their order.

An answer of 2xx means accepted. 408, 425, 429, 5xx, those that concern the address or the key (401, 403, 404 ...), any
other status and no answer are tried again. Other 4xx mean refused for good: the alert is parked. A redirect is not
followed: it would send customers' data to an address that nobody has configured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import aiohttp
import structlog

from app.alerts.alert_filter import AlertFilter
from app.relay.back_off import pause_s
from app.relay.endpoints import Endpoint
from app.relay.envelope import Envelope, envelope, past_contact_by, signed
from app.relay.metrics import Failure, RelayMetrics
from app.relay.route import GRACE_S, Route, Wanted, keeps
from streams.kafka.parking import ANSWER, ATTEMPTS, ENDPOINT, REASON, STATUS, ParkedFor, Parking
from streams.kafka.topic_tail import TailRecord, as_alert

log = structlog.get_logger(__name__)

TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0, connect=5.0)
_ANSWER_BYTES: Final = 1024
_AGAIN: Final = frozenset({408, 425, 429})
_NOT_LET_IN: Final = frozenset({401, 403, 404, 405, 407, 410})
"""Answers that concern the address or the key while nothing is accepted: a mistyped key had parked 827 alerts in 6
s."""
_OVERLOADED: Final = frozenset({502, 503, 504})
"""Answers of a gateway, or of an overloaded server: they say nothing about the alert."""
_KEEPS_FAILING: Final = 20
"""Attempts after which an alert is parked, some 15 minutes."""


class AttemptResult(NamedTuple):
    """Result of an attempt.

    Attributes
    ----------
    failure
        Why the attempt is repeated; None if it is not.
    status
        None without an answer.
    asked_s
        Seconds to wait that the endpoint asks for.
    text
        The beginning of a refusal's body.
    """

    failure: Failure | None
    status: int | None = None
    asked_s: float | None = None
    text: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the endpoint has accepted the alert."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def broken(self) -> bool:
        """Whether the failure may be due to this one alert."""
        return self.failure in ("denied", "server_error") and self.status not in _OVERLOADED


def judged(status: int, asked: str | None, text: str) -> AttemptResult:
    """What an answer means.

    Examples
    --------
    >>> [judged(status, None, "").failure for status in (204, 302, 404, 422, 429, 500)]
    [None, 'unexpected', 'denied', None, 'throttled', 'server_error']
    """
    asked_s = float(asked) if asked is not None and asked.isdecimal() else None
    failure: Failure | None
    if status in _AGAIN:
        failure = "throttled"
    elif status in _NOT_LET_IN:
        failure = "denied"
    elif 200 <= status < 300 or 400 <= status < 500:
        failure = None
    else:
        failure = "server_error" if status >= 500 else "unexpected"
    return AttemptResult(failure, status, asked_s, text)


class WebhookRoute(Route):
    """Delivery to one HTTP endpoint.

    Parameters
    ----------
    keys
        Signing keys; each of them signs.
    parking
        Writer for refused alerts; shared, and opened by the caller.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        wanted: Wanted,
        metrics: RelayMetrics,
        keys: Sequence[bytes],
        parking: Parking,
    ) -> None:
        super().__init__(endpoint, wanted, metrics)
        self._keys, self._parking = keys, parking
        # By the environment's proxy, as for all other outgoing connections.
        self._session = aiohttp.ClientSession(
            timeout=TIMEOUT, trust_env=True, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._working: dict[int, asyncio.Task[None]] = {}
        self._held: dict[int, TailRecord] = {}
        self._filters: dict[int, AlertFilter] = {}
        self._accepted_at = 0.0

    async def run(self, asked: asyncio.Event) -> None:
        """See :meth:`app.relay.route.Route.run`."""
        async with self._session:
            await super().run(asked)

    async def step(self) -> None:
        """Start to deliver the new records of each idle partition."""
        for partition, records in (await self.subscription.poll(self._working)).items():
            if records:
                self._held[partition] = records[0]
                self._working[partition] = asyncio.create_task(self._deliver(partition, records))
        for partition, task in list(self._working.items()):
            if task.done():
                del self._working[partition]
                self._held.pop(partition, None)
                task.result()

    async def finish(self) -> None:
        """Wait for the answers to requests under way."""
        if self._working:
            await asyncio.wait(self._working.values(), timeout=GRACE_S)

    async def drop_work(self) -> None:
        """Cancel requests without an answer: their alerts are sent again, with the same id."""
        # First, since steps go on while this waits.
        working, self._working, self._held, self._filters = self._working, {}, {}, {}
        for task in working.values():
            task.cancel()
        await asyncio.gather(*working.values(), return_exceptions=True)

    def oldest(self) -> Mapping[int, TailRecord]:
        """The records that are being delivered."""
        return self._held

    async def _deliver(self, partition: int, records: Sequence[TailRecord]) -> None:
        for record in records:
            self._held[partition] = record
            if partition not in self._filters:
                self._filters[partition] = await self.wanted.filter_at(partition, record.offset)
            await self._hand_over(record, self._filters[partition])
            self.subscription.done(partition, record.offset)
            if self.stopping:
                return

    async def _hand_over(self, record: TailRecord, wanted: AlertFilter) -> None:
        """Handle one record until it is accepted, parked, or found unwanted."""
        alert = as_alert(record.value)
        if alert is None:
            await self._park(record, "unreadable")
            return
        if not keeps(wanted, alert):
            self.metrics.left_out.labels(self.endpoint.name).inc()
            return
        attempts, broken, began = 0, 0, time.monotonic()
        while True:
            past = past_contact_by(alert, self.wanted.now_ms())
            try:
                message = envelope(record, past=past)
            except ValueError:
                await self._park(record, "unreadable")
                return
            answer = await self._attempt(message)
            attempts += 1
            if answer.accepted:
                self._count(record, past=past)
                return
            if answer.failure is None:
                await self._park(record, "refused", answer, attempts)
                return
            broken = broken + 1 if answer.broken else 0
            if broken >= _KEEPS_FAILING and self._accepted_at > began:
                await self._park(record, "keeps_failing", answer, attempts)
                return
            pause = pause_s(attempts, answer.asked_s)
            self.failed(answer.failure, pause, answer.status)
            await self.pause(pause)

    async def _attempt(self, message: Envelope) -> AttemptResult:
        headers = signed(self._keys, message.message_id, int(time.time()), message.body)
        headers["content-type"] = message.content_type
        try:
            async with self._session.post(
                self.endpoint.url, data=message.body, headers=headers, allow_redirects=False
            ) as answer:
                text = "" if answer.status < 400 else await _beginning(answer)
                return judged(answer.status, answer.headers.get("retry-after"), text)
        except TimeoutError:
            return AttemptResult("timeout")
        except (aiohttp.ClientError, OSError):
            return AttemptResult("unreachable")

    def _count(self, record: TailRecord, *, past: bool) -> None:
        self.wanted.fail_at("delivered")
        self._accepted_at = time.monotonic()
        self.accepted()
        self.metrics.delivered.labels(self.endpoint.name).inc()
        self.metrics.delay.observe(max(0.0, (self.wanted.now_ms() - record.timestamp) / 1000))
        if past:
            self.metrics.past.labels(self.endpoint.name).inc()

    async def _park(
        self, record: TailRecord, reason: ParkedFor, answer: AttemptResult | None = None, attempts: int = 0
    ) -> None:
        facts = {ENDPOINT: self.endpoint.name, REASON: reason}
        if answer is not None:
            facts |= {STATUS: str(answer.status), ANSWER: answer.text, ATTEMPTS: str(attempts)}
        await self._parking.park(record, facts)
        self.metrics.parked.labels(self.endpoint.name, reason).inc()
        log.warning(
            "alert_parked",
            endpoint=self.endpoint.name,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            status=None if answer is None else answer.status,
        )


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The beginning of a body, which may never end or be cut off."""
    try:
        read = await answer.content.read(_ANSWER_BYTES)
    except (aiohttp.ClientError, TimeoutError):
        return ""
    return read.decode("utf-8", "replace")
