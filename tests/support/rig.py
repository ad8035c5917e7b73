"""The outside of a worker, as a test needs it: topics, records, processes, and waiting for what must come.

Nothing here sleeps for a while and hopes: every wait is for a condition, with a bound, and says what it saw.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import TopicAlreadyExistsError
from support.counting import CountingFold
from support.history_check import Log, Verdict, check, read_log
from support.warm_start import start

from models.contract.events import INPUTS
from streams.desk.desk_position import POSITION_KEY
from streams.kafka.partition_read import chunks, reader
from streams.kafka.topic_admin import Cluster
from streams.lanes import ledger
from streams.lanes.ledger import LEDGER_KEY, Ledger
from streams.records.topics import BREACHES, DESK_STATE, STATE

BOUND_S: Final = 30.0
WORKER: Final = Path(__file__).with_name("count_worker.py")

FIELDS: Final[dict[str, dict[str, Any]]] = {
    "telecom.subscribers.v1": {},
    "telecom.erasures.v1": {"request_id": "r-1"},
    "telecom.outcomes.v1": {"outcome": "lapsed"},
    "telecom.calls.v1": {"direction": "outgoing", "duration_s": 60, "peer_network": "on_net"},
    "telecom.data-usage.v1": {"bytes": 1000},
    "telecom.site-visits.v1": {"operator": "rival", "dwell_s": 30},
    "telecom.care-contacts.v1": {"reason": "inquiry"},
    "telecom.billing.v1": {"kind": "bill", "amount": 88.0},
    "telecom.contacts.v1": {"channel": "sms"},
    "churn.alert-feedback.v1": {"status": "accepted"},
}
"""A valid event of each input, beside ``subscriber_id`` and ``ts``."""
assert set(FIELDS) == set(INPUTS)


def event(topic: str, who: str, ts: int, /, **fields: Any) -> bytes:
    """A valid event, unless `fields` say otherwise."""
    return json.dumps({"subscriber_id": who, "ts": ts, **FIELDS[topic], **fields}).encode()


def now_ms() -> int:
    return int(time.time() * 1000)


async def until(condition: Callable[[], Awaitable[Any]], what: str, bound_s: float = BOUND_S) -> Any:
    """Wait until `condition` gives something true, and return that."""
    deadline = time.monotonic() + bound_s
    while True:
        found = await condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {bound_s:.0f} s: {what}")
        await asyncio.sleep(0.05)


class CountWorker:
    """A process of ``count_worker.py``, and what it logs."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._process = start(command, {**os.environ, **environment}, log, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def events(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """What it logged so far under `name`."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                said = json.loads(line)
                if said.get("event") == name and fields.items() <= said.items():
                    found.append(said)
        return found

    async def said(self, name: str, count: int = 1, bound_s: float = BOUND_S, **fields: Any) -> list[dict[str, Any]]:
        """Wait until it has logged `name` so often."""

        async def enough() -> list[dict[str, Any]]:
            found = self.events(name, **fields)
            if len(found) < count and self.code is not None:
                raise AssertionError(f"ended with {self.code} before {name} {fields}:\n{self.tail()}")
            return found if len(found) >= count else []

        try:
            return list(await until(enough, f"{count} x {name} {fields}", bound_s))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    async def ended(self, bound_s: float = BOUND_S) -> int:
        """Wait for its end; returns the exit code, negative for a signal."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._process.wait, bound_s), bound_s + 1)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {bound_s} s:\n{self.tail()}") from None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def stop(self) -> int:
        """SIGTERM, and wait."""
        self.signal(signal.SIGTERM)
        return await self.ended(15)

    async def kill(self) -> None:
        """SIGKILL, and wait."""
        self._process.kill()
        await self.ended(5)

    def tail(self) -> str:
        return f"--- {self.log.name}\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


class Rig:
    """Topics, records and workers of one test. Use as an async context manager; it ends what it started."""

    def __init__(self, bootstrap: str, prefix: str, directory: Path, partitions: int = 2) -> None:
        self.prefix = prefix
        self.partitions = partitions
        self.group = f"{prefix}group"
        self.client = {"bootstrap_servers": [bootstrap]}
        self.workers: list[CountWorker] = []
        self.sent: dict[tuple[str, int], int] = {}
        self.budget = 1_000_000
        self._bootstrap = bootstrap
        self._directory = directory
        self._producer: AIOKafkaProducer
        self._state: AIOKafkaConsumer
        self._ledgers: dict[int, Ledger] = {}

    async def _connect(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, enable_idempotence=True, linger_ms=5, max_request_size=8 << 20
        )
        self._state = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )
        await self._producer.start()
        await self._state.start()

    async def _disconnect(self) -> None:
        await self._producer.stop()
        await self._state.stop()

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.code is None:
                worker.signal(signal.SIGCONT)
                await worker.kill()
        await self._disconnect()

    # Topics

    async def create(self, **kwargs: Any) -> None:
        """Create what is missing of the table of topics, and wait until the broker knows all of it."""
        kwargs.setdefault("partitions", self.partitions)

        async def made() -> bool:
            async with Cluster(self.client) as cluster:
                try:
                    await cluster.create(self.prefix, replication=1, **kwargs)
                except TopicAlreadyExistsError:
                    return False  # a deletion under way
                return not await cluster.faults(self.prefix, kwargs["partitions"]) or "topics" in kwargs

        await until(made, "topics created")

    async def admin(self, ask: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
        client = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await client.start()
        try:
            return await ask(client)
        finally:
            await client.close()

    async def delete(self, *topics: str) -> None:
        """Delete topics (without prefix), and wait until the broker does not know them."""
        full = [self.prefix + topic for topic in topics]
        await self._disconnect()  # a client that knows them would have them created anew
        await self.admin(lambda admin: admin.delete_topics(full))

        async def gone() -> bool:
            async with Cluster(self.client) as cluster:
                return not await cluster.topics(full)

        await until(gone, f"{full} gone")
        self._ledgers.clear()
        await self._connect()

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Delete the records before an offset, as retention does."""
        tp = TopicPartition(self.prefix + topic, partition)
        await self.admin(lambda admin: admin.delete_records({tp: RecordsToDelete(before)}))

    async def committed(self) -> dict[tuple[str, int], int]:
        """The group's committed offsets, by topic without prefix."""
        found = await self.admin(lambda admin: admin.list_consumer_group_offsets(self.group))
        return {(tp.topic[len(self.prefix) :], tp.partition): said.offset for tp, said in found.items()}

    # Records

    async def send(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        key: bytes | None,
        stamp: int,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        """Write one record; returns its offset."""
        full = self.prefix + topic
        told = await self._producer.send_and_wait(full, value, key, partition, stamp, list(headers))
        self.sent[topic, partition] = told.offset
        return int(told.offset)

    async def send_all(self, records: Iterable[tuple[str, int, str, int]]) -> None:
        """Write valid events ``(topic, partition, subscriber, ts)``; returns when all are acknowledged."""
        futures = []
        for topic, partition, who, ts in records:
            full, value = self.prefix + topic, event(topic, who, ts)
            sending = self._producer.send(full, value, who.encode(), partition=partition, timestamp_ms=ts)
            futures.append((topic, partition, await sending))
        for topic, partition, future in futures:
            self.sent[topic, partition] = (await future).offset

    # Workers

    def worker(self, **environment: Any) -> CountWorker:
        """Start a worker; see ``count_worker.py`` for what can be done to it."""
        given = {"PARTITIONS": self.partitions, "SESSION_TIMEOUT_S": 3, "BUDGET": self.budget, **environment}
        group = given.pop("GROUP", self.group)
        command = [sys.executable, str(WORKER), self._bootstrap, self.prefix, group]
        log = self._directory / f"worker-{len(self.workers)}.log"
        worker = CountWorker(command, {name: str(value) for name, value in given.items()}, log)
        self.workers.append(worker)
        return worker

    def tails(self) -> str:
        return "\n".join(worker.tail() for worker in self.workers)

    async def ledgers(self) -> dict[int, Ledger]:
        """The newest committed ledger of each partition."""
        if not self._state.assignment():
            tps = [TopicPartition(self.prefix + STATE, p) for p in range(self.partitions)]
            self._state.assign(tps)
            await self._state.seek_to_beginning(*tps)
        for tp, records in (await self._state.getmany(timeout_ms=50)).items():
            for record in records:
                if record.key == LEDGER_KEY:
                    self._ledgers[tp.partition] = ledger.decode(record.value)
        return self._ledgers

    async def desk_is_done(self, bound_s: float = BOUND_S) -> None:
        """Wait until the desk has heard all that the lanes tell it, and every lane has said that it has read all."""

        async def done() -> bool:
            breaches, state = await self._single(BREACHES), await self._single(DESK_STATE)
            bodies = [json.loads(record.value) for record in breaches]
            last = {body["lane"]: body["what"] for body in bodies if "lane" in body}
            heard = [json.loads(record.value)["next_offset"] for record in state if record.key == POSITION_KEY]
            at_rest = len(last) == self.partitions and set(last.values()) == {"idle"}
            return bool(heard) and heard[-1] > breaches[-1].offset and at_rest

        await until(done, "the desk is done", bound_s)

    async def _single(self, topic: str) -> list[Any]:
        """The committed records of a topic of one partition."""
        consumer, place = reader(self.client), TopicPartition(self.prefix + topic, 0)
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            return [record async for batch in chunks(consumer, place, end, lambda _: None) for record in batch]
        finally:
            await consumer.stop()

    async def applied(self, bound_s: float = BOUND_S, *, partitions: Iterable[int] | None = None) -> None:
        """Wait until the ledgers say that all that was sent is applied."""
        asked = set(range(self.partitions) if partitions is None else partitions)

        async def done() -> bool:
            found = await self.ledgers()
            return all(
                p in found and found[p].offsets.get(topic, -1) >= offset
                for (topic, p), offset in self.sent.items()
                if p in asked
            )

        try:
            await until(done, "all applied", bound_s)
        except AssertionError as error:
            said = {p: found.offsets for p, found in self._ledgers.items()}
            raise AssertionError(f"{error}: sent {self.sent}, applied {said}\n{self.tails()}") from None

    async def log(self, *only: str) -> Log:
        """What a reader of committed records sees, of all topics or of some."""
        return await read_log(self.client, self.prefix, self.partitions, *only)


def mix(
    seed: int, count: int, partitions: int, begin_ms: int, subscribers: int = 20
) -> list[tuple[str, int, str, int]]:
    """Events for :meth:`Rig.send_all` over all inputs, a little out of order, the same for the same seed."""
    draw = random.Random(seed)
    topics = list(INPUTS)
    events = []
    for number in range(count):
        partition = draw.randrange(partitions)
        who = f"s{partition}-{draw.randrange(subscribers)}"
        events.append((draw.choice(topics), partition, who, begin_ms + 10 * number - draw.randrange(200)))
    return events


async def clean(rig: Rig, records: int | None = None) -> Verdict:
    """Assert that the run's history is clean, over so many records, and return what was seen."""
    verdict = check(await rig.log(), rig.prefix, lambda _: CountingFold(rig.budget))
    assert not verdict.findings, f"{verdict}\n{rig.tails()}"
    assert records is None or verdict.applied == records, f"{verdict}, expected {records} records"
    return verdict
