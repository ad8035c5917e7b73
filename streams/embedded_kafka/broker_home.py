"""The directory of one embedded broker: its settings, data, log, and a note of its process."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

import psutil
from filelock import FileLock

from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.java import java_environment
from streams.embedded_kafka.ports import HOST

_TAIL_BYTES: Final = 8_192
_LOG_BYTES: Final = 8 << 20
_FORMAT_S: Final = 120
_STOP_S: Final = 20
_LOOK_S: Final = 0.05

_PROPERTIES: Final = {
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
}

_BROKER_PROPERTIES: Final = {
    # One node: every internal topic asks for three replicas by default and would never be created.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # 50 partitions each by default: they cost the first commit seconds and the disk hundreds of files.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # A group of one worker need not wait 3 s for others, and fault tests want short sessions.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # For topics created without a count: as in ``topics create``, or the lanes would refuse them.
    "num.partitions": "8",
    "log.retention.hours": "-1",
    "log.segment.bytes": str(128 << 20),
    # 128 MiB of the heap by default.
    "log.cleaner.dedupe.buffer.size": str(16 << 20),
}


class BrokerHome:
    """One directory that holds everything of one broker.

    Files: ``data/`` (Kafka's own), ``server.properties``, ``broker.log``, ``broker.json`` (pid and port), ``lock``, and
    ``controller.properties`` if a broker here was ever killed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory: Final = directory.expanduser().absolute()
        self.data: Final = self.directory / "data"
        self.properties: Final = self.directory / "server.properties"
        self.log: Final = self.directory / "broker.log"
        self._controller: Final = self.directory / "controller.properties"
        self._note: Final = self.directory / "broker.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Allow one start at a time; the lock ends with the process that holds it."""
        try:
            self._make()
            held = FileLock(self.directory / "lock").acquire()
        except OSError as error:
            raise BrokerError(
                f"Cannot write to {self.directory} ({error.strerror}): give another directory."
            ) from error
        with held:
            yield

    def _make(self) -> None:
        # Closed to other users: it holds event data of subscribers.
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write_properties(self, port: int, controller: int, extra: Mapping[str, str]) -> None:
        """Write ``server.properties``; ``extra`` overrides ours."""
        self._write(
            self.properties,
            {
                **_PROPERTIES,
                **_BROKER_PROPERTIES,
                "process.roles": "broker,controller",
                "inter.broker.listener.name": "PLAINTEXT",
                "controller.quorum.voters": f"1@{HOST}:{controller}",
                "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
                "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
                "log.dirs": str(self.data),
                **extra,
            },
        )

    def write_controller_properties(self, controller: int) -> Path:
        """Write properties for the controller alone, with a very short timeout for an absent broker."""
        self._write(
            self._controller,
            {
                **_PROPERTIES,
                "process.roles": "controller",
                "controller.quorum.voters": f"1@{HOST}:{controller}",
                "listeners": f"CONTROLLER://{HOST}:{controller}",
                "log.dirs": str(self.data),
                "broker.session.timeout.ms": "500",
                "broker.heartbeat.interval.ms": "200",
            },
        )
        return self._controller

    def _write(self, file: Path, properties: Mapping[str, str]) -> None:
        self._make()  # again: the guard of a first try has deleted a temporary directory
        lines = "".join(f"{key}={escape(value)}\n" for key, value in properties.items())
        file.write_text(lines, encoding="ascii")

    def ended_uncleanly(self) -> bool:
        """Whether a broker on this data did not shut down cleanly: Kafka leaves a mark when it does."""
        return (self.data / "__cluster_metadata-0").exists() and not (self.data / ".kafka_cleanshutdown").exists()

    def format(self, java: list[str]) -> None:
        """Give the data directory its cluster id, once; a formatted one is not changed."""
        if (self.data / "meta.properties").exists():
            return
        self.data.mkdir(exist_ok=True)
        cluster = cluster_id(self.data)
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.properties), "--ignore-formatted"]
        try:
            made = subprocess.run(
                [*java, *tool],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=_FORMAT_S,
                env=java_environment(),
            )
        except subprocess.TimeoutExpired as error:
            raise BrokerError(
                f"Kafka did not format {self.data} within {_FORMAT_S} s: is the machine or disk busy?"
            ) from error
        if made.returncode != 0:
            raise BrokerError(
                f"Kafka could not format {self.data}:\n{(made.stdout + made.stderr)[-_TAIL_BYTES:].strip()}"
            )

    def open_log(self) -> FileIO:
        """Open the file for the broker's output, to append; a large one is started again."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.unlink()
        return self.log.open("ab", buffering=0)

    def log_tail(self, lines: int = 20) -> str:
        """Last lines of the broker's log."""
        size = self.log.stat().st_size if self.log.exists() else 0
        text = self.log_since(max(0, size - _TAIL_BYTES)).decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def log_since(self, begin: int) -> bytes:
        """The log's content after this many bytes; all of it if the log was started again."""
        try:
            with self.log.open("rb") as file:
                file.seek(begin if begin <= self.log.stat().st_size else 0)
                return file.read()
        except FileNotFoundError:
            return b""

    def note(self, resident: Resident) -> None:
        """Note the running broker, atomically, since ``stop`` signals the pid in the note."""
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps(resident._asdict()), encoding="ascii")
        os.replace(part, self._note)

    def forget(self) -> None:
        """Remove the note: no broker runs here any more."""
        self._note.unlink(missing_ok=True)

    def forget_if(self, pid: int) -> None:
        """Remove the note of one broker, but not that of another that has started here since."""
        noted = self._noted()
        if noted is not None and noted.pid == pid:
            self.forget()

    def resident(self) -> Resident | None:
        """Find the broker that runs here now.

        The noted pid may belong to another program by now, so it counts only while that process's command line names
        this directory's ``server.properties``: no other process is ever reported or signalled.
        """
        noted = self._noted()
        return noted if noted and str(self.properties) in command_of(noted.pid) else None

    def _noted(self) -> Resident | None:
        try:
            note = json.loads(self._note.read_text(encoding="ascii"))
            return Resident(int(note["pid"]), int(note["port"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def evict(self) -> Resident | None:
        """End the broker that runs here, no matter who started it; returns it, or None if there was none.

        Signals go only to the noted process whose command line names this directory; both are checked again before
        the kill.
        """
        resident = self.resident()
        if resident is None:
            self.forget()
            return None
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(resident.pid, number)
            except ProcessLookupError:
                break
            if self._left(resident):
                break
        else:
            raise BrokerError(
                f"The broker (pid {resident.pid}) does not end; the end of {self.log}:\n{self.log_tail()}"
            )
        self.forget()
        return resident

    def _left(self, resident: Resident) -> bool:
        end = time.monotonic() + _STOP_S
        while time.monotonic() < end:
            if self.resident() != resident:
                return True
            time.sleep(_LOOK_S)
        return False

    def wipe(self) -> bool:
        """Delete only what a broker wrote here; returns whether there was anything.

        Only our file names, and the data only if Kafka formatted it: ``--data ~ --wipe`` must not empty a home.
        """
        found = self.data.exists() or self.properties.exists()
        if (self.data / "meta.properties").exists():
            shutil.rmtree(self.data)
        for file in (self.properties, self._controller, self.log, self._note, self.directory / "lock"):
            file.unlink(missing_ok=True)
        try:
            self.directory.rmdir()
        except OSError:
            return found  # there are other files here, or the directory was never made
        return found


def escape(value: str) -> str:
    r"""Escape a value for Java property files, which are Latin-1: any other letter of a path must be escaped.

    Examples
    --------
    >>> escape("/home/张三/kafka")
    '/home/\\u5f20\\u4e09/kafka'
    """
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def cluster_id(data: Path) -> str:
    """Id of a new cluster: 16 bytes in Kafka's notation, hashed from what identifies this directory.

    The first byte is fixed, since the format tool takes an id that begins with a dash for an option.
    """
    made = data.stat()
    named = hashlib.blake2b(f"{data}:{made.st_ino}:{made.st_ctime_ns}".encode(), digest_size=15)
    return base64.urlsafe_b64encode(b"H" + named.digest()).rstrip(b"=").decode()


class Resident(NamedTuple):
    """The broker that runs on a directory."""

    pid: int
    port: int

    @property
    def bootstrap(self) -> str:
        """Address for clients.

        Examples
        --------
        >>> Resident(pid=4711, port=9092).bootstrap
        '127.0.0.1:9092'
        """
        return f"{HOST}:{self.port}"


def command_of(pid: int) -> str:
    """Command line of a process; empty for one that has ended, reaped or not."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except (psutil.Error, ValueError):  # a note may be of anything
        return ""
