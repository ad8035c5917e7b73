"""What must come out of a log, worked out without Kafka: no time is quoted of a run that gave anything else."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import NamedTuple

import bare_counts
import orjson
import small_job
from logs import LOGS, events, name_of


class Expected(NamedTuple):
    """Of the first events of a log: the bare loops' digest, and number and digest of the small job's alerts."""

    counts: str
    alerts: int
    alert_ids: str


@cache
def expected(log: str, count: int) -> Expected:
    """Do both jobs in this process.

    Alerts do not depend on how topics interleave, and of one topic a subscriber's events stand in one partition.
    """
    counts: dict[str, list[int]] = defaultdict(bare_counts.new_counts)
    rows: dict[str, small_job.Row] = defaultdict(small_job.new_row)
    ids: list[str] = []
    for topic, number, _, value in events(LOGS[log], count):
        event, subscriber = orjson.loads(value), name_of(number)
        counted = counts[subscriber]
        counted[topic] += 1
        counted[3 + topic] += event[bare_counts.AMOUNTS[topic]]
        row = rows[subscriber]
        ts, amount, second = small_job.arguments(topic, event)
        scores = small_job.step(row, topic, ts, amount, second)
        if scores is not None:
            ids.append(small_job.alert(topic, subscriber, ts, scores, row)["alert_id"])
    return Expected(bare_counts.digest(counts), len(ids), small_job.digest(ids))
