"""A Faust transport that hands over whole fetches instead of single messages.

Faust needs 0.7 to 1 ms for each message: four asyncio tasks, conductor, queue, event, ack. Here one *fetch* (the
records of one partition from one poll) travels as one message. So Faust does what it is good at, group membership,
assignment, flow control and agents, and the cost arises once a batch.

Only the lanes decide what is read next: :class:`FetchReader` is the port through which this module asks them.

The agents, one for each input topic, only hand fetches over to lanes. An agent never waits for a lane: if it did, one
slow lane would block every partition of its topic.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import faust
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.protocol.fetch import FetchRequest
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import TP, ConsumerMessage

from streams.kafka.membership import Membership
from streams.lanes.assignor import LaneAssignor
from streams.lanes.ports import Fetch
from streams.records.record_columns import FetchedRecords, Records
from streams.records.topics import INPUT_TOPICS, Topic

log = structlog.get_logger(__name__)

FETCH_BYTES: Final = 1 << 20
"""Most bytes of a partition in one answer."""
POLL_BYTES: Final = 512 << 10
"""Fetched bytes after which a poll takes no further partition. A larger poll would hold the loop for longer than an
event of a quiet lane should wait."""
FETCH_WAIT_MS: Final = 250
"""A partition just resumed waits for the running long poll of its broker, so this bounds its latency."""
FETCH_APART_S: Final = 0.02
"""Shortest time between two fetch requests to a broker. Each costs a millisecond over eighty partitions, however small
its answer: at 200 events a second one answer for each event took half of the worker's processor time."""
POLL_S: Final = 1.0
POLL_WITH_CLOSED_S: Final = 0.02
"""Length of polls while some lane takes no records: the lane must be polled again soon after it has room."""


class PollResult(NamedTuple):
    """Result of one poll: fetches, and by partition the news from fetch answers since the last poll.

    The news is the epoch and the last stable offset. Lanes get an answer's log end together with its records: a lane
    that got the end first would wait, and under load some records are always on their way.
    """

    fetches: Mapping[TP, Fetch]
    stable: Mapping[TP, tuple[int, int]]


