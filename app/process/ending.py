"""End of a process: decided once, logged in one line with the exit code, done within ten seconds.

A worker that had decided to end ran on forever: ``asyncio.run`` waited for tasks that ignore cancellation, Python for
a non-daemon thread of Faust's consumer. A supervisor does not restart what still runs. So once the code is decided,
the orderly stop has eight seconds; then a thread started at the beginning logs where everything stands and leaves by
``os._exit``. A process that stops in time leaves the same way, without waiting for threads: state and alerts are safe
at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, NoReturn

import structlog

from app.config.options import refusal
from app.errors import ExitCode, Refused
from streams.kafka.retries import NoAnswerError, passing

log = structlog.get_logger(__name__)

STOP_S: Final = 8.0
"""Longest orderly stop."""
LAST_WORDS_S: Final = 1.5
"""A log or a dump that blocks, on a full pipe or on a lock of a stuck loop, must not keep the process alive."""
GIVE_UP_S: Final = 1.0
"""Time for an interrupted start to notice."""
SHOWN_TASKS: Final = 50
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Ending(threading.Thread):
    """Thread that makes sure that the process ends; start it before anything can fail.

    Attributes
    ----------
    asked
        Set when SIGTERM or SIGINT has asked the process to end.
    code
        Exit code; None until decided.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="ending", daemon=True)
        self.asked = asyncio.Event()
        self.code: int | None = None
        self._loop = loop
        self._lock = threading.Lock()
        self._decided = threading.Event()

    def decide(self, code: int) -> bool:
        """Begin to end: from now the process has :data:`STOP_S` seconds. False if already decided."""
        with self._lock:
            if self.code is not None:
                return False
            self.code = int(code)
        self._decided.set()
        return True

    def hear(self) -> None:
        """Let SIGTERM and SIGINT end the process with 0; call it in the main thread, on the running loop.

        A handler on a stuck loop would never run. So the byte that the interpreter writes to a socket on a signal is
        read by a thread.
        """
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, _heard)
        signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, args=(ours,), name="signals", daemon=True).start()

    def _listen(self, ours: socket.socket) -> None:
        while True:
            if ours.recv(1)[0] in SIGNALS:
                self.decide(ExitCode.OK)
                self._loop.call_soon_threadsafe(self.asked.set)

    def at_once(self, code: int, reasons: Sequence[str] = ()) -> None:
        """Leave without an orderly stop, which would hang; does nothing if the end is already decided."""
        if self.decide(code):
            last_words(code, self._loop, reasons)

    def run(self) -> None:
        """Wait until the end is decided, then for the stop, and leave."""
        self._decided.wait()
        time.sleep(STOP_S)
        code = ExitCode.FAILED if self.code is None else self.code
        _at_the_latest(code)
        log.warning("stop_took_too_long", seconds=STOP_S, code=int(code))
        last_words(code, self._loop)


class Ends(NamedTuple):
    """Exit codes of the errors of one kind of process.

    ``event`` is the name of the log line with the code, ``codes`` maps known error types to codes, and ``bootstrap``
    is the address of its Kafka.
    """

    event: str
    codes: dict[type[BaseException], ExitCode]
    bootstrap: str

    def code(self, error: BaseException) -> int:
        """Log why the process ends; returns its exit code."""
        known = next((code for kind, code in self.codes.items() if isinstance(error, kind)), None)
        refused = error if isinstance(error, Refused) else refusal(error, self.bootstrap)
        if isinstance(error, NoAnswerError) or (known is None and _unanswered(error, refused)):
            known = ExitCode.NO_PROGRESS
        if known is not None:
            log.error(self.event, error=_told(error), code=int(known))
            return known
        if refused is not None:
            refused.show()
            log.error(self.event, error=refused.message, code=refused.exit_code)
            return refused.exit_code
        log.error(self.event, error=repr(error), code=int(ExitCode.FAILED), exc_info=error)
        return ExitCode.FAILED


def _unanswered(error: BaseException, refused: Refused | None) -> bool:
    """Whether Kafka did not answer in time, rather than refuse."""
    return refused is not None and refused is not error and refused.exit_code == ExitCode.FAILED and passing(error)


def _told(error: BaseException) -> str:
    """Message of an error, with that of its cause if it differs.

    Examples
    --------
    >>> _told(NoAnswerError("the topics: no answer")), _told(TimeoutError())
    ('the topics: no answer', 'TimeoutError')
    """
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    said = str(error) or type(error).__name__
    return said if root is error or isinstance(error, NoAnswerError) else f"{said} ({type(root).__name__})"


