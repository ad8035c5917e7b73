"""Start ``holdfast`` without importing it anew: a process of its own, forked from one that has it in memory.

To import the product and to load what is compiled takes 1.5 s of a core, which tests would spend four hundred times. A
process that is started here has a pid, environment, files, signals and an exit code of its own, like one that is
started from the shell; what it shares with its siblings is the seed of Python's hashes. So it is where many tests run
side by side (xdist); a single test, the long ones and benchmarks start each process from nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Final, Protocol

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
_READ_AT_IMPORT: Final = ("NUMBA_CACHE_DIR", "HOLDFAST_CACHE", "HOME", "XDG_CACHE_HOME", "PYTHONPATH")
_FORKED: Final = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["warmed"])


class Started(Protocol):
    """A child, as :class:`subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def start(command: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> Started:
    """Start a command in the repository; `out` and `err` may be one file."""
    for file in {out, err}:
        file.write_bytes(b"")
    if _can_be_forked(command, environment):
        return _Forked(command[1:], environment, out, err)
    with out.open("ab") as stdout, err.open("ab") as stderr:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stdout, stderr=stderr)


def _can_be_forked(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether what has been imported serves it: its own program, and nothing else set that imports have read."""
    ours = command[1:3] == ["-m", "app.cli"] or Path(command[1]).parent == HERE
    beside_others = "PYTEST_XDIST_WORKER" in os.environ
    as_here = all(environment.get(name) == os.environ.get(name) for name in _READ_AT_IMPORT)
    return beside_others and command[0] == sys.executable and ours and as_here


def run_holdfast(
    environment: Mapping[str, str], *arguments: str, bound_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept, "out"), Path(kept, "err")
        child = start([sys.executable, "-m", "app.cli", *arguments], environment, out, err)
        try:
            code = child.wait(bound_s)
        finally:
            child.kill()
        said, complained = out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        return subprocess.CompletedProcess(arguments, code, said, complained)


class _Forked:
    """A child of the fork server."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> None:
        given = list(arguments), dict(environment), str(out), str(err)
        self._arguments = given[0]
        self._process = _FORKED.Process(target=_become, args=given, daemon=True)
        _serve()
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _serve() -> None:
    """Start the server where there is none yet; it finds what to load by the environment alone."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), before)))
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _become(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """Be that process, from here to its end."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", closefd=False, buffering=1, errors="backslashreplace")  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        from app.cli import main

        sys.exit(main())
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")