class FetchReader(Protocol):
    """Port through which the transport asks the lanes. Called on the main loop, never blocks."""

    def wanted(self) -> set[TP]:
        """Partitions whose lanes take more records now."""

    def complete(self) -> bool:
        """Whether every assigned partition is wanted."""

    def next_offset(self, tp: TP) -> int | None:
        """Offset after the last durably applied record, for the group's committed offset."""

    def held(self) -> set[int]:
        """Partitions whose lanes could reopen at once. Called in the consumer's thread."""

    def out_of_range(self, offsets: Mapping[TP, int]) -> None:
        """Report logs that no longer hold a lane's next record."""


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns aiokafka's consumer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._epochs: dict[TP, int] = defaultdict(int)
        self._places: dict[TP, int] = {}
        self._sought: dict[
            TP, Any
        ] = {}  # aiokafka's state of each partition, from the assignment in which it was sought
        self._stable: dict[TP, int] = {}  # from the newest answer since the seek
        self._answered: set[TP] = set()  # first answers since their seek, not passed on yet
        self._news: dict[TP, tuple[int, int]] = {}  # changes of `_stable` since the last poll
        self._asked: dict[Any, float] = {}  # when each broker was last asked for records
        self._answers: dict[Any, Any] = {}  # answer of each broker until it is processed

    async def on_start(self) -> None:
        """Start the consumer, and hook into each fetch answer: most answers that a lane waits for have no record."""
        await super().on_start()
        consumer = self._ensure_consumer()
        fetcher, client = consumer._fetcher, consumer._client
        proceed, send = fetcher._proc_fetch_request, client.send

        async def sent(node: Any, request: Any, **more: Any) -> Any:
            answer = await send(node, request, **more)
            if isinstance(request, FetchRequest):
                self._answers[node] = answer
            return answer

        async def heard(assignment: Any, node: Any, request: Any) -> bool:
            await self._unhurried(node)
            woken = await proceed(assignment, node, request)
            if (answer := self._answers.pop(node, None)) is not None:
                _in_blocks(fetcher._records, answer)
            return self._hear(request) or woken

        client.send = sent
        # A true result wakes the poll.
        fetcher._proc_fetch_request = heard

    async def _unhurried(self, node: Any) -> None:
        early = self._asked.get(node, 0.0) + FETCH_APART_S - time.monotonic()
        if early > 0:
            await asyncio.sleep(early)
        self._asked[node] = time.monotonic()

    def _hear(self, request: Any) -> bool:
        news = False
        for topic, partitions in request.topics:
            for partition, *_ in partitions:
                tp = TP(topic, partition)
                stable = getattr(self._sought.get(tp), "lso", None)
                if stable is None or stable == self._stable.get(tp):
                    continue
                if tp not in self._stable:
                    self._answered.add(tp)
                    news = True
                self._stable[tp] = stable
                self._news[tp] = self._epochs[tp], stable
        return news

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        conf = self.app.conf
        return AIOKafkaConsumer(
            **self.app.kafka_client,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            enable_auto_commit=False,
            # Lanes seek to their ledger or, without one, to the log's start. An automatic reset after retention has
            # overtaken a lane would be a silent loss.
            auto_offset_reset="none",
            isolation_level="read_committed",
            partition_assignment_strategy=[LaneAssignor(self.app.reader.held)],
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            retry_backoff_ms=50,
        )

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float = 0.0, max_records: int | None = None
    ) -> PollResult:
        """Poll; aiokafka ends a poll only for records, here a moved position or an answer ends it too."""
        deadline = time.monotonic() + timeout
        while self.consumer.flow_active:
            polled = _first(consumer._fetcher._records, active_partitions)
            fetched = await super()._fetch_records(consumer, polled or active_partitions, timeout=0)
            fetches = self._fetches(fetched, active_partitions)
            left = deadline - time.monotonic()
            if fetches or left <= 0:
                news, self._news = self._news, {}
                return PollResult(fetches, news)
            waiter = consumer._fetcher._create_fetch_waiter()
            await asyncio.wait([waiter], timeout=left)
            if waiter.done():
                waiter.result()  # raises a final refusal of the coordinator
            else:
                waiter.cancel()
        return PollResult({}, {})

    def _fetches(self, fetched: Mapping[TP, Sequence[Records]], polled: Iterable[TP]) -> dict[TP, Fetch]:
        fetches = {}
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        for tp in polled:
            state = self._sought.get(tp)
            # A poll may outlive a rebalance: it may return partitions of a new assignment before their seek.
            if state is None or assignment is None or assignment.state_value(tp) is not state:
                continue
            blocks, start, end = fetched.get(tp, ()), self._places[tp], state.position
            if blocks or end != start or tp in self._answered:
                self._answered.discard(tp)
                self._places[tp] = end
                fetches[tp] = Fetch(self._epochs[tp], start, end, blocks)
        return fetches

    async def seek_all(self, offsets: Mapping[TP, int]) -> dict[TP, int]:
        """Seek in the consumer's own thread; returns the new epoch of each partition."""
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        for tp, offset in offsets.items():
            self._epochs[tp] += 1
            self._places[tp] = offset
            self._sought.pop(tp, None)
            self._stable.pop(tp, None)
            self._news.pop(tp, None)
            self._answered.discard(tp)
            if tp in assigned:
                consumer.seek(TopicPartition(*tp), offset)
                state = self._sought[tp] = consumer._subscription.subscription.assignment.state_value(tp)
                state.lso = None  # an answer from before the seek proves nothing
        return {tp: self._epochs[tp] for tp in offsets}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust would end the application on failure. The group's offsets only mirror the ledger: the next will do.
        assigned, now = self.assignment(), time.monotonic()
        offered = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not offered:
            return True
        self.tp_last_committed_at.update(dict.fromkeys(offered, now))
        try:
            await self._ensure_consumer().commit({TopicPartition(*tp): offset for tp, offset in offered.items()})
        except (KafkaError, IllegalStateError) as error:
            log.warning("offsets_not_reported", error=type(error).__name__)
            return False
        return True

    async def end_coordination(self) -> None:
        """Fault tests: end the task that keeps the membership, silently."""
        coordinator = self._ensure_consumer()._coordinator
        for task in (coordinator._coordination_task, coordinator._heartbeat_task):
            if task is not None:
                task.cancel()

    async def lose_coordinator(self) -> None:
        """Fault tests: let the task that keeps the membership wait forever for a coordinator."""
        coordinator = self._ensure_consumer()._coordinator
        await coordinator._coordinator_lookup_lock.acquire()
        coordinator.coordinator_dead()

    async def committed_of(self, tps: list[TopicPartition]) -> dict[TP, int]:
        """Committed offsets from the coordinator; partitions without one are left out."""
        consumer = self._ensure_consumer()
        offsets = {TP(tp.topic, tp.partition): await consumer.committed(tp) for tp in tps}
        return {tp: offset for tp, offset in offsets.items() if offset is not None}


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, with fetches as messages and the ledger as committed offsets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stable: dict[TP, tuple[int, int]] = {}

    def _new_consumer_thread(self) -> _Thread:
        # Not uvloop's: it crashes when a loop closes its handles in a thread (MagicStack/uvloop#706). One in some 200
        # workers ended with SIGSEGV as they stopped, here, in `run_until_complete`.
        return _Thread(self, loop=self.loop, thread_loop=asyncio.SelectorEventLoop(), beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Do nothing: each lane seeks when it opens, and the group's offsets only mirror the ledger."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: every batch looks like a gap, and the interval tree took half of the loop's CPU."""

    async def verify_all_partitions_active(self) -> None:
        """Nothing: Faust logs a lane that waits its turn as stuck; ``app.worker.watchdog`` judges progress.

        Its timer, which called itself overlapping under load, has nothing left to do.
        """

    def _new_offset(self, tp: TP) -> int | None:
        reader: FetchReader = self.app.reader
        return reader.next_offset(tp)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:
        return [TP(tp.topic, tp.partition) for tp in self.assignment()]

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Fetch for the lanes that take records, and deliver at once; yields nothing.

        Delivery here saves Faust's loop two tasks a message.
        """
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        reader: FetchReader = self.app.reader
        wanted = reader.wanted()
        if not wanted or self.should_stop:
            await asyncio.sleep(POLL_WITH_CLOSED_S)
            return
        try:
            fetches, stable = await self._getmany(wanted, POLL_S if reader.complete() else POLL_WITH_CLOSED_S)
        except OffsetOutOfRangeError as error:
            reader.out_of_range({TP(tp.topic, tp.partition): offset for tp, offset in error.args[0].items()})
            return
        except NoOffsetForPartitionError:
            # A poll from before a rebalance may return a partition of the new assignment before its lane's seek.
            return
        self._stable.update(stable)
        for tp, fetch in fetches.items():
            if not self.flow_active:
                # A poll can outlive a rebalance and return what a reopened lane has sought since: dropped here, the
                # loss would show only with the partition's next record. Older fetches have another epoch.
                await self.wait(self.can_resume_flow)
            if self.should_stop:
                return
            await self._deliver(tp, fetch, self.app.consumer_generation_id)
        return
        yield  # an async generator, as Faust's drain loop expects

    async def _deliver(self, tp: TP, fetch: Fetch, generation: int) -> None:
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            fetch.end - 1,
            0.0,
            0,
            None,
            None,
            fetch,
            None,
            0,
            0,
            tp,
            generation_id=generation,
        )
        channels = self.app.topics._tp_index.get(tp, ())
        if any(channel.queue.full() for channel in channels):
            await self.wait_first(self.callback(message), self.suspend_flow.wait())
        else:
            await self.callback(message)

    async def seek_all(self, offsets: Mapping[TP, int]) -> dict[TP, int]:
        """Seek partitions; returns each one's new epoch, which fetches carry from then on."""
        epochs: dict[TP, int] = await self._in_thread(self._thread.seek_all(offsets))
        return epochs

    async def log_starts(self, tps: Iterable[TP]) -> dict[TP, int]:
        """First offset left in each log."""
        asked = [TopicPartition(*tp) for tp in tps]
        return _by_tp(await self._in_thread(self._thread._ensure_consumer().beginning_offsets(asked)))

    async def log_ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Offset after the last committed record of each log."""
        asked = [TopicPartition(*tp) for tp in tps]
        return _by_tp(await self._in_thread(self._thread._ensure_consumer().end_offsets(asked)))

    async def committed(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The group's committed offsets, of partitions that have one."""
        committed: dict[TP, int] = await self._in_thread(self._thread.committed_of([TopicPartition(*tp) for tp in tps]))
        return committed

    async def _in_thread(self, coroutine: Any) -> Any:
        # Not through Faust's method queue: its two workers are busy with the poll and a commit.
        future = asyncio.run_coroutine_threadsafe(coroutine, self._thread.thread_loop)
        return await asyncio.wrap_future(future)

    def stable(self, tp: TP, epoch: int) -> int | None:
        """Last stable offset in the newest fetch answer of `epoch`; None before the first answer."""
        told = self._stable.get(tp)
        return told[1] if told is not None and told[0] == epoch else None

    def membership(self) -> Membership:
        """The client's own view of its membership, without its lanes; reads only, never blocks."""
        consumer = self._thread._consumer
        coordinator = None if consumer is None else consumer._coordinator
        if coordinator is None:
            return Membership()
        return Membership(
            coordinator.member_id,
            coordinator.generation,
            self.app.consumer_generation_id,
            not coordinator._coordination_task.done(),
        )

    async def leave_unnoticed(self, *, hang: bool) -> None:
        """Fault tests: end the task that keeps the membership, or let it hang, as after broker restarts."""
        await self._in_thread(self._thread.lose_coordinator() if hang else self._thread.end_coordination())


