"""What we rely on in Faust and aiokafka beyond their documentation: an upgrade that changes one must be noticed.

Each test is one fact, tried without a broker. What needs one is tried by ``tests/integration``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka import codec
from aiokafka.consumer import fetcher, subscription_state
from aiokafka.producer import sender
from faust.transport.consumer import Consumer, Fetcher
from faust.transport.drivers import aiokafka as driver
from faust.transport.producer import ProducerBuffer
from faust.types.tuples import TP
from support.columns import block

from streams.kafka import transaction
from streams.lanes import transport
from streams.lanes.ports import Fetch
from streams.lanes.transport import BatchApp, BatchConsumer, BatchTransport, PollResult, _first, _Thread, new_app
from streams.records.record_columns import InputRecord

TP0, TP1 = TP("a", 0), TP("a", 1)


class Reader:
    """The lanes, as far as they are asked."""

    def __init__(self) -> None:
        self.offsets: dict[TP, int | None] = {TP0: 7, TP1: None}
        self.take = {TP0}

    def wanted(self) -> set[TP]:
        return self.take

    def complete(self) -> bool:
        return True

    def next_offset(self, tp: TP) -> int | None:
        return self.offsets[tp]

    def held(self) -> set[int]:
        return {0}

    def out_of_range(self, offsets: Mapping[TP, int]) -> None:
        raise AssertionError


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
async def app(reader: Reader) -> BatchApp:
    made = new_app("group", {"bootstrap_servers": ["127.0.0.1:1"]}, reader)
    made.loop = asyncio.get_running_loop()
    return made


@pytest.fixture
async def consumer(app: BatchApp, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BatchConsumer]:
    nothing = lambda *_: asyncio.sleep(0)  # noqa: E731
    made = app.transport.create_consumer(nothing, on_partitions_revoked=nothing, on_partitions_assigned=nothing)
    monkeypatch.setattr(made, "assignment", lambda: {TP0, TP1})
    yield made
    made._thread.thread_loop.close()


async def test_transport_hook_gives_our_consumer_and_thread(app: BatchApp, consumer: BatchConsumer) -> None:
    assert isinstance(app.transport, BatchTransport)
    assert isinstance(consumer, BatchConsumer)
    assert isinstance(consumer._thread, _Thread)


async def test_group_is_exactly_the_one_given(app: BatchApp) -> None:
    """Faust appends the version of an app, when it has one, to its id."""
    assert app.conf.id == "group"


async def test_nothing_of_ours_listens_or_declares(app: BatchApp) -> None:
    """F15: Faust's web server is on by default, on all interfaces, with the tables' data."""
    assert faust.App("x").conf.web_enabled
    assert not app.conf.web_enabled
    assert not app.conf.topic_allow_declare
    assert app.conf.broker_session_timeout == 10


async def test_commit_asks_new_offset_and_commits_that(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed: list[dict[TP, int]] = []

    async def commit(offsets: dict[TP, int]) -> bool:
        committed.append(offsets)
        return True

    monkeypatch.setattr(consumer, "_commit", commit)
    # Nothing was ever acked: the ledger is what is reported, and only for lanes that have one.
    assert await consumer.commit()
    assert committed == [{TP0: 7}]


async def test_fausts_own_alarms_are_silent(consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust logs as an error that a lane which waits its turn has not committed; the watchdog judges that."""
    looked_at: list[TP] = []
    monkeypatch.setattr(consumer, "verify_event_path", lambda now, tp: looked_at.append(tp))
    await Consumer.verify_all_partitions_active(consumer)
    assert set(looked_at) == {TP0, TP1}
    looked_at.clear()
    await consumer.verify_all_partitions_active()
    assert not looked_at
    assert "verify_all_partitions_active" in inspect.getsource(Consumer._commit_livelock_detector.fun)


async def test_commit_moves_only_forward(consumer: BatchConsumer) -> None:
    assert consumer._should_commit(TP0, 7)
    consumer._committed_offset[TP0] = 7
    assert not consumer._should_commit(TP0, 7)
    assert not consumer._should_commit(TP0, 6)
    assert consumer._should_commit(TP0, 8)


async def test_fausts_own_new_offset_runs_past_what_is_not_acked(consumer: BatchConsumer) -> None:
    """#606: a fresh group that acked 5 to 9 commits 10, whatever became of 0 to 4. Why we override it."""
    consumer._acked[TP0] = list(range(5, 10))
    assert Consumer._new_offset(consumer, TP0) == 10


