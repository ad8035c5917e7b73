"""Guard that ends a Java broker when the process that started it ends.

It runs as a program of its own (standard library only) between the parent and the JVM and holds one end of a pipe,
which closes however the parent ends, SIGKILL included. Asking the kernel to signal the JVM when its parent dies
(``PR_SET_PDEATHSIG``) is not enough in the parent itself: it follows the *thread* that started the child, needs code
between fork and exec in a process with threads, and exists on Linux only. Here, in a process without threads, it is
the second safeguard, for a guard that is itself killed.

Usage: ``broker_guard.py PARENT_PID DIRECTORY_TO_REMOVE|- COMMAND...``; prints the pid of COMMAND on stdout.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

_LOOK_S: Final = 0.5
"""Interval of checks of the parent's pid, in addition to the pipe: a forked child also holds the pipe open."""

STOP_S: Final = 20
"""Kafka stops within 2 s; after this it hangs, and its logs survive a kill."""

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> int:
    """Run COMMAND until it ends by itself, or the parent says stop, ends, or is killed."""
    parent, directory, command = int(arguments[0]), arguments[1], arguments[2:]
    stopped = _on_signal()
    # The JVM gets its own null input, and the log for both outputs: this process's stdout is the parent's pipe.
    jvm = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        stderr=sys.stderr.fileno(),
        preexec_fn=_die_with_guard(),  # noqa: PLW1509 - this process has one thread
    )
    os.write(1, f"{jvm.pid}\n".encode())
    os.close(1)
    while jvm.poll() is None and not stopped and os.getppid() == parent:
        ready, _, _ = select.select([0], [], [], _LOOK_S)
        if ready:  # a byte means stop, end of file means that the parent is gone
            break
    else:
        if os.getppid() == parent and not stopped:
            return jvm.wait()  # it ended by itself: the parent wants to read its log
    code = _end(jvm)
    if directory != "-":
        shutil.rmtree(directory, ignore_errors=True)
    return code


def _end(jvm: subprocess.Popen[bytes]) -> int:
    if jvm.poll() is None:
        jvm.terminate()
    try:
        return jvm.wait(STOP_S)
    except subprocess.TimeoutExpired:
        jvm.kill()
        return jvm.wait()


def _on_signal() -> list[int]:
    """Signals to the guard mean stop; the list stays empty until one arrives."""
    arrived: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: arrived.append(received))
    return arrived


def _die_with_guard() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    # Looked up before the fork: between fork and exec nothing may be loaded.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    guard = os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # the guard was killed before the line above
            os._exit(1)

    return bind


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