def _in_blocks(results: Mapping[TopicPartition, Any], answer: Any) -> None:
    """Replace the records of a new answer by readers in blocks."""
    for topic, partitions in answer.topics:
        for partition, *_, raw in partitions:
            result = results.get(TopicPartition(topic, partition))
            if isinstance(result, FetchResult) and type(result._partition_records) is PartitionRecords:
                result._partition_records = FetchedRecords(result._partition_records, raw)


def _first(results: Mapping[TP, Any], wanted: set[TP]) -> set[TP]:
    """The partitions of one poll: the first ones with records, up to the byte limit."""
    found, size = set(), 0
    for tp, result in results.items():
        if tp in wanted and size < POLL_BYTES:
            found.add(tp)
            size += getattr(getattr(result, "_partition_records", None), "nbytes", 0)
    return found


def _by_tp(offsets: Mapping[TopicPartition, int]) -> dict[TP, int]:
    return {TP(tp.topic, tp.partition): offset for tp, offset in offsets.items()}


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust transport with whole fetches as messages."""

    Consumer = BatchConsumer


class BatchApp(faust.App):  # type: ignore[misc]
    """Faust's application on :class:`BatchTransport`.

    ``reader`` and ``kafka_client`` are set by the worker before the start.
    """

    reader: FetchReader
    kafka_client: Mapping[str, Any]

    def _create_directories(self) -> None:
        """Do nothing: no table is on disk, and a worker may run without a writable disk."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self, loop=self.loop)


