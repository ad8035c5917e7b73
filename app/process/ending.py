"""The end of a process: decided once, said in a line that has the code, and over within ten seconds.

A worker that had decided to end stayed for ever: ``asyncio.run`` waited for tasks that take no cancelling, Python for a
thread of Faust's consumer that is no daemon. Nobody starts anew what still runs. So from the moment that the code is
known, the stop in good order has eight seconds; then a thread that was there from the beginning says where everything
stands, and leaves by ``os._exit``. A process that has stopped in time leaves the same way, and waits for nobody's
thread: state and alerts are safe at any moment.
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
from streams.cluster.retries import NoAnswerError, passing

log = structlog.get_logger(__name__)

STOP_S: Final = 8.0
"""How long a stop in good order may take."""
LAST_WORDS_S: Final = 1.5
"""A log or a dump that blocks, on a full pipe or on a lock of a stuck loop, must not keep the process alive."""
GIVE_UP_S: Final = 1.0
"""How long what was interrupted at its beginning may take to notice."""
SHOWN_TASKS: Final = 50
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Ending(threading.Thread):
    """How the process ends, and that it does; start it before anything can fail.

    Attributes
    ----------
    asked
        Set when somebody has asked the process to end: by SIGTERM or SIGINT.
    code
        How it ends; None until that is decided.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="ending", daemon=True)
        self.asked = asyncio.Event()
        self.code: int | None = None
        self._loop = loop
        self._lock = threading.Lock()
        self._decided = threading.Event()

    def decide(self, code: int) -> bool:
        """Begin to end: from here on the process has :data:`STOP_S` seconds. False if that was decided already."""
        with self._lock:
            if self.code is not None:
                return False
            self.code = int(code)
        self._decided.set()
        return True

    def hear(self) -> None:
        """From here on SIGTERM and SIGINT ask it to end, with 0; call it in the main thread, on the running loop.

        A handler of the loop would hear nothing where the loop is stuck. So the interpreter's own first answer to a
        signal, a byte on a socket, goes to a thread.
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
        """Leave without a stop, since nothing can be expected of it; nothing where the end is decided already."""
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
    """What the errors of one kind of process mean.

    ``event`` is the name of the line that says the code, ``codes`` has the errors that it knows by type, and
    ``bootstrap`` is where its Kafka should be.
    """

    event: str
    codes: dict[type[BaseException], ExitCode]
    bootstrap: str

    def code(self, error: BaseException) -> int:
        """Say why the process ends; returns its code."""
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
    """Whether Kafka has refused nothing, and only did not answer in time."""
    return refused is not None and refused is not error and refused.exit_code == ExitCode.FAILED and passing(error)


def _told(error: BaseException) -> str:
    """What it says, and what it was raised from if that is another thing.

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
    """What one process does; run by :func:`live_and_leave`."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        self.closing = contextlib.AsyncExitStack()
        """What is to be stopped at the end, entered as it begins."""

    async def unless_asked(self, call: Coroutine[Any, Any, None]) -> bool:
        """Await the call; False if somebody has asked for the end before, and the call is given up."""
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
    """Run a process to its end. `live` returns the code, or raises what `ends` knows; what it has begun is stopped."""
    asyncio.run(_live_and_leave(live, ends))
    raise AssertionError("nothing comes after the end")


async def _live_and_leave(live: Callable[[Life], Coroutine[Any, Any, int]], ends: Ends) -> None:
    loop = asyncio.get_running_loop()
    ending = Ending(loop)
    ending.start()
    threading.excepthook = partial(_thread_failed, ending, threading.excepthook)
    ending.hear()
    life = Life(ending)
    code = 0
    try:
        ending.decide(code := await live(life))
    except BaseException as error:  # noqa: BLE001 - the process entry: every end has a code and a line
        if ending.code is None:
            ending.decide(code := ends.code(error))
        else:
            log.warning("stop_failed", error=repr(error), code=ending.code)
    try:
        await life.closing.aclose()
    except BaseException as error:  # noqa: BLE001 - the end is decided, and its reason was told
        log.warning("stop_failed", error=repr(error), code=ending.code)
    leave(code if ending.code is None else ending.code)


def _heard(*_: Any) -> None:
    """Nothing: a signal without a handler would end the process on the spot, and without its stop."""


def _thread_failed(
    ending: Ending, otherwise: Callable[[threading.ExceptHookArgs], Any], failed: threading.ExceptHookArgs
) -> None:
    """A thread of Faust's consumer that fails as it is stopped is a line, and no trace that hides the reason."""
    if ending.code is None:
        otherwise(failed)
    else:
        log.warning("stop_failed", error=repr(failed.exc_value), code=ending.code)


def leave(code: int) -> NoReturn:
    """Flush what was said, and leave at once."""
    _at_the_latest(code)
    _flush()
    os._exit(code)


def last_words(code: int, loop: asyncio.AbstractEventLoop | None = None, reasons: Sequence[str] = ()) -> NoReturn:
    """Say why, and where every thread and task stands, flush, and leave at once.

    The dump has file names, lines and functions; never a value, which could be a customer's. The timer comes before
    the first word: a log pipe that nobody reads must not keep a stuck process alive.
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
    with contextlib.suppress(RuntimeError):  # no thread is to be had: then without a limit to the words
        last.start()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever read it has gone
            stream.flush()


def _tasks(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    """Name and place of the tasks of a loop that may be stuck; ours first, which have names."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name().startswith(("Task-", "<")))
    for task in tasks[:SHOWN_TASKS]:
        yield f"{task.get_name()[:60]}: {' > '.join(_awaits(task.get_coro())) or 'no frame'}"


def _awaits(awaited: Any) -> Iterator[str]:
    """Places from a task's outermost call to what it waits for; a task's own stack shows only the first."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            yield f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno} {frame.f_code.co_name}"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
