"""A real single-node Apache Kafka (KRaft) as a child process on loopback: for the demo, for tests, for first steps.

with EmbeddedBroker.start() as broker:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_home import BrokerHome, Resident
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.jars import KAFKA_VERSION, Silent, Talk, ensure_jars
from streams.embedded_kafka.java import find_java
from streams.embedded_kafka.java_child import BrokerChild
from streams.embedded_kafka.ports import HOST, first_free, free_ports, is_free, kafka_answers
from streams.embedded_kafka.unclean_end import fence_after_crash

_LOOK_S: Final = 0.05
_SAY_EVERY_S: Final = 5.0
_TRIES: Final = 3


class AlreadyRunningError(BrokerError):
    """A broker already runs on that directory; ``resident`` has its address."""

    def __init__(self, resident: Resident, directory: Path) -> None:
        super().__init__(f"A broker already runs on {directory}: {resident.bootstrap} (pid {resident.pid}).")
        self.resident: Final = resident


class _PortLostError(BrokerError):
    """Another process took the port between our check and the broker's start."""


class EmbeddedBroker:
    """A running broker. :meth:`start` makes it; :meth:`stop`, the end of a ``with`` or of the parent ends it.

    Attributes
    ----------
    bootstrap
        Address for clients, ``127.0.0.1:N``.
    pid
        Process id of the JVM, for tests that stop or kill it.
    home
        Directory of its data and log.
    """

    def __init__(self, home: BrokerHome, resident: Resident, child: BrokerChild, discard: Path | None = None) -> None:
        self.home: Final = home
        self.port: Final = resident.port
        self.pid: Final = resident.pid
        self.bootstrap: Final = resident.bootstrap
        self._child: Final = child
        self._discard: Final = discard
        self._owner: Final = os.getpid()

    @classmethod
    def start(
        cls,
        data_dir: Path | str | None = None,
        port: int | None = None,
        *,
        or_next: bool = False,
        keep: bool = False,
        parent_bound: bool = True,
        properties: Mapping[str, str] | None = None,
        settings: BrokerSettings | None = None,
        talk: Talk | None = None,
    ) -> EmbeddedBroker:
        """Start a broker and wait until it answers.

        Parameters
        ----------
        data_dir
            Directory of the broker; always kept, so a later start on it finds its topics and records. Without one a
            parent-bound broker uses a temporary directory, a detached one the user's state directory.
        port
            Port for clients; any free port if absent.
        or_next
            Take the next free port, and say so, if another process has that one.
        keep
            Keep the temporary directory for inspection.
        parent_bound
            End the broker when this process ends, however it ends. Otherwise it runs until it is stopped by its pid.
        properties
            Server properties that override ours, such as ``{"log.segment.bytes": "1048576"}``.
        settings
            Cache, mirror, Java, heap and patience; from the environment if absent.
        talk
            Receives progress messages; none if absent.

        Raises
        ------
        AlreadyRunningError
            Another broker holds the directory.
        BrokerError
            No jars, no Java, no port, or no answer in time; then with the end of the broker's log.
        """
        settings = settings or BrokerSettings.from_environment()
        talk = talk or Silent()
        java = find_java(settings.java).command(ensure_jars(settings, talk).classpath, settings.heap_mb)
        home, discard = _home(data_dir, settings, keep=keep, parent_bound=parent_bound)
        ports = partial(_ports, port, talk if or_next else None)
        launch = partial(cls._launch, home, java, ports, properties or {}, discard=discard, guarded=parent_bound)
        try:
            with home.locked():
                _refuse_second(home, settings.patience_s)
                fence_after_crash(home, java, talk, settings.patience_s)
                return _until_ready(launch, 1 if port and not or_next else _TRIES, talk, settings.patience_s)
        except BaseException:
            if discard:
                shutil.rmtree(discard, ignore_errors=True)
            raise

    @classmethod
    def _launch(
        cls,
        home: BrokerHome,
        java: list[str],
        ports: Callable[[], tuple[int, int]],
        properties: Mapping[str, str],
        *,
        discard: Path | None,
        guarded: bool,
    ) -> EmbeddedBroker:
        port, controller = ports()
        home.write_properties(port, controller, properties)
        home.format(java)
        command = [*java, "kafka.Kafka", str(home.properties)]
        child = BrokerChild.bound(home, command, discard) if guarded else BrokerChild.detached(home, command)
        resident = Resident(child.pid, port)
        home.note(resident)
        return cls(home, resident, child, discard)

    def wait_ready(self, talk: Talk, patience: float) -> None:
        """Return when the broker answers; raise with the end of its log if it ended or takes too long."""
        begun = time.monotonic()
        said = begun
        while not kafka_answers(self.port):
            now = time.monotonic()
            if not self.is_running():
                tail = self.home.log_tail()
                lost = "Address already in use" in tail
                error = _PortLostError if lost else BrokerError
                raise error(f"Kafka ended while it was starting. The end of {self.home.log}:\n{tail}")
            if now - begun > patience:
                raise BrokerError(
                    f"Kafka did not answer on {self.bootstrap} within {patience:.0f} s. The end of {self.home.log}:\n"
                    f"{self.home.log_tail()}"
                )
            if now - said > _SAY_EVERY_S:
                said = now
                talk.say(f"Waiting for Kafka to answer on {self.bootstrap} ({now - begun:.0f} of {patience:.0f} s).")
            time.sleep(_LOOK_S)
        if not self.is_running():
            raise _PortLostError(f"Another Kafka answers on {self.bootstrap}; ours has ended.")

    def is_running(self) -> bool:
        """Whether the broker's process is running."""
        return self._child.is_running()

    def wait(self) -> bool:
        """Block until the broker ends by itself or is stopped elsewhere; returns whether it ended cleanly."""
        return self._child.wait()

    def stop(self) -> None:
        """End the broker and wait for its end: cleanly, then by force. Calling it twice is fine."""
        if os.getpid() != self._owner:
            return  # a forked child got a copy of this object; the broker is its parent's
        if self._child.guarded:
            self._child.release()
        elif self.is_running():
            self.home.evict()
            self._child.wait()
        self.home.forget_if(self.pid)
        if self._discard:
            shutil.rmtree(self._discard, ignore_errors=True)

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _until_ready(launch: Callable[[], EmbeddedBroker], tries: int, talk: Talk, patience: float) -> EmbeddedBroker:
    """Launch and wait; retry on other ports if the free ones have been taken meanwhile."""
    while True:
        tries -= 1
        talk.say(f"Starting Kafka {KAFKA_VERSION} on {HOST}.")
        broker = launch()
        try:
            broker.wait_ready(talk, patience)
        except BaseException as error:  # Ctrl-C included: no half-started broker may stay behind
            broker.stop()
            if isinstance(error, _PortLostError) and tries:
                continue
            raise
        return broker