def new_app(group: str, client: Mapping[str, Any], reader: FetchReader, session_timeout_s: float = 10.0) -> BatchApp:
    """An application whose settings leave Faust nothing to decide about state, topics or time.

    Parameters
    ----------
    group
        The consumer group, exactly.
    client
        aiokafka's arguments: bootstrap servers and security.
    session_timeout_s
        How long a silent member keeps its lanes.
    """
    app = BatchApp(
        group,
        broker=[f"kafka://{server}" for server in client["bootstrap_servers"]],
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=False,
        stream_buffer_maxsize=32,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        broker_session_timeout=session_timeout_s,
        broker_heartbeat_interval=session_timeout_s / 5,
        broker_rebalance_timeout=30.0,
        broker_request_timeout=40.0,
        broker_max_poll_interval=300.0,
    )
    app.reader = reader
    app.kafka_client = dict(client)
    return app


HandOver = Callable[[str, int, int, Fetch], None]
"""``(topic without prefix, partition, generation, fetch)``; returns at once."""


def declare_agents(app: BatchApp, prefix: str, hand_over: HandOver) -> None:
    """Declare an agent for each input topic; call once, before the application starts."""
    for topic in INPUT_TOPICS:
        _declare(app, topic, topic.full(prefix), hand_over)


def _declare(app: BatchApp, topic: Topic, full: str, hand_over: HandOver) -> None:
    source = app.topic(full, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            hand_over(topic.name, message.partition, message.generation_id, event.value)
            # Only to keep Faust's set of open messages small: the committed offset comes from the lane's ledger.
            await stream.ack(event)

    app.agent(source, name=f"holdfast.{topic.name}", concurrency=1)(agent)
