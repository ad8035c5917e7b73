"""``holdfast demo`` as a visitor and as a script start it: an alert, nothing lost or twice, and nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MARK = "HELD_BY_TEST"
HOLDFAST = [sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main())"]
PATIENCE_S = 120
GONE_S = 30
ROWS, COLUMNS = 40, 120


class Place:
    """Where a demonstration runs: a temporary directory and a mark in the environment of all its processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._mark = uuid.uuid4().hex
        self.environment = {**os.environ, MARK: self._mark, "TMPDIR": str(directory), "LANG": "C.UTF-8"}

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def assert_empty(self, port: int | None) -> None:
        assert self.processes() == []
        assert list(self.directory.iterdir()) == []
        if port is not None:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    directory = tmp_path / "tmp"
    directory.mkdir()
    place = Place(directory)
    yield place
    for process in place.processes():  # of a test that failed
        with suppress(psutil.Error):
            process.kill()


def _until(true: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)


def _kafka_port(place: Place) -> int | None:
    for properties in place.directory.glob("*/server.properties"):
        listener = re.search(r"PLAINTEXT://127\.0\.0\.1:(\d+)", properties.read_text())
        if listener:
            return int(listener[1])
    return None


def test_a_script_gets_one_object_with_an_alert_and_nothing_lost_or_twice(place: Place) -> None:
    command = [*HOLDFAST, "demo", "--seconds", "45", "--json", "--subscribers", "150", "--seed", "3"]
    done = subprocess.run(command, env=place.environment, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["simulated"] is True
    assert told["alerts"] > 0
    assert told["alerts"] == sum(told["alerts_by_kind"].values())
    assert told["first_alert_s"] is not None
    assert told["events"] > 10_000
    assert {name: told[name] for name in told if name.startswith(("lost_", "twice_"))} == {
        "lost_events": 0,
        "twice_events": 0,
        "lost_breaches": 0,
        "twice_breaches": 0,
        "lost_alerts": 0,
        "twice_alerts": 0,
        "lost_orders": 0,
        "twice_orders": 0,
    }
    assert told["orders"] == sum(told["orders_by_step"].values()) > 0
    assert told["orders_by_step"]["archived"] > 0
    assert "模拟数据" in done.stderr
    place.assert_empty(None)


class Terminal:
    """A demonstration on a terminal of its own."""

    def __init__(self, place: Place, *arguments: str) -> None:
        self.ours, self.theirs = pty.openpty()
        ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        self.seen = ""
        self.demo = subprocess.Popen(
            [*HOLDFAST, "demo", *arguments],
            env={**place.environment, "TERM": "xterm-256color"},
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def read(self) -> None:
        while select.select([self.ours], [], [], 0.1)[0]:
            self.seen += os.read(self.ours, 65_536).decode(errors="replace")

    def wait_for(self, text: str) -> None:
        """Until it stands on the screen: what was drawn before does not count."""
        self.seen = ""

        def shown() -> bool:
            self.read()
            assert self.demo.poll() is None, self.seen[-4000:]
            return re.search(text, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen)) is not None

        _until(shown, PATIENCE_S)

    def press(self, key: str) -> None:
        os.write(self.ours, key.encode())

    def hang_up(self) -> None:
        for end in (self.theirs, self.ours):
            os.close(end)
        self.ours = self.theirs = -1

    def close(self) -> None:
        self.demo.kill()
        self.demo.wait()
        if self.ours >= 0:
            self.hang_up()


@pytest.fixture
def terminal(place: Place) -> Iterator[Terminal]:
    terminal = Terminal(place, "--subscribers", "60", "--lang", "en")
    yield terminal
    terminal.close()


def test_keys_tell_a_story_and_kill_the_worker_and_ctrl_c_leaves_nothing(place: Place, terminal: Terminal) -> None:
    terminal.wait_for(r"first alert after [\d.]+ s")
    terminal.press("1")
    terminal.wait_for(r"story 1: alert after [\d.]+ s")
    terminal.wait_for(r"live, 10 min a second")
    terminal.press("2")
    terminal.wait_for(r"story 2: alert after [\d.]+ s")
    terminal.wait_for(r"tianhe-03 today: [1-9]\d* open")
    for key, said in (("a", "accepted"), ("c", "contacted"), ("r", "retained")):
        terminal.press(key)
        terminal.wait_for(rf"order \w{{8}}: {said}, its step after [\d.]+ s")
    terminal.wait_for(r"\w{8} archived [\d: -]+\(retained\)")
    terminal.press("k")
    terminal.wait_for(r"worker killed \(SIGKILL\)")
    terminal.wait_for(r"killed: lanes open after [\d.]+ s, caught up after [\d.]+ s: lost 0, twice 0")
    terminal.press("2")
    terminal.wait_for(r"story 2: alert after [\d.]+ s")
    port = _kafka_port(place)
    assert port is not None
    terminal.demo.send_signal(signal.SIGINT)
    _until(lambda: terminal.read() or terminal.demo.poll() is not None, GONE_S)
    assert terminal.demo.returncode == 0
    assert termios.tcgetattr(terminal.theirs) == terminal.before
    assert "\x1b[?1049l" in terminal.seen, "the other screen was not left"
    place.assert_empty(port)


@pytest.mark.parametrize("end", ["killed", "terminal closed"])
def test_a_demonstration_that_is_cut_off_leaves_nothing(place: Place, terminal: Terminal, end: str) -> None:
    terminal.wait_for(r"day \d+ of 45")
    port = _kafka_port(place)
    assert len(place.processes()) >= 6, "itself, broker, worker, population, and their guards"
    if end == "killed":
        terminal.demo.kill()
    else:
        terminal.hang_up()
    _until(lambda: not place.processes(), GONE_S)
    place.assert_empty(port)
