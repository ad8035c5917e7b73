"""A bare aiokafka loop: the measure that all ratios are of, and more than nobody could ask of a consumer in Python.

One plain consumer with ``read_committed`` reads the three topics whole, orjson decodes each value to a dict, and a
dict of lists counts for each subscriber the events of each topic and the sum of one field. That is all. It keeps
nothing durable, commits no offsets, writes no output, checks no value, finds no duplicate and puts topics in no
order.

The clock runs from the first batch in hand to the last record counted; a digest of the counters is checked
afterwards.
"""

from __future__ import annotations

from collections import defaultdict

import bare_counts
import orjson
import small_job
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from meter import BROKER, PREFIX, Meter

AT_ONCE = 5_000
"""Records of one call. Without a bound the first call hands out whole fetches of all partitions, which may be the log:
taking them apart, most of a consumer's work, would then be done before there is a first record to start the clock."""


async def main() -> None:
    meter = Meter()
    consumer = AIOKafkaConsumer(bootstrap_servers=BROKER, isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    places = [TopicPartition(PREFIX + t, p) for t in small_job.TOPICS for p in range(small_job.PARTITIONS)]
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    counts: dict[str, list[int]] = defaultdict(bare_counts.new_counts)
    topics = {PREFIX + topic: number for number, topic in enumerate(small_job.TOPICS)}
    loads = orjson.loads
    while True:
        batches = await consumer.getmany(timeout_ms=1000, max_records=AT_ONCE)
        if batches:
            meter.begin()
        handled = 0
        for place, records in batches.items():
            topic = topics[place.topic]
            amount = bare_counts.AMOUNTS[topic]
            handled += len(records)
            for record in records:
                event = loads(record.value)
                row = counts[event["subscriber_id"]]
                row[topic] += 1
                row[3 + topic] += event[amount]
        if handled and meter.tick(handled):
            break
    meter.report(digest=bare_counts.digest(counts))
    await consumer.stop()


uvloop.run(main())
