"""CollegeMsg as records: every message that somebody sent is a call of a minute that he made, at its own time.

Real: who wrote when. Made up: that it is telephony at all (a call and no short message, which is no activity that the
catalogue counts; duration, network, direction, an empty profile), and that somebody lapsed: fourteen days without a
message, told on the fourteenth, and `returned` when he writes again.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from app.publishing.record import TimedRecord, encode
from models.contract.events import CALLS, OUTCOMES, SUBSCRIBERS
from models.contract.time_units import DAY_MS
from streams.records.topics import RANK

SILENT_DAYS: Final = 14
SYNTHESISED: Final = (
    "that messages are telephony (calls of a minute, direction, network), and the outcomes: lapsed after 14 days "
    "without a message, told on the fourteenth, returned with the next message"
)


def sent(path: Path) -> dict[str, list[int]]:
    """When each person wrote, epoch ms, rising."""
    found: dict[str, list[int]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(f"m-{row['src']}", []).append(int(row["time"]) * 1000)
    return {who: sorted(times) for who, times in found.items()}


def records(of: dict[str, list[int]], end: int) -> list[TimedRecord]:
    """All of it, by time; lapses as far as `end` lets them be known."""
    found = [record for who, times in of.items() for record in _life(who, times, end)]
    return sorted(found, key=lambda r: (r.ts, RANK[r.topic]))


def _life(who: str, times: list[int], end: int) -> Iterator[TimedRecord]:
    silent = SILENT_DAYS * DAY_MS
    yield _record(SUBSCRIBERS, who, times[0])
    for ts in times:
        yield _record(CALLS, who, ts, direction="outgoing", duration_s=60, peer_network="on_net")
    for before, after in pairwise([*times, end + silent]):
        if after - before > silent and before + silent <= end:
            yield _record(OUTCOMES, who, before + silent, outcome="lapsed", last_activity_ts=before)
            if after <= end:
                yield _record(OUTCOMES, who, after, outcome="returned")


def _record(topic: str, who: str, ts: int, **fields: Any) -> TimedRecord:
    return TimedRecord(topic, who.encode(), encode({"subscriber_id": who, "ts": ts, **fields}), ts)
