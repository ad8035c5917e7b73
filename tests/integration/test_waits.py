"""What a lane waits for and what not, on a real broker: places without records, stamps that lie, full buffers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from support.plain_order import out_of_order
from support.rig import Rig, clean, event, mix, now_ms, until

from models.contract.events import CALLS, DATA_USAGE, OUTCOMES, SUBSCRIBERS

MINUTE = 60_000
SOON_S = 30.0
"""Room for the start of a worker on a busy machine; any of the waits that are wrong has no end at all."""


@asynccontextmanager
async def upstream(rig: Rig) -> AsyncIterator[AIOKafkaProducer]:
    """A source that writes in transactions."""
    producer = AIOKafkaProducer(**rig.client, transactional_id=f"{rig.prefix}upstream", linger_ms=5)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def begun(rig: Rig, producer: AIOKafkaProducer, topic: str, count: int, ts: int) -> None:
    """Begin a transaction; its records are in the log when this returns."""
    await producer.begin_transaction()
    for number in range(count):
        await producer.send(
            rig.prefix + topic, event(topic, "s", ts + number), b"s", partition=0, timestamp_ms=ts + number
        )
    await producer.flush()


async def calls(rig: Rig, count: int, ts: int) -> None:
    await rig.send_all((CALLS, 0, "s", ts + number) for number in range(count))


async def test_a_topic_of_aborted_records_only_holds_nothing_up(rig: Rig) -> None:
    """Its end is far behind its start, and no record of it ever comes."""
    await rig.create()
    begin = now_ms() - 60 * MINUTE
    async with upstream(rig) as producer:
        await begun(rig, producer, DATA_USAGE, 5, begin - MINUTE)
        await producer.abort_transaction()
        await calls(rig, 20, begin)
        worker = rig.worker()
        await rig.applied(SOON_S)
        # The ledger moves on with them, so that retention may trim what nobody can read.
        assert (await rig.ledgers())[0].offsets[DATA_USAGE] == 5
        await begun(rig, producer, DATA_USAGE, 5, begin + MINUTE)
        await producer.abort_transaction()
    await calls(rig, 20, begin + MINUTE)
    await rig.applied(SOON_S)
    assert await worker.stop() == 0
    await clean(rig, 40)


async def test_an_open_transaction_is_not_waited_for(rig: Rig) -> None:
    await rig.create()
    begin = now_ms() - 60 * MINUTE
    async with upstream(rig) as producer:
        await begun(rig, producer, DATA_USAGE, 5, begin - MINUTE)
        await calls(rig, 20, begin)
        worker = rig.worker()
        await rig.applied(SOON_S)
        await producer.commit_transaction()
    rig.sent[DATA_USAGE, 0] = 4
    await rig.applied(SOON_S)
    assert await worker.stop() == 0
    await clean(rig, 25)


async def test_profiles_that_are_compacted_and_end_in_an_abort_are_read_to_their_end(rig: Rig) -> None:
    await rig.create()
    quick = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    topic = ConfigResource(ConfigResourceType.TOPIC, rig.prefix + SUBSCRIBERS, configs=quick)
    cleaner = ConfigResource(ConfigResourceType.BROKER, "1", configs={"log.cleaner.backoff.ms": "100"})
    await rig.admin(lambda admin: admin.alter_configs([topic, cleaner]))
    begin = now_ms() - 60 * MINUTE
    for number in range(30):
        ts = begin + 1_000 * number  # a segment each
        await rig.send(SUBSCRIBERS, 0, event(SUBSCRIBERS, "s", ts), b"s", ts)
    async with upstream(rig) as producer:
        await begun(rig, producer, SUBSCRIBERS, 3, begin + MINUTE)
        await producer.abort_transaction()

    async def compacted() -> bool:
        return [record.offset for record in (await rig.log())[SUBSCRIBERS][0]] == [29]

    await until(compacted, "only the newest profile is left")
    await calls(rig, 20, begin)
    worker = rig.worker()
    await rig.applied(SOON_S)
    assert await worker.stop() == 0
    await clean(rig, 21)


async def test_stamps_that_go_back_that_lack_and_that_lie(rig: Rig) -> None:
    """A partition's own order stands; -1 goes by its ts; the future is poison, and keeps nothing back."""
    await rig.create()
    begin = now_ms() - 60 * MINUTE
    stamps = [begin + MINUTE * 5, begin + MINUTE, -1, now_ms() + 30 * MINUTE, begin, begin + MINUTE * 40, -1, begin]
    for number, stamp in enumerate(stamps):
        for topic in (CALLS, DATA_USAGE, OUTCOMES):
            await rig.send(topic, 0, event(topic, "s", begin + number), b"s", stamp)
    worker = rig.worker()
    await rig.applied(SOON_S)
    assert await worker.stop() == 0
    verdict = await clean(rig, 3 * len(stamps))
    assert verdict.outputs["dead_letter"] == 3
    log = await rig.log()
    assert -1 in {record.timestamp for record in log[CALLS][0]}
    assert not (found := out_of_order(log, now_ms())), found


async def test_a_full_buffer_of_one_topic_while_another_is_behind(rig: Rig) -> None:
    """Polls bring a few records of some topic, and no topic takes more than a few."""
    await rig.create()
    begin = now_ms() - 60 * MINUTE
    events = mix(7, 3_000, rig.partitions, begin)
    await rig.send_all(sorted(events, key=lambda one: one[0]))
    worker = rig.worker(FETCH_BYTES=6_000, POLL_BYTES=1, FULL_RECORDS=50)
    await rig.applied()
    assert await worker.stop() == 0
    await clean(rig, 3_000)
    assert not (found := out_of_order(await rig.log())), found
