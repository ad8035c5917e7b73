"""The yardstick: a plain Faust job as its documentation shows, a Record an event, a Table, an alert sent by itself.

It does a twelfth of the work (four decayed sums a topic, three topics, nothing exactly once) on the same input.
Run as ``python plain_faust.py worker`` with BENCH_BROKER, BENCH_PREFIX, BENCH_GROUP, BENCH_EVENTS; it prints one line
``RESULT {"events": ..., "seconds": ...}`` over the middle 80 % and ends.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time

import faust

PREFIX = os.environ["BENCH_PREFIX"]
EVENTS = int(os.environ["BENCH_EVENTS"])
TAU_MS = 7 * 86_400_000.0

app = faust.App(
    os.environ["BENCH_GROUP"],
    broker=f"kafka://{os.environ['BENCH_BROKER']}",
    topic_partitions=int(os.environ["BENCH_PARTITIONS"]),
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    datadir=tempfile.mkdtemp(prefix="plain-faust-"),
    web_enabled=False,
)


class Call(faust.Record, serializer="json"):
    subscriber_id: str
    ts: int
    direction: str
    duration_s: float
    peer_network: str
    event_id: str | None = None
    peer_operator: str | None = None
    kind: str = "voice"
    forwarded: bool = False
    dropped: bool = False
    roaming: bool = False


class DataUsage(faust.Record, serializer="json"):
    subscriber_id: str
    ts: int
    bytes: float
    event_id: str | None = None
    duration_s: float | None = None
    rat: str | None = None
    app_category: str | None = None
    failed: bool = False
    throttled: bool = False
    roaming: bool = False


class SiteVisit(faust.Record, serializer="json"):
    subscriber_id: str
    ts: int
    operator: str
    dwell_s: float
    event_id: str | None = None
    pages: int = 1
    page: str = "other"
    site: str | None = None


class Alert(faust.Record, serializer="json"):
    subscriber_id: str
    ts: int
    score: float


calls = app.topic(PREFIX + "telecom.calls.v1", key_type=str, value_type=Call)
data = app.topic(PREFIX + "telecom.data-usage.v1", key_type=str, value_type=DataUsage)
visits = app.topic(PREFIX + "telecom.site-visits.v1", key_type=str, value_type=SiteVisit)
alerts = app.topic(f"{PREFIX}{os.environ['BENCH_GROUP']}.alerts", key_type=str, value_type=Alert)
table = app.Table("subscribers", default=lambda: [0.0] * 13, partitions=int(os.environ["BENCH_PARTITIONS"]))
marks: list[tuple[int, float]] = []
seen = 0


async def handle(topic: int, subscriber: str, ts: int, amount: float, bad: float) -> None:
    global seen  # noqa: PLW0603 - one counter of a benchmark
    row = table[subscriber]
    at = 4 * topic
    decay = math.exp(min(0.0, (row[12] - ts) / TAU_MS))
    row[at] = row[at] * decay + 1
    row[at + 1] = row[at + 1] * decay + amount
    row[at + 2] = row[at + 2] * decay + bad
    row[at + 3] += 0.1 * (amount - row[at + 3])
    row[12] = float(ts)
    score = 1 / (1 + math.exp(-(-6 + 0.3 * row[8] + 0.001 * row[9] + 0.5 * row[2])))
    table[subscriber] = row
    if score > 0.5:
        await alerts.send(key=subscriber, value=Alert(subscriber_id=subscriber, ts=ts, score=score))
    seen += 1
    if seen % 500 == 0:
        marks.append((seen, time.perf_counter()))
    if seen == EVENTS:
        await app.producer.flush()
        report()


@app.agent(calls)
async def on_call(stream: faust.Stream) -> None:
    async for event in stream:
        await handle(0, event.subscriber_id, event.ts, event.duration_s, float(event.dropped))


@app.agent(data)
async def on_data(stream: faust.Stream) -> None:
    async for event in stream:
        await handle(1, event.subscriber_id, event.ts, event.bytes, float(event.failed))


@app.agent(visits)
async def on_visit(stream: faust.Stream) -> None:
    async for event in stream:
        await handle(2, event.subscriber_id, event.ts, event.dwell_s, float(event.pages))


def report() -> None:
    low = next(mark for mark in marks if mark[0] >= 0.1 * EVENTS)
    high = next(mark for mark in marks if mark[0] >= 0.9 * EVENTS)
    line = json.dumps({"events": high[0] - low[0], "seconds": high[1] - low[1]})
    os.write(sys.__stdout__.fileno(), f"RESULT {line}\n".encode())


if __name__ == "__main__":
    app.main()
