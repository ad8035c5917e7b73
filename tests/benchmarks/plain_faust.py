"""The yardstick: a plain Faust job as its documentation shows, a Record an event, a Table, an alert sent by itself.

It does the job that all engines were compared by: four features a topic of three topics, a logistic score, an alert at
each rise above a threshold, with hysteresis: one at every fourth event of the simulated input. That is a small part of
Holdfast's work, and nothing of it exactly once.
Run as ``python plain_faust.py worker`` with BENCH_BROKER, BENCH_PREFIX, BENCH_GROUP, BENCH_EVENTS; it prints one line
``RESULT {"events": ..., "seconds": ...}``, rates over the middle 80 %, and ends.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from typing import Any

import faust

PREFIX = os.environ["BENCH_PREFIX"]
EVENTS = int(os.environ["BENCH_EVENTS"])
TAU_MS = 3 * 86_400_000.0
# Calls: number, seconds, drops, mean seconds; data: number, MB, seconds, mean MB; visits: number, dwell, pages, mean.
WEIGHTS = ((0.25, -0.001, 1.10, -0.004), (0.15, -0.004, -0.0005, -0.010), (0.45, 0.002, 0.05, 0.004))
BIASES = (-2.1, 0.9, -5.0)
HIGH, LOW = 0.55, 0.45

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
    alert_id: str
    subscriber_id: str
    source: str
    ts: int
    part: float
    score: float
    features: list


calls = app.topic(PREFIX + "telecom.calls.v1", key_type=str, value_type=Call)
data = app.topic(PREFIX + "telecom.data-usage.v1", key_type=str, value_type=DataUsage)
visits = app.topic(PREFIX + "telecom.site-visits.v1", key_type=str, value_type=SiteVisit)
alerts = app.topic(f"{PREFIX}{os.environ['BENCH_GROUP']}.alerts", key_type=str, value_type=Alert)
# Per subscriber: time of the last event of each topic, four features a topic, and which topics are above.
table = app.Table("subscribers", default=lambda: [0.0] * 15 + [0], partitions=int(os.environ["BENCH_PARTITIONS"]))
marks: list[tuple[int, float]] = []
seen = 0


def step(row: list[Any], topic: int, ts: int, amount: float, second: float) -> tuple[float, float] | None:
    """Update the features of a topic; its score and that of all on a rise above the threshold, else None."""
    at = 3 + 4 * topic
    decay = math.exp(min(0.0, (row[topic] - ts) / TAU_MS)) if row[topic] else 0.0
    row[topic] = ts
    row[at] = row[at] * decay + 1.0
    row[at + 1] = row[at + 1] * decay + amount
    row[at + 2] = row[at + 2] * decay + second
    row[at + 3] += 0.1 * (amount - row[at + 3])
    logits = [
        bias + sum(w * f for w, f in zip(weights, row[3 + 4 * t : 7 + 4 * t], strict=True))
        for t, (bias, weights) in enumerate(zip(BIASES, WEIGHTS, strict=True))
    ]
    part, bit = sigmoid(logits[topic]), 1 << topic
    if part > HIGH and not row[15] & bit:
        row[15] |= bit
        return part, sigmoid(sum(logits) - 1.0)
    if part < LOW:
        row[15] &= ~bit
    return None


def sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(z, -40.0), 40.0)))


async def handle(topic: int, subscriber: str, ts: int, amount: float, second: float) -> None:
    global seen  # noqa: PLW0603 - one counter of a benchmark
    row = table[subscriber]
    risen = step(row, topic, ts, amount, second)
    table[subscriber] = row
    if risen is not None:
        alert = Alert(
            alert_id=f"{subscriber}-{topic}-{ts}",
            subscriber_id=subscriber,
            source=str(topic),
            ts=ts,
            part=risen[0],
            score=risen[1],
            features=row[3 + 4 * topic : 7 + 4 * topic],
        )
        await alerts.send(key=subscriber, value=alert)
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
        await handle(1, event.subscriber_id, event.ts, event.bytes / 1e6, event.duration_s or 0.0)


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
