"""Inputs that skip offsets: transactions upstream, aborted ones among them, and compaction."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from support.rig import Rig, clean, event, mix, now_ms, until

from models.contract.events import CALLS, SUBSCRIBERS


async def test_aborted_records_of_an_upstream_transaction_are_never_applied(rig: Rig) -> None:
    await rig.create()
    begin = now_ms() - 60_000
    await rig.send_all(mix(1, 100, rig.partitions, begin))
    worker = rig.worker()
    upstream = AIOKafkaProducer(
        **rig.client, transactional_id=f"{rig.prefix}upstream", transaction_timeout_ms=30_000, linger_ms=5
    )
    await upstream.start()
    try:
        committed = 0
        for number in range(8):
            await upstream.begin_transaction()
            for at in range(5):
                ts = begin + 5_000 + 100 * number + at
                value = event(CALLS, "aborted" if number % 2 else "taken", ts)
                await upstream.send(
                    rig.prefix + CALLS, value, b"aborted" if number % 2 else b"taken", partition=0, timestamp_ms=ts
                )
            if number % 2:
                await upstream.flush()  # its records are in the log
                await upstream.abort_transaction()
            else:
                await upstream.commit_transaction()
                committed += 5
    finally:
        await upstream.stop()
    rig.sent[CALLS, 0] = await rig.send(CALLS, 0, event(CALLS, "last", begin + 7_000), b"last", begin + 7_000)
    await rig.applied()
    assert await worker.stop() == 0
    await clean(rig, 100 + committed + 1)
    log = await rig.log()
    assert {r.key for r in log[CALLS][0]} >= {b"taken", b"last"}
    assert b"aborted" not in {r.key for r in log[CALLS][0]}


async def test_group_reports_the_end_of_a_log_that_ends_in_an_abort(rig: Rig) -> None:
    """Otherwise lag tools would show records that nobody can ever read."""
    await rig.create()
    upstream = AIOKafkaProducer(**rig.client, transactional_id=f"{rig.prefix}upstream")
    await upstream.start()
    try:
        for end in (upstream.commit_transaction, upstream.abort_transaction):
            await upstream.begin_transaction()
            ts = now_ms() - 1000
            told = await upstream.send_and_wait(
                rig.prefix + CALLS, event(CALLS, "s", ts), b"s", partition=0, timestamp_ms=ts
            )
            await end()
    finally:
        await upstream.stop()
    assert told.offset == 2
    worker = rig.worker()

    async def at_the_end() -> bool:
        return (await rig.committed()).get((CALLS, 0)) == 4

    await until(at_the_end, "the group has committed past the marker of the abort")
    assert await worker.stop() == 0
    assert (await rig.ledgers())[0].offsets[CALLS] == 3
    await clean(rig, 1)


async def test_compacted_profiles_skip_offsets(rig: Rig) -> None:
    await rig.create()
    full = rig.prefix + SUBSCRIBERS
    quick = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}
    topic = ConfigResource(ConfigResourceType.TOPIC, full, configs=quick)
    cleaner = ConfigResource(ConfigResourceType.BROKER, "1", configs={"log.cleaner.backoff.ms": "100"})
    await rig.admin(lambda admin: admin.alter_configs([topic, cleaner]))
    begin = now_ms() - 3_600_000
    for number in range(60):
        who = f"s{number % 3}"
        ts = begin + 1_000 * number  # a segment each
        await rig.send(SUBSCRIBERS, 0, event(SUBSCRIBERS, who, ts), who.encode(), ts)

    async def compacted() -> bool:
        offsets = [record.offset for record in (await rig.log())[SUBSCRIBERS][0]]
        return offsets[0] > 50 and offsets[-1] == 59

    await until(compacted, "only the newest records are left")
    others = [one for one in mix(1, 100, rig.partitions, begin + 120_000) if one[0] != SUBSCRIBERS]
    await rig.send_all(others)
    worker = rig.worker()
    await rig.applied()
    assert await worker.stop() == 0
    await clean(rig, len((await rig.log())[SUBSCRIBERS][0]) + len(others))
