"""The small job in an aiokafka loop: what the engines would cost in Python without an engine.

State in a dict, alerts to a topic with acks=1, offsets committed at the end. A crash loses the state.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import orjson
import small_job
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from meter import BROKER, OUT, PREFIX, RUN, Meter

MOST_UNCONFIRMED = 10_000


async def main() -> None:
    meter = Meter()
    topics = {PREFIX + topic: number for number, topic in enumerate(small_job.TOPICS)}
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=BROKER,
        group_id=RUN,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    producer = AIOKafkaProducer(bootstrap_servers=BROKER, acks=1, compression_type="lz4", linger_ms=5)
    await producer.start()
    await consumer.start()
    rows = defaultdict(small_job.new_row)
    sent: list[asyncio.Future] = []
    done = False
    while not done:
        batches = await consumer.getmany(timeout_ms=1000, max_records=5_000)
        if batches:
            meter.begin()
        for place, records in batches.items():
            topic = topics[place.topic]
            for record in records:
                event = orjson.loads(record.value)
                subscriber = event["subscriber_id"]
                row = rows[subscriber]
                ts, amount, second = small_job.arguments(topic, event)
                scores = small_job.step(row, topic, ts, amount, second)
                if scores is not None:
                    meter.alerts += 1
                    value = orjson.dumps(small_job.alert(topic, subscriber, ts, scores, row))
                    sent.append(await producer.send(OUT, value, subscriber.encode(), partition=place.partition))
            done = meter.tick(len(records)) or done
        if len(sent) > MOST_UNCONFIRMED:
            await asyncio.gather(*sent)
            sent.clear()
    await producer.flush()
    await consumer.commit()
    meter.report()
    await consumer.stop()
    await producer.stop()


uvloop.run(main())
