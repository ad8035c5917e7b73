"""The learner process: examples in, models out, and each night segments of the customers at risk.

Topics, learner, metrics and signals are put together here.

There is one learner. The one started last holds the models topic; the one before ends at its next write with a
message. It publishes a model, its checkpoint and the offset of the next example in one transaction: after a kill the
next process continues from there, and learns the same examples in the same order to the same weights.

Exit codes: 0 when asked to stop, 1 when another has taken over or the broker refused, 75 when a topic cannot be read
or the broker did not answer for a minute, 78 when checkpoint and topics disagree. ``app.process.ending`` does the exit.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo

import msgspec
import structlog

from app.config.operator_files import learner_settings
from app.config.settings import Settings
from app.errors import ExitCode
from app.learner.metrics import LearnerMetrics
from app.learner.nightly_segments import NightlySegments
from app.process.ending import Ends, Life, live_and_leave
from app.process.fault import fail_at
from app.process.health import Condition, Health
from models.learning.learner import CheckpointRefusedError, Learner, LearnerSettings
from models.scoring.prior import prior
from models.scoring.snapshot import Snapshot, encode
from streams.kafka.partition_read import RestoreStalledError
from streams.kafka.topic_admin import recounted
from streams.kafka.topic_tail import as_told
from streams.model_topic.checkpoint_record import CheckpointMismatchError, accepted, mismatches
from streams.model_topic.learner_topics import Found, LearnerLostError, LearnerTopics
from streams.model_topic.versions import SEGMENTS, servable
from streams.records.out_records import OutRecord
from streams.records.topics import EXAMPLES, MODELS

log = structlog.get_logger(__name__)

CHECKPOINT_EVERY: Final = 2_000
"""PersonWeeks and verdicts between two checkpoints: most that are learned again after a kill, some seconds of work."""
BREATH: Final = 10
"""Examples between two turns of the loop for probes and signals: each takes milliseconds."""
EXIT_OF: Final[dict[type[BaseException], ExitCode]] = {
    CheckpointMismatchError: ExitCode.MISMATCH,
    RestoreStalledError: ExitCode.NO_PROGRESS,
    LearnerLostError: ExitCode.FAILED,
}


class LearnerRun:
    """A learner connected to its topics; call :meth:`begin`, then :meth:`go_on` until it should stop.

    Parameters
    ----------
    nights
        Builds the segments of each night.
    checkpoint_s
        Longest time that learned examples wait for a checkpoint when few arrive.
    accept_loss
        The operator accepts that missing records stay missing.
    fail_at
        Fault tests: called at each step.
    """

    def __init__(
        self,
        topics: LearnerTopics,
        settings: LearnerSettings,
        metrics: LearnerMetrics,
        nights: NightlySegments,
        *,
        checkpoint_s: float,
        accept_loss: bool,
        fail_at: Callable[[str], None],
    ) -> None:
        self.begun = False
        self._topics = topics
        self._settings = settings
        self._metrics = metrics
        self._nights = nights
        self._checkpoint_s = checkpoint_s
        self._accept_loss = accept_loss
        self._fail_at = fail_at
        self._learner: Learner
        self._next = 0
        self._since = 0
        self._counted: Counter[str] = Counter()
        self._unreadable = 0
        self._committed_at = time.monotonic()

    async def begin(self) -> None:
        """Take over the topic, and resume at the last checkpoint.

        Raises
        ------
        streams.model_topic.checkpoint_record.CheckpointMismatchError
            If checkpoint and topics disagree and the operator has not accepted the loss.
        """
        found = await self._topics.open()
        if (last := self._topics.versions.night) is not None:
            self._metrics.standing_at(last)
        self._learner, self._next = self._resumed(found)
        self._counted = Counter(self._learner.lessons)
        self._heed()
        # At once, so that a learner that was paused or cut off reads that it has been replaced.
        await self._commit(None)
        self._topics.begin(self._next)
        self.begun = True
        log.info("learner_begins", version=self._learner.served.version, offset=self._next, count=self._learner.labels)

    def _resumed(self, found: Found) -> tuple[Learner, int]:
        if found.checkpoint is None:
            return Learner(self._settings, self._in_force()), found.examples.start
        offset, faults = found.checkpoint.next_offset, mismatches(found.checkpoint, found.examples)
        if faults:
            self._accept(faults)
            offset = accepted(found.checkpoint, found.examples)
        try:
            return Learner.resume(found.checkpoint.payload, self._settings), offset
        except CheckpointRefusedError as error:
            # Learned examples are in the served model and must not be learned a second time.
            self._accept([f"the checkpoint is refused: {error}"])
            return Learner(self._settings, self._in_force()), offset

    def _accept(self, faults: list[str]) -> None:
        if not self._accept_loss:
            raise CheckpointMismatchError(
                f"{'; '.join(faults)}. Restore the topics, or start once with --accept-loss to go on without what is "
                "missing."
            )
        log.warning("loss_accepted", faults=faults)

    def _in_force(self) -> Snapshot:
        newest = self._topics.versions.newest
        return prior() if newest is None else newest.snapshot

    def _heed(self) -> bool:
        """Take over a model in force that the learner did not publish: an operator put it there."""
        snapshot = self._in_force()
        if snapshot.version == self._learner.served.version:
            return False
        log.warning("model_rolled_back", version=snapshot.version, state=self._learner.served.version)
        self._learner.rolled_back(snapshot)
        self._metrics.rolled_back.inc()
        return True

    async def go_on(self, stop: asyncio.Event) -> None:
        """Learn arriving examples until `stop` is set; then write a last checkpoint."""
        while not stop.is_set():
            arrived = await self._topics.poll()
            if arrived.models_moved and self._heed():
                await self._commit(None)
            for number, record in enumerate(arrived.examples, 1):
                await self._take(record)
                if number % BREATH == 0:
                    await asyncio.sleep(0)
                    if stop.is_set():
                        break
            else:
                self._next = await self._topics.position()
                self._metrics.lag.set(await self._topics.lag())
            if self._since and time.monotonic() - self._committed_at >= self._checkpoint_s:
                await self._commit(None)
        if self._since:
            await self._commit(None)

    async def _take(self, record: Any) -> None:
        self._next = record.offset + 1
        self._since += 1
        try:
            told = as_told(record.value)
        except msgspec.MsgspecError as error:
            self._unreadable += 1
            log.warning("example_unreadable", topic=record.topic, offset=record.offset, error=str(error))
            return
        before, served = self._learner.watermark, self._learner.served
        self._learner.learn(told)
        self._nights.learned(record.offset, before, self._learner.watermark, served)
        self._fail_at("learned")
        snapshot = self._learner.due()
        if snapshot is not None or self._since >= CHECKPOINT_EVERY:
            await self._commit(snapshot)

    async def _commit(self, snapshot: Snapshot | None) -> None:
        report = self._learner.report()
        beside = [] if snapshot is None else [_record(snapshot)]
        made = await self._nights.made()
        if made is not None:
            self._fail_at("night")
            beside.append(OutRecord(MODELS, SEGMENTS.encode(), msgspec.json.encode(made.night)))
        began = time.perf_counter()
        self._fail_at("before_commit")
        await self._topics.write(self._next, self._learner.checkpoint(), msgspec.json.encode(report), beside)
        self._fail_at("after_commit")
        if made is not None:
            self._metrics.night(made.night, made.seconds)
        lessons = Counter[str](self._learner.lessons)
        self._metrics.committed(lessons - self._counted, self._unreadable, time.perf_counter() - began, time.time())
        self._counted = lessons
        self._metrics.told(report)
        if snapshot is not None and report.published is not None:
            self._metrics.published.labels(report.published.step).inc()
            log.info("model_published", version=snapshot.version, reason=report.published.step)
        self._unreadable, self._since = 0, 0
        self._committed_at = time.monotonic()


def _record(snapshot: Snapshot) -> OutRecord:
    """The record that publishes a snapshot, after the same checks that every worker makes."""
    raw = encode(snapshot)
    found = servable(raw, snapshot.version)
    if not isinstance(found, Snapshot):
        raise TypeError(f"a model of ours would be refused: {found}")
    return OutRecord(MODELS, snapshot.version.encode(), raw)


async def _live(life: Life, settings: Settings, *, accept_loss: bool) -> int:
    metrics = LearnerMetrics()
    topics = LearnerTopics(settings.kafka_client_kwargs(), settings.topic_prefix, uuid.uuid4().hex)
    steps = fail_at(settings.fail_at)
    learning = LearnerRun(
        topics,
        learner_settings(settings.learner),
        metrics,
        NightlySegments(settings.kafka_client_kwargs(), settings.topic_prefix, ZoneInfo(settings.timezone)),
        checkpoint_s=settings.checkpoint_s,
        accept_loss=accept_loss,
        fail_at=steps,
    )
    health = Health(metrics, Condition, lambda: _condition(learning.begun, topics.answered, life.ending.code))
    await health.start(settings.metrics_host, settings.metrics_port)
    life.closing.push_async_callback(topics.aclose)
    life.closing.callback(steps, "stopping")
    if await life.unless_asked(learning.begin()):
        await _while_counted(learning.go_on(life.ending.asked), settings)
    return ExitCode.OK


async def _while_counted(life: Coroutine[Any, Any, None], settings: Settings) -> None:
    """Run until one of the learner's topics gets more than the one partition that is read."""
    wanted = {settings.topic_prefix + topic: 1 for topic in (EXAMPLES, MODELS)}
    counting = asyncio.create_task(recounted(settings.kafka_client_kwargs(), wanted))
    living = asyncio.create_task(life, name="learner")
    await asyncio.wait({living, counting}, return_when=asyncio.FIRST_COMPLETED)
    if counting.done():
        living.cancel()
        raise CheckpointMismatchError(counting.result())
    counting.cancel()
    living.result()


def _condition(begun: bool, answered: bool, code: int | None) -> Condition:
    blockers = {"models_unread": not begun, "broker_unavailable": not answered, "ending": code is not None}
    return Condition(tuple(word for word, blocks in blockers.items() if blocks))


def learn(settings: Settings, *, accept_loss: bool = False) -> NoReturn:
    """Run the learner until SIGTERM, SIGINT or a failure, and end the process with its code."""

    async def live(life: Life) -> int:
        return await _live(life, settings, accept_loss=accept_loss)

    live_and_leave(live, Ends("learner_ends", EXIT_OF, settings.bootstrap))
