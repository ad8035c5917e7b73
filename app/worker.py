"""The worker process: where settings, lanes, Faust, metrics and the watchdog are put together, and nowhere else.

It ends in one of the contract's ways: 0 when it was asked to, 1 when a lane or the broker failed, 65 in a flood of
poison if so configured, 78 when state and topics disagree, 75 and 70 by the watchdog. Whoever supervises it starts it
again; it replays from the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
import uvloop

from app.compilation import Compilation, settle

# Before Numba is imported: it reads then, and only then, where to keep what it compiles.
KEEPING: Final = settle()
# Before Faust is imported: its consumer thread takes its loop from the policy of that moment.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from app.errors import ExitCode  # noqa: E402
from app.fault import fail_at  # noqa: E402
from app.health import Condition, Health  # noqa: E402
from app.logs import quiet  # noqa: E402
from app.metrics import Metrics  # noqa: E402
from app.poison import PoisonBreaker, PoisonFloodError  # noqa: E402
from app.policy_file import policy_in_force  # noqa: E402
from app.served_model import frozen, shipped  # noqa: E402
from app.settings import Settings  # noqa: E402
from app.watchdog import Heart, Standing, Watchdog, end_process  # noqa: E402
from models.decisions.detector import Detector  # noqa: E402
from models.risk import Scorer  # noqa: E402
from streams.agents import declare_agents  # noqa: E402
from streams.assignment import Lanes  # noqa: E402
from streams.broker_view import BrokerView  # noqa: E402
from streams.cluster import Cluster  # noqa: E402
from streams.detection import DetectionFold  # noqa: E402
from streams.folding import Fold, LaneSpec  # noqa: E402
from streams.ledger import LedgerMismatchError  # noqa: E402
from streams.model_feed import ModelFeed  # noqa: E402
from streams.restore import RestoreStalledError  # noqa: E402
from streams.transaction import LaneLostError  # noqa: E402
from streams.transport import BatchApp, new_app  # noqa: E402

log = structlog.get_logger(__name__)

GC_THRESHOLDS: Final = (100_000, 20, 20)
"""A fetch is thousands of records, alive until their lane has committed. With Python's own thresholds (700 new objects)
the collector walked through all that waits again and again, for a third of the worker's time, and found nothing."""
STOP_S: Final = 10.0
"""How long a stop may take before the process ends regardless: state and alerts are safe at any moment."""
EXIT_OF: Final[dict[type[BaseException], ExitCode]] = {
    LedgerMismatchError: ExitCode.MISMATCH,
    RestoreStalledError: ExitCode.NO_PROGRESS,
    PoisonFloodError: ExitCode.POISON,
    LaneLostError: ExitCode.FAILED,
}


@dataclass(frozen=True)
class Vitals:
    """Where a worker answers probes, and what it counts."""

    metrics: Metrics
    host: str
    port: int


