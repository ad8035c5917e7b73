"""Pathway (its engine is in Rust): Kafka in, a Python step for each row with its state in a dict, alerts out.

Persistence is off, so nothing is durable. Within a commit (100 ms) Pathway sorts rows by keys of its own, not by
offset, so of a subscriber's events some are folded in another order than they came: a few alerts in a thousand differ
from the reference. The clock stops when the last event is handled, its alert perhaps not yet sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import orjson
import pathway as pw
import small_job
from meter import BROKER, OUT, PREFIX, RUN, Meter

meter = Meter()
rows = defaultdict(small_job.new_row)
client = {"bootstrap.servers": BROKER, "group.id": RUN, "auto.offset.reset": "earliest"}


def work(topic: int) -> Callable[[bytes], str | None]:
    def one(value: bytes) -> str | None:
        event = orjson.loads(value)
        subscriber = event["subscriber_id"]
        row = rows[subscriber]
        ts, amount, second = small_job.arguments(topic, event)
        scores = small_job.step(row, topic, ts, amount, second)
        if meter.tick():
            meter.report()
        if scores is None:
            return None
        meter.alerts += 1
        return orjson.dumps(small_job.alert(topic, subscriber, ts, scores, row)).decode()

    return one


alerts = []
for number, name in enumerate(small_job.TOPICS):
    source = pw.io.kafka.read(client, topic=PREFIX + name, format="raw", autocommit_duration_ms=100)
    stepped = source.select(alert=pw.apply_with_type(work(number), str | None, pw.this.data))
    alerts.append(stepped.filter(pw.this.alert.is_not_none()))
out = alerts[0].concat_reindex(*alerts[1:])
pw.io.kafka.write(out.select(data=pw.unwrap(pw.this.alert)), client, topic_name=OUT, format="raw", value=pw.this.data)
pw.run(monitoring_level=pw.MonitoringLevel.NONE)
