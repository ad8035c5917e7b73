"""The small job that every contender but the bare loops and Holdfast does, the same in each: 12 features, one score.

Of each subscriber and topic: a decayed number of events, two decayed sums, a moving mean; a logistic score of each
topic and one of all; an alert at each rise of a topic's score above a threshold, with hysteresis. That is a small
part of Holdfast's work (90 features of ten topics, signals, tiers, labels, profiles, dedup, order between topics).

The features of a topic depend on that topic's events alone, so the alerts are the same however an engine interleaves
topics: their ids can be held against a reference. Only the standard library is used, for engines in environments of
their own import this file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from math import exp
from typing import Any, Final

TOPICS: Final = ("telecom.calls.v1", "telecom.data-usage.v1", "telecom.site-visits.v1")
PARTITIONS: Final = 8
TAU_MS: Final = 3 * 86_400_000.0
# Calls: number, seconds, drops, mean seconds; data: number, MB, seconds, mean MB; visits: number, dwell, pages, mean.
WEIGHTS: Final = (0.25, -0.001, 1.10, -0.004, 0.15, -0.004, -0.0005, -0.010, 0.45, 0.002, 0.05, 0.004)
BIASES: Final = (-2.1, 0.9, -5.0)
ALL_BIAS: Final = -1.0 + sum(BIASES)
HIGH: Final = 0.55
LOW: Final = 0.45

Row = list[Any]


def new_row() -> Row:
    """Time of the last event of each topic, four features a topic, and one bit a topic: is it above."""
    return [0.0] * 15 + [0]


def arguments(topic: int, event: Mapping[str, Any]) -> tuple[int, float, float]:
    """Time, amount and second quantity of a decoded event."""
    if topic == 0:
        return event["ts"], float(event["duration_s"]), 1.0 if event["dropped"] else 0.0
    if topic == 1:
        return event["ts"], event["bytes"] / 1e6, float(event["duration_s"])
    return event["ts"], float(event["dwell_s"]), float(event["pages"])


def step(row: Row, topic: int, ts: float, amount: float, second: float) -> tuple[float, float] | None:
    """Fold an event into its subscriber's row; the topic's score and that of all on a rise, else None."""
    at, w = 3 + 4 * topic, 4 * topic
    last = row[topic]
    decay = exp(min(0.0, last - ts) / TAU_MS) if last else 0.0
    row[topic] = ts
    number = row[at] = row[at] * decay + 1.0
    first = row[at + 1] = row[at + 1] * decay + amount
    other = row[at + 2] = row[at + 2] * decay + second
    mean = row[at + 3] = row[at + 3] + 0.1 * (amount - row[at + 3])
    part = sigmoid(
        BIASES[topic] + WEIGHTS[w] * number + WEIGHTS[w + 1] * first + WEIGHTS[w + 2] * other + WEIGHTS[w + 3] * mean
    )
    logit = ALL_BIAS
    for i in range(12):
        logit += WEIGHTS[i] * row[3 + i]
    whole, bit = sigmoid(logit), 1 << topic
    if part > HIGH:
        if not row[15] & bit:
            row[15] |= bit
            return part, whole
    elif part < LOW and row[15] & bit:
        row[15] &= ~bit
    return None


def sigmoid(z: float) -> float:
    """The logistic function, bounded where ``exp`` would overflow."""
    return 1.0 / (1.0 + exp(-min(max(z, -40.0), 40.0)))


def alert(topic: int, subscriber: str, ts: int, scores: tuple[float, float], row: Row) -> dict[str, Any]:
    """What is published of a rise."""
    at = 3 + 4 * topic
    return {
        "alert_id": f"{subscriber}-{topic}-{ts}",
        "subscriber_id": subscriber,
        "source": TOPICS[topic],
        "ts": ts,
        "part": scores[0],
        "score": scores[1],
        "features": row[at : at + 4],
    }


def digest(alert_ids: Iterable[str]) -> str:
    """A hash of alert ids in any order."""
    return hashlib.sha256("\n".join(sorted(alert_ids)).encode()).hexdigest()[:16]
