"""The worker process: the only place where settings, lanes, Faust, metrics and the watchdog are put together.

Exit codes: 0 when asked to stop, 1 when a lane or the broker failed, 65 in a flood of poison if so configured, 78 when
state and topics disagree, 75 when the broker did not answer for a minute, 75 and 70 by the watchdog.
``app.process.ending`` does the exit. The supervisor restarts the worker, which replays from the ledger.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn

import structlog
import uvloop

from app.process.compilation import Compilation, settle

# Before Numba is imported: it reads its cache folder only at import.
KEEPING: Final = settle()
# Before Faust is imported. For the main loop: the consumer's thread has another (``streams.lanes.transport``).
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from app.config.operator_files import frozen_model, policy_of_file  # noqa: E402
from app.config.settings import Settings  # noqa: E402
from app.errors import ExitCode  # noqa: E402
from app.process.ending import Ending, Ends, Life, live_and_leave  # noqa: E402
from app.process.fault import fail_at, struck_at  # noqa: E402
from app.process.health import Condition, Health  # noqa: E402
from app.process.logs import quiet  # noqa: E402
from app.worker.metrics import Metrics  # noqa: E402
from app.worker.poison_breaker import PoisonBreaker, PoisonFloodError  # noqa: E402
from app.worker.watchdog import Heart, Watchdog, WorkerStanding  # noqa: E402
from models.contract.policy import Policy  # noqa: E402
from models.detection.detector import Detector  # noqa: E402
from models.scoring.prior import prior  # noqa: E402
from streams.desk.host import DeskHost  # noqa: E402
from streams.kafka.broker_view import BrokerView  # noqa: E402
from streams.kafka.followed_topic import FollowedTopic  # noqa: E402
from streams.kafka.membership import Membership  # noqa: E402
from streams.kafka.partition_read import RestoreStalledError  # noqa: E402
from streams.kafka.retries import patient  # noqa: E402
from streams.kafka.topic_admin import Cluster, recounted, table  # noqa: E402
from streams.kafka.transaction import LaneLostError  # noqa: E402
from streams.lanes.assignment import Lanes  # noqa: E402
from streams.lanes.detection_fold import DetectionFold, InForce  # noqa: E402
from streams.lanes.ledger import LedgerMismatchError  # noqa: E402
from streams.lanes.ports import Fold, LaneSpec  # noqa: E402
from streams.lanes.transport import (  # noqa: E402
    BatchApp,
    BatchConsumer,
    declare_agents,
    new_app,
)
from streams.model_topic.feed import ModelFeed  # noqa: E402
from streams.model_topic.recorded_history import recorded_until  # noqa: E402
from streams.policy_topic import PolicyFeed  # noqa: E402
from streams.records.topics import LANE_TOPICS  # noqa: E402

log = structlog.get_logger(__name__)

GC_THRESHOLDS: Final = (100_000, 20, 20)
"""A fetch is thousands of records, alive until their lane has committed. With Python's default thresholds (700 new
objects) the collector scanned all waiting records again and again, for a third of the worker's time, and freed
nothing."""
EXIT_OF: Final[dict[type[BaseException], ExitCode]] = {
    LedgerMismatchError: ExitCode.MISMATCH,
    RestoreStalledError: ExitCode.NO_PROGRESS,
    PoisonFloodError: ExitCode.POISON,
    LaneLostError: ExitCode.FAILED,
}


def _never(_: str) -> bool:
    """Never fail: stands in where no fault test is set."""
    return False


@dataclass(frozen=True)
class WorkerProbes:
    """A worker's address for probes, and its metrics."""

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
        Probes and metrics; None leaves out probes and watchdog, for tests of the protocol.
    feeds
        Models and policies, read before the first event and then followed; without one that is frozen.
    compilation
        Finished before the first lane opens; None if no compiled code is called.
    strikes
        Fault tests: asked once a second whether the client's coordination should end or hang.
    desk
        It runs while this worker holds lane 0; None for lanes without a desk.
    """

    def __init__(
        self,
        spec: LaneSpec,
        new_fold: Callable[[int], Fold],
        vitals: WorkerProbes | None = None,
        feeds: Sequence[FollowedTopic] = (),
        compilation: Compilation | None = None,
        strikes: Callable[[str], bool] = _never,
        desk: DeskHost | None = None,
    ) -> None:
        self._spec = spec
        self._vitals = vitals
        self._feeds = feeds
        self._compilation = compilation
        self._strikes = strikes
        self._following: set[asyncio.Task[None]] = set()
        self._joins = False
        self._lanes = Lanes(spec, new_fold, desk)
        self._app: BatchApp = new_app(spec.group, spec.client, self._lanes, spec.session_timeout_s)
        self._lanes.attach(self._app)
        declare_agents(self._app, spec.prefix, self._lanes.deliver)

    async def run(self, life: Life) -> int:
        """Run until asked to stop or until something fails; returns the exit code."""
        begun = await life.unless_asked(self._begin(life))
        return await self._wait(life.ending.asked) if begun else ExitCode.OK

    async def _begin(self, life: Life) -> None:
        """Check the topics, start probes and watchdog, read models and policies, compile, join the group."""
        async with Cluster(self._spec.client) as cluster:
            faults = await patient(
                lambda: cluster.faults(self._spec.prefix, self._spec.partitions, LANE_TOPICS), "the topics"
            )
        if faults:
            raise LedgerMismatchError("; ".join(faults))
        if self._vitals is not None:
            await self._be_watched(self._vitals, life.ending)
        for feed in self._feeds:
            life.closing.push_async_callback(feed.close)
            # So that the first event is decided by the newest.
            await feed.read()
            following = asyncio.create_task(feed.follow(), name=feed.what)
            self._following.add(following)
            life.closing.callback(following.cancel)
        if self._compilation is not None:
            await self._compilation.run()
        life.closing.push_async_callback(self._stop)
        self._app.finalize()
        await self._app.start()
        self._joins = True
        quiet()

    async def _be_watched(self, vitals: WorkerProbes, ending: Ending) -> None:
        """Start probes and watchdog; neither is ever stopped, so that the worker is watched until it has ended."""
        heart = Heart(self._standing)
        view = BrokerView(self._spec.client, self._spec.prefix)
        watchdog = Watchdog(
            heart,
            view,
            self._spec.group,
            vitals.metrics.lag,
            lambda code: ending.at_once(code, watchdog.verdict.reasons),
        )
        health = Health(vitals.metrics, Condition, lambda: self._condition(watchdog.verdict.blockers, ending.code))
        self._beating = asyncio.create_task(heart.beat(), name="heart")
        await health.start(vitals.host, vitals.port)
        watchdog.start()

    def _condition(self, blockers: tuple[str, ...], code: int | None) -> Condition:
        words = {
            **{f"{feed.what}_unread": not feed.read_whole for feed in self._feeds},
            "compiling": self._compilation is not None and not self._compilation.done,
            "desk_opening": self._lanes.desk_opening(),
            "ending": code is not None,
        }
        return Condition((*blockers, *(word for word, blocks in words.items() if blocks)))

    def _standing(self) -> WorkerStanding:
        return WorkerStanding(
            self._lanes.positions(),
            self._lanes.barred(),
            self._lanes.waiting(),
            self._lanes.awaited(),
            self._lanes.opening(),
            bool(self._app.rebalancing),
            self._membership(),
        )

    def _membership(self) -> Membership | None:
        if not self._joins:
            return None
        consumer: BatchConsumer = self._app.consumer
        for step, hang in (("coordination", False), ("coordinator", True)):
            if self._strikes(step):
                self._striking = asyncio.create_task(consumer.leave_unnoticed(hang=hang))
        return consumer.membership()._replace(lanes=frozenset(self._lanes.lanes))

    async def _stop(self) -> None:
        self._spec.fail_at("stopping")
        await self._lanes.close()
        await self._app.stop()

    async def _wait(self, asked: asyncio.Event) -> int:
        stopping = asyncio.create_task(asked.wait())
        crashed = asyncio.create_task(self._app.wait_until_stopped())
        counting = asyncio.create_task(recounted(self._spec.client, table(self._spec.prefix, self._spec.partitions)))
        ends: set[asyncio.Future[Any]] = {stopping, crashed, counting, self._lanes.failed}
        done, _ = await asyncio.wait(ends | self._following, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, crashed, counting):
            task.cancel()
        if counting in done:
            raise LedgerMismatchError(counting.result())
        for following in self._following & done:
            following.result()
        if self._lanes.failed in done:
            self._lanes.failed.result()
        if crashed in done and stopping not in done:
            log.error("faust_stopped", error=repr(self._app.crash_reason), code=int(ExitCode.FAILED))
            return ExitCode.FAILED
        return ExitCode.OK


def run_worker(
    spec: LaneSpec,
    new_fold: Callable[[int], Fold],
    vitals: WorkerProbes | None = None,
    feeds: Sequence[FollowedTopic] = (),
    compilation: Compilation | None = None,
    strikes: Callable[[str], bool] = _never,
    desk: DeskHost | None = None,
) -> NoReturn:
    """Run a worker in this process until SIGTERM, SIGINT or a failure, and end the process with its code."""

    async def live(life: Life) -> int:
        return await Worker(spec, new_fold, vitals, feeds, compilation, strikes, desk).run(life)

    gc.set_threshold(*GC_THRESHOLDS)
    live_and_leave(live, Ends("worker_ends", EXIT_OF, ",".join(spec.client["bootstrap_servers"])))


def detect(settings: Settings, *, take_over: bool = False, accept_loss: bool = False) -> NoReturn:
    """Run the detection job as configured, and end the process with its code."""
    metrics = Metrics()
    frozen = None if settings.policy is None else policy_of_file(settings.policy, settings.base_rate)
    model = None if settings.model is None else frozen_model(settings.model)
    spec = LaneSpec(
        prefix=settings.topic_prefix,
        group=settings.group,
        partitions=settings.partitions,
        client=settings.kafka_client_kwargs(),
        report=metrics,
        wall_s=time.time,
        recorded_until=partial(recorded_until, settings.kafka_client_kwargs(), settings.topic_prefix),
        take_over=take_over,
        accept_loss=accept_loss,
        poison=PoisonBreaker(ends_worker=settings.poison_exit).saw,
        fail_at=fail_at(settings.fail_at),
    )
    strikes = struck_at(settings.fail_at)
    vitals = WorkerProbes(metrics, settings.metrics_host, settings.metrics_port)
    compilation = Compilation(KEEPING)
    feeds: list[FollowedTopic] = []
    if model is None:
        models = ModelFeed(spec.client, spec.prefix, prior(), metrics)
        feeds.append(models)
    else:
        metrics.serving(model.version)
    if frozen is None:
        policies = PolicyFeed(spec.client, spec.prefix, settings.policy_key, settings.base_rate, metrics)
        feeds.append(policies)
    else:
        metrics.governing(frozen)

    def policy() -> Policy:
        return frozen or policies.policy

    in_force = InForce(lambda: model or models.snapshot, policy)

    def new_fold(partition: int) -> Fold:
        return DetectionFold(Detector(*in_force(), partition), settings.group, in_force)

    run_worker(spec, new_fold, vitals, feeds, compilation, strikes, DeskHost(spec, policy, metrics))
