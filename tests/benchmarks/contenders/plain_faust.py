"""Plain Faust as its documentation shows it: a Record an event, an agent a topic, a Table, an alert sent by itself.

At least once; the table is in memory with a changelog topic. It handles one to three thousand events a second, so it
is given a prefix of the log: topics of their own that hold its first events.
"""

from __future__ import annotations

import tempfile

import faust
import small_job
from meter import BROKER, OUT, PREFIX, RUN, Meter

app = faust.App(
    RUN,
    broker=f"kafka://{BROKER}",
    topic_partitions=small_job.PARTITIONS,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    datadir=tempfile.mkdtemp(prefix="plain-faust-"),
    web_enabled=False,
)


class Call(faust.Record, serializer="json"):
    subscriber_id: str
    ts: int
    event_id: str
    direction: str
    duration_s: float
    peer_network: str
    peer_operator: str
    kind: str = "voice"
    forwarded: bool = False
    dropped: bool = False
    roaming: bool = False


class DataUsage(faust.Record, serializer="json"):
    subscriber_id: str
    ts: int
    event_id: str
    bytes: float
    duration_s: float
    rat: str
    app_category: str
    failed: bool = False
    throttled: bool = False
    roaming: bool = False


class SiteVisit(faust.Record, serializer="json"):
    subscriber_id: str
    ts: int
    event_id: str
    operator: str
    dwell_s: float
    pages: int
    page: str = "other"
    site: str | None = None


class Alert(faust.Record, serializer="json"):
    alert_id: str
    subscriber_id: str
    source: str
    ts: int
    part: float
    score: float
    features: list


calls = app.topic(PREFIX + small_job.TOPICS[0], key_type=str, value_type=Call)
data = app.topic(PREFIX + small_job.TOPICS[1], key_type=str, value_type=DataUsage)
visits = app.topic(PREFIX + small_job.TOPICS[2], key_type=str, value_type=SiteVisit)
alerts = app.topic(OUT, key_type=str, value_type=Alert)
table = app.Table("subscribers", default=small_job.new_row, partitions=small_job.PARTITIONS)
meter = Meter()


async def handle(topic: int, subscriber: str, ts: int, amount: float, second: float) -> None:
    row = table[subscriber]
    scores = small_job.step(row, topic, ts, amount, second)
    table[subscriber] = row
    if scores is not None:
        meter.alerts += 1
        await alerts.send(key=subscriber, value=Alert(**small_job.alert(topic, subscriber, ts, scores, row)))
    if meter.tick():
        await app.producer.flush()
        meter.report()


@app.agent(calls)
async def on_call(stream: faust.Stream) -> None:
    async for event in stream:
        await handle(0, event.subscriber_id, event.ts, event.duration_s, 1.0 if event.dropped else 0.0)


@app.agent(data)
async def on_data(stream: faust.Stream) -> None:
    async for event in stream:
        await handle(1, event.subscriber_id, event.ts, event.bytes / 1e6, event.duration_s)


@app.agent(visits)
async def on_visit(stream: faust.Stream) -> None:
    async for event in stream:
        await handle(2, event.subscriber_id, event.ts, event.dwell_s, float(event.pages))


if __name__ == "__main__":
    app.main()
