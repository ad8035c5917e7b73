"""The demonstration's processes, keys and logs: nothing stays behind, and the terminal is given back."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.demo.child import Child, ChildError, JsonLines, log_tail, python
from app.demo.stage import topics, worker_environment
from app.process.full_screen import Keys
from models.contract.events import SUBSCRIBERS
from streams.records.topics import ALL_TOPICS

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_runs_writes_its_log_and_is_killed(tmp_path: Path) -> None:
    child = Child.start("sleeper", SLEEPER, tmp_path / "sleeper.log", os.environ)
    _until(lambda: "up" in log_tail(child.log))
    assert child.code() is None
    child.kill()
    assert child.code() is not None
    assert _gone(child.pid)
    child.kill()  # twice is fine


def test_a_child_that_ends_tells_its_code_and_its_last_words(tmp_path: Path) -> None:
    child = Child.start("talker", [sys.executable, "-c", "print('last words'); exit(3)"], tmp_path / "log", os.environ)
    _until(lambda: child.code() is not None)
    assert child.code() == 3
    assert "talker ended with 3" in str(child.obituary())
    assert "last words" in str(child.obituary())
    child.kill()


def test_python_in_a_folder_of_another_application_runs_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app").mkdir()
    for theirs in ("app/__init__.py", "copy.py"):
        (tmp_path / theirs).write_text("raise SystemExit('not ours')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    child = Child.start("python", python("-c", "import app, copy; print('ours')"), tmp_path / "log", os.environ)
    _until(lambda: child.code() is not None)
    assert (child.code(), log_tail(child.log).strip()) == (0, "ours")
    child.kill()


def test_a_program_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="could not be started"):
        Child.start("nobody", [str(tmp_path / "missing")], tmp_path / "log", os.environ)


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from app.demo.child import Child\n"
        f"print(Child.start('sleeper', {SLEEPER!r}, Path({str(tmp_path / 'log')!r}), os.environ).pid, flush=True)\n"
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        assert not _gone(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _until(lambda: _gone(pid))


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_keys_come_one_by_one_and_the_terminal_is_given_back(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before, pressed = termios.tcgetattr(theirs), list[str]()
    with Keys(theirs) as keys:
        os.write(ours, b"1K")
        keys.read(pressed.append)
        inside = termios.tcgetattr(theirs)
        assert not inside[3] & termios.ICANON
        assert not inside[3] & termios.ECHO
        assert inside[3] & termios.ISIG, "Ctrl-C must stay a signal"
        assert inside[6][termios.VSUSP] == b"\0"
    assert pressed == ["1", "k"]
    assert termios.tcgetattr(theirs) == before


def test_an_arrow_is_one_key(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    pressed = list[str]()
    with Keys(theirs) as keys:
        os.write(ours, b"\x1b[A\x1b[Bq")
        keys.read(pressed.append)
    assert pressed == ["up", "down", "q"]


def test_a_terminal_that_goes_away_is_a_wish_to_quit() -> None:
    ours, theirs = pty.openpty()
    pressed = list[str]()
    with Keys(theirs) as keys:
        os.close(ours)
        keys.read(pressed.append)
    os.close(theirs)
    assert pressed == ["q"]


def test_the_terminal_is_given_back_after_a_failure(terminal: tuple[int, int]) -> None:
    _, theirs = terminal
    before = termios.tcgetattr(theirs)
    with pytest.raises(KeyboardInterrupt), Keys(theirs):
        raise KeyboardInterrupt
    assert termios.tcgetattr(theirs) == before


def test_json_lines_wait_for_the_end_of_a_line_and_pass_over_others(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lines = JsonLines(log)
    assert list(lines.new()) == []  # not there yet
    log.write_text('{"a": 1}\nTraceback\n{torn\n{"b"')
    assert list(lines.new()) == [{"a": 1}]
    with log.open("a") as file:
        file.write(": 2}\n")
    assert list(lines.new()) == [{"b": 2}]
    assert list(lines.new()) == []


def test_the_worker_hears_nothing_of_another_cluster() -> None:
    theirs = {
        "PATH": "/bin",
        "HOLDFAST_BROKERS": "production:9092",
        "HOLDFAST_GROUP": "production",
        "HOLDFAST_SASL_PASSWORD": "secret",
        "HOLDFAST_CONFIG": "/etc/holdfast.toml",
        "HOLDFAST_POLICY": "mine.toml",
    }
    made = worker_environment("127.0.0.1:4711", theirs)
    assert made["HOLDFAST_BROKERS"] == "127.0.0.1:4711"
    assert made["HOLDFAST_TOPIC_PREFIX"] == "demo."
    assert made["HOLDFAST_POLICY"] == "mine.toml"
    assert not {"HOLDFAST_GROUP", "HOLDFAST_SASL_PASSWORD", "HOLDFAST_CONFIG"} & set(made)


def test_no_topic_of_the_demonstration_loses_records_by_compaction() -> None:
    """A compacted profile would look like a lost event to the tally."""
    made = {topic.name: topic for topic in topics()}
    assert list(made) == [topic.name for topic in ALL_TOPICS]
    assert int(made[SUBSCRIBERS].config["min.compaction.lag.ms"]) > 100 * 365 * 86_400_000
