"""A Java process started here: bound to our life by a guard, or on its own from the start."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from streams.embedded import broker_guard
from streams.embedded.broker_error import BrokerError
from streams.embedded.broker_home import BrokerHome
from streams.embedded.java import java_environment

_MARGIN_S: Final = 10.0
"""What the guard gets beyond its own patience with the JVM, to delete a directory and end."""

_CLEAN_EXITS: Final = {0, 128 + signal.SIGTERM}


class BrokerChild:
    """The process of a broker. Both kinds live in a session of their own.

    Ctrl-C in the terminal must reach us first, and the broker in order after that.
    """

    def __init__(self, process: subprocess.Popen[bytes], pid: int, *, guarded: bool) -> None:
        self.pid: Final = pid
        self.guarded: Final = guarded
        self._process: Final = process

    @classmethod
    def bound(cls, home: BrokerHome, command: list[str], discard: Path | None = None) -> BrokerChild:
        """Start below a guard, which ends the JVM when we end, however we end; then it deletes ``discard``."""
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
        """Start on its own: it runs until it is stopped by its pid."""
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
        """Whether the process lives."""
        return self._process.poll() is None

    def wait(self) -> bool:
        """Block until the process ends; returns whether it ended in order."""
        return self._process.wait() in _CLEAN_EXITS

    def release(self) -> None:
        """Tell the guard to end the JVM and itself, and wait for that; by force in the end. Twice is fine."""
        pipe = self._process.stdin
        if pipe is not None and not pipe.closed:
            try:
                # A byte, not only the end of file: a child that we forked may hold the pipe open.
                pipe.write(b"q")
                pipe.close()
            except BrokenPipeError:
                pass  # the guard has ended by itself
        try:
            self._process.wait(broker_guard.STOP_S + _MARGIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # the guard's own session: the guard and its JVM
            self._process.wait()