async def test_gaps_are_told_to_a_method_that_we_silence(consumer: BatchConsumer) -> None:
    await Consumer._add_gap(consumer, TP0, 5, 9)
    assert consumer._gap[TP0]
    await consumer._add_gap(TP1, 5, 9)
    assert not consumer._gap[TP1]
    assert "_add_gap" in inspect.getsource(Consumer._drain_messages)


async def test_drain_loop_goes_on_when_getmany_yields_nothing(
    app: BatchApp, consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivery happens inside: one await of the callback a fetch."""
    delivered: list[Any] = []
    fetched = Fetch(1, 0, 2, block([InputRecord(1, 5, b"s", b"{}")]))
    polls = iter([{TP0: fetched}, {}, {TP0: fetched}])

    async def getmany(wanted: set[TP], _timeout: float) -> PollResult:
        assert wanted == {TP0}
        found = next(polls, None)
        if found is None:
            consumer._stopped.set()
        return PollResult(found or {}, {})

    async def callback(message: Any) -> None:
        delivered.append((message.tp, message.value, message.generation_id))

    monkeypatch.setattr(consumer, "_getmany", getmany)
    monkeypatch.setattr(consumer, "callback", callback)
    app.consumer_generation_id = 3
    consumer.resume_flow()
    await asyncio.wait_for(consumer._drain_messages(Fetcher(app)), 5)
    assert delivered == [(TP0, fetched, 3)] * 2


async def test_fetch_of_a_poll_that_outlived_a_rebalance_is_held_and_delivered(
    app: BatchApp, consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane that has reopened meanwhile may have sought what it brings."""
    delivered: list[int] = []
    fetched = Fetch(1, 0, 2, block([InputRecord(1, 5, b"s", b"{}")]))

    async def getmany(wanted: set[TP], _timeout: float) -> PollResult:
        consumer.stop_flow()
        app.consumer_generation_id = 4
        asyncio.get_running_loop().call_later(0.01, consumer.resume_flow)
        return PollResult({TP0: fetched}, {})

    async def callback(message: Any) -> None:
        assert consumer.flow_active
        delivered.append(message.generation_id)

    monkeypatch.setattr(consumer, "_getmany", getmany)
    monkeypatch.setattr(consumer, "callback", callback)
    app.consumer_generation_id = 3
    consumer.resume_flow()
    assert [one async for one in consumer.getmany(1.0)] == []
    assert delivered == [4]


async def test_producer_buffer_gives_up_flushing(app: BatchApp) -> None:
    """F1: why no state of ours goes through Faust's producer."""
    buffer = ProducerBuffer()
    buffer.app = app
    buffer._started.set()
    buffer.put(SimpleNamespace())
    assert buffer.state == "running"
    # It returns as if all were well.
    assert await asyncio.wait_for(buffer.flush_atmost(1), 5) == 0
    assert buffer.size == 1


async def test_rebalance_signals_can_be_heard(app: BatchApp) -> None:
    heard = []

    async def hear(_app: Any, tps: set[TP], **_: Any) -> None:
        heard.append(tps)

    app.on_partitions_assigned.connect(hear, weak=False)
    app.on_partitions_revoked.connect(hear, weak=False)
    await app.on_partitions_assigned.send({TP0})
    await app.on_partitions_revoked.send({TP1})
    assert heard == [{TP0}, {TP1}]


def test_generation_is_set_before_the_lanes_hear_of_an_assignment() -> None:
    source = inspect.getsource(driver.ConsumerRebalanceListener.on_partitions_assigned)
    assert source.index("consumer_generation_id = ") < source.index("thread.on_partitions_assigned")


def test_drained_records_and_the_position_behind_them_come_without_a_pause() -> None:
    """Our thread reads the position right after: a seek in between would label old records with the new place."""
    source = inspect.getsource(fetcher.Fetcher.fetched_records)
    after_the_drain = source[source.index("if drained or not timeout:") :]
    assert after_the_drain.split("\n")[1].strip() == "return drained"
    assert "position" in vars(subscription_state.TopicPartitionState)


def test_a_fetch_answer_can_be_heard_where_it_is_taken_in() -> None:
    """We wrap the method on the instance; a true result wakes the waiters that our poll creates."""
    assert "self._proc_fetch_request(assignment, node_id, request)" in inspect.getsource(
        fetcher.Fetcher._fetch_requests_routine
    )
    assert "any(fut.result() for fut in done_pending)" in inspect.getsource(fetcher.Fetcher._fetch_requests_routine)
    taken_in = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "tp_state.lso = lso" in taken_in
    # An answer to a question from before a seek is not taken in, unless it was asked at the very place.
    assert taken_in.index("tp_state.position != fetch_offset") < taken_in.index("tp_state.lso = lso")
    assert "self.lso = None" in inspect.getsource(subscription_state.TopicPartitionState.__init__)
    assert inspect.signature(fetcher.Fetcher._create_fetch_waiter).parameters.keys() == {"self"}


def test_what_an_answer_brought_can_be_read_in_blocks() -> None:
    """Aiokafka's own rules run over our batches, and nobody has begun to read when the answer is taken up."""
    taken_in = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "response = await self._client.send(node_id, request)" in taken_in
    assert "records = MemoryRecords(part_data[-1])" in taken_in
    assert "partition_records=partition_records" in taken_in
    rules = inspect.getsource(fetcher.PartitionRecords._unpack_records)
    for rule in (
        "while records.has_next():",
        "next_batch = records.next_batch()",
        "for record in next_batch:",
        "if record.offset < self.next_fetch_offset:",
        "consumer_record = self._consumer_record(tp, record)",
        "self.next_fetch_offset = record.offset + 1",
    ):
        assert rule in rules
    assert "for msg in self._partition_records:" in inspect.getsource(fetcher.FetchResult.getall)
    # Where no partition is named, all are read.
    assert "if partitions and tp not in partitions:" in inspect.getsource(fetcher.Fetcher.fetched_records)


def test_a_poll_takes_partitions_until_it_has_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "POLL_BYTES", 100)
    tps = [TP("a", number) for number in range(5)]
    fetched = {tp: SimpleNamespace(_partition_records=SimpleNamespace(nbytes=60)) for tp in tps}
    fetched[tps[1]] = SimpleNamespace()  # an error, which the poll is to raise
    assert _first(fetched, set(tps[1:])) == set(tps[1:4])
    assert _first(fetched, {TP("b", 0)}) == set()


