"""Records in the order of their times, however many there are: sorted runs on disk, merged.

Files are sorted by customer, or by the day that they were loaded. A lane takes records as they come, and one that is
seven days behind triggers nothing, so what is replayed must go out as it happened.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Final

from app.simulator.record import RANK, Record

RUN: Final = 250_000
"""Records that are sorted at once: about 150 MB. A file with fewer touches no disk."""
_HEAD: Final = struct.Struct("<qBHI")
_TOPICS: Final = tuple(RANK)


def in_time_order(records: Iterable[Record], run: int = RUN) -> Iterator[Record]:
    """The records by timestamp, then by their topic's rank, then as they came. None goes out before all are in.

    Examples
    --------
    >>> given = [Record("telecom.calls.v1", b"s", b"%d" % n, ts) for n, ts in enumerate((5, 3, 5, 1))]
    >>> [(r.ts, r.value) for r in in_time_order(given, run=2)]
    [(1, b'3'), (3, b'1'), (5, b'0'), (5, b'2')]
    """
    rest = iter(records)
    with ExitStack() as stack:
        runs: list[Iterator[Record]] = []
        held = sorted(islice(rest, run), key=_as_applied)
        while following := list(islice(rest, run)):
            runs.append(_spilled(held, stack.enter_context(TemporaryFile())))
            held = sorted(following, key=_as_applied)
        # Of equal times the earlier run goes first, and every run came before the one in memory.
        yield from merge(*runs, held, key=_as_applied)


def _as_applied(record: Record) -> tuple[int, int]:
    return record.ts, RANK[record.topic]


def _spilled(held: list[Record], file: IO[bytes]) -> Iterator[Record]:
    for record in held:
        head = _HEAD.pack(record.ts, RANK[record.topic], len(record.key), len(record.value))
        file.write(head + record.key + record.value)
    file.seek(0)
    return _read(file)


def _read(file: IO[bytes]) -> Iterator[Record]:
    while head := file.read(_HEAD.size):
        ts, rank, key, value = _HEAD.unpack(head)
        yield Record(_TOPICS[rank], file.read(key), file.read(value), ts)
