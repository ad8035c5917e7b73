"""The end of a process: its code, its last words, and that it is over in time whatever hangs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
import structlog
from aiokafka import errors

from app.errors import ExitCode, Refused
from app.process.ending import Ends
from streams.kafka.partition_read import RestoreStalledError
from streams.kafka.retries import NoAnswerError
from streams.kafka.transaction import LaneLostError

PROCESS = """
import asyncio, threading, time
from app.process import ending
from app.process import logs
from app.process.ending import Ends, live_and_leave
from app.errors import ExitCode
from app.process.fault import fail_at

class LaneLostError(Exception): pass

logs.set_up()
ending.STOP_S = 1.0
ENDS = Ends("process_ends", {LaneLostError: ExitCode.FAILED}, "there:9")

def run(live):
    live_and_leave(live, ENDS)

async def hangs(): await asyncio.Event().wait()
async def cannot_be_cancelled():
    while True:
        try: await asyncio.sleep(3600)
        except asyncio.CancelledError: pass
def thread_for_ever(): threading.Thread(target=threading.Event().wait).start()
"""
BOUND_S = 30.0


class Ended:
    def __init__(self, code: int, stdout: str, stderr: str, seconds: float) -> None:
        self.code, self.stdout, self.stderr, self.seconds = code, stdout, stderr, seconds

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


def process(source: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS + source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(started: subprocess.Popen[str]) -> Ended:
    began = time.monotonic()
    try:
        stdout, stderr = started.communicate(timeout=BOUND_S)
    except subprocess.TimeoutExpired:
        started.kill()
        raise AssertionError(f"still there after {BOUND_S:.0f} s: {started.communicate()[1]}") from None
    return Ended(started.returncode, stdout, stderr, time.monotonic() - began)


ENDS = Ends("process_ends", {LaneLostError: ExitCode.FAILED, RestoreStalledError: ExitCode.NO_PROGRESS}, "there:9")


def wrapped(cause: Exception) -> Exception:
    """As aiokafka's sender does it."""
    error = errors.KafkaError("Unexpected error during batch delivery")
    error.__cause__ = errors.KafkaError(repr(cause))
    error.__cause__.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (LaneLostError("another worker holds lane 0"), 1, "another worker holds lane 0"),
        (RestoreStalledError("nothing to read"), 75, "nothing to read"),
        (NoAnswerError("the topics: no answer"), 75, "the topics: no answer"),
        (errors.KafkaTimeoutError(), 75, "KafkaTimeoutError"),
        (errors.RequestTimedOutError(), 75, "RequestTimedOutError"),
        (wrapped(errors.NodeNotReadyError()), 75, "Unexpected error during batch delivery"),
        (errors.KafkaConnectionError("no"), 3, "no Kafka broker answers at there:9"),
        (errors.TopicAuthorizationFailedError("t"), 1, "Kafka at there:9 refused: TopicAuthorizationFailedError"),
        (Refused("the port is in use"), 1, "the port is in use"),
    ],
)
def test_every_error_that_is_known_has_its_code_and_no_trace(raised: Exception, code: int, said: str) -> None:
    with structlog.testing.capture_logs() as lines:
        assert ENDS.code(raised) == code
    (line,) = lines
    assert (line["event"], line["code"]) == ("process_ends", code)
    assert said in line["error"]
    assert "exc_info" not in line


def test_a_bug_of_ours_is_1_with_its_trace() -> None:
    done = ended(process("async def live(life): raise KeyError('lane')\nrun(live)"))
    assert done.code == 1
    assert "KeyError: 'lane'" in done.said("process_ends")[0]["exception"]


def test_what_was_said_before_the_end_is_there() -> None:
    done = ended(process("async def live(life):\n    print('half a line', end='')\n    return 65\nrun(live)"))
    assert (done.code, done.stdout) == (65, "half a line")


HANGING = {
    "stop": "life.closing.push_async_callback(hangs)",
    "loop": "life.closing.callback(fail_at('stopping:hang'), 'stopping')",
    "task": "life.task = asyncio.create_task(cannot_be_cancelled())",
    "thread": "thread_for_ever()",
}
"""Each kept a process alive that had decided to end: the last two are what asyncio and Python wait for at exit."""


def test_a_stop_that_never_returns_does_not_keep_the_code_from_the_supervisor() -> None:
    source = "async def live(life):\n    {}\n    raise LaneLostError('gone')\nrun(live)"
    started = {hanging: process(source.format(does)) for hanging, does in HANGING.items()}
    for hanging, each in started.items():
        done = ended(each)
        assert done.code == 1, hanging
        assert done.said("process_ends")[0]["code"] == 1
        late = [line["code"] for line in done.said("stop_took_too_long")]
        assert late == ([1] if hanging in ("stop", "loop") else []), hanging
        # Where it hung is told.
        assert ("Thread" in done.stderr) == bool(late), hanging


WAITS = """
async def live(life):
    print("lives", flush=True)
    {closing}
    await life.unless_asked(hangs())
    return 0
run(live)
"""


ASKED = [
    (signal.SIGINT, "pass"),
    (signal.SIGTERM, "pass"),
    (signal.SIGTERM, "life.closing.push_async_callback(hangs)"),
    (signal.SIGTERM, "await hangs()"),
    (signal.SIGTERM, "time.sleep(3600)"),
    (signal.SIGINT, "while True: pass"),
]


def test_who_is_asked_to_end_ends_with_0_whatever_hangs() -> None:
    started = [process(WAITS.format(closing=closing)) for _, closing in ASKED]
    for (number, _), each in zip(ASKED, started, strict=True):
        assert each.stdout is not None
        assert each.stdout.readline() == "lives\n"
        each.send_signal(number)
    for (_, closing), each in zip(ASKED, started, strict=True):
        done = ended(each)
        assert done.code == 0, done.stderr
        assert bool(done.said("stop_took_too_long")) == (closing != "pass")


def test_an_error_after_it_was_asked_changes_nothing_of_the_code() -> None:
    source = WAITS.format(closing="await life.ending.asked.wait()\n    raise KeyError('late')")
    started = process(source)
    assert started.stdout is not None
    started.stdout.readline()
    started.send_signal(signal.SIGTERM)
    done = ended(started)
    assert done.code == 0
    assert done.said("stop_failed")[0]["code"] == 0
    assert not done.said("process_ends")


def test_a_log_that_nobody_reads_does_not_keep_the_process() -> None:
    """The pipe is full: the words of the end block, and so would the flush."""
    source = (
        "import os\n"
        "async def live(life):\n"
        "    os.set_blocking(2, False)\n"
        "    try:\n"
        "        while True: os.write(2, b'x' * 65536)\n"
        "    except BlockingIOError: os.set_blocking(2, True)\n"
        "    life.closing.push_async_callback(hangs)\n"
        "    return 65\n"
        "run(live)\n"
    )
    started = process(source)
    assert started.wait(BOUND_S) == 65
    started.communicate()