def partition(state_of: dict[TP, Any], thread: _Thread, *tps: TP) -> None:
    """Give the thread a consumer that has these partitions."""
    assignment = SimpleNamespace(state_value=state_of.get)
    subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
    seek = lambda tp, offset: setattr(state_of[TP(*tp)], "position", offset)  # noqa: E731
    thread._consumer = SimpleNamespace(_subscription=subscription, assignment=lambda: set(tps), seek=seek)


async def test_what_an_answer_from_before_the_seek_told_is_forgotten(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, states = consumer._thread, {TP0: SimpleNamespace(lso=70, position=70)}
    partition(states, thread, TP0)
    await thread.seek_all({TP0: 5})
    asked = SimpleNamespace(topics=[("a", [(0, 5, 1)])])
    assert not thread._hear(asked), "no answer has come"
    states[TP0].lso = 90
    assert thread._hear(asked), "the first answer is news"
    assert not thread._hear(asked), "another is not"
    news = dict(thread._news)
    await thread.seek_all({TP0: 5})
    assert thread._news == {}
    # A poll that was under way when the lane sought again.
    monkeypatch.setattr(consumer, "_getmany", lambda *_: asyncio.sleep(0, PollResult({}, news)))
    consumer.resume_flow()
    assert [one async for one in consumer.getmany(1.0)] == []
    assert consumer.stable(TP0, 1) == 90
    assert consumer.stable(TP0, 2) is None


async def test_a_place_that_moves_and_a_first_answer_are_fetches_without_records(consumer: BatchConsumer) -> None:
    thread, states = consumer._thread, {TP0: SimpleNamespace(lso=None, position=0)}
    partition(states, thread, TP0)
    await thread.seek_all({TP0: 5})
    assert thread._fetches({}, {TP0}) == {}
    states[TP0].lso = 5
    thread._hear(SimpleNamespace(topics=[("a", [(0, 5, 1)])]))
    assert thread._fetches({}, {TP0}) == {TP0: Fetch(1, 5, 5, ())}
    assert thread._fetches({}, {TP0}) == {}
    states[TP0].position = 9  # over aborted records and their marker
    assert thread._fetches({}, {TP0}) == {TP0: Fetch(1, 5, 9, ())}
    states[TP0] = SimpleNamespace(lso=20, position=20)  # a rebalance: nobody has sought there yet
    assert thread._fetches({TP0: ["record"]}, {TP0}) == {}


def test_backoff_between_transactions_is_where_we_set_it() -> None:
    assert "BACKOFF_OVERRIDE" in inspect.getsource(sender.AddPartitionsToTxnHandler)
    assert transaction.sender is sender
    assert sender.BACKOFF_OVERRIDE == 0.002


@pytest.mark.parametrize("has", [codec.has_gzip, codec.has_snappy, codec.has_lz4, codec.has_zstd])
def test_every_codec_can_be_read(has: Any) -> None:
    """Without cramjam the fetcher ends with UnsupportedCodecError on the first lz4 batch."""
    assert has()
