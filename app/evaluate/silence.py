"""Outcomes for a log without any: a subscriber without use for a number of days has left, and may return.

They are written as an operator would have: a lapse on the day on which the silence has lasted long enough, dated by
the last use, and a return with the next use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from app.errors import Refused
from app.publishing.record import TimedRecord, encode
from models.contract.events import CALLS, DATA_USAGE, OUTCOMES
from models.contract.time_units import DAY_MS


def with_lapses(records: Iterable[TimedRecord], silent_days: float) -> Iterator[TimedRecord]:
    """The records in order of time, with lapses and returns inserted.

    Raises
    ------
    app.errors.Refused
        If no subscriber used anything for that long: a gap in the recording, which would make all leavers.

    Examples
    --------
    >>> days = ((b"a", 0), (b"b", 1), (b"b", 2), (b"a", 4))
    >>> calls = [TimedRecord(CALLS, who, b"", day * DAY_MS) for who, day in days]
    >>> [(r.subscriber_id, r.ts // DAY_MS, r.value[-12:]) for r in with_lapses(calls, 3.0) if r.topic == OUTCOMES]
    [('a', 3, b'ivity_ts":0}'), ('a', 4, b':"returned"}')]
    """
    silent = round(silent_days * DAY_MS)
    used: deque[tuple[int, bytes]] = deque()
    last: dict[bytes, int] = {}
    gone: set[bytes] = set()
    latest = 0

    def lapses(now: int) -> Iterator[TimedRecord]:
        while used and used[0][0] + silent <= now:
            ts, who = used.popleft()
            if last[who] == ts and who not in gone:
                gone.add(who)
                yield _outcome(who, ts + silent, outcome="lapsed", last_activity_ts=ts)

    for record in records:
        yield from lapses(record.ts - 1)
        if record.topic in (CALLS, DATA_USAGE):
            if last and record.ts - latest >= silent:
                raise Refused(
                    f"no use at all for {(record.ts - latest) / DAY_MS:.1f} days: the log has a gap",
                    f"use more days (--inactive-days, now {silent_days:g}), or evaluate before and after it separately",
                )
            latest = last[record.key] = record.ts
            used.append((record.ts, record.key))
        yield record
        if record.key in gone and last[record.key] == record.ts:
            gone.discard(record.key)
            yield _outcome(record.key, record.ts, outcome="returned")
    yield from lapses(latest)


def _outcome(who: bytes, ts: int, **fields: Any) -> TimedRecord:
    return TimedRecord(OUTCOMES, who, encode({"subscriber_id": who.decode(), "ts": ts, **fields}), ts)
