"""Digests for chat and mail: one a unit and minute, by the services that apprise knows.

A digest holds alerts that ask for a contact, raised or escalated; those past their contact_by are only counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.alerts.alert_filter import AlertFilter
from app.alerts.card_and_line import Card
from app.config.settings import Language
from app.errors import ExitCode, Refused
from app.relay.back_off import pause_s
from app.relay.endpoints import Endpoint
from app.relay.envelope import INSTALL, past_contact_by
from app.relay.metrics import RelayMetrics
from app.relay.route import GRACE_S, Route, Wanted, keeps
from models.contract.alerts import Alert
from streams.kafka.topic_tail import TailRecord, as_alert

MINUTE_S: Final = 60.0
_LINES: Final = 20
_WORDS: Final = {
    "en": {"one": "{unit}: 1 alert", "many": "{unit}: {count} alerts", "more": "and {count} more"},
    "zh": {"one": "{unit}：1条预警", "many": "{unit}：{count}条预警", "more": "另有{count}条"},
}
EVENTS: Final = frozenset({"raised", "escalated"})


class Digest(NamedTuple):
    """Title and body of a message."""

    title: str
    body: str


class DigestWriter:
    """Writes digests in one language.

    Parameters
    ----------
    zone
        Time zone of the times in it.
    """

    def __init__(self, lang: Language, zone: ZoneInfo) -> None:
        self._words, self._card = _WORDS[lang], Card(lang, zone)

    def write(self, alerts: Sequence[Alert]) -> Digest:
        """The digest of one unit's alerts, at least one: the most urgent first."""
        ordered = sorted(alerts, key=lambda alert: -alert.priority)
        title = self._words["one" if len(ordered) == 1 else "many"]
        lines = [" ".join(self._card.line(alert).plain.split()) for alert in ordered[:_LINES]]
        if more := len(ordered) - len(lines):
            lines.append(self._words["more"].format(count=more))
        return Digest(title.format(unit=self._card.unit(ordered[0]), count=len(ordered)), "\n".join(lines))


def service(endpoint: Endpoint) -> Any:
    """The service of a URL.

    Raises
    ------
    app.errors.Refused
        If the library is not installed, or does not know such a service. The message does not show the URL.
    """
    try:
        from apprise import Apprise
    except ImportError as missing:
        raise Refused("notifications need apprise, which is not installed", INSTALL) from missing
    made = Apprise()
    if not made.add(endpoint.url):
        scheme = endpoint.url.partition(":")[0]
        raise Refused(
            f"--notify {endpoint.name}: apprise cannot read this {scheme}:// address, or does not know such a service",
            "how each is written:  github.com/caronc/apprise",
            code=ExitCode.USAGE,
        )
    return made


class Gathered:
    """Alerts that wait for their minute to end, by unit."""

    def __init__(self) -> None:
        self.units: defaultdict[str, list[Alert]] = defaultdict(list)
        self.first: dict[int, TailRecord] = {}
        self.last: dict[int, int] = {}
        self.since: float | None = None

    def take(self, record: TailRecord, alert: Alert | None) -> None:
        """Note a record, and keep its alert if the digest should hold it."""
        self.first.setdefault(record.partition, record)
        self.last[record.partition] = record.offset
        if alert is not None and alert.action is not None:
            self.since = time.monotonic() if self.since is None else self.since
            self.units[alert.action.unit].append(alert)


class DigestRoute(Route):
    """Delivery to one chat or mail service.

    Parameters
    ----------
    told_by
        The service, as :func:`service` makes it.
    """

    def __init__(
        self, endpoint: Endpoint, wanted: Wanted, metrics: RelayMetrics, told_by: Any, writer: DigestWriter
    ) -> None:
        super().__init__(endpoint, wanted, metrics)
        self._service, self._writer = told_by, writer
        # A thread of its own: apprise blocks its thread, and the loop's threads are shared by all routes.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=endpoint.name)
        self._gathered = Gathered()
        self._sending: asyncio.Task[None] | None = None
        self._filters: dict[int, AlertFilter] = {}

    async def step(self) -> None:
        """Gather; when the minute is over, send, and gather no more until all of it is accepted."""
        if self._sending is None:
            await self._gather()
            since = self._gathered.since
            if since is None:
                self._settled()
            elif time.monotonic() - since >= MINUTE_S:
                self._sending = asyncio.create_task(self._send())
            return
        sending = self._sending
        await asyncio.wait({sending}, timeout=0.2)
        if sending is self._sending and sending.done():
            self._sending = None
            sending.result()
            self._settled()

    async def finish(self) -> None:
        """Wait for a digest that is being sent; alerts that are only gathered are read again at the next start."""
        sending = self._sending
        if sending is not None:
            await asyncio.wait({sending}, timeout=GRACE_S)
            if sending is self._sending and sending.done() and sending.exception() is None:
                self._settled()

    async def drop_work(self) -> None:
        """Drop the gathered alerts: they are read again."""
        # First, since steps go on while this waits.
        sending, self._sending, self._gathered, self._filters = self._sending, None, Gathered(), {}
        if sending is not None:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def oldest(self) -> Mapping[int, TailRecord]:
        """The oldest gathered record of each partition."""
        return self._gathered.first

    async def _gather(self) -> None:
        found = await self.subscription.poll(())
        gathered = self._gathered
        for partition, records in found.items():
            if partition not in self._filters and records:
                made = await self.wanted.filter_at(partition, records[0].offset)
                if gathered is not self._gathered:
                    return  # the partitions were reassigned meanwhile, and are read again from the committed offsets
                self._filters[partition] = made
            for record in records:
                gathered.take(record, self._told(record, self._filters[partition]))

    def _told(self, record: TailRecord, wanted: AlertFilter) -> Alert | None:
        alert = as_alert(record.value)
        if alert is None or alert.event not in EVENTS:
            return None
        if not keeps(wanted, alert):
            self.metrics.left_out.labels(self.endpoint.name).inc()
            return None
        if past_contact_by(alert, self.wanted.now_ms()):
            self.metrics.past.labels(self.endpoint.name).inc()
            return None
        return alert

    async def _send(self) -> None:
        gathered = self._gathered
        for unit in sorted(gathered.units):
            alerts = gathered.units[unit]
            await self._say(self._writer.write(alerts))
            self.metrics.digests.labels(self.endpoint.name).inc()
            self.metrics.delivered.labels(self.endpoint.name).inc(len(alerts))
            del gathered.units[unit]

    async def _say(self, digest: Digest) -> None:
        attempts, loop = 0, asyncio.get_running_loop()
        while not await loop.run_in_executor(self._thread, self._notify, digest):
            attempts += 1
            pause = pause_s(attempts)
            self.failed("service", pause)
            await self.pause(pause)
        self.accepted()

    def _notify(self, digest: Digest) -> bool:
        return bool(self._service.notify(body=digest.body, title=digest.title, body_format="text"))

    def _settled(self) -> None:
        """Mark everything gathered as done."""
        for partition, offset in self._gathered.last.items():
            self.subscription.done(partition, offset)
        self._gathered = Gathered()
