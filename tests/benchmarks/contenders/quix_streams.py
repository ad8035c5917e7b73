"""Quix Streams: three co-partitioned topics concatenated, one stateful step, alerts to a topic.

At least once; state in RocksDB with a changelog topic, a checkpoint each second.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import orjson
import small_job
from meter import BROKER, OUT, PREFIX, RUN, Meter
from quixstreams import Application, State

meter = Meter()
app = Application(
    broker_address=BROKER,
    consumer_group=RUN,
    auto_offset_reset="earliest",
    state_dir=tempfile.mkdtemp(prefix="quix-"),
    loglevel="WARNING",
    commit_interval=1.0,
    producer_extra_config={"acks": 1, "compression.type": "lz4", "linger.ms": 20, "enable.idempotence": False},
)
topics = [app.topic(PREFIX + name, value_deserializer="bytes", key_deserializer="str") for name in small_job.TOPICS]
out = app.topic(OUT, value_serializer="bytes", key_serializer="str")


def decode(topic: int) -> Callable[[bytes], tuple[Any, ...]]:
    def decoded(value: bytes) -> tuple[Any, ...]:
        event = orjson.loads(value)
        return topic, event["subscriber_id"], *small_job.arguments(topic, event)

    return decoded


def work(event: tuple[Any, ...], state: State) -> bytes | None:
    topic, subscriber, ts, amount, second = event
    row = state.get("row")
    if row is None:
        row = small_job.new_row()
    scores = small_job.step(row, topic, ts, amount, second)
    state.set("row", row)
    if meter.tick():
        meter.report()
    if scores is None:
        return None
    meter.alerts += 1
    return orjson.dumps(small_job.alert(topic, subscriber, ts, scores, row))


first, *others = [app.dataframe(topic).apply(decode(number)) for number, topic in enumerate(topics)]
stream = first
for other in others:
    stream = stream.concat(other)
stream = stream.apply(work, stateful=True)
stream = stream[stream.apply(lambda value: value is not None)]
stream.to_topic(out)
app.run()