class Life:
    """Context of one process's run, see :func:`live_and_leave`."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        self.closing = contextlib.AsyncExitStack()
        """Stack of what must be stopped at the end, entered as it starts."""

    async def unless_asked(self, call: Coroutine[Any, Any, None]) -> bool:
        """Await the call; False if the process was asked to end meanwhile and the call was cancelled."""
        calling = asyncio.ensure_future(call)
        asked = asyncio.ensure_future(self.ending.asked.wait())
        await asyncio.wait({calling, asked}, return_when=asyncio.FIRST_COMPLETED)
        if calling.done():
            asked.cancel()
            calling.result()
            return True
        calling.cancel()
        await asyncio.wait({calling}, timeout=GIVE_UP_S)
        return False


def live_and_leave(live: Callable[[Life], Coroutine[Any, Any, int]], ends: Ends) -> NoReturn:
    """Run a process to its end. `live` returns the code or raises an error known to `ends`; then stop what it began."""
    asyncio.run(_live_and_leave(live, ends))
    raise AssertionError("nothing comes after the end")


async def _live_and_leave(live: Callable[[Life], Coroutine[Any, Any, int]], ends: Ends) -> None:
    loop = asyncio.get_running_loop()
    faulthandler.enable(sys.__stderr__ or sys.stderr)  # a crash in a library would end the process without a word
    ending = Ending(loop)
    ending.start()
    threading.excepthook = partial(_thread_failed, ending, threading.excepthook)
    ending.hear()
    life = Life(ending)
    code = 0
    try:
        ending.decide(code := await live(life))
        if ending.asked.is_set():
            log.info("asked_to_stop", code=int(code))
    except BaseException as error:  # noqa: BLE001 - the process entry: every end has a code and a line
        if ending.code is None:
            ending.decide(code := ends.code(error))
        else:
            log.warning("stop_failed", error=repr(error), code=ending.code)
    try:
        await life.closing.aclose()
    except BaseException as error:  # noqa: BLE001 - the end is decided, and its reason is logged
        log.warning("stop_failed", error=repr(error), code=ending.code)
    leave(code if ending.code is None else ending.code)


def _heard(*_: Any) -> None:
    """Do nothing: without a handler a signal would end the process at once, without its orderly stop."""


def _thread_failed(
    ending: Ending, otherwise: Callable[[threading.ExceptHookArgs], Any], failed: threading.ExceptHookArgs
) -> None:
    """Log a Faust consumer thread that fails while stopping as one line; a traceback would hide the reason."""
    if ending.code is None:
        otherwise(failed)
    else:
        log.warning("stop_failed", error=repr(failed.exc_value), code=ending.code)


def leave(code: int) -> NoReturn:
    """Flush the output, and leave at once."""
    _at_the_latest(code)
    _flush()
    os._exit(code)


def last_words(code: int, loop: asyncio.AbstractEventLoop | None = None, reasons: Sequence[str] = ()) -> NoReturn:
    """Log the reason and the position of every thread and task, flush, and leave at once.

    The dump has file names, lines and functions; never a value, which could be a customer's. The timer starts before
    the first output: a log pipe that nobody reads must not keep a stuck process alive.
    """
    _at_the_latest(code)
    if reasons:
        log.error("worker_stuck", code=int(code), reasons=list(reasons))
    if (failed := sys.exc_info()[1]) is not None:
        log.error("watchdog_failed", code=int(code), exc_info=failed)
    if loop is not None:
        log.error("tasks_at_the_end", tasks=list(_tasks(loop)))
    faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr, all_threads=True)
    leave(code)


def _at_the_latest(code: int) -> None:
    last = threading.Timer(LAST_WORDS_S, os._exit, (int(code),))
    last.daemon = True
    with contextlib.suppress(RuntimeError):  # no thread can be started: then the output has no time limit
        last.start()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the reader has gone
            stream.flush()


def _tasks(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Name and position of the tasks of a loop that may be stuck; our own named tasks first."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name().startswith(("Task-", "<")))
    for task in tasks[:SHOWN_TASKS]:
        yield f"{task.get_name()[:60]}: {' > '.join(_awaits(task.get_coro())) or 'no frame'}"


def _awaits(awaited: Any) -> Iterator[str]:
    """Positions from a task's outermost call to what it waits for; a task's own stack shows only the first."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            yield f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno} {frame.f_code.co_name}"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
