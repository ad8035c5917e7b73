"""A process of the demonstration, held to the life of the one that started it.

Between the two stands the broker's guard: it keeps one end of a pipe, and a pipe closes however we end, SIGKILL
included. So neither Ctrl-C nor a crash nor a closed terminal leaves a worker behind.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from streams.embedded import broker_guard

_END_S: Final = 5.0
"""The guard ends at once when its child is gone; one that does not is killed with its session."""
_TAIL_BYTES: Final = 16_384


def python(*arguments: str) -> list[str]:
    """Command of this interpreter that takes no module from the folder we were started in.

    Many a project has an ``app`` of its own, or a file named like a module of Python's.

    Examples
    --------
    >>> python("-m", "app.demo.feed")[1:]
    ['-P', '-m', 'app.demo.feed']
    """
    return [sys.executable, "-P", *arguments]


class ChildError(Exception):
    """A child could not be started, or ended when it should run; the message carries the end of its log."""


class Child:
    """A running process. Made by :meth:`start`, ended by :meth:`kill` or by the end of this process.

    Attributes
    ----------
    name
        What it is, for people.
    pid
        Of the process itself, not of its guard.
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
        """Start a process; after this returns it has a pid, and cannot outlive us.

        In a session of its own: Ctrl-C is for us to receive, and to end the children in our order.
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
        """Exit code as a shell tells it, or None while it runs."""
        return self._guard.poll()

    def kill(self) -> None:
        """End the process by SIGKILL, at once and without a word to it. Calling it twice is fine."""
        if self.code() is None:  # as long as the guard has not seen the end, the pid is nobody else's
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        pipe = self._guard.stdin
        if pipe is not None and not pipe.closed:
            with suppress(BrokenPipeError):
                pipe.close()  # wakes the guard, which would look only twice a second
        try:
            self._guard.wait(_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()

    def obituary(self) -> ChildError:
        """Say that it ended, and what it said last."""
        return ChildError(f"the {self.name} ended with {self.code()}. The end of its log:\n{log_tail(self.log)}")


def log_tail(log: Path, lines: int = 15) -> str:
    """Last lines of a log; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
