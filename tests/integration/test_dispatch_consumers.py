"""The reference dispatch services of ``deploy/contract/consumers``, through a rebalance and a kill -9 under load."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.partitioner import murmur2
from msgspec.structs import replace
from support.alerts_made import an_action, an_alert
from support.programs import program
from support.rig import CountWorker, Rig, now_ms, until

from app.generate.contract.schemas import DIRECTORY
from models.contract.alerts import Alert, AlertId
from models.contract.events import FEEDBACK, Feedback
from models.detection.outbox import Output
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.jars import JarStore
from streams.records.out_records import out_records
from streams.records.wire import decode

pytestmark = pytest.mark.timeout(180)

CONSUMERS: Final = DIRECTORY / "consumers"
HOUR_MS: Final = 3_600_000
BURST: Final = 600


def raised(number: int, ends_in_ms: int = HOUR_MS) -> Alert:
    who = f"s-{number}"
    action = an_action(contact_by=now_ms() + ends_in_ms)
    return an_alert(alert_id=AlertId(f"{number:032x}"), subscriber_id=who, ts=now_ms(), action=action)


def closed(alert: Alert) -> Alert:
    return replace(alert, seq=2, event="closed", close_reason="feedback", action=None, reasons=None)


def ce_id(alert: Alert) -> str:
    return f"{alert.alert_id}:{alert.seq}"


class Dispatching:
    """A group of dispatch services, and the topic that they read."""

    def __init__(self, rig: Rig, command: list[str], directory: Path) -> None:
        self.services: list[CountWorker] = []
        self.orders = directory / "orders"
        self._rig = rig
        self._command = [*command, str(self.orders)]
        self._directory = directory

    async def publish(self, alerts: Iterable[Alert], *, commit: bool = True) -> None:
        """Write alerts as a lane does, in one transaction."""
        outputs = [Output("alert", a.subscriber_id or "", a, a.ts, ce_id(a), None) for a in alerts]
        producer = AIOKafkaProducer(**self._rig.client, transactional_id=f"{self._rig.prefix}lane", linger_ms=5)
        await producer.start()
        try:
            await producer.begin_transaction()
            sent = [
                await producer.send(self._rig.prefix + topic, value, key, headers=headers)
                for topic, key, value, headers in out_records(outputs, self._rig.group)
            ]
            await asyncio.gather(*sent)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()

    def start(self) -> CountWorker:
        log = self._directory / f"dispatch-{len(self.services)}.log"
        environment = {"HOLDFAST_BROKERS": self._rig.client["bootstrap_servers"][0]}
        environment["HOLDFAST_TOPIC_PREFIX"] = self._rig.prefix
        service = CountWorker(self._command, environment, log)
        self.services.append(service)
        self._rig.workers.append(service)  # so that it ends with the rig
        return service

    async def until_handled(self, alerts: Iterable[Alert], what: str) -> None:
        """Wait until there is an order for each of these."""
        wanted = {f"{ce_id(alert)}.json".replace(":", "-") for alert in alerts}

        async def there() -> bool:
            return wanted <= {path.name for path in self.orders.glob("*.json")}

        try:
            await until(there, what, 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._rig.tails()}") from None

    async def until_said(self, service: CountWorker, word: str, count: int = 1) -> None:
        """Wait until a service has printed so many lines that begin like this."""

        async def said() -> bool:
            return sum(line.startswith(word) for line in service.log.read_text().splitlines()) >= count

        try:
            await until(said, f"{count} x {word}", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._rig.tails()}") from None

    def said(self) -> Counter[str]:
        """How often all of them together said that they handled something, by its ``ce_id``."""
        lines = [line for each in self.services for line in each.log.read_text().splitlines()]
        return Counter(line.split()[1] for line in lines if line.startswith(("raised ", "closed ")))

    async def feedback(self) -> list[ConsumerRecord]:
        """All that was fed back."""
        places = [TopicPartition(self._rig.prefix + FEEDBACK, p) for p in range(self._rig.partitions)]
        consumer = AIOKafkaConsumer(**self._rig.client, auto_offset_reset="earliest", enable_auto_commit=False)
        consumer.assign(places)
        await consumer.start()
        try:
            ends, found = await consumer.end_offsets(places), list[ConsumerRecord]()
            while any([await consumer.position(place) < ends[place] for place in places]):
                found += [each for of in (await consumer.getmany(timeout_ms=200)).values() for each in of]
            return found
        finally:
            await consumer.stop()


async def each_alert_is_handled_once(rig: Rig, command: list[str], directory: Path) -> None:
    await rig.create()
    group = Dispatching(rig, command, directory)
    first = [raised(number) for number in range(200)]
    late = [raised(number, ends_in_ms=-1) for number in range(1_000, 1_010)]
    aborted = [raised(number) for number in range(2_000, 2_020)]
    await group.publish(first + late)
    await group.publish(aborted, commit=False)

    struck = group.start()
    await group.until_said(struck, "raised", 20)
    other = group.start()  # a rebalance, under load
    number, steady = 10_000, list[Alert]()
    while not other.log.read_text().count("raised"):
        steady += [raised(number := number + 1) for _ in range(10)]
        await group.publish(steady[-10:])
        assert len(steady) < 5_000, rig.tails()
    await group.until_handled(first + steady, "before the kill")
    burst = [raised(number) for number in range(20_000, 20_000 + BURST)]
    before = struck.log.read_text().count("raised")
    await group.publish(burst)
    await group.until_said(struck, "raised", before + 1)
    await struck.kill()
    group.start()
    again, ends = first[:20], [closed(alert) for alert in first[:10]]
    await group.publish(again + ends)  # the same ce_id once more: as what is read again looks
    handled = [*first, *steady, *burst, *ends]
    await group.until_handled(handled, "after the kill")
    await group.publish([raised(30_000), raised(30_001), raised(30_002)])
    await group.until_handled([raised(30_000), raised(30_001), raised(30_002)], "what came last")
    await said_once(group, [*handled, *(raised(each) for each in range(30_000, 30_003))], late)


async def said_once(group: Dispatching, handled: list[Alert], late: list[Alert]) -> None:
    orders = {path.name: json.loads(path.read_bytes()) for path in group.orders.glob("*.json")}
    assert orders.keys() == {f"{ce_id(alert)}.json".replace(":", "-") for alert in handled}
    assert all(name == f"{body['alert_id']}-{body['seq']}.json" for name, body in orders.items())
    said = group.said()
    assert set(said.values()) == {1}, said.most_common(3)
    missing = {ce_id(alert) for alert in handled} - said.keys()
    assert len(missing) <= 1  # killed between the order and the line about it
    assert not said.keys() - {ce_id(alert) for alert in handled}
    told = "".join(each.log.read_text() for each in group.services)
    assert all(f"late {ce_id(alert)}" in told for alert in late)

    feedback = await group.feedback()
    for record in feedback:
        event = decode(FEEDBACK, record, now_ms())
        assert isinstance(event, Feedback), event
        assert event.status == "accepted"
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 2
    ids = Counter(json.loads(record.value)["event_id"] for record in feedback)
    assert ids.keys() == {ce_id(alert) for alert in handled if alert.event == "raised"}
    # Without a second time there was nothing to drop, and the test has shown nothing.
    assert sum(times > 1 for of, times in ids.items() if int(of.split(":")[0], 16) >= 20_000)


async def test_python(rig: Rig, tmp_path: Path) -> None:
    await each_alert_is_handled_once(rig, [sys.executable, str(CONSUMERS / "dispatch.py")], tmp_path)


@pytest.mark.long
async def test_java(rig: Rig, tmp_path: Path) -> None:
    program("javac", "default-jdk-headless")
    jars = JarStore(BrokerSettings.from_environment().cache).classpath  # those of the broker have the client
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    command = [program("java", "default-jdk-headless"), "-cp", jars, quiet, str(CONSUMERS / "Dispatch.java")]
    await each_alert_is_handled_once(rig, command, tmp_path)


@pytest.mark.long
async def test_node(rig: Rig, tmp_path: Path) -> None:
    for name in ("package.json", "dispatch.mjs"):
        shutil.copy(CONSUMERS / name, tmp_path)
    npm_install(tmp_path)
    await each_alert_is_handled_once(rig, [program("node", "nodejs npm"), str(tmp_path / "dispatch.mjs")], tmp_path)


def npm_install(directory: Path, *packages: str) -> None:
    command = [program("npm", "nodejs npm"), "install", "--no-package-lock", "--ignore-scripts", "--silent", *packages]
    subprocess.run(command, cwd=directory, check=True, timeout=120)


PARSE: Final = """
import { Parser, fromFile } from "@asyncapi/parser";
const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
console.log(JSON.stringify({ channels: document?.channels().all().length, diagnostics }));
"""


@pytest.mark.long
def test_official_parser_reads_the_document(tmp_path: Path) -> None:
    (tmp_path / "parse.mjs").write_text(PARSE)
    npm_install(tmp_path, "@asyncapi/parser@3.6.6")
    document = DIRECTORY / "asyncapi.json"
    command = [program("node", "nodejs npm"), "parse.mjs", str(document)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["channels"] == len(json.loads(document.read_bytes())["channels"]) > 0
    assert [each for each in found["diagnostics"] if each["severity"] < 2] == []  # 2: there is a newer AsyncAPI
