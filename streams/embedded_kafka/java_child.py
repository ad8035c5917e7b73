"""A Java process started here: bound to this process by a guard, or detached."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from streams.embedded_kafka import broker_guard
from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_home import BrokerHome
from streams.embedded_kafka.java import java_environment

_MARGIN_S: Final = 10.0
"""Extra time for the guard, after its own wait for the JVM, to delete a directory and end."""

_CLEAN_EXITS: Final = {0, 128 + signal.SIGTERM}


class BrokerChild:
    """The process of a broker, bound or detached, in a session of its own.

    So Ctrl-C in the terminal reaches only this process, which then ends the broker cleanly.
    """

    def __init__(self, process: subprocess.Popen[bytes], pid: int, *, guarded: bool) -> None:
        self.pid: Final = pid
        self.guarded: Final = guarded
        self._process: Final = process

    @classmethod
    def bound(cls, home: BrokerHome, command: list[str], discard: Path | None = None) -> BrokerChild:
        """Start under a guard, which ends the JVM when this process ends in any way, and then deletes ``discard``."""
        own = [sys.executable, "-I", "-S", broker_guard.__file__, str(os.getpid()), str(discard or "-")]
        with home.open_log() as log:
            guard = subprocess.Popen(
                [*own, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home.directory,
                env=java_environment(),
                start_new_session=True,
            )
        with guard.stdout or io.BytesIO() as told:
            line = told.readline()
        if not line:
            guard.wait()
            raise BrokerError(f"Kafka could not be started. The end of {home.log}:\n{home.log_tail()}")
        return cls(guard, int(line), guarded=True)

    @classmethod
    def detached(cls, home: BrokerHome, command: list[str]) -> BrokerChild:
        """Start detached: it runs until it is stopped by its pid."""
        with home.open_log() as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=home.directory,
                env=java_environment(),
                start_new_session=True,
            )
        return cls(process, process.pid, guarded=False)

    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def wait(self) -> bool:
        """Block until the process ends; returns whether it ended cleanly."""
        return self._process.wait() in _CLEAN_EXITS

    def release(self) -> None:
        """Tell the guard to end the JVM and itself, and wait for that; finally by force. Calling it twice is fine."""
        pipe = self._process.stdin
        if pipe is not None and not pipe.closed:
            try:
                # A byte, not only the end of file: a forked child may hold the pipe open.
                pipe.write(b"q")
                pipe.close()
            except BrokenPipeError:
                pass  # the guard has ended by itself
        try:
            self._process.wait(broker_guard.STOP_S + _MARGIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # the guard's own session: the guard and its JVM
            self._process.wait()
