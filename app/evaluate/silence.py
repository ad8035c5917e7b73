"""Outcomes for a log that has none: whoever uses nothing for so many days has left, and may come back.

They are what an operator would have written, when they would have: a lapse on the day on which the silence has lasted
long enough, dated by the last use, and a return with the next.
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
    """The records, which are in the order of time, and among them what silence says.

    Raises
    ------
    app.errors.Refused
        If nobody used anything for as long: a hole in the recording, which would make leavers of all.

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
                    f"nobody used anything for {(record.ts - latest) / DAY_MS:.1f} days: that is a hole in the log",
                    f"wait longer (--inactive-days, {silent_days:g}), or evaluate what is before and behind it apart",
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
