"""The smallest fold that a lane can carry: it counts each subscriber's events and tells every tenth.

It serves the tests of the protocol: what the lane promises must hold whatever is folded. A row carries a digest chained
over the subscriber's events in their order, so a lost, a doubled and a swapped event each change its bytes for good.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.contract.events import Arrival
from models.state.state_records import StateRecord, StateRecords
from streams.lanes.ports import Commit, Folded
from streams.records.out_records import AnyRecord, OutRecord
from streams.records.topics import ALERTS, SCORES

Row = tuple[int, int, int]
"""Events, sum of their ``ts``, digest over them in order."""
_ROW = struct.Struct("<qqI")


class CountingFold:
    """Counts events by subscriber; the first, eleventh, ... is an alert and a score.

    Parameters
    ----------
    budget
        Events after which it stops of its own choice, as the detector does when its output grows too large.
    """

    versions = ("m-test", "p-test")
    owed = False

    def __init__(self, budget: int = 1_000_000) -> None:
        self.rows: dict[str, Row] = {}
        self._budget = budget
        self._changed: dict[str, None] = {}
        self._outputs: list[OutRecord] = []
        self._applied: Counter[str] = Counter()
        self._seen = 0

    def renew(self) -> None: ...

    def load(self, records: list[StateRecord]) -> None:
        for key, value in records:
            if value is not None:
                self.rows[key[1:].decode()] = _ROW.unpack(value)

    def resume(self, clock: Mapping[str, Any], policy: str = "") -> None:
        self._seen = clock.get("seen", 0)

    def clock(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def joining(self) -> list[AnyRecord]:
        return []

    def opening(self, generation: int) -> list[AnyRecord]:
        return []

    def idling(self) -> list[AnyRecord]:
        return []

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        taken = arrivals[: self._budget]
        for arrival in taken:
            self._count(arrival)
        return len(taken)

    def _count(self, arrival: Arrival) -> None:
        who, ts = arrival.event.subscriber_id, getattr(arrival.event, "ts", 0)
        count, total, digest = self.rows.get(who, (0, 0, 0))
        place = f"{arrival.topic} {arrival.offset} {arrival.record_ts} {ts}"
        self.rows[who] = count + 1, total + ts, zlib.crc32(place.encode(), digest)
        self._changed[who] = None
        self._seen += 1
        self._applied[arrival.topic] += 1
        if count % 10 == 0:
            body = {"alert_id": f"{who}-{count}", "seq": 1, "digest": digest, "total": total}
            self._outputs += [
                OutRecord(ALERTS, who.encode(), json.dumps(body).encode(), [("ce_id", f"{who}-{count}:1".encode())]),
                OutRecord(SCORES, who.encode(), b"%d" % count),
            ]

    def take(self, now_ms: int | None = None) -> Folded:
        state = StateRecords()
        state.put((b"n" + who.encode(), _ROW.pack(*self.rows[who])) for who in self._changed)
        folded = Folded(state, self._outputs, Commit(events=self._applied))
        self._changed, self._outputs, self._applied = {}, [], Counter()
        return folded

    def standing(self) -> Commit:
        return Commit(state_rows=len(self.rows))
