"""The bare loop with confluent-kafka (librdkafka, in C): read, decode with orjson, count in a dict, keep nothing.

The same as ``bare_aiokafka.py`` in all else; records are fetched by a thread of librdkafka beside the loop, which a
second core helps.
"""

from __future__ import annotations

from collections import defaultdict

import bare_counts
import orjson
import small_job
from confluent_kafka import Consumer, KafkaException, TopicPartition
from meter import BROKER, PREFIX, RUN, Meter

meter = Meter()
consumer = Consumer(
    {
        "bootstrap.servers": BROKER,
        "group.id": RUN,  # asked for, never joined: partitions are assigned by hand
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "queued.max.messages.kbytes": 65_536,
    }
)
consumer.assign([TopicPartition(PREFIX + t, p, 0) for t in small_job.TOPICS for p in range(small_job.PARTITIONS)])
counts: dict[str, list[int]] = defaultdict(bare_counts.new_counts)
topics = {PREFIX + topic: number for number, topic in enumerate(small_job.TOPICS)}
loads, amounts = orjson.loads, bare_counts.AMOUNTS
while True:
    messages = consumer.consume(1_000, 0.05)  # it waits so long for a full thousand: the last ones are never full
    if not messages:
        continue
    meter.begin()
    for message in messages:
        if message.error() is not None:
            raise KafkaException(message.error())
        topic = topics[message.topic()]
        event = loads(message.value())
        row = counts[event["subscriber_id"]]
        row[topic] += 1
        row[3 + topic] += event[amounts[topic]]
    if meter.tick(len(messages)):
        break
meter.report(digest=bare_counts.digest(counts))
consumer.close()