class Worker:
    """A running worker; :meth:`run` is its whole life.

    Parameters
    ----------
    new_fold
        Makes the empty fold of a partition.
    vitals
        None leaves out probes and watchdog, for tests of the protocol.
    feed
        Read before the first event, and followed. None where the model is frozen.
    compilation
        Over before the first lane opens. None where nothing that is compiled is called.
    """

    def __init__(
        self,
        spec: LaneSpec,
        new_fold: Callable[[int], Fold],
        vitals: Vitals | None = None,
        feed: ModelFeed | None = None,
        compilation: Compilation | None = None,
    ) -> None:
        self.stop = asyncio.Event()
        self._spec = spec
        self._vitals = vitals
        self._feed = feed
        self._compilation = compilation
        self._lanes = Lanes(spec, new_fold)
        self._app: BatchApp = new_app(spec.group, spec.client, self._lanes, spec.session_timeout_s)
        self._lanes.attach(self._app)
        declare_agents(self._app, spec.prefix, self._lanes.deliver)

    async def run(self) -> int:
        """Run until asked to stop or until something fails; returns the exit code."""
        try:
            async with self._watched(), self._followed() as following, self._faust():
                return await self._wait(following)
        except tuple(EXIT_OF) as error:
            code = EXIT_OF[type(error)]
            log.error("worker_ends", error=str(error), code=int(code))  # noqa: TRY400 - a trace would add nothing
            return code

    @contextlib.asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Check the topics, then answer probes and be watched."""
        async with Cluster(self._spec.client) as cluster:
            faults = await cluster.faults(self._spec.prefix, self._spec.partitions)
        if faults:
            raise LedgerMismatchError("; ".join(faults))
        if self._vitals is None:
            yield
            return
        loop, heart = asyncio.get_running_loop(), Heart(self._standing)
        view = BrokerView(self._spec.client, self._spec.prefix)
        watchdog = Watchdog(
            heart,
            view,
            self._vitals.metrics.lag,
            lambda code: end_process(code, loop, watchdog.verdict.reasons),
        )
        health = Health(self._vitals.metrics.registry, Condition, lambda: self._condition(watchdog.verdict.blockers))
        beating = asyncio.create_task(heart.beat(), name="heart")
        await health.start(self._vitals.host, self._vitals.port)
        watchdog.start()
        try:
            yield
        finally:
            await asyncio.to_thread(watchdog.stop)
            beating.cancel()
            await health.stop()

    def _condition(self, blockers: tuple[str, ...]) -> Condition:
        words = {
            "compiling": self._compilation is not None and not self._compilation.done,
            "models_unread": self._feed is not None and not self._feed.read_whole,
        }
        return Condition((*blockers, *(word for word, blocks in words.items() if blocks)))

    @contextlib.asynccontextmanager
    async def _followed(self) -> AsyncIterator[asyncio.Task[None] | None]:
        """Read the models, so that the first event meets the newest, then follow them."""
        if self._feed is None:
            yield None
            return
        following = None
        try:
            await self._feed.read()
            following = asyncio.create_task(self._feed.follow(), name="models")
            yield following
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            await self._feed.close()

    def _standing(self) -> Standing:
        return Standing(
            self._lanes.positions(),
            self._lanes.barred(),
            self._lanes.waiting(),
            self._lanes.opening(),
            bool(self._app.rebalancing),
        )

    @contextlib.asynccontextmanager
    async def _faust(self) -> AsyncIterator[None]:
        if self._compilation is not None:
            await self._compilation.run()
        self._app.finalize()
        await self._app.start()
        quiet()
        try:
            yield
        finally:
            try:
                async with asyncio.timeout(STOP_S):
                    await self._lanes.close()
                    await self._app.stop()
            except TimeoutError:
                log.warning("stop_took_too_long", seconds=STOP_S)

    async def _wait(self, following: asyncio.Task[None] | None) -> int:
        stopping = asyncio.create_task(self.stop.wait())
        crashed = asyncio.create_task(self._app.wait_until_stopped())
        ends: set[asyncio.Future[Any]] = {stopping, crashed, self._lanes.failed}
        done, _ = await asyncio.wait(ends | ({following} if following else set()), return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, crashed):
            task.cancel()
        if following in done:
            following.result()
        if self._lanes.failed in done:
            self._lanes.failed.result()
        if crashed in done and stopping not in done:
            log.error("faust_stopped", error=repr(self._app.crash_reason))
            return ExitCode.FAILED
        return ExitCode.OK


def run_worker(
    spec: LaneSpec,
    new_fold: Callable[[int], Fold],
    vitals: Vitals | None = None,
    feed: ModelFeed | None = None,
    compilation: Compilation | None = None,
) -> int:
    """Run a worker in this process until SIGTERM, SIGINT or a failure; returns the exit code."""

    async def live() -> int:
        worker = Worker(spec, new_fold, vitals, feed, compilation)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop.set)
        return await worker.run()

    gc.set_threshold(*GC_THRESHOLDS)
    return asyncio.run(live())


def detect(settings: Settings, *, take_over: bool = False, accept_loss: bool = False) -> int:
    """Run the detection job as configured; returns the exit code."""
    metrics = Metrics()
    policy = policy_in_force(settings.policy, settings.base_rate)
    spec = LaneSpec(
        prefix=settings.topic_prefix,
        group=settings.group,
        partitions=settings.partitions,
        client=settings.kafka_client_kwargs(),
        report=metrics,
        wall_s=time.time,
        merge_wait_s=settings.merge_wait_ms / 1000,
        take_over=take_over,
        accept_loss=accept_loss,
        poison=PoisonBreaker(ends_worker=settings.poison_exit).saw,
        fail_at=fail_at(settings.fail_at),
    )

    vitals = Vitals(metrics, settings.metrics_host, settings.metrics_port)
    compilation = Compilation(KEEPING)
    if settings.model is not None:
        scorer = Scorer(frozen(settings.model), policy.base_rate)
        metrics.serving(scorer.version)
        return run_worker(
            spec,
            lambda partition: DetectionFold(Detector(scorer, policy, partition), settings.group),
            vitals,
            compilation=compilation,
        )
    feed = ModelFeed(spec.client, spec.prefix, shipped(), policy.base_rate, metrics)

    def new_fold(partition: int) -> Fold:
        return DetectionFold(Detector(feed.scorer, policy, partition), settings.group, lambda: feed.scorer)

    return run_worker(spec, new_fold, vitals, feed, compilation)