def _refuse_second(home: BrokerHome, patience: float) -> None:
    """Raise if a broker runs here, once it answers: its starter may have been killed before it was ready."""
    end = time.monotonic() + patience
    while resident := home.resident():
        if kafka_answers(resident.port) or time.monotonic() > end:
            raise AlreadyRunningError(resident, home.directory)
        time.sleep(_LOOK_S)


def _ports(port: int | None, or_next: Talk | None) -> tuple[int, int]:
    """Port for clients, or the next free one where that will do, and port for the controller, which no client calls."""
    if port is None:
        first, second = free_ports(2)
        return first, second
    if or_next is None:
        if not is_free(port):
            raise BrokerError(f"Port {port} on {HOST} is taken: give another one.")
    elif (free := first_free(port)) != port:
        or_next.say(f"Port {port} is taken: Kafka takes {free}.")
        port = free
    return port, next(other for other in free_ports(2) if other != port)


def _home(
    data_dir: Path | str | None, settings: BrokerSettings, *, keep: bool, parent_bound: bool
) -> tuple[BrokerHome, Path | None]:
    """Directory of the broker, and the directory to delete at the end, if any."""
    if data_dir is not None:
        return BrokerHome(Path(data_dir)), None
    if not parent_bound:
        return BrokerHome(settings.state / "kafka"), None
    temporary = Path(tempfile.mkdtemp(prefix="holdfast-kafka-"))
    return BrokerHome(temporary), None if keep else temporary
