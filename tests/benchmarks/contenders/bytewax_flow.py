"""Bytewax (its engine is in Rust, the steps are Python): one dataflow, state by key, Kafka in and out.

Recovery is off, so nothing is durable. The clock stops when the last event is handled, its alert perhaps not yet
sent.
"""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
import orjson
import small_job
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main
from meter import BROKER, OUT, PREFIX, Meter

meter = Meter()
topics = {PREFIX + topic: number for number, topic in enumerate(small_job.TOPICS)}


def decode(message: Any) -> tuple[str, tuple[Any, ...]]:
    meter.begin()  # whole batches of all partitions are decoded before the first is counted
    event = orjson.loads(message.value)
    topic = topics[message.topic]
    return event["subscriber_id"], (topic, *small_job.arguments(topic, event))


def work(row: small_job.Row | None, event: tuple[Any, ...]) -> tuple[small_job.Row, Any]:
    topic, ts, amount, second = event
    if row is None:
        row = small_job.new_row()
    scores = small_job.step(row, topic, ts, amount, second)
    if meter.tick():
        meter.report()
    if scores is None:
        return row, None
    meter.alerts += 1
    return row, (topic, ts, scores, list(row))


def message_of(found: tuple[str, Any]) -> KafkaSinkMessage | None:
    subscriber, rise = found
    if rise is None:
        return None
    topic, ts, scores, row = rise
    return KafkaSinkMessage(subscriber.encode(), orjson.dumps(small_job.alert(topic, subscriber, ts, scores, row)))


flow = Dataflow("small_job")
stream = op.input("in", flow, KafkaSource([BROKER], list(topics), tail=True, batch_size=5_000))
stream = op.map("decode", stream, decode)
stream = op.stateful_map("work", stream, work)
stream = op.filter_map("alert", stream, message_of)
op.output("out", stream, KafkaSink([BROKER], OUT))
run_main(flow)
