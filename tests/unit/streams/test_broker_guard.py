"""The guard on a stand-in for the JVM: the same signals, without its seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.embedded_kafka import broker_guard
from streams.embedded_kafka.broker_home import command_of

STAND_IN = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
PARENT = """
import subprocess, sys, time
guard = subprocess.Popen(
    [sys.executable, sys.argv[1], str(__import__("os").getpid()), sys.argv[2], sys.executable, "-c", sys.argv[3]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
print(guard.pid, guard.stdout.readline().decode().strip(), flush=True)
if sys.argv[4] == "fork":
    import os
    if os.fork() == 0:      # holds the pipe open, as a worker forked by the demo would
        os.close(1)
        time.sleep(600)
time.sleep(600)
"""


def until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("did not happen")


def ended(pid: int) -> bool:
    return command_of(pid) == ""


class Family:
    """Parent, guard and stand-in, each its own process."""

    def __init__(self, discard: str = "-", child: str = STAND_IN, kind: str = "plain") -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, broker_guard.__file__, discard, child, kind],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.parent.stdout is not None
        self.guard, self.child = map(int, self.parent.stdout.readline().split())

    def end(self) -> None:
        for group in (self.parent.pid, self.guard):
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.parent.wait()
        assert self.parent.stdout is not None
        self.parent.stdout.close()


@pytest.fixture
def families() -> Iterator[list[Family]]:
    made: list[Family] = []
    yield made
    for family in made:
        family.end()


@pytest.mark.parametrize("kind", ["plain", "fork"])
def test_killed_parent_takes_the_broker_along(families: list[Family], kind: str) -> None:
    family = Family(kind=kind)
    families.append(family)
    assert not ended(family.child)
    family.parent.kill()
    until(lambda: ended(family.child) and ended(family.guard))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's signal to orphans is Linux's")
def test_killed_guard_takes_the_broker_along(families: list[Family]) -> None:
    family = Family()
    families.append(family)
    os.kill(family.guard, signal.SIGKILL)
    until(lambda: ended(family.child))


def test_signal_to_the_guard_stops_the_broker(families: list[Family]) -> None:
    family = Family()
    families.append(family)
    os.kill(family.guard, signal.SIGTERM)
    until(lambda: ended(family.child) and ended(family.guard))


def test_temporary_directory_goes_when_the_parent_was_killed(families: list[Family], tmp_path: Path) -> None:
    directory = tmp_path / "temporary"
    directory.mkdir()
    (directory / "log").touch()
    family = Family(discard=str(directory))
    families.append(family)
    family.parent.kill()
    until(lambda: ended(family.guard))
    assert not directory.exists()


def guard_of(child: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, broker_guard.__file__, str(os.getpid()), "-", sys.executable, "-c", child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_byte_says_stop() -> None:
    with guard_of(STAND_IN) as guard:
        assert guard.stdout is not None
        pid = int(guard.stdout.readline())
        assert guard.stdin is not None
        guard.stdin.write(b"q")
        guard.stdin.flush()
        guard.wait(30)
        assert ended(pid)


def test_own_end_of_the_broker_is_passed_on() -> None:
    with guard_of("raise SystemExit(3)") as guard:
        assert guard.wait(30) == 3


def test_broker_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_guard, "STOP_S", 0.2)
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert broker_guard._end(child) == -signal.SIGKILL
