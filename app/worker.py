"""The worker process: where settings, lanes, Faust, metrics and the watchdog are put together, and nowhere else.

It ends in one of the contract's ways: 0 when it was asked to, 1 when a lane or the broker failed, 78 when state and
topics disagree, 75 and 70 by the watchdog. Whoever supervises it starts it again; it replays from the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog
import uvloop

# Before Faust is imported: its consumer thread takes its loop from the policy of that moment.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from streams.agents import declare_agents  # noqa: E402
from streams.assignment import Lanes  # noqa: E402
from streams.cluster import Cluster  # noqa: E402
from streams.folding import Fold, LaneSpec  # noqa: E402
from streams.ledger import LedgerMismatchError  # noqa: E402
from streams.restore import RestoreStalledError  # noqa: E402
from streams.transport import BatchApp, new_app  # noqa: E402

log = structlog.get_logger(__name__)

STOP_S: Final = 10.0
"""How long a stop may take before the process ends regardless: state and alerts are safe at any moment."""
EXIT_OF: Final[dict[type[BaseException], int]] = {LedgerMismatchError: 78, RestoreStalledError: 75}


class Worker:
    """A running worker; :meth:`run` is its whole life."""

    def __init__(self, spec: LaneSpec, new_fold: Callable[[int], Fold]) -> None:
        self.spec = spec
        self.stop = asyncio.Event()
        self.lanes = Lanes(spec, new_fold)
        self.app: BatchApp = new_app(spec.group, spec.client, self.lanes)
        self.lanes.attach(self.app)
        declare_agents(self.app, spec.prefix, self.lanes.deliver)

    async def run(self) -> int:
        """Run until asked to stop or until something fails; returns the exit code."""
        try:
            await self._check()
            async with self._faust():
                return await self._wait()
        except tuple(EXIT_OF) as error:
            log.error("worker_refused", error=str(error), code=EXIT_OF[type(error)])  # noqa: TRY400 - the message is all
            return EXIT_OF[type(error)]

    async def _check(self) -> None:
        async with Cluster(self.spec.client) as cluster:
            faults = await cluster.faults(self.spec.prefix, self.spec.partitions)
        if faults:
            raise LedgerMismatchError("; ".join(faults))

    @contextlib.asynccontextmanager
    async def _faust(self) -> AsyncIterator[None]:
        self.app.finalize()
        await self.app.start()
        try:
            yield
        finally:
            try:
                async with asyncio.timeout(STOP_S):
                    await self.lanes.close()
                    await self.app.stop()
            except TimeoutError:
                log.warning("stop_took_too_long", seconds=STOP_S)

    async def _wait(self) -> int:
        stopping = asyncio.create_task(self.stop.wait())
        crashed = asyncio.create_task(self.app.wait_until_stopped())
        done, _ = await asyncio.wait({stopping, crashed, self.lanes.failed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, crashed):
            task.cancel()
        if self.lanes.failed in done:
            self.lanes.failed.result()
        if crashed in done and stopping not in done:
            log.error("faust_stopped", error=repr(self.app.crash_reason))
            return 1
        return 0


def run_worker(spec: LaneSpec, new_fold: Callable[[int], Fold]) -> int:
    """Run a worker in this process until SIGTERM, SIGINT or a failure; returns the exit code."""

    async def live() -> int:
        worker = Worker(spec, new_fold)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop.set)
        return await worker.run()

    return asyncio.run(live())


def end_process(code: int) -> None:
    """Leave at once: threads of Faust's consumer may be past joining, and nothing is left to save."""
    os._exit(code)


def wall_s() -> float:
    """The wall clock, for metrics."""
    return time.time()
