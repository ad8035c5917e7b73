"""A child process of the demonstration that ends with its parent, and the log that it writes.

Between them runs the same guard as for the broker: it holds one end of a pipe, which closes however the parent ends,
SIGKILL included. So neither Ctrl-C nor a crash nor a closed terminal leaves a worker behind.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from streams.embedded_kafka import broker_guard

_END_S: Final = 5.0
"""The guard ends at once when its child is gone; one that does not is killed with its session."""
_TAIL_BYTES: Final = 16_384


def python(*arguments: str) -> list[str]:
    """Command of this interpreter that imports no module from the current folder.

    The current folder may hold another ``app`` package, or a file named like a module of the standard library.

    Examples
    --------
    >>> python("-m", "app.demo.feed")[1:]
    ['-P', '-m', 'app.demo.feed']
    """
    return [sys.executable, "-P", *arguments]


class ChildError(Exception):
    """A child could not be started, or ended early; the message holds the end of its log."""


class Child:
    """A running process. Made by :meth:`start`, ended by :meth:`kill` or by the end of this process.

    Attributes
    ----------
    name
        Name for messages.
    pid
        Process id of the child itself, not of its guard.
    log
        Where its output goes; a second child on the same file appends.
    """

    def __init__(self, name: str, pid: int, log: Path, guard: subprocess.Popen[bytes]) -> None:
        self.name: Final = name
        self.pid: Final = pid
        self.log: Final = log
        self._guard: Final = guard

    @classmethod
    def start(cls, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Child:
        """Start a process; after this returns it has a pid and cannot outlive this process.

        It runs in its own session: Ctrl-C reaches only this process, which ends the children in order.
        """
        own = [sys.executable, "-I", "-S", broker_guard.__file__, str(os.getpid()), "-"]
        with log.open("ab") as out:
            guard = subprocess.Popen(
                [*own, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env=dict(environment),
                start_new_session=True,
            )
        with guard.stdout or io.BytesIO() as told:
            line = told.readline()
        if not line:
            guard.communicate()
            raise ChildError(f"the {name} could not be started. The end of {log}:\n{log_tail(log)}")
        return cls(name, int(line), log, guard)

    def code(self) -> int | None:
        """Exit code as a shell reports it, or None while it runs."""
        return self._guard.poll()

    def kill(self) -> None:
        """End the process at once by SIGKILL. Calling it twice is fine."""
        if self.code() is None:  # until the guard has seen the end, the pid cannot belong to another process
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        pipe = self._guard.stdin
        if pipe is not None and not pipe.closed:
            with suppress(BrokenPipeError):
                pipe.close()  # wakes the guard, which otherwise checks only twice a second
        try:
            self._guard.wait(_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()

    def obituary(self) -> ChildError:
        """Error that reports the end of the child with the end of its log."""
        return ChildError(f"the {self.name} ended with {self.code()}. The end of its log:\n{log_tail(self.log)}")


def log_tail(log: Path, lines: int = 15) -> str:
    """Last lines of a log; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


class JsonLines:
    """Reads JSON lines from a growing log, each once; an incomplete line waits until its end is written.

    Parameters
    ----------
    log
        A file that another process appends to; it may not exist yet.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at = 0
        self._half = b""

    def new(self) -> Iterator[dict[str, Any]]:
        """The objects written since the last call."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._at)
                grown = file.read()
        except FileNotFoundError:
            return
        self._at += len(grown)
        *whole, self._half = (self._half + grown).split(b"\n")
        for line in whole:
            if line.startswith(b"{"):
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # a line cut off by a kill
